"""An agreement on tokens, played in one process and kept on a chain: an epoch a call, see `actors/epochs`."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Protocol

from chain_bandit.actors.epochs.epoch import Ended, Epoch
from chain_bandit.actors.epochs.participant import EpochParticipant
from chain_bandit.actors.epochs.relayer import EpochRelayer
from chain_bandit.actors.epochs.transcript import Sent, witnessed
from chain_bandit.actors.epochs.validator import EpochValidator
from chain_bandit.actors.messages import RELAYER
from chain_bandit.chain.node import DevelopmentNode, Wallet
from chain_bandit.chain.tokens import Tokens
from chain_bandit.consensus.evidence import Equivocation
from chain_bandit.crypto.verify import Verifier
from chain_bandit.game.errors import RecordMismatch
from chain_bandit.mediate.agreement.agreer import AgreedTokens
from chain_bandit.mediate.agreement.tokens import check
from chain_bandit.network.memory import Actor, Heard, MemoryNetwork, ignore
from chain_bandit.protocol.agreement import body, ledger
from chain_bandit.protocol.agreement.terms import AgreementTerms
from chain_bandit.protocol.messages import Domain
from chain_bandit.stopwatch import Stopwatch


class AgreementRecorder(Protocol):
    """Keeps the epochs of an agreement, each held against the rules."""

    def open(self, terms: AgreementTerms, accounts: Sequence[bytes]) -> Domain:
        """Begin; gives the domain that everything is signed for."""
        ...

    def report(self, proof: Equivocation) -> None:
        """Hand in a proof of equivocation."""
        ...

    def record(self, epoch: int, ended: Ended | None) -> None:
        """End an epoch: by a quorum's word, or without one by its deadline; somebody else may have ended it so."""
        ...

    def follow(self, ends: Sequence[ledger.AgreementLedger]) -> ledger.AgreementLedger:
        """Where the record stands, by the rules.

        Args:
            ends: all that the epoch can have come to; others may have ended later ones by their deadlines since.

        Raises:
            RecordMismatch: it stands elsewhere.
        """
        ...


class AgreementOnChain:
    """`AgreementRecorder` over the contract.

    Attributes:
        contract: once it is open.
    """

    def __init__(self, node: DevelopmentNode, relayer: Wallet) -> None:
        self.node, self._relayer = node, relayer

    def open(self, terms: AgreementTerms, accounts: Sequence[bytes]) -> Domain:
        """Deploy."""
        self._terms = terms
        self.contract = Tokens.deploy(self.node.line, self._relayer, terms, accounts, Stopwatch(), self.node.delivery)
        return Domain(self.contract.chain_id, self.contract.address, terms.digest(accounts))

    def report(self, proof: Equivocation) -> None:
        """Hand it in."""
        self.contract.report_equivocation(self._relayer, proof.instance, proof.calldata())

    def record(self, epoch: int, ended: Ended | None) -> None:
        """Submit what ended the epoch; let the deadline pass where nothing did."""
        contract = self.contract
        if ended is not None:
            certificate = ended.certificate
            contract.agree(self._relayer, epoch, ended.body, certificate.signers, certificate.signatures)
            return
        contract.settle()
        if contract.next_epoch() == epoch:
            self.node.mine(self._terms.deadline)
            contract.keep_after_deadline(self._relayer, epoch)

    def follow(self, ends: Sequence[ledger.AgreementLedger]) -> ledger.AgreementLedger:
        """Follow the contract's head. It has the excluded seats too: others may submit proofs."""
        contract, terms = self.contract, self._terms
        contract.settle()
        epoch = -1
        while epoch != contract.next_epoch():  # else all of it is of one epoch
            epoch, head = contract.next_epoch(), contract.head()
            since = tuple(map(contract.blocked_from, range(terms.places)))
        for state in ends:
            while state.epoch < epoch:
                state = ledger.after_epoch(terms, state, None)
            if state.head == head:
                return replace(state, blocked_from=since)
        raise RecordMismatch(ends[0].epoch - 1, ends[0].head, head)


