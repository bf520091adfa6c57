"""The command line as people and scripts meet it: verbs in real processes, true exit codes, nothing half-written."""

import gzip
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from filecmp import cmp
from pathlib import Path
from typing import Any

import pyarrow.csv
import pyarrow.parquet
import pytest

import chain_bandit as cb
from chain_bandit import reference
from chain_bandit.auditor.catalogue import CHECKS
from chain_bandit.audits import ManifestFalse
from chain_bandit.chain_history import files
from chain_bandit.chain_history.records import CREATION, PACKED, calls
from chain_bandit.cli import explain
from chain_bandit.cli.deploy import deploy
from chain_bandit.cli.listing import ListedKind, listed
from chain_bandit.cli.run import run
from chain_bandit.cli.stopping import terminable
from chain_bandit.exit_codes import EXIT_CODES
from chain_bandit.game import folder
from chain_bandit.game.folder import read_rounds
from tests.few import few
from tests.integration.conftest import Called
from tests.integration.nodes import SMALL, here

ROOT = Path(__file__).parents[2]
COMMAND = [str(Path(sys.executable).with_name("chain-bandit"))]


def chain_bandit(*arguments: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)], cwd=cwd, env={**os.environ, "COLUMNS": "100", **environment},
        capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder of the small scenario; tests copy it before they change it."""
    folder = tmp_path_factory.mktemp("cli")
    result = chain_bandit("run", SMALL, "--json", "--out", folder / "run", cwd=folder)
    assert result.returncode == 0, result.stderr
    (folder / "stdout.json").write_text(result.stdout)
    return folder / "run"


def scenario(tmp_path: Path, *changes: tuple[str, str]) -> Path:
    text = SMALL.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "scenario.toml"
    path.write_text(text)
    return path


def copied(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "copy"))


REFUSED = {
    "unknown key": (("attackers = 1", "attackrs = 1"), ["attackrs", "attackers", "scenario.toml:8"]),
    "unknown key in a table": (('kind = "bernoulli"', 'kind = "bernoulli"\nmean = [1.0]'), ["mean", "means"]),
    "f too large for the option": (("liars = 1", "liars = 2"), ["M >= 3f + 1", "f = 2"]),
    "m too large for the reports": (("attackers = 1", "attackers = 2"), ["M >= 2f + m + 1"]),
    "m too large for the quorum": (("liars = 1\nattackers = 1", "liars = 0\nattackers = 2"), ["2m + 1 <= N <= M"]),
    "negative mean": (("0.9, 0.6", "-0.1, 0.6"), ["-0.1"]),
    "mean that is no number": (("0.9, 0.6", "nan, 0.6"), ["nan"]),
    "mean above one": (("0.9, 0.6", "1.5, 0.6"), ["1.5"]),
    "horizon shorter than the burn-in": (("rounds = 40", "rounds = 6"), ["T > L"]),
    "burn-in that is no multiple of K": (("attackers = 1", "attackers = 1\nburn_in = 7"), ["multiple of K"]),
    "unknown attack": (('"worse-half"', '"worst-half"'), ["worst-half", "did you mean 'worse-half'?; known attacks"]),
    "wrong option of an attack": (('name = "worse-half"', 'name = "worse-half", options = {x = 1}'), ["worse-half"]),
    "seat that does not exist": (("seat = 3", "seat = 4"), ["seat < M"]),
    "missing table": (
        ('kind = "bernoulli"\nmeans = [0.9, 0.6, 0.3]', 'kind = "table"\nfile = "none.csv"'), ["none.csv"],
    ),
    "no TOML": (("[rewards]", "[rewards"), ["is not TOML"]),
    "no expectation": (('">= 20"', '">= many"'), ["expect"]),
    "key of our own": (("attackers = 1", 'attackers = 1\nfolder = "x"'), ["folder"]),
    "burn-in of nothing": (("attackers = 1", "attackers = 1\nburn_in = 0"), ["L >= 2K"]),
    "device for a table": (
        ('kind = "bernoulli"\nmeans = [0.9, 0.6, 0.3]', 'kind = "table"\nfile = "/dev/zero"'), ["/dev/zero"],
    ),
    "wrong type": (("rounds = 40", 'rounds = "forty"'), ["rounds"]),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_run_refuses_with_exit_3_and_writes_nothing(case: str, tmp_path: Path, called: Called) -> None:
    change, words = REFUSED[case]
    path = scenario(tmp_path, change)
    result = called("run", path, "--json", "--out", tmp_path / "run")
    assert result.returncode == 3, result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("error: ")
    for word in words:
        assert word in result.stderr
    assert json.loads(result.stdout)["error"]["exit_code"] == 3
    assert sorted(p.name for p in tmp_path.iterdir()) == ["scenario.toml"]


def test_run_refuses_with_exit_2_when_the_command_line_makes_no_sense(tmp_path: Path, called: Called) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "precious.txt").write_text("keep")
    for arguments in (
        ["run"], ["run", SMALL, "--rounds", "x"], ["run", SMALL, "-o", "rounds"], ["run", SMALL, "--chain", "mars"],
        ["audit"], ["audit", "--contract", "0x12"], ["audit", tmp_path], ["fly"], ["explain", "99"],
        ["run", SMALL, "--out", tmp_path / "full"], ["audit", "--history", SMALL, "--from-block", "3"],
        ["audit", "--history", SMALL, "--bodies", SMALL], ["audit", "--history", SMALL, "--export", SMALL],
        ["audit", "--rpc", "http://127.0.0.1:9", "--contract", "0x" + "11" * 20, "--export", tmp_path],
    ):  # fmt: skip
        result = called(*arguments)
        assert result.returncode == 2, (arguments, result.stderr)
        assert result.stderr.strip()
    assert [p.name for p in tmp_path.iterdir()] == ["full"]
    assert (tmp_path / "full" / "precious.txt").read_text() == "keep"


def test_run_refuses_a_place_that_is_not_its_own_before_it_plays(tmp_path: Path, called: Called) -> None:
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "manifest.json").write_text('{"name": "somebody else\'s"}')
    (foreign / "thesis.txt").write_text("precious")
    file = tmp_path / "file"
    file.write_text("precious")
    for out in (foreign, file, ".", "", "..", "x" * 300):
        result = called("run", SMALL, "--rounds", 100_000, "--out", out)
        assert result.returncode == 2, (out, result.stderr)
        assert result.stderr.count("\n") == 1
    assert (foreign / "thesis.txt").read_text() == file.read_text() == "precious"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "foreign"]


def test_run_never_writes_over_a_run_and_numbers_those_without_a_name(tmp_path: Path, called: Called) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    short = ["--rounds", 10, "-o", "expect={}", "--json"]
    first = called("run", SMALL, *short, "--out", tmp_path / "link")
    assert first.returncode == 0, first.stderr
    kept = {path.name: path.read_bytes() for path in (tmp_path / "real").iterdir()}
    again = called("run", SMALL, *short, "--seed", 2, "--out", tmp_path / "link")
    assert again.returncode == 2
    assert again.stderr.startswith(f"error: {tmp_path / 'link'}: exists, and nothing is written over it")
    assert again.stderr.count("\n") == 1
    assert {path.name: path.read_bytes() for path in (tmp_path / "real").iterdir()} == kept
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link", "real"]
    places = [json.loads(called("run", SMALL, *short).stdout)["out"] for _ in range(2)]
    assert places == ["runs/small-1", "runs/small-1-2"]
    assert {(tmp_path / place / "manifest.json").is_file() for place in places} == {True}


def test_run_refuses_with_exit_3_when_an_attack_plugin_raises(
    tmp_path: Path, called: Called, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "broken_plugin.py").write_text(
        "from chain_bandit.attacks.attack import Attack\n"
        "class Broken(Attack):\n"
        "    def means(self, view, honest):\n"
        "        return honest if view.round < 25 else 1 // 0\n"
    )
    path = scenario(tmp_path, ('"worse-half"', '"broken_plugin:Broken"'))
    result = called("run", path, "--out", tmp_path / "run")
    assert result.returncode == 3, result.stderr
    assert "seat 3" in result.stderr
    assert "round 25" in result.stderr
    assert "ZeroDivisionError" in result.stderr
    assert "Traceback" not in result.stderr
    assert not [p for p in tmp_path.iterdir() if "run" in p.name]


DRAWN = {"sortition": 0.8, "quorum": "majority", "rounds": 12}
CHANCES = "sortition: 3.20 of 4 on average; of f + m = 2 malicious a round draws more than m = 1 with chance: 0.6"


def test_the_chance_of_a_bad_committee_is_said_before_anything_is_played_or_paid(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    said: list[str] = []

    def stop(*_: object) -> None:
        said.append(capsys.readouterr().err)
        raise InterruptedError

    monkeypatch.setattr("chain_bandit.runs.play", stop)
    monkeypatch.setattr("chain_bandit.game.chains.connected", stop)
    override = [f'{key}="{value}"' if isinstance(value, str) else f"{key}={value}" for key, value in DRAWN.items()]
    for as_json in (False, True):
        with pytest.raises(InterruptedError):
            run(SMALL, override=override, out=tmp_path / "run", as_json=as_json)
        with pytest.raises(InterruptedError):
            deploy(SMALL, "anvil", "dev0", override=override, as_json=as_json)
    with pytest.raises(InterruptedError):
        run(SMALL, out=tmp_path / "run")
    *drawn, plain = said
    assert len(drawn) == 4
    assert all(err.startswith(CHANCES) and err.count("\n") == 1 for err in drawn)
    assert plain == ""


def test_the_manifest_has_the_chance_of_a_bad_committee(tmp_path: Path, called: Called) -> None:
    options = [word for key, value in DRAWN.items() for word in ("-o", f"{key}={value}")]
    result = called("run", SMALL, *options, "--json", "--out", tmp_path / "run")
    assert result.stderr.startswith(CHANCES)
    kept = json.loads((tmp_path / "run" / "manifest.json").read_text())["sortition"]
    assert f"sortition: {kept}\n" in result.stderr
    assert json.loads(result.stdout)["sortition"] == kept


NASTY = {
    "leaves in the middle": "    def outbox(self, view, sends):\n        raise SystemExit(0)\n",
    "leaves at once": "    def __init__(self):\n        raise SystemExit(0)\n",
    "is no exception": "    def means(self, view, honest):\n        raise GeneratorExit\n",
    "has no conduct": "    conduct = 'liar'\n",
    "has an unknown conduct": "    conduct = Conduct(8)\n",
    "has no name": "    name = property(lambda self: 1 // 0)\n    def means(self, view, honest):\n        1 // 0\n",
    "has a number as its name": "    name = 5\n",
}


@pytest.mark.parametrize("case", few(NASTY, 2))
def test_run_refuses_with_exit_3_whatever_a_plugin_does(
    case: str, tmp_path: Path, called: Called, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = f"nasty_{list(NASTY).index(case)}"
    monkeypatch.syspath_prepend(tmp_path)
    head = "from chain_bandit.attacks.attack import Attack\nfrom chain_bandit.protocol.settlement import Conduct\n"
    (tmp_path / f"{module}.py").write_text(f"{head}class Nasty(Attack):\n{NASTY[case]}")
    path = scenario(tmp_path, ('"worse-half"', f'"{module}:Nasty"'))
    result = called("run", path, "--out", tmp_path / "run")
    assert result.returncode == 3, (result.stdout, result.stderr)
    assert "asty" in result.stderr
    assert result.stderr.count("\n") == 1
    assert not [p for p in tmp_path.iterdir() if "run" in p.name]


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGALRM, 142)]
)
def test_run_leaves_nothing_when_it_is_stopped_in_the_middle(number: signal.Signals, code: int, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*COMMAND, "run", str(SMALL), "--rounds", "5000", "--out", str(tmp_path / "run")], cwd=tmp_path,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("run.*.partial")):
        assert process.poll() is None
        assert time.monotonic() < deadline
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == code, errors
    assert errors == f"error: {EXIT_CODES[code][0]}; nothing was left half-written\n"
    assert list(tmp_path.iterdir()) == []


def test_a_second_run_into_one_new_folder_is_refused_at_the_start(tmp_path: Path, called: Called) -> None:
    with folder.written(tmp_path / "new") as partial:
        other = partial.with_name(f"new.{os.getppid()}.partial")
        partial.rename(other)  # as of another process, which is running
        second = called("run", SMALL, "--out", tmp_path / "new")
        assert (second.returncode, second.stdout) == (2, "")
        assert f"new: is being written by process {os.getppid()}; name another with --out" in second.stderr
        other.rename(partial)
    assert (tmp_path / "new").is_dir()


def test_a_ctrl_c_while_the_command_line_is_imported_is_no_traceback() -> None:
    code = (
        "import sys, importlib.abc\n"
        "class Stops(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, *rest):\n"
        "        if name == 'chain_bandit.cli.root':\n"
        "            raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Stops())\n"
        "from chain_bandit.cli import main\n"
        "main()\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout) == (130, "")
    assert ended.stderr == f"error: {EXIT_CODES[130][0]}; nothing was begun\n"


def test_too_little_address_space_is_refused_before_a_library_fails() -> None:
    command = f"ulimit -v 300000; exec {sys.executable} -m chain_bandit simulate small --replicates 2"
    result = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 2
    assert re.fullmatch(r"error: this process may have 292 MiB of address space, and needs 1,536: .*\n", result.stderr)


def test_a_signal_that_was_ignored_stays_ignored() -> None:
    previous = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        with terminable():
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, previous)


def test_run_reports_what_scripts_need(finished: Path) -> None:
    said = json.loads((finished.parent / "stdout.json").read_text())
    assert {"run_digest", "rounds", "approved", "chain_id", "contract", "gas", "regret", "out"} <= said.keys()
    assert said["rounds"] == 40
    assert said["approved"] >= 20
    assert said["gas"] > 1_000_000
    assert said["accused"] == [3]
    assert Path(said["out"]) == finished
    names = {p.name for p in finished.iterdir()}
    assert names == {
        "manifest.json", "scenario.lock.toml", "rounds.csv", "rounds.parquet", "history.jsonl.gz", "audit.json",
        "evidence.json", "report.html",
    }  # fmt: skip
    kept = pyarrow.parquet.read_table(finished / "rounds.parquet").to_pydict()
    assert kept == {name: list(values) for name, values in read_rounds(finished).items()}


def test_the_demo_tells_a_newcomer_what_came_out_and_ends_with_the_report(tmp_path: Path, called: Called) -> None:
    result = called("demo", "--rounds", 60)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.rstrip().splitlines()
    assert lines[0].startswith("Which of 16 airlines is most often on time?")
    assert lines[-1] == "open runs/demo/report.html"
    assert len(lines) < 60
    text = " ".join(result.stdout.split())
    for said in (
        "10 participants, 3 of them malicious", "proof that seats 7 (liar), 8", "Seats 7 and 9 tried worse-half",
        "took home", "honest, on average", "UCB1 alone", "oracle", "undefended mean",
    ):  # fmt: skip
        assert said in text, said
    manifest = json.loads((tmp_path / "runs/demo/manifest.json").read_text())
    assert (manifest["burn_in"], manifest["paid_burn_in"]) == (32, True)
    assert manifest["attacks"]["9"].keys() == {"worse-half", "equivocating-commander"}
    locked = (tmp_path / "runs/demo/scenario.lock.toml").read_text()
    assert "huber-one-step" in locked
    assert "preset" not in locked


def test_a_new_scenario_is_run_by_the_command_that_it_prints(tmp_path: Path, called: Called) -> None:
    file, command = called("new", "scenario", "mine").stdout.splitlines()
    assert command == f"chain-bandit run {file}"
    assert called(*command.split()[1:], "--rounds", 20, "--json").returncode == 0
    (again,) = called("new", "scenario", "mine").stderr.splitlines()
    assert again == f"error: {file}: exists; name another with --out"
    said = json.loads(called("new", "scenario", "mine", "--preset", "paper", "--out", "a b.toml", "--json").stdout)
    assert said == {
        "file": "a b.toml", "name": "mine", "next": "chain-bandit run 'a b.toml'", "preset": "paper",
    }  # fmt: skip


@pytest.mark.parametrize("verb", ["run", "simulate", "deploy", "up", "sweep"])
def test_an_unknown_preset_is_refused_by_every_verb(verb: str, tmp_path: Path, called: Called) -> None:
    file: Path = SMALL
    more = {"deploy": ["--chain", "anvil", "--account", "dev0"], "up": ["--processes"]}.get(verb, [])
    named = ["-o", "preset=recomended"]
    if verb == "sweep":
        file, named = tmp_path / "sweep.toml", []
        file.write_text(f'name = "presets"\nbase = "{SMALL}"\n[axes]\npreset = ["paper", "recomended"]\n')
    refused = called(verb, file, *more, *named)
    assert refused.returncode == 3
    assert "preset: no preset 'recomended'; did you mean 'recommended'?" in refused.stderr


def test_run_repeats_itself_bit_for_bit_whatever_the_hash_seed(finished: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    result = chain_bandit("run", finished / "scenario.lock.toml", "--out", out, cwd=tmp_path, PYTHONHASHSEED="4711")
    assert result.returncode == 0, result.stderr
    for name in ("manifest.json", "history.jsonl.gz", "audit.json", "evidence.json", "scenario.lock.toml"):
        assert cmp(out / name, finished / name, shallow=False), name


@pytest.mark.py_evm
def test_run_exits_14_when_an_expectation_does_not_hold_and_the_game_is_the_same(
    finished: Path, tmp_path: Path, called: Called
) -> None:
    """Under this process's hash seed, another one again."""
    path, out = scenario(tmp_path, ('approved = ">= 20"', 'approved = "> 1000"')), tmp_path / "run"
    result = called("run", path, "--json", "--out", out)
    assert result.returncode == 14
    assert "approved" in result.stderr
    said = json.loads(result.stdout)  # one object
    assert said["error"]["exit_code"] == 14
    assert said["audit"] == "passed"
    for name in ("history.jsonl.gz", "audit.json", "evidence.json"):
        assert cmp(out / name, finished / name, shallow=False), name


