"""Deadlines of calls, counted in chain blocks."""

from chain_bandit.paranoid.calls import Call
from chain_bandit.paranoid.records import Records
from chain_bandit.paranoid.setup import Setup
from chain_bandit.paranoid.verdict import Verdict

OPENING = ("join", "open")
RECORDING = ("submitBlocks", "skip", "skipAfterDeadline")
SHOWING = ("settleRewards", "settleSums", "revealSeal")
PROVING = ("reportEquivocation", "reportFalse")


def in_time(call: Call, setup: Setup, records: Records | None, closed: bool, verdict: Verdict) -> None:
    """Hold the block of a call against the state before it: no records before the opening, closed after `close`.

    Of a closing only that there is something to close: what it has to wait for is known once everything is settled.
    """
    block, round_ = call.block, None
    if call.name in OPENING:
        holds = records is None and block <= setup.deadline
    elif records is None:
        holds = False
    elif call.name in RECORDING:
        holds, round_ = not over(records, block), records.round
        if call.name == "skipAfterDeadline":
            longer = setup.p.burn_in_blocks if records.round == setup.p.burn_in else 0
            holds = holds and block > records.last_block + setup.p.skip_deadline + longer
    elif call.name in PROVING:
        proofs = bool(setup.p.slash) and block <= proofs_end(records)
        holds, round_ = not over(records, block) or proofs, records.round
    elif call.name == "acquit":
        holds, round_ = not closed, records.round
    else:
        holds = not closed and (over(records, block) or call.name == "settleRewards")
        shows = call.name in SHOWING or (call.name == "reveal" and setup.p.sealed)
        part = 4 if shows and setup.p.provable and over(records, block) else 1
        holds = holds and (block <= window_end(records, part) or call.name == "close")
        early = call.name == "settleCosts" and bool(setup.p.slash) and block <= proofs_end(records)
        holds = holds and not early
    verdict.same("time", round_, f"whether {call.name} may come in block {block}", True, holds)


def over(records: Records, block: int) -> bool:
    """Whether the game has ended before a call in this block: by its last record, or by its last block."""
    return records.is_over or block > records.setup.opened_in + records.setup.p.game_blocks


def window_end(records: Records, part: int = 1) -> int:
    """The last block of a part of the window for settlement, should nothing be recorded any more."""
    return _ended(records) + records.setup.p.settlement_window // part


def proofs_end(records: Records) -> int:
    """The last block that takes proofs in a game with a slash, should nothing be recorded any more."""
    return window_end(records, 2)


def _ended(records: Records) -> int:
    p = records.setup.p
    return records.last_block if records.is_over else records.setup.opened_in + p.game_blocks
