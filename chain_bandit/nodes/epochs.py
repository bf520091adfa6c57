"""Nodes of an agreement on tokens: its records off the chain, and the roles of participant, validator and relayer."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from chain_bandit.actors.epochs.epoch import Doubts, Ended, Epoch, Shared, Stage, Staged
from chain_bandit.actors.epochs.participant import EpochParticipant
from chain_bandit.actors.epochs.relayer import EpochRelayer
from chain_bandit.actors.epochs.transcript import StepObservation
from chain_bandit.actors.epochs.validator import EpochValidator
from chain_bandit.actors.messages import RELAYER
from chain_bandit.chain.artifacts import tokens_artifact
from chain_bandit.chain.call import Call
from chain_bandit.chain.errors import TransactionReverted
from chain_bandit.chain.http_node import HttpNode
from chain_bandit.chain.node import Wallet
from chain_bandit.chain.tokens import Tokens
from chain_bandit.consensus.certificate import Certificate, Vote
from chain_bandit.crypto.verify import Verifier
from chain_bandit.game.errors import RecordMismatch
from chain_bandit.network.wire import NodeMessage
from chain_bandit.nodes.crash import at
from chain_bandit.nodes.follower import EventFollower
from chain_bandit.nodes.relayer import RecordingRole
from chain_bandit.nodes.role import NodeRole, Post, ToldProofs, posts
from chain_bandit.nodes.round_rules import AgreementRounds
from chain_bandit.nodes.sign_once import SignedJournal, place_of
from chain_bandit.protocol.agreement import body
from chain_bandit.protocol.agreement.ledger import AgreementLedger, after_epoch
from chain_bandit.protocol.agreement.terms import AgreementTerms
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.messages import NO_BLOCK, Phase, Role, Slot


@dataclass(frozen=True, slots=True)
class EpochRecorded:
    """How the chain shows that an epoch ended.

    Attributes:
        after: what it leaves, by the rules.
        word: agreed, nothing (by a quorum's word) or deadline.
        certificate: whose signatures the contract took; None after a deadline.
    """

    after: AgreementLedger
    word: str
    certificate: Certificate | None


class EpochFollower(EventFollower):
    """One agreement's events; see `EventFollower`."""

    def __init__(
        self, contract: Tokens, first_block: int, confirmations: int = 1,
        is_as_it_was: Callable[[], bool] = lambda: True,
    ) -> None:  # fmt: skip
        super().__init__(contract, tokens_artifact(), first_block, confirmations, is_as_it_was)
        self._contract, self._given = contract, -1

    def next(self, terms: AgreementTerms, ledger: AgreementLedger) -> EpochRecorded | None:
        """The record of the open epoch, if the chain has one; the accusations before it are in `accusations` then."""
        if not self._waiting:
            self._read()
        while self._waiting:
            name, values, transaction = self._waiting[0]
            found = self._ended(terms, ledger, values, transaction) if name == "TokenAgreed" else None
            self._waiting.popleft()
            if found is not None:
                self._given = ledger.epoch
                return found
            seat, since = values
            self.accusations[seat] = since
        return None

    def lacks(self, at: tuple[int, str]) -> str | None:
        """The first event read that the branch of a block lacks, in words; None where it has all of them."""
        epoch = self._contract.next_epoch(at) if self._given >= 0 and self._contract.is_there() else 0
        if epoch <= self._given:
            return f"its last record is of epoch {epoch - 1}, not {self._given}"
        return super().lacks(at)

    def is_over(self) -> bool:
        """No: epochs can always be added."""
        return False

    def is_closed(self) -> bool:
        """No: there are no accounts."""
        return False

    def _ended(
        self, terms: AgreementTerms, ledger: AgreementLedger, said: tuple[Any, ...], transaction: str
    ) -> EpochRecorded:
        method, arguments = self._call(transaction)
        data, *certificate = arguments if method == "agree" else (b"", None)
        try:
            found = body.decode(terms, data) if data else None
        except body.BodyMalformed as error:
            raise RecordMismatch(ledger.epoch, "a body", error) from error
        content = keccak(data) if data else NO_BLOCK
        after = after_epoch(terms, ledger, found, content)
        expected = (ledger.epoch, after.token, found.counted if found else 0, after.head)
        if said != expected:
            raise RecordMismatch(ledger.epoch, expected, said)
        if method != "agree":
            return EpochRecorded(after, "deadline", None)
        return EpochRecorded(after, "agreed" if data else "nothing", Certificate(content, *certificate))


OwnOf = Callable[[AgreementLedger], tuple[int, bytes, Sequence[StepObservation]]]
"""A participant's own of an open epoch, asked for epoch by epoch: its token, a salt (`EpochParticipant.begin`), and
what it saw in the epoch's steps. Asked again, in another life, it gives the same."""


class _EpochRole(NodeRole):
    """What participants and validators have in common."""

    speaks, rushing = True, frozenset[int]()

    def __init__(self, rounds: AgreementRounds, journal: SignedJournal) -> None:
        self._rounds, self._journal = rounds, journal

    def take(self, sender: int, round_: int, message: NodeMessage) -> list[Post]:
        """Whatever belongs to the open epoch."""
        if round_ == self._epoch.ledger.epoch and isinstance(message, Shared | Staged | Doubts | Vote):
            self._actor.on_message(sender, message)
        return []

    def recorded(self, found: EpochRecorded) -> list[Post]:
        """Hold the record against the journal. Raises `JournalRolledBack`."""
        at("record seen")
        slot, certificate = self._epoch.slot, found.certificate
        if certificate is not None and certificate.signers >> self.address & 1:
            digest = slot.digest(Phase.BLOCK, Role.SIGNER, 0, certificate.content)
            self._journal.require(place_of(slot, Phase.BLOCK, Role.SIGNER, 0), digest)
        return []

    def close(self, found: EpochRecorded | None) -> None:
        """Nothing more is signed in it."""
        at("round closed")
        self._journal.forget(self._epoch.ledger.epoch)

    def sync(self) -> None:
        """The journal."""
        self._journal.sync()

    _epoch: Epoch
    _actor: EpochParticipant | EpochValidator


class EpochParticipantRole(_EpochRole):
    """`NodeRole` of a participant: it keeps nothing, for its own follows from the records."""

    def __init__(
        self, participant: EpochParticipant, rounds: AgreementRounds, journal: SignedJournal, own: OwnOf
    ) -> None:
        super().__init__(rounds, journal)
        self.address, self._actor, self._own = participant.seat, participant, own

    def begin(self, ledger: AgreementLedger) -> None:
        """Open the next epoch."""
        self._epoch = self._rounds.epoch(ledger)
        self._actor.begin(self._epoch, *self._own(ledger))

    def tick(self, step: int) -> list[Post]:
        """The participant's messages."""
        return posts(self._actor.on_tick(step))

    _actor: EpochParticipant


class EpochValidatorRole(_EpochRole):
    """`NodeRole` of a validator. One that was away in an epoch has no shares of it, and is silent to its end."""

    def __init__(self, validator: EpochValidator, rounds: AgreementRounds, journal: SignedJournal) -> None:
        super().__init__(rounds, journal)
        self.address, self._actor, self._proofs = validator.seat, validator, ToldProofs()

    def begin(self, ledger: AgreementLedger) -> None:
        """Open the next epoch."""
        self._epoch = self._rounds.epoch(ledger)
        self._actor.begin(self._epoch)
        self._last: list[Post] = []
        self._tells = False
        self._proofs.begin(ledger.epoch)

    def tick(self, step: int) -> list[Post]:
        """The validator's messages; with the last ones go its proofs of equivocation."""
        said = posts(self._actor.on_tick(step))
        if step != self._epoch.certify:
            return said
        self._last, self._tells = said, True
        return said + self._untold()

    def take(self, sender: int, round_: int, message: NodeMessage) -> list[Post]:
        """Whatever belongs to the open epoch, and what it proves after the last messages."""
        return super().take(sender, round_, message) + self._untold()

    def recorded(self, found: EpochRecorded) -> list[Post]:
        """Tell what is proven by now."""
        self._tells = True
        return super().recorded(found) + self._untold()

    def insist(self) -> list[Post]:
        """Certificate and proofs: the relayer may have been away."""
        return [(to, message) for to, message in self._last if to == RELAYER] + self._proofs.again()

    def _untold(self) -> list[Post]:
        return self._proofs.new(self._actor.equivocations()) if self._tells else []

    _actor: EpochValidator


class EpochRelayerRole(RecordingRole):
    """The relayer of an agreement."""

    def __init__(
        self, rounds: AgreementRounds, contract: Tokens, wallet: Wallet, node: HttpNode, follower: EpochFollower,
        verifier: Verifier,
    ) -> None:  # fmt: skip
        super().__init__(contract, wallet, node, follower, verifier, rounds.accounts)
        self._relayer, self._rounds, self._contract = EpochRelayer(verifier), rounds, contract

    def begin(self, ledger: AgreementLedger) -> None:
        """Open the next epoch."""
        super().begin(ledger)
        self._epoch = self._rounds.epoch(ledger)
        self._relayer.begin(self._epoch)

    def _slots(self) -> Collection[Slot]:
        return (self._epoch.slot, *map(self._epoch.slot_of, Stage))

    def _certified(self, sender: int, message: NodeMessage) -> None:
        if isinstance(message, Ended):
            self._relayer.on_message(sender, message)

    def _is_certified(self) -> bool:
        return self._relayer.ended is not None

    def _record(self) -> Call:
        epoch, ended = self._ledger.epoch, self._relayer.ended
        if ended is None:
            return self._contract.keep_after_deadline(self._wallet, epoch)
        certificate = ended.certificate
        return self._contract.agree(self._wallet, epoch, ended.body, certificate.signers, certificate.signatures)

    @property
    def _open(self) -> int:
        return int(self._ledger.epoch)

    def _is_needless(self, refused: TransactionReverted) -> bool:
        return bool(self._contract.next_epoch() > self._ledger.epoch)  # somebody else was faster

    def _blocks(self) -> int:
        return int(self._rounds.parameters.deadline)
