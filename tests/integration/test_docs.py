"""The commands of the pages do what these say: each is run, in order, beside a copy of the repository's examples."""

import io
import json
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from contextlib import chdir, redirect_stdout
from pathlib import Path
from unittest.mock import patch

import pytest
from typer.main import get_command

from chain_bandit import plugins
from chain_bandit.auditor import findings
from chain_bandit.auditor.catalogue import CHECKS
from chain_bandit.auditor.trial import ANYBODYS
from chain_bandit.chain.anvil import anvil
from chain_bandit.cli.root import app
from chain_bandit.game.game import Game
from chain_bandit.game.recorder import NoChain
from chain_bandit.scenario import load
from tests.integration.nodes import here
from tests.integration.nodes_up import NAMES
from tests.light_keys import light_keys_elsewhere
from tests.unit.audit.planted import LIES, By
from verification.kills import free_ports

ROOT = Path(__file__).parents[2]


def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str, language: str) -> list[str]:
    """The blocks of a page in a language; games that a reader lets play long are short here."""
    text = re.sub(r"rounds=1_000\b", "rounds=100", re.sub(r"--epochs \d+", "--epochs 4", read(page)))
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def commands(page: str = "README.md") -> list[str]:
    """What a page has its reader type, line by line."""
    return [line for block in blocks(page, "sh") for line in block.splitlines() if line]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with the repository's examples and its node_modules."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    (tmp_path / "node_modules").symlink_to(ROOT / "node_modules")
    return tmp_path


def ran(line: str, place: Path, **environment: str) -> str:
    """What a command says that ends well; one of ours that needs no shell is called in this process."""
    words = shlex.split(line)
    if words[0] == "chain-bandit" and not environment and not re.search(r"[|&;<>$*]", line):
        called = here(*words[1:], cwd=place)
        assert called.returncode == 0, (line, called.stdout, called.stderr)
        return called.stdout
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    result = subprocess.run(
        ["/bin/sh", "-c", line], cwd=place, env={**os.environ, "PATH": path, **environment}, capture_output=True,
        text=True, timeout=500, check=False,
    )  # fmt: skip
    assert result.returncode == 0, (line, result.stdout, result.stderr)
    return result.stdout


def printed(program: Path) -> str:
    """What a program of a page prints, in this process, to which it gives nothing."""
    said = io.StringIO()
    with patch.dict(plugins._GIVEN), chdir(program.parent), redirect_stdout(said):
        runpy.run_path(program.name)
    return said.getvalue()


def test_commands_of_the_readme_and_of_the_page_on_audits_all_end_well(tmp_path: Path) -> None:
    """Without node_modules; the page goes on with what the README has played."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    run = [line for line in (*commands(), *commands("docs/audit.md")) if line.startswith("chain-bandit ")]
    assert len(run) == 12
    for line in run:
        ran(line, tmp_path)
    (program,) = blocks("docs/audit.md", "python")
    (tmp_path / "signature.py").write_text(program, encoding="utf-8")
    said = ran(f"{sys.executable} signature.py game.json round.json", tmp_path)
    assert re.fullmatch(r"seat 0 is 0x[0-9a-f]{40} True\n", said)
    record = json.loads((tmp_path / "round.json").read_text(encoding="utf-8"))
    (tmp_path / "other.json").write_text(json.dumps(record | {"round": 21}), encoding="utf-8")
    assert ran(f"{sys.executable} signature.py game.json other.json", tmp_path).endswith(" False\n")
    (snippet,) = blocks("README.md", "python")
    assert re.fullmatch(r"passed 0x[0-9a-f]{64}\n[0-9.]+\n", ran(f"{sys.executable} -c '{snippet}'", tmp_path))
    assert (tmp_path / "runs" / "from-python" / "report.html").is_file()


def test_the_attack_of_the_contributors_page_plays_as_its_scenario_names_it(tmp_path: Path) -> None:
    (attack,), (entry,) = blocks("CONTRIBUTING.md", "python"), blocks("CONTRIBUTING.md", "toml")
    (module,) = re.findall(r'name = "([a-z_.]+):', entry)
    file = tmp_path.joinpath(*module.split(".")).with_suffix(".py")
    file.parent.mkdir()
    file.write_text(attack, encoding="utf-8")
    game, _ = (ROOT / "examples" / "small.toml").read_text(encoding="utf-8").split("[[malicious]]")
    (tmp_path / "own.toml").write_text(game + entry, encoding="utf-8")
    said = here("run", "own.toml", "--rounds", 20, "--out", "own", cwd=tmp_path, path=tmp_path).stdout
    assert "There is proof that seat 3 (liar) sent a false report" in " ".join(said.split())


UNRUN = {"docs/export.md": "hashes and addresses stand for the reader's own"}
"""Pages whose commands no test types, and why."""


def test_the_commands_of_every_page_are_run_here() -> None:
    told = Path(__file__).read_text(encoding="utf-8")
    told = told.replace('("sweeps", 3), ("plugins", 8)', "docs/sweeps docs/plugins")
    pages = {page.relative_to(ROOT).as_posix() for page in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"))}
    typed = {page for page in pages if any(line.startswith("chain-bandit ") for line in commands(page))}
    assert {page for page in typed - UNRUN.keys() if page.removesuffix(".md") not in told} == set()
    assert typed >= UNRUN.keys() | {"README.md"}


def test_the_readme_is_short() -> None:
    """Under 500 words before the table of links."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text[: text.index("## What do you want to do?")].split()) < 500