StepRunner = Callable[[dict[int, Actor], int], None]
"""Lets actors, by address, play so many steps."""


def synchronous(rushing: Collection[int] = (), heard: Heard = ignore) -> StepRunner:
    """In memory: what is sent in a step arrives before the next one begins; see `MemoryNetwork`."""

    def run(actors: dict[int, Actor], steps: int) -> None:
        network = MemoryNetwork(actors, list(actors), rushing, heard)
        for step in range(steps):
            network.step(step)

    return run


class Agreement:
    """See `mediate.agreement.agreer.Agreer`: everybody's shares, a quorum's word, a record an epoch.

    Attributes:
        ledger: where it stands.
        ended: of each epoch what a quorum ended it with; None where there was none, and its deadline did. On a chain
            that others write to too the deadline may have come before a quorum's word.

    Args:
        run: plays the steps of an epoch.
    """

    def __init__(
        self, terms: AgreementTerms, participants: Sequence[EpochParticipant], validators: Sequence[EpochValidator],
        accounts: Sequence[bytes], recorder: AgreementRecorder, verifier: Verifier, run: StepRunner | None = None,
    ) -> None:  # fmt: skip
        terms.check()
        self.terms, self.participants, self.validators, self._accounts = terms, participants, validators, accounts
        self._recorder, self._verifier, self._run = recorder, verifier, run or synchronous()
        self._separator = recorder.open(terms, accounts).separator()
        self.ledger = ledger.opening(terms, accounts)
        self.ended: list[Ended | None] = []

    def agree(self, tokens: Sequence[int], salts: Sequence[bytes]) -> AgreedTokens:
        """One epoch's token, clamped, for everybody; see `Agreer`."""
        return (self.play(tokens, salts),) * len(tokens)

    def play(self, tokens: Sequence[int], salts: Sequence[bytes], sent: Sequence[Sequence[Sent]] = ()) -> int:
        """One epoch; gives the token in use after it.

        Args:
            tokens: of each participant, in units.
            salts: 32 bytes of each, its secret and used once.
            sent: by each in the epoch's steps, where credits are kept; nothing by nobody unless it is said.

        Raises:
            TokenInvalid, ParticipantsInvalid: see `tokens.check`.
            RecordMismatch: the record is not what the rules give.
        """
        check(tokens)
        epoch, relayer = Epoch(self.terms, self.ledger, self._accounts, self._separator), EpochRelayer(self._verifier)
        nothing = ((Sent(False, False),) * self.terms.steps,) * len(tokens)
        rows = witnessed(sent or nothing)
        for participant, token, salt, row in zip(self.participants, tokens, salts, rows, strict=True):
            participant.begin(epoch, token, salt, row)
        for validator in self.validators:
            validator.begin(epoch)
        relayer.begin(epoch)
        actors: dict[int, Actor] = {RELAYER: relayer, **{each.seat: each for each in self.participants}}
        self._run(actors | {each.seat: each for each in self.validators}, epoch.steps)
        self._accuse()
        self._end(relayer.ended)
        self._verifier.forget()
        return self.ledger.token

    def _accuse(self) -> None:
        """Hand in the first proof against each seat."""
        for validator in self.validators:
            for proof in validator.equivocations():
                known = self.ledger.blocked_from[proof.instance]
                if not known and proof.proves(self._accounts, self._verifier):
                    self._recorder.report(proof)
                    self.ledger = ledger.accused(self.ledger, proof.instance)

    def _end(self, ended: Ended | None) -> None:
        self.ended.append(ended)
        before = self.ledger
        self._recorder.record(before.epoch, ended)
        kept = ledger.after_epoch(self.terms, before, None)
        if ended is None:
            agreed = kept
        else:
            found = body.decode(self.terms, ended.body) if ended.body else None
            agreed = ledger.after_epoch(self.terms, before, found, ended.certificate.content)
        self.ledger = self._recorder.follow((agreed, kept))
