"""Who is the one process of a node's folder, with real locks."""

import fcntl
import os

import pytest

from chain_bandit.lines import LinesLocked, LinesUnwritable
from chain_bandit.nodes import place as files
from chain_bandit.nodes.processes import alone


def test_one_process_at_a_time_and_its_number_is_there(tmp_path):
    path = tmp_path / files.PID
    path.write_text("a longer number of a life before\n")
    for _ in range(2):
        with alone(tmp_path):
            assert path.read_text() == f"{os.getpid()}\n"
            with pytest.raises(LinesLocked, match="another process"), alone(tmp_path):
                pass
    with pytest.raises(LinesUnwritable), alone(tmp_path / "nowhere"):
        pass


def test_who_looks_does_not_keep_a_node_from_its_folder(tmp_path, monkeypatch):
    """`ps`, and `up` ten times a second, share the lock for a moment; a node that comes then ended with exit code 2."""
    really = fcntl.flock
    with (tmp_path / files.PID).open("wb") as look:
        really(look, fcntl.LOCK_SH)

        def flock(file, how):
            try:
                really(file, how)
            except OSError:
                really(look, fcntl.LOCK_UN)
                raise

        monkeypatch.setattr(fcntl, "flock", flock)
        with alone(tmp_path):
            pass
