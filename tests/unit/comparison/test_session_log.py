"""comparison/session_log.py: a session's result comes back in its own slot; a line that nobody wrote is refused."""

import json
import os
from contextlib import closing
from dataclasses import replace

import pytest

from chain_bandit.append_log import AppendLogFile, LogDamaged
from chain_bandit.comparison.session_log import SessionLog
from chain_bandit.protocol.messages import Slot

SLOT = Slot(b"\1" * 32, 7, b"\2" * 32)
ASKED = {0: b"\3" * 32, 5: b"\4" * 32}
BITS = {5: (True, False)}
DEEP = "deep"
KNOWN = {(0, ASKED[0]): None, (5, ASKED[5]): BITS[5]}


def written(path):
    with closing(AppendLogFile(path)) as lines:
        session_log = SessionLog(lines, len(BITS[5]))
        session_log.begin(SLOT)
        session_log.failed('party 1 died; it said: "\n\u2028é"')
        session_log.agreed(ASKED, BITS)
        assert (session_log.known, len(session_log.failures)) == (KNOWN, 1)
    return path.read_bytes().splitlines()


def test_what_sittings_came_to_comes_back_in_order_and_only_where_it_was(tmp_path):
    path = tmp_path / "minutes"
    written(path)
    with closing(AppendLogFile(path)) as lines:
        session_log = SessionLog(lines, len(BITS[5]))
        for change in ({"separator": bytes(32)}, {"round": 8}, {"parent": bytes(32)}):
            session_log.begin(replace(SLOT, **change))
            assert (session_log.known, session_log.failures) == ({}, [])
        session_log.begin(SLOT)
        assert (session_log.known, session_log.failures) == (KNOWN, ['party 1 died; it said: "\n\u2028é"'])
        session_log.begin(replace(SLOT, round=8))
        assert (session_log.known, session_log.failures) == ({}, [])


def test_what_was_read_is_synced_before_anybody_hears_of_it_again(tmp_path, monkeypatch):
    path, synced, really = tmp_path / "minutes", [], os.fsync
    written(path)
    with closing(AppendLogFile(path)) as lines:
        monkeypatch.setattr(os, "fsync", lambda file: (synced.append(os.fstat(file).st_ino), really(file))[1])
        SessionLog(lines, len(BITS[5]))
    assert synced == [path.stat().st_ino]


def test_what_no_file_keeps_is_forgotten_with_its_round():
    session_log = SessionLog()
    session_log.begin(SLOT)
    session_log.agreed(ASKED, BITS)
    assert session_log.known == KNOWN
    session_log.begin(replace(SLOT, round=8))
    assert session_log.known == {}


@pytest.mark.parametrize(
    "change",
    [{"bits": {"5": "10"}}, {"bits": {"5": []}}, {"bits": {"5": [True]}}, {"bits": {"5": [True] * 3}},
     {"bits": {"65536": [True]}}, {"asked": {"0": "x"}}, {"asked": None}, {"round": "seven"},
     {"more": 1}, {"separator": 5}, {"asked": DEEP}],
)  # fmt: skip
def test_a_line_that_nobody_wrote_so_is_named(tmp_path, change):
    path = tmp_path / "minutes"
    first, second = written(path)
    changed = json.dumps(json.loads(second) | change).replace(f'"{DEEP}"', "[" * 100_000)
    path.write_bytes(first + b"\n" + changed.encode() + b"\n")
    with closing(AppendLogFile(path)) as lines, pytest.raises(LogDamaged, match="minutes:2:"):
        SessionLog(lines, len(BITS[5]))
