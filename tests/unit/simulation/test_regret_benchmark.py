"""The benchmark's one command: its figures, its exit status and its plot."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def benchmark(*options):
    return subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "regret.py", *options],
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def test_benchmark_gives_one_object_and_a_plot_and_says_that_the_claim_holds(tmp_path):
    picture = tmp_path / "regret.svg"
    done = benchmark("--seeds", "3", "--json", "--plot", str(picture))
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    ours, undefended, alone, oracle = (
        figures["players"][name] for name in ("chain-bandit", "plain mean", "UCB1 alone", "oracle, pooled UCB")
    )
    assert (figures["seeds"], figures["burn_in"], figures["below_ucb1"]) == (3, 112, True)
    assert oracle["arms"] < ours["arms"] < alone["arms"] < undefended["arms"]
    assert alone["ratio"] == 1
    for player in figures["players"].values():
        assert player["arms_interval"][0] <= player["arms"] <= player["arms_interval"][1]
        assert abs(player["total"] - player["arms"] - player["before"] - player["cost"]) < 1e-9
    assert figures["players"]["chain-bandit, in-range liars"]["costly"] == 888
    assert picture.read_text(encoding="utf-8").startswith("<?xml")


def test_benchmark_refuses_a_single_seed():
    done = benchmark("--seeds", "1")
    assert done.returncode == 2
    assert "at least 2" in done.stderr