def test_commands_of_the_pages_on_comparison_and_tokens_all_end_well(place: Path) -> None:
    for page, count in (("docs/comparison.md", 1), ("docs/mediate.md", 6)):
        lines = [line for line in commands(page) if line.startswith("chain-bandit ")]
        assert len(lines) == count
        for line in lines:
            ran(line, place)


def test_commands_of_the_page_on_chains_all_end_well(place: Path) -> None:
    """On a node of the test's own in place of the page's URL."""
    lines = commands("docs/chains.md")
    assert len(lines) == 8
    with anvil() as node:
        for line in lines:
            ran(line.replace("http://127.0.0.1:8545", node.url), place)


@pytest.mark.parametrize(("page", "count"), [("sweeps", 3), ("plugins", 8)])
def test_commands_of_the_pages_on_sweeps_and_plugins_all_end_well(place: Path, page: str, count: int) -> None:
    """What the second page installs goes into a folder of the test's own."""
    lines, site = commands(f"docs/{page}.md"), str(place / "site")
    assert len(lines) == count
    into = {"PIP_TARGET": site, "PIP_NO_INDEX": "1", "PYTHONPATH": f"{site}{os.pathsep}{ROOT}"}
    for line in lines:
        ran(line, place, **into if page == "plugins" else {})


