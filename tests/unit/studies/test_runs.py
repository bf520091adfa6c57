"""A study that is stopped goes on to the same bits; the smoke preset plays. Skipped without PyTorch."""

import json
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("torch", reason="of the extra `mediate`")

from chain_bandit.studies import presets, run
from chain_bandit.studies.folder import StudyRefused
from chain_bandit.studies.presets import Part

GAME = "rescaled-coin-game-2"
SMALL = tuple(Part(GAME, methods, 1, 5) for methods in (("naive", "mediate-s"), ("budget-gifting",), ("lio",)))


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setitem(presets.PRESETS, "smoke", SMALL)
    monkeypatch.setattr(run, "KEEP", 2)


def bits(out):
    return {path.name: path.read_bytes() for path in out.glob("*.parquet")}


class Stopper:
    """Stops at the given epoch of the given part, once."""

    def __init__(self, part, epoch):
        self.at, self.seen = (part, epoch), []

    def __call__(self, part, epoch):
        self.seen.append((part, epoch))
        if (part, epoch) == self.at:
            raise KeyboardInterrupt


@pytest.mark.parametrize("stopped", [*((part, 3) for part in SMALL), (SMALL[0], 1)])
def test_a_study_that_was_stopped_goes_on_to_the_same_bits(tmp_path, stopped):
    whole, halved = tmp_path / "whole", tmp_path / "halved"
    run.run("smoke", whole)
    with pytest.raises(KeyboardInterrupt) as told:
        run.run("smoke", halved, observe=Stopper(*stopped))
    assert f"{stopped[1] // 2 * 2} epochs of {stopped[0].name} are kept" in told.value.__notes__[0]
    with pytest.raises(StudyRefused, match="go on with --resume"):
        run.run("smoke", halved)
    after = Stopper(None, 0)
    run.run("smoke", halved, resume=True, observe=after)
    assert bits(whole) == bits(halved)
    assert len(bits(whole)) == 3
    assert (stopped[0], 2) not in after.seen or stopped[1] < 2  # not played again
    assert not list(halved.glob("*.npz"))


def test_a_damaged_checkpoint_is_as_good_as_none(tmp_path):
    whole, halved = tmp_path / "whole", tmp_path / "halved"
    run.run("smoke", whole)
    for spoilt in (b"", b"PK\x03\x04", None):
        with pytest.raises(KeyboardInterrupt):
            run.run("smoke", halved, resume=True, observe=Stopper(SMALL[2], 3))
        (kept,) = halved.glob("*.npz")
        if spoilt is None:
            with np.load(kept) as arrays:
                np.savez(kept, **{**arrays, "epochs": np.array(-1)})
        else:
            kept.write_bytes(spoilt)
        (halved / f"{SMALL[2].name}.parquet").unlink(missing_ok=True)
    run.run("smoke", halved, resume=True)
    assert bits(whole) == bits(halved)


def test_another_seed_or_something_else_is_refused(tmp_path):
    run.run("smoke", tmp_path / "x")
    with pytest.raises(StudyRefused, match="holds the study smoke of seed 0"):
        run.run("smoke", tmp_path / "x", seed=1, resume=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(StudyRefused, match="is not a folder"):
        run.run("smoke", tmp_path / "file")


def test_the_smoke_preset_plays_and_is_shown(tmp_path):
    """In a process of its own, the true preset: ten seconds of CPU."""

    def said(*arguments):
        code = "import sys; from chain_bandit.cli import main; sys.argv[0] = 'chain-bandit'; main()"
        command = [sys.executable, "-c", code, "mediate", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stderr == ""
        return done.stdout

    out = tmp_path / "smoke"
    rows = json.loads(said("run", "smoke", "--json", "--out", str(out)))["rows"]
    assert len(rows) == 5 + 8
    assert json.loads(said("table", str(out), "--json"))["rows"] == rows
    naive, mate = (row["mean"] for row in rows[:2])
    assert naive < -500 < mate  # who is not paid for it stops cooperating
    assert len(said("plot", str(out)).split()) == 4
