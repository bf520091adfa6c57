"""The relayer as a node: proofs first, then the certificate, and after long silence the skip that anybody may call."""

from abc import abstractmethod
from collections.abc import Callable, Collection, Sequence
from typing import Any

from chain_bandit.actors.messages import RELAYER, CertifiedBlock
from chain_bandit.actors.relayer import Relayer
from chain_bandit.chain.call import Call
from chain_bandit.chain.client import Coordinator
from chain_bandit.chain.errors import TransactionReverted
from chain_bandit.chain.http_node import HttpNode
from chain_bandit.chain.node import Wallet
from chain_bandit.chain.tokens import Tokens
from chain_bandit.consensus.certificate import Certificate
from chain_bandit.consensus.evidence import Equivocation
from chain_bandit.crypto.verify import Verifier
from chain_bandit.network.wire import NodeMessage
from chain_bandit.nodes.crash import at
from chain_bandit.nodes.follower import EventFollower, Follower, Recorded
from chain_bandit.nodes.prover import Prover
from chain_bandit.nodes.role import NodeRole, Post
from chain_bandit.protocol.blocks import Header, Kind, Record
from chain_bandit.protocol.ledger import Ledger, after_record, records_made
from chain_bandit.protocol.messages import Slot
from chain_bandit.protocol.submission import Submitted
from chain_bandit.protocol.transaction import gas_of_blocks

LOOK = 0.5
"""Seconds between two looks at a chain's height, while a deadline is waited for."""

STRIDE = 20
"""Blocks by which a development node is hurried at once. The record that comes meanwhile may be the last one, and then
every block more is one less to settle in."""


class RecordingRole(NodeRole):
    """`NodeRole` of a relayer: proofs, then the certificate, or what anybody may call after the deadline; once a round.

    It keeps nothing: validators retransmit what it has not recorded on the chain.

    Args:
        contract: the game's, or the agreement's, which takes proofs too.
        accounts: 20 bytes a seat, which proofs are held against.
    """

    address, speaks, rushing = RELAYER, False, frozenset[int]()

    def __init__(
        self, contract: Coordinator | Tokens, wallet: Wallet, node: HttpNode, follower: EventFollower,
        verifier: Verifier, accounts: Sequence[bytes],
    ) -> None:  # fmt: skip
        self._taking, self._wallet, self._node, self._events = contract, wallet, node, follower
        self._verifier, self._accounts = verifier, accounts
        self._proofs: dict[tuple[int, int, int], tuple[object, ...]] = {}
        self._handed: set[int] = set()
        """Against whom the contract has had a proof from here, or from somebody before."""
        self._ledger: Any = None

    def begin(self, ledger: Any) -> None:
        """Open the next round."""
        self._before = self._slots() if self._ledger is not None else ()
        self._ledger, self._done = ledger, False
        self._deadline: int | None = None
        self._look_at = 0.0

    def take(self, sender: int, round_: int, message: NodeMessage) -> list[Post]:
        """Certificates of the open round; proofs of it and of the last one, a proof a seat and role."""
        if isinstance(message, Equivocation):
            place = (message.instance, int(message.phase), int(message.role))
            is_new = place not in self._proofs and message.slot in (*self._before, *self._slots())
            if is_new and message.proves(self._accounts, self._verifier):
                self._proofs[place] = message.calldata()
        elif round_ == self._ledger.round:
            self._certified(sender, message)
        return []

    def act(self, heard: bool, late: bool) -> bool:
        """Hand in proofs, then record the round, once; by a certificate even where it comes after the deadline."""
        if self._done or not self._is_recorded():
            return False
        due = heard or late if self._is_certified() else late and self._deadline_is_over()
        if not due:
            return False
        self._report()
        at("about to record")
        try:
            call = self._record()
            self._taking.settle()
            self._done = self._is_of_this(call)
        except TransactionReverted as error:
            if not self._is_needless(error):
                raise
            self._done = True
        if not self._done:
            self._deadline = None  # it counts from the record that was made
        at("recorded")
        return True

    def _is_recorded(self) -> bool:
        """Whether the open round is one that has a record."""
        return True

    @abstractmethod
    def _slots(self) -> Collection[Slot]:
        """Where the open round's statements are made."""
        ...

    @abstractmethod
    def _certified(self, sender: int, message: NodeMessage) -> None:
        """Take in what may be a certificate."""
        ...

    @abstractmethod
    def _is_certified(self) -> bool:
        """Whether there is one."""
        ...

    @abstractmethod
    def _record(self) -> Call:
        """End the round on the chain by it, or after the deadline."""
        ...

    @property
    @abstractmethod
    def _open(self) -> int:
        """Number of the open round, or epoch."""
        ...

    def _is_of_this(self, call: Call) -> bool:
        """Whether a call has ended the open round: after the deadline it names none, and ends an earlier one where a
        reorganisation took that one's record out."""
        made = self._taking.records(call)
        return not made or made[-1][0] >= self._open

    @abstractmethod
    def _is_needless(self, refused: TransactionReverted) -> bool:
        """Whether a refusal means that the record is there, or can be none."""
        ...

    @abstractmethod
    def _blocks(self) -> int:
        """Of the deadline."""
        ...

    def _report(self) -> None:
        """The first proof against each seat that the contract has none of; what it refuses was no proof.

        What comes once a round is recorded is handed in with the next one.
        """
        for place in sorted(self._proofs):
            seat, proof = place[0], self._proofs.pop(place)
            if self._is_listed(seat):
                continue
            try:
                self._taking.report_equivocation(self._wallet, seat, proof)
                self._taking.settle()
                self._handed.add(seat)
            except TransactionReverted as refused:
                if refused.error == "AlreadyAccused":
                    self._handed.add(seat)
            at("evidence reported")

    def _is_listed(self, seat: int) -> bool:
        """Whether a proof of equivocation changes nothing for a seat any more."""
        return seat in self._events.accusations or bool(self._taking.blocked_from(seat))

    def _deadline_is_over(self) -> bool:
        """Whether anybody may end the round. A development node is hurried there; messages come in all the while."""
        now = self._taking.rpc.clock.now()
        if self._deadline is not None and now < self._look_at:
            return False
        height = self._node.height()
        if self._deadline is None:
            self._deadline, self._is_hurried = height + self._blocks(), True
        left = min(STRIDE, self._deadline - height)
        if left > 0 and self._is_hurried:
            self._node.hurry(left)
            self._is_hurried = self._node.height() >= height + left
        self._look_at = now + LOOK * (not self._is_hurried)
        return left <= 0


