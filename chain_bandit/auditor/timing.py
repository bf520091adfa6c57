"""Deadline check of a call: whether it came while the game ran."""

from chain_bandit.auditor.game import ReplayedGame
from chain_bandit.chain_history.records import ContractCall
from chain_bandit.protocol.ledger import is_over

SHOWING = ("settleRewards", "settleSums", "revealSeal")
EVIDENCE = ("reportEquivocation", "reportFalse")


def proofs_until(game: ReplayedGame) -> int:
    """The last chain block that takes proofs in a game with a slash that is over."""
    return game.over_block + game.parameters.settlement_window // 2


def settled_until(game: ReplayedGame, method: str) -> int:
    """The last chain block in which a game that is over is settled by a call: where lies are proven earlier by those
    that show what everybody was given."""
    p = game.parameters
    shows = method in SHOWING or (method == "reveal" and p.sealed)
    return game.over_block + (p.shown_within if shows else p.settlement_window)


def in_time(game: ReplayedGame, call: ContractCall) -> bool:
    """Records and evidence come up to pull T and the game's last chain block; whether a round is open for them.

    Where none is the contract takes nothing, and there is nothing to follow.
    """
    p, t, what = game.parameters, game.running.round, "evidence" if call.method in EVIDENCE else "record"
    if p.slash and call.method in EVIDENCE:
        until = proofs_until(game)
        return game.checks.that(
            not game.is_over(call.block) or call.block <= until, "record.deadline", t, what,
            "it is in block {}, proofs are taken until block {}", call.block, until,
        )  # fmt: skip
    over, last = is_over(p, game.running), p.counted
    game.checks.that(
        not over and call.block <= game.end_block, "record.deadline", t, what,
        f"it is in block {{}}, the game ended with block {{}} or {last} {{}}", call.block, game.end_block, p.horizon,
    )  # fmt: skip
    return not over
