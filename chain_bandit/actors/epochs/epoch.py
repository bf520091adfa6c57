"""One epoch, shared by all its actors: its slots, its clock, and the messages between them."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from chain_bandit.consensus.broadcast import Frame
from chain_bandit.consensus.certificate import Certificate, Vote
from chain_bandit.protocol.agreement.ledger import AgreementLedger
from chain_bandit.protocol.agreement.terms import AgreementTerms
from chain_bandit.protocol.digests import keccak, uint
from chain_bandit.protocol.messages import Slot

_STAGE = keccak(b"chain_bandit.mediate.stage")


class Stage(IntEnum):
    """What is agreed on in an epoch by signed broadcast, one after the other."""

    DEAL = 0
    """Participants: the leaves that bind their shares, and what they saw in the epoch's steps."""
    PROBE = 1
    """Validators: a probe of each share, or that there is none."""
    OPEN = 2
    """Participants: shares that are in doubt."""
    SUM = 3
    """Validators: the sums of their shares, group by group."""


@dataclass(frozen=True, slots=True)
class Shared:
    """A validator's share of a participant's token: for its eyes alone."""

    share: bytes


@dataclass(frozen=True, slots=True)
class Staged:
    """Claims of one stage's broadcasts."""

    stage: Stage
    frame: Frame


@dataclass(frozen=True, slots=True)
class Doubts:
    """A validator asks a participant to open the shares of these validators (their places)."""

    places: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Ended:
    """A quorum's word on an epoch, and the body that it is on; empty where the epoch came to nothing."""

    body: bytes
    certificate: Certificate


EpochMessage = Shared | Staged | Doubts | Vote | Ended


@dataclass(frozen=True, slots=True)
class Epoch:
    """What all know when an epoch opens.

    Attributes:
        accounts: 20 bytes a seat.
        separator: of the agreement's domain.
    """

    terms: AgreementTerms
    ledger: AgreementLedger
    accounts: Sequence[bytes]
    separator: bytes

    @property
    def slot(self) -> Slot:
        """Where the quorum signs."""
        return Slot(self.separator, self.ledger.epoch, self.ledger.head)

    def slot_of(self, stage: Stage) -> Slot:
        """Where a stage's commanders sign: one thing each."""
        parent = keccak(_STAGE, uint(stage, 1), self.ledger.head)
        return Slot(self.separator, self.ledger.epoch, parent, 1 + stage)

    @property
    def _steps(self) -> int:
        """Of a broadcast."""
        return self.terms.relay_rounds + 1

    def start(self, stage: Stage) -> int:
        """The step in which a stage's commanders send; the one of doubts comes before the openings."""
        return stage * self._steps + (stage >= Stage.OPEN)

    def relays(self, stage: Stage, step: int) -> bool:
        """Whether validators hand a stage's claims on in a step."""
        return 0 < step - self.start(stage) < self._steps

    @property
    def doubt(self) -> int:
        """The step in which validators declare the dealings that they doubt."""
        return self.start(Stage.OPEN) - 1

    @property
    def vote(self) -> int:
        """The step in which validators sign the outcome of the sums."""
        return self.start(Stage.SUM) + self._steps

    @property
    def certify(self) -> int:
        """The step in which holders of a certificate pass it on."""
        return self.vote + 1

    @property
    def steps(self) -> int:
        """Ticks of a whole epoch."""
        return self.certify + 1
