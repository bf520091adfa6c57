"""game/folder.py: what a process that was killed on the spot has left is cleared away, or put back."""

import os
import subprocess
import sys
from pathlib import Path

from chain_bandit.game.folder import MANIFEST, written

BODY = """
import os, signal, sys
from pathlib import Path
from chain_bandit.game.folder import written
with written(Path(sys.argv[1])) as folder:
    (folder / "half").write_text("x")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def fill(out: Path) -> None:
    with written(out) as folder:
        (folder / MANIFEST).write_text("{}")


def test_what_a_killed_run_left_goes_with_the_next_one(tmp_path):
    out = tmp_path / "run"
    assert subprocess.run([sys.executable, "-c", BODY, str(out)], check=False).returncode == -9
    (left,) = tmp_path.iterdir()
    assert left.name.endswith(".partial")
    other = tmp_path / f"run.{os.getpid()}.partial-not"
    other.mkdir()
    fill(out)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["run", other.name])


def test_a_run_that_was_on_its_way_out_is_put_back(tmp_path):
    out = tmp_path / "run"
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    fill(out)
    out.rename(tmp_path / f"run.{gone.pid}.old")
    with written(out):
        assert (out / MANIFEST).read_text() == "{}"
    assert not (out / MANIFEST).exists()


def test_what_a_living_process_writes_is_left_alone(tmp_path):
    out = tmp_path / "run"
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as living:
        theirs = tmp_path / f"run.{living.pid}.partial"
        theirs.mkdir()
        fill(out)
        assert theirs.exists()
        living.kill()
