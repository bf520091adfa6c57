"""A trail says in which block a history became another, where nothing in it does."""

import json
from pathlib import Path

import pytest

from chain_bandit.auditor.audit import audit
from chain_bandit.audits import trail_of
from chain_bandit.chain_history.blocks import History
from chain_bandit.game.folder import FolderRefused
from chain_bandit.protocol.digests import keccak
from tests.unit.audit.played_game import Played
from verification.tampering import rehashed, taken_apart


def trail(played: Played) -> bytes:
    """Computed from the headers alone."""
    return b"".join(keccak(block.header)[:4] for block in played.history.blocks)


def with_state_root(played: Played, index: int) -> History:
    blocks = taken_apart(tuple(played.history.blocks))
    blocks[index][0][3] = bytes(31) + b"\1"
    return History(played.history.origin, rehashed(blocks))


def test_a_history_follows_the_trail_of_its_own_audit(honest: Played) -> None:
    own = audit(honest.history)
    assert "chain.trail" not in own.checks
    assert own.as_dict()["trail"] == own.trail == trail(honest).hex()
    assert "trail" not in own.as_dict(with_rounds=False)
    report = audit(honest.history, trail=trail(honest))
    assert report.exit_code == 0
    assert report.checks["chain.trail"].passed == len(trail(honest)) // 4


@pytest.mark.parametrize("index", [0, 17, -1])
def test_a_change_that_breaks_no_rule_is_shown_in_its_block(honest: Played, index: int) -> None:
    changed = with_state_root(honest, index)
    assert audit(changed).exit_code == 0
    (found,) = audit(changed, trail=trail(honest)).violations
    numbers = range(honest.history.origin.first_block, honest.history.origin.first_block + len(trail(honest)) // 4)
    assert found.exhibit is not None
    assert (found.check, found.exhibit.block, found.exhibit.field) == ("chain.trail", numbers[index], "hash")
    assert found.exhibit.bytes.startswith(found.found)
    assert found.expected == "0x" + trail(honest)[4 * index : 4 * index + 4 or None].hex()


def test_a_history_may_go_on_after_its_trail_but_not_end_before(honest: Played) -> None:
    blocks = tuple(honest.history.blocks)
    assert audit(honest.history, trail=trail(honest)[:-40]).exit_code == 0
    cut = audit(History(honest.history.origin, blocks[:-3]), trail=trail(honest))
    (found,) = [each for each in cut.violations if each.check == "chain.trail"]
    assert (found.found, found.expected) == (len(blocks) - 3, len(blocks))


@pytest.mark.parametrize("text", ["", "[]", "7", "{", '{"trail": 7}', '{"trail": ""}', '{"trail": "0a0b0c"}',
                                  '{"trail": "0A0B0C0D"}', '{"trail": "0a0b0c0d "}', "[" * 100_000])  # fmt: skip
def test_what_holds_no_trail_is_refused(tmp_path: Path, text: str) -> None:
    kept = tmp_path / "audit.json"
    with pytest.raises(FolderRefused, match=r"is no audit\.json that holds a trail"):
        trail_of(kept)
    kept.write_text(text)
    with pytest.raises(FolderRefused, match=r"is no audit\.json that holds a trail"):
        trail_of(kept)


def test_what_has_no_end_is_no_report() -> None:
    with pytest.raises(FolderRefused):
        trail_of(Path("/dev/zero"))


def test_the_trail_of_a_report_is_read_from_its_json(honest: Played, tmp_path: Path) -> None:
    kept = tmp_path / "audit.json"
    kept.write_text(audit(honest.history).json())
    assert trail_of(kept) == trail(honest) == bytes.fromhex(json.loads(kept.read_text())["trail"])