@pytest.mark.parametrize("verb", ["run", "up"])
def test_a_folder_whose_links_go_in_a_circle_is_refused(tmp_path: Path, called: Called, verb: str) -> None:
    (tmp_path / "loop").symlink_to("loop")
    result = called(verb, SMALL, "--out", tmp_path / "loop")
    assert (result.returncode in (2, 3), "bug" in result.stderr) == (True, False), result.stderr


@pytest.mark.parametrize("line", [
    "audit --bogus --json", "run --json", "bogus --json", "list nothing --json", "mediate bogus --json",
])  # fmt: skip
def test_what_the_parser_refuses_is_an_object_too(called: Called, line: str) -> None:
    result = called(*line.split())
    assert result.returncode == 2
    error = json.loads(result.stdout)["error"]
    assert (error["type"], error["exit_code"]) == ("Usage", 2)
    assert error["message"] in " ".join(result.stderr.split())


@pytest.mark.parametrize(("old", "new"), [
    ("20,approved", "20,skip"), ("20,approved,1,", "20,approved,2,"), ("20,approved,", "99,approved,"),
])  # fmt: skip
def test_audit_of_a_folder_holds_its_table_of_rounds_against_the_history(
    finished: Path, tmp_path: Path, called: Called, old: str, new: str
) -> None:
    shutil.copytree(finished, tmp_path / "run")
    table = tmp_path / "run" / "rounds.csv"
    assert f"\n{old}" in table.read_text()
    table.write_text(table.read_text().replace(f"\n{old}", f"\n{new}"))
    for verb in ("audit", "show"):
        result = called(verb, tmp_path / "run")
        assert (result.returncode, "of round 20" in result.stderr) == (12, True), result.stderr


