"""Role interface: the actor that a node drives, with its duties to disk and chain."""

from abc import abstractmethod
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from chain_bandit.actors.messages import RELAYER
from chain_bandit.chain.client import Coordinator
from chain_bandit.chain.errors import TransactionReverted
from chain_bandit.consensus.evidence import Equivocation
from chain_bandit.network.memory import Outgoing
from chain_bandit.network.wire import NodeMessage
from chain_bandit.protocol.messages import Phase, Role, Slot

Post = tuple[int, NodeMessage]
"""A message on its way to an address."""


class NodeRole(Protocol):
    """One address of the game. What its methods give is sent, once the journals are on disk; by default it is nothing.

    Attributes:
        address: as in `actors.messages`; a participant's is its seat.
        speaks: whether it takes part in the steps of rounds: all wait for those that do.
        rushing: senders whose messages of a step it wants to see before it sends its own; empty for the honest.
    """

    address: int
    speaks: bool
    rushing: frozenset[int]

    @abstractmethod
    def begin(self, ledger: Any) -> None:
        """Open the next round."""
        ...

    def tick(self, step: int) -> list[Post]:
        """Messages to send in a step."""
        return []

    @abstractmethod
    def take(self, sender: int, round_: int, message: NodeMessage) -> list[Post]:
        """Take in a message that was sent in a round, which need not be the open one."""
        ...

    def overdue(self) -> list[Post]:
        """Messages to send as soon as possible, whatever round is open: polled again and again."""
        return []

    def expects(self) -> bool:
        """Whether `overdue` is about to have something to send."""
        return False

    def body(self) -> bytes:
        """Of the block that this node may sign in the open round, as soon as it has one; else empty."""
        return b""

    def settled(self) -> bool:
        """Whether nothing that others still send in the steps of the open round can change what this role sends."""
        return False

    def ready(self) -> bool:
        """Whether the open step has brought what a settled role takes from it."""
        return False

    def is_done(self) -> bool:
        """Whether it has nothing more to send in the steps of the open round."""
        return False

    def insist(self) -> list[Post]:
        """Messages to send after the steps, and again until the round is recorded."""
        return []

    def act(self, heard: bool, late: bool) -> bool:
        """Call the contract for the open round's record.

        Args:
            heard: whether all steps are over.
            late: whether the record is long due.

        Returns: whether the record has just been made.
        """
        return False

    def recorded(self, found: Any) -> list[Post]:
        """The open round is recorded; `waits` tells whether it stays open all the same."""
        return []

    def waits(self) -> bool:
        """Whether something of the round is still to come, before the next one begins."""
        return False

    def ask(self) -> list[Post]:
        """Requests for it."""
        return []

    def close(self, found: Any) -> None:
        """The round is over: its record, None in the burn-in."""
        return

    def finish(self) -> bool:
        """After the last round: do what is next on the chain; True when nothing is left to be done."""
        return True

    def sync(self) -> None:
        """Return when all that its signatures rest on would survive a loss of power."""
        return

    def once(self, contract: Coordinator, call: Callable[[], object], *done: str) -> str | None:
        """Make a call, unless made before a restart; what it rests on, such as receipts, is on disk before.

        Args:
            done: errors by which the contract refuses a call that was made already, or that comes too late.

        Returns: which of these it raised; None where the call was made.
        """
        self.sync()
        try:
            call()
            contract.settle()
        except TransactionReverted as error:
            if error.error not in done:
                raise
            return error.error
        return None


class ToldProofs:
    """The proofs of equivocation that a role has told the relayer, of the open round and of the last one."""

    def __init__(self) -> None:
        self._proofs: dict[tuple[Slot, int, Phase, Role], Equivocation] = {}

    def begin(self, round_: int) -> None:
        """Another round is open: the relayer takes no proof of one before the last any more."""
        self._proofs = {place: proof for place, proof in self._proofs.items() if proof.slot.round >= round_ - 1}

    def new(self, proofs: Iterable[Equivocation]) -> list[Post]:
        """Tell those that were not told yet: one a slot, accused seat, phase and role."""
        said: list[Post] = []
        for proof in proofs:
            place = proof.slot, proof.instance, proof.phase, proof.role
            if place not in self._proofs:
                self._proofs[place] = proof
                said.append((RELAYER, proof))
        return said

    def again(self) -> list[Post]:
        """All of them: the relayer may have been away."""
        return [(RELAYER, proof) for proof in self._proofs.values()]


def posts(sends: Iterable[Outgoing]) -> list[Post]:
    """Each message with each of its receivers."""
    return [(to, send.message) for send in sends for to in send.to]