class RelayerRole(RecordingRole):
    """The relayer of a bandit game."""

    def __init__(
        self, relayer: Relayer, contract: Coordinator, wallet: Wallet, node: HttpNode, follower: Follower,
        verifier: Verifier,
    ) -> None:  # fmt: skip
        super().__init__(contract, wallet, node, follower, verifier, relayer.rules.addresses)
        self._relayer, self._rules, self._contract, self._follower = relayer, relayer.rules, contract, follower
        self._prover, self._is_through = Prover(self._rules, verifier, contract, follower), False

    def begin(self, ledger: Ledger) -> None:
        """Open the next round."""
        super().begin(ledger)
        self._relayer.begin(ledger)

    def close(self, found: Recorded | None) -> None:
        """Look for false reports."""
        if found is not None:
            self._prover.on_record(self._ledger, found)

    def finish(self) -> bool:
        """Prove what the last settlements show, as long as it is not too late; stay until the game is closed.

        A reorganisation may take out records until then, which it sends again.
        """
        self._follower.rest()
        if self._rules.parameters.provable and self._follower.costs_from is None and not self._is_through:
            self._prover.prove(self._wallet)
            self._is_through = self._prover.is_over()
        return self._follower.closed

    def _report(self) -> None:
        self._prover.prove(self._wallet)
        super()._report()

    def _is_listed(self, seat: int) -> bool:
        """One of whom a false report alone is proven may be acquitted of it, but not of an equivocation too."""
        return super()._is_listed(seat) and (seat in self._handed or not self._follower.is_liar(seat))

    def _is_recorded(self) -> bool:
        return bool(self._ledger.round >= self._rules.parameters.burn_in)

    def _slots(self) -> Collection[Slot]:
        return (self._rules.slot(self._ledger),)

    def _certified(self, sender: int, message: NodeMessage) -> None:
        if isinstance(message, CertifiedBlock | Certificate):
            self._relayer.on_message(sender, message)

    def _is_certified(self) -> bool:
        return bool(self._relayer.block or self._relayer.skip)

    def _record(self) -> Call:
        block, skip = self._relayer.block, self._relayer.skip
        if block is not None:
            return self._submit(block)
        committee, done = self._next_committee(), self._recorded()
        if skip is not None:
            return self._contract.skip(self._wallet, committee, skip.signers, skip.signatures, done)
        return self._contract.skip_after_deadline(self._wallet, committee, done)

    @property
    def _open(self) -> int:
        return int(self._ledger.round)

    def _is_needless(self, refused: TransactionReverted) -> bool:
        return refused.error == "GameIsOver" or bool(self._recorded()("latest"))  # somebody else was faster

    def _blocks(self) -> int:
        parameters = self._rules.parameters
        first = self._ledger.round == parameters.burn_in
        return parameters.skip_deadline + (parameters.burn_in_blocks if first else 0)

    def _submit(self, block: CertifiedBlock) -> Call:
        parameters = self._rules.parameters
        header, certificate = Header.decode(block.header, parameters), block.certificate
        part = Submitted.of(parameters, header, block.body, certificate.signers, certificate.signatures)
        encoded = part.encode(parameters)
        gas = gas_of_blocks(len(encoded), 1, parameters.participants, part.signers.bit_count())
        return self._contract.submit_blocks(self._wallet, [encoded], self._recorded(), gas)

    def _recorded(self) -> Callable[[str], int]:
        return self._contract.recorded_since(self._ledger.round)

    def _next_committee(self) -> int:
        """Validators of the round after the skip, and after the exploration that may come with it."""
        parameters, ledger = self._rules.parameters, self._ledger
        for record in records_made(parameters, ledger, Record(ledger.round, Kind.SKIP)):
            ledger = after_record(parameters, ledger, record)
        return ledger.committee if parameters.has_committees else 0