@pytest.mark.parametrize(("changed", "code"), [
    ({"seat": 0}, 12), ({"round": 13}, 12), ({"contents": 5}, 12), ({"signatures": []}, 12), ({"role": "RELAY"}, 12),
    ({"seat": None}, 12), ({"round": -1}, 12), ({"seat": [3]}, 12), (None, 2),
])  # fmt: skip
def test_the_page_repeats_no_proof_of_a_folder_that_proves_nothing(
    finished: Path, tmp_path: Path, called: Called, changed: dict[str, Any] | None, code: int
) -> None:
    shutil.copytree(finished, tmp_path / "run")
    file = tmp_path / "run" / "evidence.json"
    proofs = json.loads(file.read_text())
    file.write_text(json.dumps(changed and [*proofs, {**proofs[0], **changed}]))
    result = called("audit", tmp_path / "run", "--page", tmp_path / "page.html")
    assert (result.returncode, "evidence" in result.stderr) == (code, True), result.stderr
    assert not (tmp_path / "page.html").exists()


def test_an_empty_head_is_no_head_that_is_left_out(finished: Path, called: Called) -> None:
    for arguments in ([finished], ["--history", finished / "history.jsonl.gz"]):
        result = called("audit", *arguments, "--head", "")
        assert (result.returncode, "--head" in result.stderr) == (2, True), result.stderr


