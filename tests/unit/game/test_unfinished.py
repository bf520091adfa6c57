"""game/unfinished.py: a run that cannot be taken up as it was left is refused before anything is sent."""

import pytest

from chain_bandit.append_log import LogDamaged
from chain_bandit.chain.journal import Entry
from chain_bandit.game.folder import FolderRefused
from chain_bandit.game.unfinished import JOURNAL, PAYMENTS, SESSIONS, place_of, unfinished


@pytest.mark.parametrize("name", [JOURNAL, PAYMENTS, SESSIONS])
def test_a_file_with_a_line_that_nobody_wrote_so_is_refused_and_stays_as_it_is(tmp_path, scenario, name):
    case, out = scenario(), tmp_path / "run"
    with unfinished(case, out, False) as journals:
        journals.game.append(Entry(0, "deploy", "0x", 0, 0, 0, "0x"))
    path = place_of(out) / name
    assert path.read_bytes() == b""
    path.write_bytes(b'{"round": 7}\n')
    with pytest.raises(LogDamaged, match=f"{name}:1: "), unfinished(case, out, True):
        pass
    assert path.read_bytes() == b'{"round": 7}\n'
    path.write_bytes(b"")
    with unfinished(case, out, True) as journals:
        assert not journals.kept
    assert not place_of(out).exists()


def test_a_stopped_run_with_the_former_session_log_is_refused_by_its_name(tmp_path, scenario):
    case, out = scenario(), tmp_path / "run"
    with unfinished(case, out, False) as journals:
        journals.game.append(Entry(0, "deploy", "0x", 0, 0, 0, "0x"))
    (place_of(out) / SESSIONS).rename(place_of(out) / "minutes.jsonl")
    with pytest.raises(FolderRefused, match="an earlier version: name it sessions"), \
            unfinished(case, out, True):  # fmt: skip
        pass
