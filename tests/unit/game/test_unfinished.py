"""game/unfinished.py: a run that cannot be taken up as it was left is refused before anything is sent."""

import pytest

from chain_bandit.append_log import LogDamaged
from chain_bandit.chain.journal import Entry
from chain_bandit.game.unfinished import JOURNAL, MINUTES, PAYMENTS, place_of, unfinished


@pytest.mark.parametrize("name", [JOURNAL, PAYMENTS, MINUTES])
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
