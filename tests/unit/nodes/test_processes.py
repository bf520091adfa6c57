"""Lock of a node's folder: one process, with real locks."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace

import pytest

from chain_bandit.append_log import LogLocked, LogUnwritable
from chain_bandit.nodes import ended, processes, up
from chain_bandit.nodes import node_files as files
from chain_bandit.nodes.head import read_head
from chain_bandit.nodes.processes import NodeStatus, alone, down
from tests.integration.nodes import descendants

HOLDS = """
import sys
from pathlib import Path
from chain_bandit.nodes.processes import alone

with alone(Path(sys.argv[1])):
    print("in", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held(place: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that is the one of a folder."""
    command = [sys.executable, "-c", HOLDS, str(place)]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline() == "in\n"
        yield other
    finally:
        other.kill()
        other.communicate()


def test_one_process_at_a_time_and_its_number_is_there(tmp_path):
    path = tmp_path / files.PID
    path.write_text("a longer number of a life before\n")
    for _ in range(2):
        with held(tmp_path) as other:
            assert path.read_text() == f"{other.pid}\n"
            assert processes.state_of(tmp_path) == NodeStatus(tmp_path.name, other.pid, False)
            with pytest.raises(LogLocked, match="another process"), alone(tmp_path):
                pass
        assert processes.state_of(tmp_path).pid is None
    with pytest.raises(LogUnwritable), alone(tmp_path / "nowhere"):
        pass


def test_who_looks_before_the_number_is_written_sees_no_number_of_a_life_before(tmp_path):
    """`down` would signal another process that has that number now."""
    with held(tmp_path) as other:
        (tmp_path / files.PID).write_text("1\n")
        assert processes.state_of(tmp_path).pid == other.pid


def test_who_has_just_ended_needs_no_signal(tmp_path, monkeypatch):
    """As `up` does at its end: between the look and the signal a node may end by itself."""
    really = os.kill

    def kill(pid, number):
        really(pid, 9)
        with suppress(ChildProcessError):
            os.waitpid(pid, 0)
        really(pid, number)

    monkeypatch.setattr(os, "kill", kill)
    (tmp_path / "seat-0").mkdir()
    with held(tmp_path / "seat-0") as other:
        monkeypatch.setattr(processes, "states", lambda out: [processes.state_of(out / "seat-0")])
        assert down(tmp_path) == [NodeStatus("seat-0", other.pid, False)]
        other.returncode = -9  # it was waited for here


def test_no_process_stays_where_the_nodes_cannot_even_be_told_to_end(tmp_path):
    """There is no game to read who they are from."""
    before = descendants()
    with pytest.raises(files.PlaceRefused), up.processes(tmp_path):
        pass
    assert descendants() <= before


def test_a_node_that_runs_already_is_not_ended_by_who_would_start_it_again(tmp_path):
    (tmp_path / files.NODE).write_text("{}")
    with held(tmp_path) as other:
        with pytest.raises(LogLocked), up.processes(tmp_path):
            pass
        assert other.poll() is None


def test_a_game_is_not_taken_up_by_two_processes_at_the_same_time(tmp_path, monkeypatch):
    """The nodes of the second could not begin, and its end would end those of the first."""
    monkeypatch.setattr(up, "states", lambda out: [NodeStatus("seat-0", None, False)])
    monkeypatch.setattr(up, "places", lambda out: [out / "seat-0"])
    monkeypatch.setattr(up, "require_deployed", lambda *given: None)
    monkeypatch.setattr(up, "looks", lambda *given: iter(()))
    monkeypatch.setattr(up, "down", lambda out: [])
    with held(tmp_path), pytest.raises(LogLocked, match="another process is at this run"):
        up.take_up(tmp_path, say=lambda line: None)
    up.take_up(tmp_path, say=lambda line: None)
    assert list(tmp_path.iterdir()) == []


def test_the_node_that_is_named_says_whether_the_chain_has_the_closing(tmp_path, monkeypatch):
    """The game's own URL may lack the key of a provider."""
    asked = []
    monkeypatch.setattr(up, "places", lambda out: [out / "seat-0"])
    monkeypatch.setattr(up, "states", lambda out: [NodeStatus("seat-0", None, True)])
    monkeypatch.setattr(up, "is_undone", lambda place, url, say: asked.append(url) or len(asked) == 2)
    started = SimpleNamespace(start=lambda place: None, ended=lambda: [("seat-0", 0)])
    (tmp_path / "seat-0").mkdir()
    (tmp_path / "seat-0" / files.ENDED).write_text("{}")
    up.take_up(tmp_path, say=lambda line: None, url="named")
    list(up.looks(tmp_path, started, lambda line: None, lambda name: False, "named"))
    assert asked == ["named"] * 3


def test_a_node_is_called_stopped_only_where_it_has_run(tmp_path):
    """Its folder may be another host's, or may never have been used here."""
    assert processes.state_of(tmp_path / "seat-3").word == "not here"
    (tmp_path / "seat-0").mkdir()
    assert processes.state_of(tmp_path / "seat-0").word == "not begun"
    with held(tmp_path / "seat-0"):
        assert processes.state_of(tmp_path / "seat-0").word == "running"
    assert processes.state_of(tmp_path / "seat-0").word == "stopped"
    (tmp_path / "seat-3").mkdir()
    (tmp_path / "seat-3" / files.ENDED).write_text("{}")
    assert processes.state_of(tmp_path / "seat-3").word == "ended"


@pytest.mark.parametrize("place", ["pipe", "folder", "text", "list", "deep"])
def test_what_a_node_ended_with_is_an_object_in_a_file(place, tmp_path):
    path = tmp_path / files.ENDED
    if place == "pipe":
        os.mkfifo(path)
    elif place == "folder":
        path.mkdir()
    else:
        path.write_text({"text": '{"run_digest"', "list": "[1]", "deep": "[" * 100_000}[place])
    with pytest.raises(files.PlaceRefused, match="is damaged: delete it"):
        ended.ended_with(tmp_path)


def test_a_pipe_in_the_place_of_a_file_of_a_node_keeps_nobody_waiting(tmp_path):
    (tmp_path / files.NODE).write_text("{}")
    for name in (files.LOG, files.PID, files.HEAD):
        os.mkfifo(tmp_path / name)
    assert list(processes.log(tmp_path, None, 5)) == []
    assert [state.word for state in processes.states(tmp_path)] == ["stopped"]
    assert up.last_round(tmp_path.parent) == 0
    assert read_head(tmp_path / files.HEAD) is None
