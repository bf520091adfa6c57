"""Whether a call came while the game ran."""

from chain_bandit.audit.game import Game
from chain_bandit.history.records import Call


def in_time(game: Game, call: Call) -> bool:
    """Records and evidence come up to round T and the game's last chain block; whether a round is open for them.

    Where none is the contract takes nothing, and there is nothing to follow.
    """
    p, t, what = game.parameters, game.running.round, "evidence" if call.method == "reportEquivocation" else "record"
    game.checks.that(
        t <= p.horizon and call.block <= game.end_block, "record.deadline", t, what,
        "it is in block {}, the game ended with block {} or round {}", call.block, game.end_block, p.horizon,
    )  # fmt: skip
    return t <= p.horizon
