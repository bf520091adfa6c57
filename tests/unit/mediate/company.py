"""Participants and validators of an agreement, some of them Byzantine, and a recorder without a chain."""

import random
from collections.abc import Callable, Sequence

from chain_bandit.actors.epochs.epoch import Ended, Epoch, EpochMessage, Shared, Stage, Staged
from chain_bandit.actors.epochs.participant import EpochParticipant
from chain_bandit.actors.epochs.validator import EpochValidator
from chain_bandit.actors.messages import Send
from chain_bandit.consensus.broadcast import Claim, Frame
from chain_bandit.consensus.evidence import Equivocation
from chain_bandit.crypto.keys import Signer
from chain_bandit.crypto.verify import Verifier
from chain_bandit.game.agreement import Agreement, AgreementRecorder, synchronous
from chain_bandit.network.memory import Heard, ignore
from chain_bandit.protocol.agreement import body, ledger
from chain_bandit.protocol.agreement.terms import AgreementTerms
from chain_bandit.protocol.digests import keccak, uint
from chain_bandit.protocol.messages import Domain, Phase, Role, statement_content
from chain_bandit.protocol.units import UNIT

TERMS = AgreementTerms(
    participants=6, validators=4, faulty=1, groups=1, first=UNIT // 10, most=10 * UNIT, step=10 * UNIT, steps=0,
    deadline=5,
)  # fmt: skip

Probes = tuple[int | None, ...]


class Nowhere:
    """`AgreementRecorder` that keeps what it is handed."""

    def __init__(self) -> None:
        self.proofs: list[Equivocation] = []
        self.states: list[ledger.AgreementLedger] = []

    def open(self, terms: AgreementTerms, accounts: Sequence[bytes]) -> Domain:
        return Domain(1, bytes(20), terms.digest(accounts))

    def report(self, proof: Equivocation) -> None:
        self.proofs.append(proof)

    def record(self, epoch: int, ended: Ended | None) -> None:
        pass

    def follow(self, ends: Sequence[ledger.AgreementLedger]) -> ledger.AgreementLedger:
        self.states.append(ends[0])
        return ends[0]


def signers(label: bytes, count: int) -> list[Signer]:
    return sorted((Signer(keccak(label, uint(at, 2))) for at in range(count)), key=lambda each: each.address)


def salts(epoch: int, count: int) -> list[bytes]:
    return [keccak(b"salt", uint(epoch, 4), uint(at, 2)) for at in range(count)]


def company(
    terms: AgreementTerms = TERMS, recorder: AgreementRecorder | None = None,
    dealers: dict[int, type[EpochParticipant]] | None = None,
    holders: dict[int, type[EpochValidator]] | None = None, heard: Heard = ignore,
) -> Agreement:  # fmt: skip
    """An agreement in which the seats named are of other kinds, and act after all others."""
    dealers, holders = dealers or {}, holders or {}
    verifier, first = Verifier(), terms.participants
    dealing, holding = signers(b"participant", first), signers(b"validator", terms.validators)
    participants = [dealers.get(at, EpochParticipant)(at, signer) for at, signer in enumerate(dealing)]
    validators = [
        holders.get(first + at, EpochValidator)(first + at, signer, verifier) for at, signer in enumerate(holding)
    ]
    accounts = [signer.address for signer in (*dealing, *holding)]
    run = synchronous({*dealers, *holders}, heard)
    return Agreement(terms, participants, validators, accounts, recorder or Nowhere(), verifier, run)


def some_tokens(count: int, epoch: int = 0, most: int = 3 * UNIT) -> list[int]:
    chance = random.Random(epoch)
    return [chance.randrange(most) for _ in range(count)]


def flipped(content: bytes) -> bytes:
    """Other bytes of the same length, field elements where those were."""
    return content[:-1] + bytes([content[-1] ^ 1])


class FalseSums(EpochValidator):
    """Says another sum than its own."""

    def _command(self, stage: Stage, content: bytes) -> list[Send]:
        return super()._command(stage, flipped(content) if stage is Stage.SUM else content)


class FalseProbes(EpochValidator):
    """Says of every share that it is off."""

    def _command(self, stage: Stage, content: bytes) -> list[Send]:
        if stage is Stage.PROBE:
            content = b"".join(flipped(content[at : at + 12]) for at in range(0, len(content), 12))
        return super()._command(stage, content)


class NoProbes(EpochValidator):
    """Says of every share that it has none, and asks for those of others."""

    def _command(self, stage: Stage, content: bytes) -> list[Send]:
        return super()._command(stage, b"\xff" * len(content) if stage is Stage.PROBE else content)


class Silent(EpochValidator):
    """Says nothing."""

    def on_tick(self, step: int) -> list[Send]:
        super().on_tick(step)
        return []


