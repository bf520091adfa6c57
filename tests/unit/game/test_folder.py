"""game/folder.py: what a process that was killed on the spot has left is cleared away, or put back."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from chain_bandit.game.folder import MANIFEST, FolderRefused, fresh, is_free, read_manifest, written

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
    with written(out, replace=True):
        assert (out / MANIFEST).read_text() == "{}"
    assert not (out / MANIFEST).exists()


def test_who_asks_for_a_run_in_the_folder_of_an_open_game_is_told_where_its_history_is(tmp_path):
    (tmp_path / "game.json").write_text("{}")
    with pytest.raises(FolderRefused, match="chain-bandit watch or audit --contract"):
        read_manifest(tmp_path)


def test_a_folder_that_is_not_there_brings_the_nearest_name_beside_it(tmp_path):
    (tmp_path / "two").mkdir()
    with pytest.raises(FolderRefused, match=f"did you mean '{tmp_path / 'two'}'"):
        read_manifest(tmp_path / "twoo")


def test_nothing_is_written_over_a_folder_that_holds_something(tmp_path):
    out = tmp_path / "run"
    fill(out)
    (out / "precious").write_text("keep")
    with pytest.raises(FolderRefused, match="exists, and nothing is written over it"):
        fill(out)

    def overtaken() -> None:
        with written(tmp_path / "other"):
            out.rename(tmp_path / "other")

    with pytest.raises(FolderRefused, match="was made meanwhile"):
        overtaken()
    assert (tmp_path / "other" / "precious").read_text() == "keep"
    assert [path.name for path in tmp_path.iterdir()] == ["other"]


def test_a_fresh_place_is_one_where_nothing_is_nor_will_be(tmp_path):
    base = tmp_path / "run"
    assert fresh(base, is_free) == base
    base.mkdir()
    assert fresh(base, is_free) == base  # empty
    (base / "file").touch()
    (tmp_path / "run-2").touch()
    (tmp_path / "run-3").symlink_to(tmp_path / "nothing")
    (tmp_path / f"run-4.{os.getpid()}.partial").mkdir()
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    (tmp_path / f"run-5.{gone.pid}.partial").mkdir()
    assert fresh(base, is_free) == tmp_path / "run-5"


def test_what_a_living_process_writes_is_left_alone_and_nobody_else_writes_there(tmp_path):
    out = tmp_path / "run"
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as living:
        theirs = tmp_path / f"run.{living.pid}.partial"
        theirs.mkdir()
        with pytest.raises(FolderRefused, match=f"is being written by process {living.pid}"):
            fill(out)
        assert theirs.exists()
        living.kill()