def test_run_exits_11_where_no_block_is_approved_unless_that_is_expected(tmp_path: Path, called: Called) -> None:
    silent = '[{ name = "silent-validator" }]'
    path = scenario(
        tmp_path, ('[{ name = "worse-half" }, { name = "two-faced-report" }]', silent),
        ("[expect]", f"[[malicious]]\nseat = 2\nattacks = {silent}\n\n[expect]"), ('approved = ">= 20"\n', ""),
    )  # fmt: skip
    result = called("run", path, "--rounds", "14", "--json", "--out", tmp_path / "lost")
    assert (result.returncode, "liveness lost" in result.stderr) == (11, True), result.stderr
    assert json.loads(result.stdout)["error"]["exit_code"] == 11
    expected = ("-o", 'expect.approved="== 0"')
    assert called("run", path, "--rounds", "14", *expected, "--out", tmp_path / "expected").returncode == 0


def test_audit_passes_an_honest_run(finished: Path, called: Called) -> None:
    for arguments in ([finished], ["--history", finished / "history.jsonl.gz"]):
        result = called("audit", *arguments, "--json")
        assert result.returncode == 0, result.stderr
        said = json.loads(result.stdout)
        assert said["verdict"] == "passed"
        assert said["run_digest"] == json.loads((finished / "manifest.json").read_text())["run_digest"]
        assert sum(check["passed"] for check in said["checks"].values()) > 1_000


