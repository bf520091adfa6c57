"""A call too many is found, or the contract takes it; `python -m verification.tampering` tries 2,000."""

from dataclasses import replace
from pathlib import Path

import pytest

from chain_bandit.auditor.audit import audit
from chain_bandit.auditor.second_implementation import with_second_opinion
from chain_bandit.chain_history import files
from chain_bandit.chain_history.evm import decode_transaction
from chain_bandit.chain_history.records import SELECTORS
from verification.splicing import EDITS, GAMES, SplicedBlock, asked, call, games, judged, repaired


def held(which: int, edits: int) -> None:
    rows = [judged(which + GAMES * at) for at in range(edits)]
    assert {row.edit for row in rows} == {edit.__name__ for edit in EDITS}
    assert not [(row.seed, row.wrong, row.how) for row in rows if row.wrong]
    assert {row.code for row in rows} <= {0, 12, 13}
    assert {row.code for row in rows} >= {12}


@pytest.mark.parametrize("which", range(0, GAMES, 8))
def test_some_calls_too_many(which: int) -> None:
    held(which, 12)


@pytest.mark.deep
@pytest.mark.parametrize("which", range(GAMES))
def test_calls_too_many(which: int) -> None:
    held(which, 2_000 // GAMES)


@pytest.mark.parametrize(
    ("method", "words"),
    [("submitBlocks", None), ("skip", [0, 0, 96, 0]), ("skipAfterDeadline", [0]), ("reportEquivocation", [0] * 11)],
)
def test_a_record_after_the_last_round_is_a_violation_and_not_followed(method: str, words: list[int] | None) -> None:
    """Its sender needs no key of the game: the receipt states that the contract took it."""
    game, _ = games(0)
    blocks = game.blocks()
    last = next(
        sent for block in reversed(blocks) for sent in block.sent
        if decode_transaction(sent.raw).data[:4] == SELECTORS["submitBlocks"]
    )  # fmt: skip
    if words is not None:
        data = SELECTORS[method] + b"".join(word.to_bytes(32, "big") for word in words)
        last = replace(last, raw=call(0, game.history.origin.contract, data))
    blocks.append(SplicedBlock(list(blocks[-1].header), [replace(last, by=0)]))
    report, before = audit(repaired(game, (), blocks)), audit(game.history)
    assert {each.check for each in report.violations} == {"record.deadline"}
    assert (report.exit_code, before.exit_code) == (12, 0)
    assert report.game["records"] == before.game["records"]
    assert report.run_digest == before.run_digest


def test_the_contract_gives_the_receipts_of_a_history_that_is_left_as_it_was() -> None:
    for which in range(0, GAMES, 8):
        game, others = games(which)
        for each in (game, *others):
            assert asked(each, each.history) == each.history
            assert repaired(each, (), each.blocks()) == each.history


@pytest.mark.parametrize("method", ["join", "submitBlocks"])
def test_a_call_that_every_rule_allows_is_not_refused(method: str, tmp_path: Path) -> None:
    """Sent before the one that the contract took: then it would have taken this one."""
    game, _ = games(0)
    for given, expected in ((True, {False, True}), (False, set())):
        blocks = game.blocks()
        at, sent = next(
            (at, sent) for at, block in enumerate(blocks) for sent in block.sent
            if decode_transaction(sent.raw).data[:4] == SELECTORS[method]
        )  # fmt: skip
        refused = SplicedBlock(list(blocks[at].header), [replace(sent, succeeded=False, logs=(), by=0)])
        blocks.insert(at if given else at + 1, refused)
        if method == "join" and not given:  # behind the last seat
            blocks.remove(refused)
            opened = next(at for at, block in enumerate(blocks) for sent in block.sent
                          if decode_transaction(sent.raw).data[:4] == SELECTORS["open"])  # fmt: skip
            blocks.insert(opened, refused)
        history = repaired(game, (), blocks)
        files.write(history, tmp_path / "history.jsonl")
        report = with_second_opinion(audit(history), tmp_path / "history.jsonl")
        assert {each.check.startswith("paranoid.") for each in report.violations} == expected
        assert (asked(game, history) == history) is not given
        assert {each.check for each in report.violations} <= {"record.events", "paranoid.record", "paranoid.setup"}
