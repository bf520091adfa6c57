"""Features that need no numba, in a process without it: games on chains, and the engines in numpy and plain Python."""

import json
import subprocess
import sys
from pathlib import Path

from chain_bandit.examples import example
from chain_bandit.game.simulated import replicates
from chain_bandit.scenario import load
from tests.integration.nodes import here

EXAMPLES = Path(__file__).parents[2] / "examples"
SPEED, THEOREM_5 = EXAMPLES / "speed.toml", EXAMPLES / "theorems" / "theorem5.toml"
BARRED = """
import sys
sys.modules["numba"] = sys.modules["llvmlite"] = sys.modules["scipy"] = None
from chain_bandit.cli import main
main()
"""


def without_numba(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", BARRED, "simulate", *map(str, arguments), "--json"]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_simulate_needs_no_numba():
    said = json.loads(without_numba(SPEED, "--rounds", 300, "--replicates", 5).stdout)
    ours = replicates(load(SPEED, {"rounds": 300}), 5).as_dict()
    assert (said["engine"], ours["engine"]) == ("numpy", "compiled")
    assert said["checkpoints"] == ours["checkpoints"]


def test_without_numba_the_plain_loop_plays_the_rest():
    said = json.loads(without_numba(THEOREM_5, "--rounds", 300, "--replicates", 2).stdout)
    ours = replicates(load(THEOREM_5, {"rounds": 300}), 2).as_dict()
    assert (said["engine"], ours["engine"]) == ("plain", "compiled")
    assert said["checkpoints"] == ours["checkpoints"]


def test_without_numba_the_compiled_engine_is_refused():
    refused = without_numba(SPEED, "--engine", "compiled")
    assert refused.returncode == 3
    assert 'needs numba: pip install "chain-bandit[fast]"' in json.loads(refused.stdout)["error"]["message"]
    assert refused.stderr.count("\n") == 1


FIGURES = """
import runpy, sys
sys.modules["numba"] = sys.modules["llvmlite"] = None
sys.argv[0], sys.path[:0] = "science/figures.py", [".", "science"]
runpy.run_path("science/figures.py", run_name="__main__")
"""


def test_without_numba_the_figures_say_what_they_need():
    command = [sys.executable, "-c", FIGURES]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=EXAMPLES.parent, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert 'need numba: pip install "chain-bandit[fast]"' in ended.stderr.splitlines()[-1]


def test_without_numba_a_game_is_played_and_audited_and_gives_the_same_bytes(tmp_path: Path):
    game = ["run", str(example("small.toml")), "--rounds", "20", "-o", "expect={}", "--json"]
    barred = [sys.executable, "-c", BARRED, *game, "--out", str(tmp_path / "without")]
    done = (
        subprocess.run(barred, capture_output=True, text=True, timeout=240, check=True),
        here(*game, "--out", tmp_path / "with"),
    )
    without, with_numba = (json.loads(each.stdout) for each in done)
    assert without["audit"] == with_numba["audit"] == "passed"
    assert without["run_digest"] == with_numba["run_digest"]
    assert (tmp_path / "without" / "report.html").is_file()
