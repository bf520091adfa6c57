"""The smallest study from the command line. Skipped without PyTorch."""

import json
import resource
import subprocess
import sys

import pytest

pytest.importorskip("torch", reason="of the extra `mediate`")


def test_the_smoke_preset_plays_and_is_shown(tmp_path):
    """In a process of its own, the true preset: half a minute of CPU, never a whole one."""

    def seconds():
        spent = resource.getrusage(resource.RUSAGE_CHILDREN)
        return spent.ru_utime + spent.ru_stime

    def said(*arguments):
        code = "import sys; from chain_bandit.cli import main; sys.argv[0] = 'chain-bandit'; main()"
        command = [sys.executable, "-c", code, "mediate", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stderr == ""
        return done.stdout

    out = tmp_path / "smoke"
    before = seconds()
    made = json.loads(said("run", "smoke", "--json", "--out", str(out)))
    assert 1 < seconds() - before < 60
    rows = made["rows"]
    assert [(row["game"], row["runs"]) for row in rows] == 6 * [("ipd", 8)] + 9 * [("rescaled-coin-game-2", 4)]
    assert len(made["pictures"]) == len(list(out.glob("*.svg"))) == 4
    assert json.loads(said("table", str(out), "--json")) == {k: v for k, v in made.items() if k != "pictures"}
    assert (made["preset"], made["seed"], made["switches"]) == ("smoke", 0, {})
    naive, mate = (row["mean"] for row in rows[:2])
    assert naive < -500 < mate  # who is not paid for it stops cooperating
    assert said("plot", str(out)).split() == made["pictures"]
    taken = tmp_path / "pictures" / "ipd.svg"
    taken.mkdir(parents=True)
    with pytest.raises(subprocess.CalledProcessError) as refused:
        said("plot", str(out), "--out", str(taken.parent))
    sentence = f"error: {taken}: cannot be written: Is a directory\n"
    assert (refused.value.returncode, refused.value.stderr) == (3, sentence)
