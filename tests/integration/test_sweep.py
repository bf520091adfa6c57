"""Sweeps as people and scripts meet them: real games, here, in processes, on Ray, and what becomes of a Ctrl-C."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from chain_bandit.exit_codes import EXIT_CODES
from chain_bandit.game.simulated import COMPILATION, replicates
from chain_bandit.runner import workers
from chain_bandit.sweeps import cell, grid
from chain_bandit.sweeps.run import run

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-c", "from chain_bandit.cli import main; main()", "sweep")
SWEEP = """
name = "swept"
replicates = 10
[base]
name = "swept"
preset = "paper"
participants = 7
rounds = 60000
liars = 2
attackers = 0
burn_in = 9
[base.rewards]
kind = "bernoulli"
means = [0.7, 0.5, 0.45]
[axes]
"adversary.liars" = [0, 1, 2, 3]
aggregation = ["option-1", "option-2", "option-3"]
[axes.lie]
flip = { "adversary.estimators" = [{ name = "sign-flip" }] }
"""
QUICK = SWEEP.replace("60000", "300").replace('"option-1", ', "")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "sweep.toml"
    path.write_text(SWEEP)
    return path


def called(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)], cwd=cwd, env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100"},
        capture_output=True, text=True, timeout=500, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.parquet")}


def nobody_left(group: int) -> bool:
    """Whether a group of processes ends within ten seconds."""
    for _ in range(200):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)  # between two looks: a group that is not ours to wait for tells nobody of its end
    return False


@pytest.mark.timeout(1_800)  # processes may compile
def test_a_sweep_that_was_stopped_goes_on_and_comes_to_the_bytes_of_one_that_was_not(file: Path) -> None:
    place = file.parent
    process = subprocess.Popen(
        [*COMMAND, "sweep.toml", "--jobs", "2", "--out", "stopped"], cwd=place, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 400
    while not list(place.glob("stopped/cells/*.parquet")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)  # between two looks at the folder, until the deadline
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    kept = len(list(place.glob("stopped/cells/*.parquet")))
    assert process.returncode == 130, errors
    note = f"{kept} of 12 cells are kept in stopped: continue with --resume"
    *before, last = errors.splitlines()
    assert last == f"error: {EXIT_CODES[130][0]}; {note}"
    assert before in ([], [COMPILATION])  # said by the first sweep on a machine
    assert 1 <= kept < 12
    assert nobody_left(process.pid)
    sweep = grid.load(file)
    assert run(sweep, place / "stopped", workers.here, resume=True).played == 12 - kept
    run(sweep, place / "whole", workers.here)
    assert files(place / "stopped") == files(place / "whole")
    assert len(files(place / "whole")) == 13
    resumed = called("sweep.toml", "--resume", "--json", "--out", "stopped", cwd=place)
    assert resumed.returncode == 0, resumed.stderr
    assert json.loads(resumed.stdout)["played"] == 0
    assert (place / "stopped" / "heatmap.svg").read_text().startswith("<svg")
    last = list(sweep.points())[-1].cell
    assert last is not None
    kept_sums = cell.read(place / "whole" / "cells" / f"{last.digest}.parquet", last)
    assert np.array_equal(kept_sums, replicates(last.scenario, 10, last.checkpoints).sums)


@pytest.mark.timeout(1_800)  # processes may compile
def test_a_cluster_comes_to_the_same_bytes_and_leaves_signals_as_they_were(file: Path) -> None:
    pytest.importorskip("ray", reason="of the extra `ray`")
    file.write_text(QUICK)
    before = signal.getsignal(signal.SIGTERM)
    result = run(grid.load(file), file.parent / "ray", workers.cluster("local"))
    assert (result.played, result.failed) == (8, ())
    assert signal.getsignal(signal.SIGTERM) is before
    run(grid.load(file), file.parent / "here", workers.here)
    assert files(file.parent / "ray") == files(file.parent / "here")


def test_a_cluster_that_does_not_answer_is_exit_5(file: Path) -> None:
    pytest.importorskip("ray", reason="of the extra `ray`")
    with pytest.raises(workers.RayUnreachable, match=r"^--ray 127\.0\.0\.1:1: no Ray cluster answers") as refused:
        run(grid.load(file), file.parent / "out", workers.cluster("127.0.0.1:1"))
    assert refused.value.exit_code == 5


def test_without_ray_one_is_told_how_to_get_it(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(workers.RayMissing, match=r"pip install 'chain-bandit\[ray\]'") as refused:
        run(grid.load(file), file.parent / "out", workers.cluster("local"))
    assert refused.value.exit_code == 4


def test_cells_that_fail_are_listed_and_the_exit_code_is_15(file: Path) -> None:
    file.write_text(SWEEP.replace("[0, 1, 2, 3]", "[7]"))
    result = called("sweep.toml", cwd=file.parent)
    assert result.returncode == 15
    assert result.stdout.count("FAILED") == 3
    assert "liars + both + attackers < M does not hold" in " ".join(result.stdout.split())
    assert result.stderr.startswith("error: 3 of 3 cells failed; the first: adversary.liars = 7")
    assert result.stderr.count("\n") == 1
    again = called("sweep.toml", "--json", cwd=file.parent)
    assert again.returncode == 3
    assert json.loads(again.stdout)["error"]["type"] == "SweepRefused"
    both = called("sweep.toml", "--jobs", 2, "--ray", "local", cwd=file.parent)
    assert both.returncode == 2


def test_a_cell_that_takes_its_worker_with_it_has_failed(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(file.parent))
    (file.parent / "leaves.py").write_text(
        "import multiprocessing, os\n"
        "from chain_bandit.attacks.attack import Attack\n"
        "class Leaves(Attack):\n"
        "    conduct = Attack.conduct.__class__.LIAR\n"
        "    def __init__(self):\n"
        "        if multiprocessing.parent_process():\n"
        "            os._exit(9)\n"
    )
    file.write_text(QUICK.replace("sign-flip", "leaves:Leaves").replace("[0, 1, 2, 3]", "[1, 2]"))
    result = run(grid.load(file), file.parent / "out", workers.processes(2))
    assert len(result.failed) == 4
    assert {row["error"].split(" (")[0] for row in result.failed} == {"its worker died"}
