"""Refused calls: senders, and whether the contract reverted, or was late (protocol.md: Records, Settlement)."""

from collections.abc import Callable

from chain_bandit.auditor import money
from chain_bandit.auditor.exhibits import Field
from chain_bandit.auditor.game import ReplayedGame
from chain_bandit.auditor.timing import EVIDENCE, proofs_until, settled_until
from chain_bandit.auditor.trial import allowed
from chain_bandit.chain_history.records import ContractCall
from chain_bandit.protocol import submission
from chain_bandit.protocol.errors import Malformed
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.transaction import (
    MOST_GAS,
    gas_of_anybodys_call,
    gas_of_blocks,
    gas_of_call,
    gas_of_lists,
    gas_of_pulls,
)
from chain_bandit.protocol.units import MAX_PARTICIPANTS

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
    spent = may_have_run_out(call, _enough(game.deployment.parameters, call))
    due = allowed(game, call, replay) if game.is_bare(call.sender) and not spent else ()
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
    what = "call out of gas, or refused" if spent else late
    what += "" if seat is not None else ", of the environment"
    game.note(what, seat, game.ledger.round if game.ledger else 0)
    # The contract pays whom it owes, and only code of the account could have refused that.
    if call.method == "withdraw" and not (call.value or spent) and game.is_bare(call.sender):
        money.withheld(game, call)


def may_have_run_out(call: ContractCall, enough: int) -> bool:
    """Whether a failed call may have run out of gas: next to none is left of it, as the receipt says, which nobody
    signed, and the limit, which the sender signed, was not enough for any such call.

    What authorizations give back (EIP-7702) hides how much a call that ran out of it has used.

    Args:
        enough: gas that is enough for any such call, whatever the contract's state.
    """
    sent = call.transaction
    used_up = bool(sent.authorizations) or LEFT * (sent.gas_limit - call.gas) <= sent.gas_limit
    lists = gas_of_lists(len(sent.raw), len(sent.data), len(sent.authorizations))
    return used_up and sent.gas_limit < enough + lists


def _enough(p: Parameters, call: ContractCall) -> int:
    """Gas with which no such call runs out of it, whatever the state of the game: by its method and sizes."""
    size = len(call.transaction.data)
    match call.method:
        case "submitBlocks":
            try:
                blocks = submission.decode(p, call.transaction.data[4:])
            except Malformed:
                return gas_of_call(size)
            signatures = sum(block.signers.bit_count() for block in blocks)
            return gas_of_blocks(size - 4, len(blocks), p.participants, signatures)
        case "settleRewards":
            return gas_of_pulls(size)
        case "settleSums":
            return MOST_GAS
        case "open" | "settleCosts":
            return gas_of_call(size, 2 * MAX_PARTICIPANTS)
        case "reveal" | "revealSeal" | "close":
            return gas_of_call(size)
    return gas_of_anybodys_call(size, p.participants)


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
