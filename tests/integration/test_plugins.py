"""Plug-ins as somebody else writes them: begun, installed, tested, and known by name in a scenario file."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from chain_bandit import plugins, scaffold
from chain_bandit.attacks.registry import UnknownAttack, make
from chain_bandit.environments.registry import UnknownEnvironment
from chain_bandit.foreign.source import KINDS as RULES
from chain_bandit.game.folder import FolderRefused
from chain_bandit.plugins import PluginBroken
from chain_bandit.protocol.units import UNIT
from chain_bandit.scenario import load
from chain_bandit.simulation.rivals.registry import OF_BITS
from tests.integration.nodes import SMALL, here

ROOT = Path(__file__).parents[2]
SHORT = SMALL.read_text(encoding="utf-8").replace("rounds = 40", "rounds = 16").partition("[expect]")[0]
LIKE_SMALL = "short.toml"
"""What `begun` has of it."""
COMMAND = (sys.executable, "-c", "from chain_bandit.cli import main; main()")


def called(*arguments: object, cwd: Path, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    """A program of Python's, which finds this package, and what was installed at `path`."""
    found = os.pathsep.join(str(each) for each in (path, ROOT) if each)
    return subprocess.run(
        [str(each) for each in arguments], cwd=cwd, env={**os.environ, "PYTHONPATH": found}, capture_output=True,
        text=True, timeout=300, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One plug-in of each kind as `new plugin` writes it, all installed under `site`."""
    place = tmp_path_factory.mktemp("plugins")
    for kind in scaffold.KINDS:
        made = here("new", "plugin", kind, f"my-{kind}", "--json", cwd=place)
        assert made.returncode == 0, made.stderr
        assert len(json.loads(made.stdout)["files"]) == 4
    folders = [f"./chain-bandit-my-{kind}" for kind in scaffold.KINDS]
    install = ("-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--no-index", "--target", "site")
    installed = called(sys.executable, *install, *folders, cwd=place)
    assert installed.returncode == 0, installed.stderr
    (place / LIKE_SMALL).write_text(SHORT)
    return place


def test_new_plugins_pass_their_own_tests(begun: Path) -> None:
    folders = [f"chain-bandit-my-{kind}" for kind in scaffold.KINDS]
    tests = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *folders)
    result = called(*tests, cwd=begun, path=begun / "site")
    assert result.returncode == 0, result.stdout
    assert f"{2 * len(folders)} passed" in result.stdout


def test_installed_names_work_in_a_scenario_like_ours(begun: Path, tmp_path: Path) -> None:
    text = SHORT.replace("worse-half", "my-attack")
    text = text.replace('kind = "bernoulli"\nmeans = [0.9, 0.6, 0.3]', 'kind = "my-environment"\narms = 4')
    (tmp_path / "scenario.toml").write_text(text)
    run = ("run", "scenario.toml", "--json", "--out", "run")
    result = called(*COMMAND, *run, cwd=tmp_path, path=begun / "site")
    assert result.returncode == 0, result.stderr
    again = here("run", "run/scenario.lock.toml", "--json", "--out", "again", cwd=tmp_path, path=begun / "site")
    said = [json.loads(each.stdout) for each in (result, again)]
    assert len(said[0]["arm_names"]) == 4
    assert said[0]["run_digest"] == said[1]["run_digest"]
    without = here(*run, cwd=tmp_path)
    assert without.returncode == 3
    assert "my-environment" in without.stderr
    assert without.stderr.count("\n") == 1


def test_installed_rules_play_and_are_audited_where_they_are_named(begun: Path, tmp_path: Path) -> None:
    """Without their names an audit, of a process of its own, runs none of their code, and says which files it lacks."""
    mine = ('aggregation="my-aggregation"', 'reputation="my-reputation"', 'chain.body="compact"')
    keys = [word for each in mine for word in ("-o", each)]
    run = here("run", begun / LIKE_SMALL, *keys, "--json", "--out", "run", cwd=tmp_path, path=begun / "site")
    assert run.returncode == 0, run.stderr
    named = ("--rule", "my-aggregation", "--rule", "my-reputation")
    audited = here("audit", "run", *named, "--json", cwd=tmp_path, path=begun / "site")
    assert audited.returncode == 0, audited.stderr
    assert audited.stderr.count("runs foreign code: ") == 2
    said = json.loads(audited.stdout)
    ran, checks = said["game"]["foreign_code_run"], said["checks"]
    assert len(ran) == 2
    assert checks["aggregate.selected"]["passed"]

    blind = called(*COMMAND, "audit", "run", "--json", cwd=tmp_path, path=begun / "site")
    assert blind.returncode == 13, blind.stderr
    lacking = json.loads(blind.stdout)
    assert lacking["game"]["foreign_code_run"] == []
    open_ = {name for name, each in lacking["checks"].items() if each["not_checkable"]}
    rests = {"aggregate.selected", "aggregate.means", "aggregate.accuracy", "header.arm", "honest.arm"}
    assert open_ == {"game.parameters", *rests}
    assert all(file.split("0x")[1] in json.dumps(lacking["checks"]) for file in ran)
    others = {name: each["passed"] for name, each in checks.items() if name not in open_}
    assert {name: lacking["checks"][name]["passed"] for name in others} == others

    source = begun / "site" / "chain_bandit_my_aggregation.py"
    other = tmp_path / "other.py"
    other.write_text(source.read_text().replace("default=1", "default=2"))
    wrong = called(*COMMAND, "audit", "run", "--rule", "other.py:MyAggregationAggregation", "--json", cwd=tmp_path)
    assert wrong.returncode == 13, wrong.stderr
    digest = wrong.stderr.split("0x")[1].strip()
    assert digest in json.loads(wrong.stdout)["checks"]["aggregate.selected"]["evidence"]


@pytest.mark.parametrize("kind", [kind for kind, each in scaffold.KINDS.items() if each.group in RULES])
def test_the_readme_of_a_new_rule_has_it_played_and_audited(begun: Path, tmp_path: Path, kind: str) -> None:
    """Its commands as they stand, but for the scenario and for where it is installed."""
    text = (begun / f"chain-bandit-my-{kind}" / "README.md").read_text()
    (block,) = re.findall(r"```sh\n(chain-bandit .*?)```", text, flags=re.DOTALL)
    block = block.replace("SCENARIO.toml", str(begun / LIKE_SMALL))
    lines = re.findall(r"^chain-bandit (.*)$", block, flags=re.MULTILINE)
    said = [here(*shlex.split(words), cwd=tmp_path, path=begun / "site") for words in lines]
    assert [each.returncode for each in said] == [0, 0], [each.stderr for each in said]
    assert f"runs foreign code: the {scaffold.KINDS[kind].group} 'my-{kind}'" in said[1].stderr


def test_an_installed_attack_is_simulated_and_swept_in_the_plain_loop(begun: Path, tmp_path: Path) -> None:
    (tmp_path / "scenario.toml").write_text(SHORT.replace("worse-half", "my-attack"))
    (tmp_path / "sweep.toml").write_text(
        'name = "lies"\nbase = "scenario.toml"\nreplicates = 2\n[axes]\naggregation = ["option-1", "option-2"]\n'
    )
    simulate = ("simulate", "scenario.toml", "--replicates", 2, "--rounds", 60, "--json")
    played = here(*simulate, cwd=tmp_path, path=begun / "site")
    assert played.returncode == 0, played.stderr
    assert json.loads(played.stdout)["engine"] == "plain"
    refused = here(*simulate, "--engine", "compiled", cwd=tmp_path, path=begun / "site")
    assert refused.returncode == 3
    assert "no compiled form; leave out --engine" in refused.stderr
    sweep = ("sweep", "sweep.toml", "--json", "--out", "swept")
    swept = called(*COMMAND, *sweep, cwd=tmp_path, path=begun / "site")
    assert swept.returncode == 0, swept.stderr
    (metadata,) = (begun / "site").glob("chain_bandit_my_attack-*/METADATA")
    again = json.loads(here(*sweep, "--resume", cwd=tmp_path, path=begun / "site").stdout)
    newer = tmp_path / "newer"
    shutil.copytree(begun / "site", newer)
    moved = newer / metadata.relative_to(begun / "site")
    moved.write_text(moved.read_text().replace("Version: 0.1.0", "Version: 0.2.0"))
    other = json.loads(here(*sweep, "--resume", cwd=tmp_path, path=newer).stdout)
    assert [json.loads(swept.stdout)["played"], again["played"], other["played"]] == [2, 0, 2]


def test_an_occupied_place_an_unknown_kind_and_an_odd_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "link").symlink_to("nowhere")
    for out in ("here", "link"):
        with pytest.raises(FolderRefused, match="exists") as refused:
            scaffold.new("attack", "mine", tmp_path / out)
        assert refused.value.exit_code == 2
    for kind, name in (("attacks", "mine"), ("attack", "Mine"), ("attack", "../mine"), ("attack", "a--b"),
                       ("attack", "1"), ("attack", ""), ("attack", "x" * 41), ("attack", 'x"\n')):  # fmt: skip
        with pytest.raises(scaffold.NameRefused):
            scaffold.new(kind, name, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["here", "link"]


@pytest.fixture
def offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Installs a distribution with one entry point for each name and value."""

    def offer(group: str, **points: str) -> None:
        for number, (name, value) in enumerate(points.items()):
            folder = tmp_path / f"offered_{len(list(tmp_path.iterdir()))}_{number}.dist-info"
            folder.mkdir()
            (folder / "METADATA").write_text(f"Name: {folder.stem}\nVersion: 1\n")
            (folder / "entry_points.txt").write_text(f"[chain_bandit.{group}]\n{name} = {value}\n")

    monkeypatch.syspath_prepend(str(tmp_path))
    return offer


def test_a_name_of_ours_means_ours_whatever_is_installed(offered) -> None:
    offered("attacks", **{"sign-flip": "json:JSONDecoder"})
    assert type(make("sign-flip", {})).__name__ == "SignFlip"


def test_what_is_found_is_what_the_entry_point_names(offered) -> None:
    offered("policies", mine="json:JSONDecoder")
    assert plugins.find("policies", "mine", {}) is json.JSONDecoder
    assert plugins.find("policies", "mine", {"mine": 1}) == 1
    assert plugins.find("policies", "json:loads", {}) is json.loads
    assert plugins.names("policies", {"ours": 1}) == "ours, mine"
    with pytest.raises(PluginBroken, match="not a known name"):
        plugins.find("incentives", "mine", {})


def test_a_name_that_two_packages_offer_is_refused_with_both(offered) -> None:
    offered("policies", mine="json:loads")
    assert plugins.find("policies", "mine", {}) is json.loads
    offered("policies", mine="json:dumps")
    with pytest.raises(PluginBroken, match="say which one: json:dumps, json:loads"):
        plugins.find("policies", "mine", {})


UNREADABLE = {
    "no-value": b"[chain_bandit.aggregation]\nlost\n", "no-text": b"[chain_bandit.aggregation]\n\xff = lost:Rule\n",
    "no-end-of-a-header": b"[chain_bandit.aggregation\nlost = lost:Rule\n",
}  # fmt: skip
LEFT_OUT = [f"whatever {each} offers, whose entry points cannot be read" for each in UNREADABLE]


def test_packages_whose_entry_points_cannot_be_read_are_left_out(tmp_path: Path) -> None:
    """Pydantic and numba look for entry points, too."""
    for name, points in (*UNREADABLE.items(), ("found", b"[chain_bandit.attacks]\nmine = json:loads\n")):
        folder = tmp_path / "site" / f"{name}-1.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text(f"Name: {name}\nVersion: 1\n")
        (folder / "entry_points.txt").write_bytes(points)
    play = (*COMMAND, "run", SMALL, "--rounds", 14, "-o", "expect={}")
    played = called(*play, "--out", "played", cwd=tmp_path, path=tmp_path / "site")
    assert played.returncode == 0, played.stderr
    compiles = "from chain_bandit.simulation.kernel import compiled as c; import numba; print(numba.njit(lambda: 1)())"
    compiled = called(sys.executable, "-c", compiles, cwd=tmp_path, path=tmp_path / "site")
    assert compiled.stdout == "1\n", compiled.stderr
    finds = "from chain_bandit.plugins import names; print(names('attacks', {}))"
    found = called(sys.executable, "-c", finds, cwd=tmp_path, path=tmp_path / "site")
    assert found.stdout.startswith("mine, whatever "), found.stderr
    assert all(each in found.stdout for each in LEFT_OUT)
    for asked in ((*play, "-o", 'aggregation="lost"'), (*COMMAND, "audit", "played", "--rule", "lost")):
        refused = called(*asked, cwd=tmp_path, path=tmp_path / "site")
        assert refused.returncode == 3, refused.stderr
        assert all(each in refused.stderr for each in LEFT_OUT)


BROKEN = {
    "no module": "no_such_module:X", "no attribute": "json:no_such_name", "no attribute named": "json",
    "leaves": "leaves:X", "no attack": "json:loads", "relative": ".json:loads",
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_plugin_is_one_sentence_and_exit_3(offered, tmp_path: Path, case: str) -> None:
    (tmp_path / "leaves.py").write_text("raise SystemExit(0)\n")
    offered("attacks", mine=BROKEN[case])
    with pytest.raises(UnknownAttack, match=r"^attack 'mine': .*known attacks: .*, mine, or module:Class$") as refused:
        make("mine", {})
    assert refused.value.exit_code == 3


def _scenario(tmp_path: Path, rewards: str) -> Path:
    path = tmp_path / "scenario.toml"
    path.write_text(SHORT.replace('kind = "bernoulli"\nmeans = [0.9, 0.6, 0.3]', rewards))
    return path


def test_an_environment_may_be_named_by_module_and_function(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "planted.py").write_text(
        "from chain_bandit.protocol.rewards import *\n"
        "def half(arms, value=500_000_000):\n"
        "    return RewardModel((Distribution((0, value), (1, 1)),) * arms)\n"
        "def leaves():\n    raise SystemExit(0)\n"
        "def none():\n    return RewardModel(())\n"
        "def nothing():\n    return None\n"
    )
    scenario = load(_scenario(tmp_path, 'kind = "planted:half"\narms = 3'))
    assert scenario.model.means == (UNIT // 4,) * 3
    for rewards, word in (
        ('kind = "planted:half"\narms = 3\nmean = 1', "mean"), ('kind = "planted:half"\narms = 3\nvalue = -1', "half"),
        ('kind = "planted:leaves"', "SystemExit"), ('kind = "planted:none"', "1 to"),
        ('kind = "planted:nothing"', "RewardModel"), ('kind = "bernouli"\nmeans = [0.5]', "known environments: bern"),
        ('kind = "planted:half"\narms = 3\nvalue = 2000000000', "malformed"),
    ):  # fmt: skip
        with pytest.raises(UnknownEnvironment, match=word) as refused:
            load(_scenario(tmp_path, rewards))
        assert refused.value.exit_code == 3


def test_installed_rules_play_on_the_rivals_set_ups(begun: Path, tmp_path: Path) -> None:
    play = (
        sys.executable, ROOT / "science" / "rivals.py", "zhu", "--replicates", 2, "--horizon", 100, "--jobs", 1,
        "--json", "rows.jsonl",
    )  # fmt: skip
    brought = ("--aggregation", "my-aggregation", "--policy", "my-policy", "--incentive", "my-incentive", "mediate-s")
    result = called(*play, *brought, cwd=tmp_path, path=begun / "site")
    assert result.returncode == 0, result.stderr
    rows = [json.loads(line)["asked"] for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    lies = {(row["lie"], row["liars"]) for row in rows}
    for name in ("aggregation my-aggregation", "policy my-policy"):
        assert {(row["lie"], row["liars"]) for row in rows if row["rival"] == name} == lies
        assert name in result.stdout
    played = {(row["rival"], row["lie"], row["liars"]) for row in rows}
    for rival, lie, liars in {each for each in played if " with " not in each[0]}:
        paying = {(f"{rival} with {each}", lie, liars) for each in ("my-incentive", "mediate-s")}
        assert (paying & played) == (set() if rival in OF_BITS else paying)
    assert {"thompson", "option-1", "policy my-policy with my-incentive"} <= {rival for rival, _, _ in played}
    without = called(*play, *brought, cwd=tmp_path)
    assert without.returncode == 2
    assert "my-aggregation" in without.stderr
