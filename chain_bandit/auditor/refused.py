"""Refused calls: their senders, and whether the contract reverted, perhaps for lateness (PROTOCOL 1.7, 1.8)."""

from collections.abc import Callable

from chain_bandit.auditor import money
from chain_bandit.auditor.exhibits import Field
from chain_bandit.auditor.game import ReplayedGame
from chain_bandit.auditor.timing import EVIDENCE, proofs_until, settled_until
from chain_bandit.auditor.trial import allowed
from chain_bandit.chain_history.records import ContractCall

_OPENING = ("join", "open")
_PLAYING = ("submitBlocks", "skip", "skipAfterDeadline", "reportEquivocation", "reportFalse")
_SETTLING = ("settleRewards", "settleSums", "revealSeal", "reveal", "settleCosts")

LEFT = 21
"""What part of its gas a call that ran out of it can have left, at most: a call within a call leaves the one around it
a 64th (EIP-150), and a game calls no deeper than three: implementation, bookkeeper, whom it pays."""


def refused(game: ReplayedGame, call: ContractCall, replay: Callable[[ReplayedGame, ContractCall], None]) -> None:
    """Note the account of the game that sent a reverted call; other accounts may send anything.

    Args:
        replay: takes a call in, as if the contract had: it may have had to.
    """
    if game.deployment is None or not call.direct:
        return
    due = allowed(game, call, replay) if game.is_bare(call.sender) and not _spent(call) else ()
    if due:
        game.checks.that(
            False, "record.events", game.ledger.round if game.ledger else None, f"transaction 0x{call.digest.hex()}",
            "the contract refused it, with {} events, though every rule allows it: the rules give {}", len(call.events),
            due, shown=Field.INPUT,
        )  # fmt: skip
    seat = game.addresses.index(call.sender) if call.sender in game.addresses else None
    if seat is None and call.sender != game.environment:
        return
    late = "call too late" if _late(game, call) else "call refused"
    what = "call out of gas, or refused" if _spent(call) else late
    what += "" if seat is not None else ", of the environment"
    game.note(what, seat, game.ledger.round if game.ledger else 0)
    # The contract pays whom it owes, and only code of the account could have refused that.
    if call.method == "withdraw" and not (call.value or _spent(call)) and game.is_bare(call.sender):
        money.withheld(game, call)


def _spent(call: ContractCall) -> bool:
    """Whether the gas may have run out before the contract could refuse anything.

    What authorizations give back (EIP-7702) hides how much a call that ran out of it has used.
    """
    limit = call.transaction.gas_limit
    return bool(call.transaction.authorizations) or LEFT * (limit - call.gas) <= limit


def _late(game: ReplayedGame, call: ContractCall) -> bool:
    """Whether its time was over."""
    if game.ledger is None:
        deployment = game.deployment
        return call.method in _OPENING and deployment is not None and (
            call.block > deployment.block + deployment.parameters.opening_deadline
        )  # fmt: skip
    if not game.is_over(call.block):
        return False
    if call.method in EVIDENCE and game.parameters.slash:
        return call.block > proofs_until(game)
    after_window = call.block > settled_until(game, call.method) or game.closed
    return call.method in _PLAYING or (call.method in _SETTLING and after_window)