@pytest.mark.parametrize(("name", "value", "code"), [
    ("format", "chain-bandit-run/0", 2), ("game", "0x" + "00" * 32, 12), ("rounds", 41, 12), ("burn_in", 13, 12),
    ("validators", 5, 12), ("paid_burn_in", True, 12), ("arm_means", [1, 2, 3], 12), ("approved", 30, 12),
    ("regret", 0.5, 12), ("regret_units", {}, 12),
    ("roles", ["liar", "honest", "honest", "honest"], 12), ("blocked_from", {"0": 16}, 12),
])  # fmt: skip
def test_audit_of_a_folder_holds_its_manifest_against_the_history(
    finished: Path, tmp_path: Path, called: Called, name: str, value: object, code: int
) -> None:
    manifest = json.loads((finished / "manifest.json").read_text())
    (tmp_path / "manifest.json").write_text(json.dumps(manifest | {name: value}))
    (tmp_path / "history.jsonl.gz").symlink_to(finished / "history.jsonl.gz")
    result = called("audit", tmp_path)
    assert (result.returncode, name in result.stderr) == (code, True), result.stderr


def test_audit_computes_everything_a_second_time_when_asked(finished: Path, called: Called) -> None:
    for arguments in ([finished], ["--history", finished / "history.jsonl.gz"]):
        result = called("audit", *arguments, "--paranoid", "--json")
        assert result.returncode == 0, result.stderr
        checks = json.loads(result.stdout)["checks"]
        second = {name: tally for name, tally in checks.items() if name.startswith("paranoid.")}
        assert len(second) > 15
        assert second["paranoid.digest"]["passed"] == 1
        assert all(tally["proves"] for tally in second.values())


def test_audit_refuses_a_corrupt_history_with_one_sentence(finished: Path, tmp_path: Path, called: Called) -> None:
    data = gzip.decompress((finished / "history.jsonl.gz").read_bytes())
    middle = len(data) // 2
    changed = tmp_path / "changed.jsonl"
    changed.write_bytes(data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :])
    cut = tmp_path / "cut.jsonl.gz"
    cut.write_bytes((finished / "history.jsonl.gz").read_bytes()[:-100])
    for path in (changed, cut, tmp_path / "missing.jsonl"):
        result = called("audit", "--history", path)
        assert result.returncode in (3, 12), (path, result.stdout, result.stderr)
        assert "Traceback" not in result.stderr


def test_audit_exits_12_when_the_kept_head_is_another(finished: Path, called: Called) -> None:
    result = called("audit", "--history", finished / "history.jsonl.gz", "--head", "0x" + "ab" * 32, "--json")
    assert result.returncode == 12
    assert json.loads(result.stdout)["verdict"] == "violated"


def test_audit_says_in_which_block_a_history_left_the_trail_of_an_audit(
    finished: Path, tmp_path: Path, called: Called
) -> None:
    said = json.loads((finished / "audit.json").read_text())
    other = tmp_path / "audit.json"
    other.write_text(json.dumps({"trail": said["trail"][:16] + "00" * 4 + said["trail"][24:]}))
    assert called("audit", finished, "--trail", finished / "audit.json", "--json").returncode == 0
    result = called("audit", finished, "--trail", other, "--json")
    assert result.returncode == 12
    (found,) = json.loads(result.stdout)["violations"]
    assert (found["check"], found["exhibit"]["block"]) == ("chain.trail", said["game"]["first_block"] + 2)


def test_audit_exits_6_when_the_folder_holds_another_game(finished: Path, tmp_path: Path, called: Called) -> None:
    copy = copied(finished, tmp_path)
    manifest = json.loads((copy / "manifest.json").read_text())
    (copy / "manifest.json").write_text(json.dumps({**manifest, "contract": "0x" + "11" * 20}))
    result = called("audit", copy)
    assert result.returncode == 6
    assert "another game" in result.stderr


@pytest.mark.parametrize(("name", "value"), [("run_digest", "0x" + "00" * 32), ("approved", 999_999), ("skip", 1)])
def test_audit_exits_12_when_the_manifest_claims_something_else(
    name: str, value: object, finished: Path, tmp_path: Path, called: Called
) -> None:
    copy = copied(finished, tmp_path)
    manifest = json.loads((copy / "manifest.json").read_text())
    (copy / "manifest.json").write_text(json.dumps({**manifest, name: value}))
    for verb in ("audit", "show"):
        result = called(verb, copy)
        assert result.returncode == 12, result.stdout
        assert name in result.stderr


def test_a_hostile_manifest_is_refused(finished: Path, tmp_path: Path, called: Called) -> None:
    copy = copied(finished, tmp_path)
    numbers = [f'{{"chain_id": 1{"0" * digits}}}' for digits in (4_000, 5_000, 10**6)]
    for text in ("[" * 100_000, '{"a":' * 100_000, "x" * (1 << 21), "", "[]", '{"head": 3}', *numbers):
        (copy / "manifest.json").write_text(text)
        for verb in ("audit", "show"):
            result = called(verb, copy)
            assert result.returncode in (2, 6), (text[:20], result.stderr)
            assert result.stderr.count("\n") == 1
            assert len(result.stderr) < 400


def test_audit_exits_5_when_the_node_does_not_answer(called: Called) -> None:
    result = called("audit", "--rpc", "http://user:pass@127.0.0.1:9/key", "--contract", "0x" + "11" * 20)
    assert result.returncode == 5
    assert "does not answer (eth_getCode: http://127.0.0.1:9: " in result.stderr
    assert "pass" not in result.stderr
    assert "key" not in result.stderr