class TwoSums(EpochValidator):
    """Says one sum to some, another one to others."""

    def _command(self, stage: Stage, content: bytes) -> list[Send]:
        sends = super()._command(stage, content)
        if stage is not Stage.SUM:
            return sends
        other = self._other(stage, flipped(content))
        return [Send(self._others[:1], sends[0].message), Send(self._others[1:], Staged(stage, other))]

    def _other(self, stage: Stage, content: bytes) -> Frame:
        stated = statement_content(Phase.REPORT, content)
        signature = self._signer.state(self.epoch.slot_of(stage), Phase.REPORT, Role.COMMANDER, self.seat, stated)
        return Frame(Phase.REPORT, (Claim(self.seat, content, signature),))


class TwoVotes(EpochValidator):
    """Signs what came out, and that nothing did."""

    def _vote(self) -> list[Send]:
        (send,) = super()._vote()
        self._result = lambda: b""  # type: ignore[method-assign]
        (other,) = super()._vote()
        del self._result  # type: ignore[method-assign]
        return [Send(send.to[:1], send.message), Send(send.to[1:], other.message)]


class Withholding(EpochParticipant):
    """Deals one validator nothing, and opens nothing."""

    def on_tick(self, step: int) -> list[Send]:
        if step == self.epoch.start(Stage.OPEN):
            return []
        return [send for send in super().on_tick(step) if not self._is_withheld(send)]

    def _is_withheld(self, send: Send) -> bool:
        return isinstance(send.message, Shared) and send.to == self._holders[:1]


class LateOpening(Withholding):
    """Deals one validator nothing, but opens its share when it is asked."""

    def on_tick(self, step: int) -> list[Send]:
        return [send for send in EpochParticipant.on_tick(self, step) if not self._is_withheld(send)]


class OffPolynomial(EpochParticipant):
    """Deals shares, each as its leaf has it, that are of no one token; opens what it is asked."""

    def begin(self, *arguments: object) -> None:
        super().begin(*arguments)  # type: ignore[arg-type]
        other = type(self._dealing)
        from chain_bandit.actors.epochs.dealing import deal
        from chain_bandit.protocol.sharing import leaf

        terms = self.epoch.terms
        second = deal(7, keccak(b"another"), terms.faulty, terms.validators)
        shares = (*second.shares[:1], *self._dealing.shares[1:])
        self._dealing = other(b"".join(leaf(at, share) for at, share in enumerate(shares)), shares)


class TwoDealings(EpochParticipant):
    """Says one thing of what it deals to some, another to others."""

    def on_tick(self, step: int) -> list[Send]:
        sends = super().on_tick(step)
        if step != self.epoch.start(Stage.DEAL):
            return sends
        *shared, stated = sends
        other = self._state(Stage.DEAL, flipped(self._dealing.leaves + self._row))
        return [*shared, Send(stated.to[:1], stated.message), Send(stated.to[1:], other.message)]


class Rushing(EpochValidator):
    """Knows what all others say of their shares before it says what `said` makes of it: their probes, and its own.

    Attributes:
        said: gives its own probes, from everybody's by place.
    """

    said: Callable[["Rushing", dict[int, Probes]], Probes]

    def begin(self, epoch: Epoch) -> None:
        super().begin(epoch)
        self.probes: dict[int, Probes] = {}

    def on_message(self, sender: int, message: EpochMessage) -> None:
        super().on_message(sender, message)
        if isinstance(message, Staged) and message.stage is Stage.PROBE:
            for claim in message.frame.claims:
                place = claim.instance - self.epoch.terms.participants
                self.probes.setdefault(place, self._read(claim.content))

    def _command(self, stage: Stage, content: bytes) -> list[Send]:
        if stage is Stage.PROBE:
            self.probes[self._place] = self._read(content)
            content = body.encoded(self.said(self.probes))
        return super()._command(stage, content)

    def _read(self, content: bytes) -> Probes:
        return body.values(content, self.epoch.terms.participants)


class FewShares(EpochParticipant):
    """Deals the first and the last validator alone their shares, and opens nothing."""

    def on_tick(self, step: int) -> list[Send]:
        if step == self.epoch.start(Stage.OPEN):
            return []
        kept = {self._holders[0], self._holders[-1]}
        return [send for send in super().on_tick(step) if not self._is_to_others(send, kept)]

    @staticmethod
    def _is_to_others(send: Send, kept: set[int]) -> bool:
        return isinstance(send.message, Shared) and not kept.issuperset(send.to)


class FewSharesOpened(FewShares):
    """Deals the first and the last validator alone their shares, but opens what it is asked."""

    def on_tick(self, step: int) -> list[Send]:
        kept = {self._holders[0], self._holders[-1]}
        return [send for send in EpochParticipant.on_tick(self, step) if not self._is_to_others(send, kept)]