def test_commands_of_the_page_on_nodes_play_the_game_that_one_process_plays(place: Path) -> None:
    lines = commands("docs/nodes.md")
    assert len(lines) == 5
    said = [ran(line, place) for line in lines]
    game = Game(load(ROOT / "examples" / "small.toml", {"rounds": 20, "expect": {}}), NoChain())
    rounds = list(game.play())
    assert [played for played in rounds if played.accused]
    last = rounds[-1].record.round  # of the last phase, whose pulls are the last of the 20
    manifest = json.loads((place / "nodes" / "small" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["run_digest"] == f"0x{game.run_digest.hex()}"
    assert said[1].splitlines() == [f"{name:<12} ended               round {last}" for name in NAMES]
    assert f"the last is round {last}" in said[2]
    assert said[3] == "no node of nodes/small runs\n"
    audited = json.loads((place / "nodes" / "small" / "audit.json").read_text(encoding="utf-8"))
    ended = [json.loads((place / "nodes" / "small" / f"seat-{seat}" / "ended.json").read_text()) for seat in range(4)]
    of_seats = [each for each in audited["accounts"] if each["seat"] is not None]
    assert [(each["earned_wei"], each["withdrawn_wei"]) for each in ended] == [
        (each["net"], each["withdrawn"]) for each in of_seats
    ]  # fmt: skip
    means = game.progress.ledger.means
    assert means is not None
    assert {(each["best_arm"], each["estimate"]) for each in ended} == {(means.index(max(means)), max(means))}
    again = ran("chain-bandit up nodes/small", place)
    assert again.endswith(f"after round {last}; chain-bandit show nodes/small shows it\n"), "its Anvil is gone"


def test_the_snippets_of_the_page_on_the_api_print_what_they_say(tmp_path: Path) -> None:
    names = ("first", "sweep", "second", "third", "middle", "own")
    for name, block in zip(names, blocks("docs/api.md", "python"), strict=True):
        (tmp_path / f"{name}.py").write_text(block, encoding="utf-8")
    said = ran(f"{sys.executable} first.py", tmp_path).splitlines()
    assert said[0].startswith("True passed ")
    assert said[1].startswith("approved ")
    mean, low, high = map(float, said[2].split())
    assert low < mean < high
    assert (tmp_path / "regret.png").is_file()
    assert (tmp_path / "runs" / "api" / "report.html").is_file()
    swept = printed(tmp_path / "sweep.py").splitlines()
    assert [line.rpartition(" ")[0] for line in swept] == [
        "option-1 0", "option-1 1", "huber-one-step clip=1.25 0", "huber-one-step clip=1.25 1",
    ]  # fmt: skip
    assert (tmp_path / "sweep.png").is_file()
    assert float(printed(tmp_path / "second.py")) > 0
    alone, together = printed(tmp_path / "third.py").splitlines()
    assert all(float(regret) > 0 for regret in alone.split())
    assert together.startswith("{'participant_0': ")
    assert float(printed(tmp_path / "own.py")) > 0


def test_commands_of_the_page_on_live_rewards_play_an_ab_test_of_a_service(place: Path) -> None:
    """With a service of the test's own port; nodes with the deadlines of the page."""
    serve, *lines = commands("docs/live-rewards.md")
    *lines, own = lines
    assert len(lines) == 3
    (port,) = map(str, free_ports(1))
    for name in ("ab_test.toml", "own_visitors.toml"):
        example = place / "examples" / name
        example.write_text(example.read_text(encoding="utf-8").replace("8808", port), encoding="utf-8")
    service = [sys.executable, *serve.replace("8808", port).split()[1:]]
    with subprocess.Popen(service, cwd=place, stdout=subprocess.PIPE, text=True) as pages:
        try:
            assert pages.stdout is not None
            assert port in pages.stdout.readline()
            said = [" ".join(ran(line, place).split()) for line in lines]
            visits = (place / "visits.jsonl").read_text(encoding="utf-8").splitlines()
            declared = " ".join(ran(own, place).split())
        finally:
            pages.kill()
    assert all("true means are not known" in each for each in said[:2])
    assert all("There is proof that seat 2 sent a false report" in each for each in said[:2])
    receipts = sum(map(pulls_of, (place / "runs" / "ab-test", place / "nodes" / "ab-test")))
    assert "reports of self-declared rewards were not recomputed" in declared
    assert len(visits) == len({json.loads(visit)[0] for visit in visits}) == receipts
    assert re.search(r"\d+ rewards were not recomputed: they rest on the environment's signature alone", said[2])


def pulls_of(run: Path) -> int:
    """How many rewards its settlements have, those of unasked rounds among them."""
    said = json.loads(ran("chain-bandit audit --json --history history.jsonl.gz", run))
    trusted: int = said["checks"]["settlement.rewards"]["trusted"]
    return trusted


def test_the_function_of_the_page_on_live_rewards_is_a_source(tmp_path: Path) -> None:
    (function,), (scenario,) = blocks("docs/live-rewards.md", "python"), blocks("docs/live-rewards.md", "toml")
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "shop.py").write_text(function, encoding="utf-8")
    (tmp_path / "shop.toml").write_text(scenario, encoding="utf-8")
    refused = here("run", "shop.toml", "--out", "none", cwd=tmp_path)
    assert "install its package, or name the folder of shop: PYTHONPATH=FOLDER" in refused.stderr
    said = here("run", "shop.toml", "--out", "shop", cwd=tmp_path, path=tmp_path / "code").stdout
    assert "The last block puts blue first" in " ".join(said.split())


def test_the_tutorial_on_taking_part_plays_a_game_with_keys_of_their_own(place: Path) -> None:
    """The commands as one script, as a reader types them: docs/take-part.md. Δ is less, which the first round waits."""
    (scenario,) = blocks("docs/take-part.md", "toml")
    assert "bound_ms = 2000" in scenario
    (place / "experiment.toml").write_text(scenario.replace("bound_ms = 2000", "bound_ms = 500"), encoding="utf-8")
    script = "set -e\n" + "".join(blocks("docs/take-part.md", "sh"))
    with anvil() as node:
        ports = iter(free_ports(7))
        for port in (*range(7700, 7703), *range(7710, 7714)):
            script = script.replace(f":{port}", f":{next(ports)}")
        said = ran(script.replace("http://127.0.0.1:8545", node.url), place, PYTHONPATH=light_keys_elsewhere(place))
    assert "4 open places" in said
    assert "game.json has 4 participants" in said
    assert "passed" in said
    for name in ("ann", "bob", "cleo", "dan"):
        assert "all rounds are recorded" in (place / f"{name}.log").read_text(encoding="utf-8")


def test_the_table_on_trust_names_checks_and_findings_that_there_are() -> None:
    text = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
    table = text.partition("## Trust in the environment")[2].partition("\n## ")[0]
    checks = set(re.findall(r"`([a-z]+\.[a-z]+)`", table))
    assert len(checks) > 10
    assert checks <= CHECKS.keys()
    found = set(re.findall(r'"(.+?)" is found', table))
    assert len(found) == 5
    assert found <= findings._PROOFS.keys() | findings._OBSERVATIONS.keys()
    told = {check for lie in LIES.values() if lie.by is By.ENVIRONMENT for check in lie.fails[:1]}
    assert {check for check in told if check.split(".")[0] in ("costs", "reveal", "settlement")} <= checks


def test_the_page_on_the_audit_names_every_option() -> None:
    text = read("docs/audit.md")
    options = {option for each in get_command(app).commands["audit"].params for option in each.opts}
    assert len(options) > 12
    assert {option for option in options if option.startswith("--") and option not in text} == set()


def test_the_delay_bound_of_the_tutorial_is_that_of_the_page_on_nodes() -> None:
    (factor,) = re.findall(r"([\d.]+) times the longest delay d", read("docs/nodes.md"))
    assert f"# Δ: more than {factor} times the longest delay, docs/nodes.md" in read("docs/take-part.md")


PAGES = sorted(
    page.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/*.md", "docs/notebooks/*.ipynb", "*/README.md", "examples/**/*.md")
    for page in ROOT.glob(pattern) if "node_modules" not in page.parts
)  # fmt: skip


def named(text: str) -> list[str]:
    """Command lines of a text: a line of its own, indented or not, or within backticks."""
    lines = re.findall(r"^(?:[A-Z]+=\S+ )*chain-bandit +([^\n`]+)$", text, flags=re.MULTILINE)
    lines += re.findall(r"^ {2,}(?:\$ )?chain-bandit +([^\n`]+)$", text, flags=re.MULTILINE)
    return lines + re.findall(r"`(?:[A-Z]+=\S+ )*chain-bandit +([^`]+)`", text)


def unknown(line: str) -> str | None:
    """What of a command line is no command of the parser, or no option of that command."""
    words, command = re.split(r"\s+(?:[|>&#]|2>)|\s*;", line)[0].split(), get_command(app)
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        for each in words[0].split("|"):  # as `run smoke|reduced` names several
            if each not in command.commands:
                return each
        command, words = command.commands[words[0].split("|")[0]], words[1:]
    options = {"-h", "--help", *(option for each in command.params for option in each.opts)}
    given = (word.split("=")[0].strip("[],.") for word in words if re.match(r"\[?--?[a-z]", word))
    return next((word for word in given if word not in options), None)


def test_every_command_line_of_the_pages_is_one_of_the_parser() -> None:
    lines = [(page, line) for page in PAGES for line in named(read(page))]
    assert len(lines) > 110
    assert {page for page, _ in lines} > {"README.md", "docs/nodes.md", "docs/operations.md", "docs/plugins.md"}
    assert [(page, line, unknown(line)) for page, line in lines if unknown(line)] == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("    chain-bandit adit runs/small\n", ["adit"]), ("so `chain-bandit audit --chekcs` does", ["--chekcs"]),
        ("so `chain-bandit mediate tabel X`", ["tabel"]), ("`chain-bandit run a.toml -x y`", ["-x"]),
        ("chain-bandit new plugin attack NAME\n    chain-bandit ps FOLDER # all", [None, None]),
    ],
)  # fmt: skip
def test_a_command_line_that_is_none_is_found(text: str, found: list[str | None]) -> None:
    assert [unknown(line) for line in named(text)] == found


def test_the_page_of_the_audit_names_the_refused_calls_that_are_tried() -> None:
    page = read("docs/audit.md")
    (said,) = re.findall(r"\*A call that was refused\.\*(.*?) is tried beside the game", page, re.DOTALL)
    assert set(re.findall(r"`(\w+)`", said)) == set(ANYBODYS)
    assert "revealSeal" not in re.findall(r"[^.]*it is believed", page)[0]


def test_readme_names_targets_that_make_has() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    named = {line.split()[1] for line in commands() if line.startswith("make ")}
    named |= set(re.findall(r"`make ([a-z]+)`", (ROOT / "README.md").read_text(encoding="utf-8")))
    assert named >= {"demo", "test", "tools", "check", "deep", "help"}
    assert named <= targets


def test_ci_runs_the_readmes_test_command() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert script[-1] == "make test"
    assert "make test" in commands()