def test_an_export_alone_gives_a_page_and_a_look_inside(finished: Path, tmp_path: Path, called: Called) -> None:
    """Without a run folder: one file, moved to where nothing else is."""
    export, page = tmp_path / "game.jsonl.gz", tmp_path / "page.html"
    export.write_bytes((finished / "history.jsonl.gz").read_bytes())
    result = called("audit", "--history", export, "--page", page)
    assert result.returncode == 0, result.stderr
    assert "<!DOCTYPE html>" in page.read_text(encoding="utf-8")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["game.jsonl.gz", "page.html"]
    for arguments in ([], ["round", "20"], ["participant", "3"]):
        alone, whole = (called("show", place, *arguments, "--json") for place in (export, finished))
        assert alone.returncode == 0, alone.stderr
        said, known = json.loads(alone.stdout), json.loads(whole.stdout)
        if arguments:
            assert said == known
        else:
            found = {name: value for name, value in said["manifest"].items() if value is not None}
            assert found.pop("scenario").startswith("The game at 0x")
            assert found.pop("seat_names") == {}, "they are read from certificates, which this game has none of"
            assert found == {name: known["manifest"][name] for name in found}
        assert called("show", export, *arguments).returncode == 0


def test_a_page_of_a_run_folder_is_its_report(finished: Path, tmp_path: Path, called: Called) -> None:
    page = tmp_path / "page.html"
    assert called("audit", finished, "--page", page).returncode == 0
    assert cmp(page, finished / "report.html", shallow=False)
    refused = called("audit", finished, "--page", tmp_path)
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)


def test_show_walks_rounds_participants_and_transactions(finished: Path, tmp_path: Path, called: Called) -> None:
    for arguments in ([], ["round", 30], ["participant", 3]):
        result = called("show", finished, *arguments)
        assert result.returncode == 0, result.stderr
        assert len(result.stdout) > 100
    shown = {}
    for arguments in ([], ["round", 30], ["participant", 3]):
        result = called("show", finished, *arguments, "--json")
        assert result.returncode == 0, result.stderr
        shown[len(arguments) and arguments[0]] = json.loads(result.stdout)
    assert shown["round"]["round"] == 30
    assert shown["participant"]["role"] == "liar and attacker"
    assert shown[0]["audit"]["verdict"] == "passed"
    for arguments in (["round", 4000], ["participant", 9], ["tx", "0x" + "12" * 32], ["planet", 1]):
        result = called("show", finished, *arguments)
        assert result.returncode == 2, (arguments, result.stdout)
        assert result.stderr.count("\n") == 1


UNPROVEN = {"comparison": ["comparison=mpc"], "disclosure": ["disclosure=rounded"]}
AWAY = ["--chain", "http://127.0.0.1:9", "--account", "dev0"]


@pytest.mark.parametrize("why", UNPROVEN)
@pytest.mark.parametrize("verb", [["run", *AWAY], ["simulate", "--replicates", 1], ["up", "--processes", *AWAY],
                                  ["deploy", *AWAY]], ids=lambda verb: verb[0])  # fmt: skip
def test_a_slash_that_no_false_report_costs_is_warned_of(verb: list[Any], why: str, called: Called) -> None:
    given = [f"-o{each}" for each in ("slash=0.25", "quorum=majority", *UNPROVEN[why])]
    said = called(verb[0], SMALL, *verb[1:], *given).stderr
    assert said.startswith("warning: the slash is for equivocation alone"), said
    assert why in said.splitlines()[0]


@pytest.mark.parametrize(("given", "why"), [
    (["participants=300"], "M <= 256"), ([f"rewards.means={[0.5] * 255}", "rounds=20000"], "K <= 254"),
])  # fmt: skip
def test_a_simulated_game_that_no_contract_takes_is_warned_of(given: list[str], why: str, called: Called) -> None:
    seen = called("simulate", SMALL, "--replicates", 1, "-orounds=100", *(f"-o{each}" for each in given))
    assert seen.returncode == 0
    (line,) = [line for line in seen.stderr.splitlines() if line.startswith("warning: ")]
    assert "no contract takes this game" in line
    assert why in line


def test_a_sweep_without_a_cell_has_no_picture_to_open(tmp_path: Path, called: Called) -> None:
    for rounds, is_drawn in (("3", False), ("3, 40", True)):
        (tmp_path / "sweep.toml").write_text(
            f'name = "short"\nbase = "{SMALL}"\nreplicates = 1\n[axes]\nrounds = [{rounds}]\n'
        )
        seen = called("sweep", "sweep.toml", "--out", f"out{len(rounds)}")
        assert (seen.returncode, "open out" in seen.stdout) == (15, is_drawn), seen.stdout


def test_a_sweep_says_once_which_of_its_games_no_contract_takes(tmp_path: Path, called: Called) -> None:
    axes = {"participants": [4, 300, 301]}
    (tmp_path / "sweep.toml").write_text(
        f'name = "large"\nbase = "{SMALL}"\nreplicates = 1\n[axes]\nparticipants = {axes["participants"]}\n'
    )
    seen = called("sweep", "sweep.toml", "--out", "out")
    said = "simulated all the same, but no contract takes 2 of these 3 games: participants: M <= 256 "
    (line,) = [line for line in seen.stderr.splitlines() if line.startswith("warning: ")]
    assert line.startswith(f"warning: {said}")
    with pytest.warns(UserWarning, match=f"^{re.escape(said)}") as warned:
        cb.sweep(SMALL, axes=axes, replicates=1)
    assert [each.filename for each in warned] == [__file__]
    with pytest.warns(UserWarning, match="no contract takes this game: ") as warned:
        cb.simulate(cb.load(SMALL, participants=300), 1)
    assert [each.filename for each in warned] == [__file__]


def test_a_slash_that_false_reports_cost_is_not_warned_of(called: Called) -> None:
    for given in (["slash=0.25"], ["sealed=true"], ["slash=0.25", "sealed=true"]):
        assert "warning" not in called("simulate", SMALL, "--replicates", 1, *(f"-o{each}" for each in given)).stderr


@pytest.fixture(scope="module")
def proven(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder of a game in which the false reports of seat 3 are proven."""
    out = tmp_path_factory.mktemp("proven") / "run"
    settings = ("expect={}", "slash=0.25", "chain.settlement_window=60",
                'malicious=[{seat=3,attacks=[{name="copycat"}]}]')  # fmt: skip
    result = here("run", SMALL, "--out", out, *(f"-o{each}" for each in settings), cwd=out.parent)
    assert result.returncode == 0, result.stderr
    return out


def test_show_tells_proofs_of_false_reports_and_what_they_rest_on(proven: Path, called: Called) -> None:
    """A game in which a report names a round has other reports, blocks and settlements than the paper's."""

    def shown(*asked: object) -> tuple[str, Any]:
        text, said = called("show", proven, *asked), called("show", proven, *asked, "--json")
        assert (text.returncode, said.returncode) == (0, 0), text.stderr + said.stderr
        return text.stdout, json.loads(said.stdout)

    last = {call.method: "0x" + call.digest.hex() for call in calls(files.read(proven / "history.jsonl.gz"))}
    found = {method: shown("tx", last[method])[0] for method in (CREATION, PACKED, "settleRewards", "reportFalse")}
    assert "provable: 1" in found[CREATION]
    assert "reporters" in found[PACKED]
    assert all(each in found["settleRewards"] for each in ("root of tallies", "rounds not paid"))
    assert "settled through" in found["reportFalse"]
    assert "Voided(3, " in found["reportFalse"]
    _, game = shown()
    assert game["audit"]["game"]["parameters"]["provable"] == 1
    text, row = shown("round", 20)
    assert 3 in row["reporters"]
    assert "Reports by seat" in text
    assert "?" not in text[text.index("Reports by seat") : text.index("By seat")]
    text, account = shown("participant", 3)
    assert "false report" in text
    assert "proven, of round" in text
    assert account["void"] > 0
    assert "no proof" in "".join(line for line in shown("participant", 0)[0].splitlines() if "false report" in line)


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_audit_writes_a_statement_of_all_money(finished: Path, tmp_path: Path, ending: str, called: Called) -> None:
    path = tmp_path / f"money{ending}"
    result = called("audit", finished, "--statement", path, "--json")
    assert result.returncode == 0, result.stderr
    accounts = json.loads(result.stdout)["accounts"]
    if ending == ".parquet":
        rows = pyarrow.parquet.read_table(path).to_pylist()
    else:
        rows = pyarrow.csv.read_csv(path).to_pylist()
    for account in accounts[:-1]:
        own = f"seat {account['seat']} "
        balance = sum(row["wei"] * (row["credit"].startswith(own) - row["debit"].startswith(own)) for row in rows)
        assert balance == account["owed"] == 0
        assert sum(row["wei"] for row in rows if row["debit"] == f"{own}withdrawn") == account["withdrawn"] > 0


def test_audit_leaves_no_statement_of_what_it_cannot_read(finished: Path, tmp_path: Path, called: Called) -> None:
    (tmp_path / "cut").write_bytes((finished / "history.jsonl.gz").read_bytes()[:3000])
    for code, arguments in (
        (3, ["--history", tmp_path / "cut", "--statement", tmp_path / "money.csv"]),
        (2, [finished, "--statement", tmp_path / "money.xls"]),
    ):
        result = called("audit", *arguments)
        assert result.returncode == code, result.stderr
        assert result.stderr.count("\n") == 1
    assert [each.name for each in tmp_path.iterdir()] == ["cut"]


def test_explain_says_what_a_check_proves_and_where_to_look(called: Called) -> None:
    for check, proves in CHECKS.items():
        assert len(check.split(".")) == 2
        assert proves.endswith(".")
    result = called("explain", "settlement.rewards")
    assert result.returncode == 0
    assert CHECKS["settlement.rewards"] in result.stdout
    assert "By hand: cast rpc eth_getTransactionByHash HASH --rpc-url $RPC" in result.stdout
    said = json.loads(called("explain", "money.close", "--json").stdout)
    assert said.keys() == {"check", "proves", "by_hand", "needs"}
    result = called("explain", "money.clos")
    assert result.returncode == 2
    assert "did you mean money.close or " in result.stderr


@pytest.mark.parametrize(("word", "said"), [
    ("chain.body", "reports in calldata, or beside the chain\n  default: \"full\"\n  bounds: full, compact\n"),
    ("participants", "M <= 256 (on chain)"),
    ("krum", "aggregation krum (rule)\n"), ("aggregation krum", "aggregation krum (rule)\n"),
    ("rounded", "options: step 0.01 ("), ("constant-lie", "options: value 0.0, favour None"),
    ("AssumptionBroken", "names the inequality that fails"), ("RuleUnanswered", "exit code: 3\n"),
    ("ArmsOutOfRange(300, 1, 254)", "ArmsOutOfRange(uint256 arms, uint256 least, uint256 most) (contract error)\n"),
    ("mediate", "chain-bandit mediate (command)\n"), ("flights", "flights (example)\n"), ("http", "(environment)\n"),
], ids=str)  # fmt: skip
def test_explain_says_what_a_word_is(called: Called, word: str, said: str) -> None:
    result = called("explain", *word.split(" ") if "(" not in word else [word])
    assert (result.returncode, said in result.stdout, "`" in result.stdout) == (0, True, False), result


def test_explain_knows_every_listed_name_key_and_error_and_names_near_ones(called: Called) -> None:
    words = {name for name, _ in (*explain._codes_and_checks(), *explain._others({}))}
    assert words >= {name for kind in ListedKind for name in listed(kind)}
    assert words >= {each.name for table in reference.MODELS for each in reference.keys(table)}
    assert all(error.meaning and error.exit_code in EXIT_CODES for error in reference.errors().values())
    assert reference.errors()["ManifestFalse"].exit_code == ManifestFalse.exit_code
    said = json.loads(called("explain", "kind", "--json").stdout)["matches"]
    assert {each["scenario_key"] for each in said} == {"rewards.kind"}
    result = called("explain", "medain")
    assert (result.returncode, "did you mean aggregation median" in result.stderr) == (2, True)


def test_help_and_version_are_quick_and_load_no_chain(tmp_path: Path) -> None:
    program = (
        "import sys, chain_bandit.cli\n"
        "heavy = {'web3', 'matplotlib', 'eth_account', 'pyarrow'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=False).returncode == 0
    for arguments in (["--help"], ["--version"], ["explain", "12"]):
        assert chain_bandit(*arguments, cwd=tmp_path).returncode == 0


def test_the_api_loads_a_scenario_without_the_command_line_a_chain_or_a_simulator(tmp_path: Path) -> None:
    program = (
        "import sys, chain_bandit as cb\n"
        "cb.load('small')\n"
        "heavy = {'typer', 'web3', 'eth_abi', 'numba', 'rich', 'matplotlib', 'chain_bandit.cli'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=False).returncode == 0


@pytest.mark.parametrize("digits", [4_000, 5_000, 100_000])
def test_a_number_of_thousands_of_digits_is_no_bug(digits: int, tmp_path: Path, called: Called) -> None:
    """A command line of the largest size, for each place that takes a number."""
    number = "1" + "0" * digits
    huge = tmp_path / "huge.toml"
    huge.write_text(SMALL.read_text().replace("seed = 1", f"seed = {number}"))
    for code, arguments in (
        (3, ["run", huge]), (3, ["run", SMALL, "-o", f"rounds={number}"]),
        (3, ["run", SMALL, "-o", f"malicious=[{{seat={number}}}]"]),
        (3, ["run", SMALL, "-o", "rounds=" + "[" * digits]),
        (3 if digits == 4_000 else 2, ["run", SMALL, "--rounds", number]),
        (3 if digits == 4_000 else 2, ["run", SMALL, "--seed", number]),
        (2, ["explain", number]), (2, ["audit", "--rpc", "http://127.0.0.1:9", "--contract", "0x" + number]),
        (2, ["audit", "--rpc", "http://127.0.0.1:9", "--contract", "0x" + "11" * 20, "--from-block", number]),
        (2, ["audit", "--rpc", "http://127.0.0.1:9", "--contract", "0x" + "11" * 20, "--to-block", number]),
    ):  # fmt: skip
        result = called(*arguments)
        said = result.stderr
        assert (result.returncode, "a bug in" in said) == (code, False), (arguments[:-1], said[:300])
        assert code == 2 or (said.count("\n") == 1 and len(said) < 400), said[:400]


def test_show_finds_no_round_of_thousands_of_digits(finished: Path, called: Called) -> None:
    for number in ("9" * 10, "9" * 11, "9" * 5_000):
        result = called("show", finished, "round", number)
        assert result.returncode == 2, result.stderr
        assert result.stderr.count("\n") == 1
        assert len(result.stderr) < 300


@pytest.mark.parametrize("times", [1, 3])
def test_a_stop_that_a_finaliser_swallows_comes_again(times: int) -> None:
    program = f"""
import os, signal, sys, threading
from chain_bandit.cli.stopping import terminable
from chain_bandit.protocol.errors import Stopped

class Swallows:
    left = {times}
    def __del__(self):
        if Swallows.left == {times}:
            signal.raise_signal(signal.SIGTERM)
        threading.Event().wait(30)

with terminable():
    try:
        while Swallows.left:
            Swallows()
            Swallows.left -= 1
        threading.Event().wait(30)
    except Stopped as stopped:
        print(stopped.exit_code, Swallows.left)
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert result.stdout == "143 0\n", result.stderr


def test_a_stop_that_a_library_catches_comes_again_and_cleaning_up_is_let_be() -> None:
    program = """
import signal, threading
from chain_bandit.cli.stopping import terminable

pause, caught = threading.Event().wait, 0
with terminable():
    try:
        while caught < 3:
            try:
                signal.raise_signal(signal.SIGTERM) if not caught else pause(30)
            except BaseException:
                caught += 1
        pause(30)
    finally:
        try:
            {}[caught]
        except KeyError:
            pause(0.2)
        print("cleaned up")
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stdout) == (143, "cleaned up\n"), result.stderr


def test_a_stop_waits_until_a_pool_has_noted_its_thread() -> None:
    program = """
import signal, threading
from concurrent.futures import ThreadPoolExecutor
from chain_bandit.cli.stopping import terminable

start = threading.Thread.start
def interrupted(thread):
    start(thread)
    signal.raise_signal(signal.SIGTERM)
threading.Thread.start = interrupted

with terminable():
    pool = ThreadPoolExecutor(1)
    pool.submit(print, "begun").result()
    threading.Event().wait(30)
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=False)
    assert (result.returncode, result.stdout) == (143, "begun\n"), result.stderr


def test_a_stop_that_comes_again_at_the_very_end_kills_nobody() -> None:
    """The timer is set again by what is under way when it is put off."""
    program = """
import signal, threading
from chain_bandit.cli.stopping import terminable
from chain_bandit.protocol.errors import Stopped

put_off = signal.setitimer
def late(which, seconds):
    put_off(which, seconds)
    if not seconds:
        signal.raise_signal(signal.SIGALRM)
signal.setitimer = late

with terminable():
    try:
        signal.raise_signal(signal.SIGTERM)
    except Stopped as stopped:
        print("stopped", stopped.exit_code)
threading.Event().wait(1)
print("alive")
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stdout) == (0, "stopped 143\nalive\n"), result.stderr
