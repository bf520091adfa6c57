"""Messages between actors, and the clock of a round (protocol.md: Steps)."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from chain_bandit.comparison.interface import Opening
from chain_bandit.consensus.broadcast import Claim, Frame
from chain_bandit.consensus.certificate import Certificate, Vote
from chain_bandit.consensus.echo import Echo
from chain_bandit.consensus.vector import Vector
from chain_bandit.protocol.messages import Phase
from chain_bandit.protocol.proposal import Bits

ENVIRONMENT = -1
COMPARISON = -2
RELAYER = -3
"""Addresses of actors that hold no seat; a participant's address is its seat."""


@dataclass(frozen=True, slots=True)
class CertifiedBlock:
    """A certificate with the block that it certifies: header and body as they are submitted."""

    header: bytes
    body: bytes
    certificate: Certificate


@dataclass(frozen=True, slots=True)
class Probe:
    """Claims of a probe round, with (seat, proof that it was drawn) of each commander in them."""

    proofs: tuple[tuple[int, bytes], ...]
    frame: Frame


@dataclass(frozen=True, slots=True)
class PullRequest:
    """A participant's signed pull of an arm in an approved round, as often as its block says."""

    arm: int
    signature: bytes


@dataclass(frozen=True, slots=True)
class Receipt:
    """The environment's signed answer to a pull: the rewards of so many pulls in units, and the tally of everything so
    far."""

    round: int
    arm: int
    reward: int
    tally: bytes
    signature: bytes
    count: int = 1


@dataclass(frozen=True, slots=True)
class Question:
    """A validator asks for the comparison bits of the reports that it holds as agreed."""

    round: int
    commitments: Mapping[int, bytes]


@dataclass(frozen=True, slots=True)
class Answer:
    """The comparison bits of each seat whose commitment was opened."""

    round: int
    bits: Mapping[int, Bits]


Message = (
    Frame | Probe | Opening | Question | Answer | Vote | CertifiedBlock | Certificate | PullRequest | Receipt | Echo
    | Vector
)


class Send(NamedTuple):
    """A message on its way to each of `to`: of a game a `Message`, of an agreement one of `actors.epochs.epoch`."""

    to: tuple[int, ...]
    message: Any


def statements(message: object) -> int:
    """How many statements a message carries: consensus is counted by them, since a relay sends many in one frame."""
    match message:
        case Frame(claims=claims) | object(frame=Frame(claims=claims)):
            return len(claims)
    return 1


def is_sound(send: object) -> bool:
    """Whether every part has the type that a decoder would give it: what an attack sends from memory need not."""
    return isinstance(send, Send) and _are(int, send.to) and _is_message(send.message)


def _is_message(message: object) -> bool:
    match message:
        case Frame(phase=Phase(), claims=tuple(claims)):
            return all(map(_is_claim, claims))
        case Probe(proofs=tuple(proofs), frame=frame):
            return all(map(_is_signed, proofs)) and isinstance(frame, Frame) and _is_message(frame)
        case Opening(counts=counts, salt=bytes()):
            return _are(int, counts)
        case Question(round=int(), commitments=dict(rows)):
            return _are(int, tuple(rows)) and _are(bytes, tuple(rows.values()))
        case Answer(round=int(), bits=dict(rows)):
            return _are(int, tuple(rows)) and all(_are(bool, row) for row in rows.values())
        case CertifiedBlock(header=bytes(), body=bytes(), certificate=certificate):
            return isinstance(certificate, Certificate) and _is_message(certificate)
        case Certificate(content=bytes(), signers=int(), signatures=bytes()):
            return True
        case Vote(seat=int(), content=bytes(), signature=bytes()):
            return True
        case PullRequest(arm=int(), signature=bytes()):
            return True
        case Echo(round=int(), single=int(), several=int(), salt=bytes(), tags=bytes(), signature=bytes()):
            return message.single >= 0 <= message.several
        case Vector(round=int(), single=int(), values=tuple(values), signers=int(), signatures=bytes(), relays=tuple()):
            parts = all(map(_is_claim, values)) and all(map(_is_signed, message.relays))
            return parts and message.single >= 0 <= message.signers
        case Receipt(round=int(), arm=int(), reward=int(), tally=bytes(), signature=bytes(), count=int()):
            return True
    return False


def _is_claim(claim: object) -> bool:
    match claim:
        case Claim(instance=int(), content=bytes(), signature=bytes(), relays=tuple(relays)):
            return all(map(_is_signed, relays))
    return False


def _is_signed(pair: object) -> bool:
    """A seat and what it made."""
    return isinstance(pair, tuple) and len(pair) == 2 and _are(int, pair[:1]) and _are(bytes, pair[1:])


def _are(kind: type, values: object) -> bool:
    return isinstance(values, tuple) and all(type(value) is kind for value in values)


@dataclass(frozen=True)
class Schedule:
    """The steps of a round: tick s begins step s; what is sent at tick s arrives before tick s + 1.

    Step 0: reports. 1: their echoes. 2..m + 1: their relays to validators that lack them. m + 2: reports are agreed,
    comparison bits are requested. m + 3: commanders send headers. Then their relays, if there are any; the block
    signatures, m + 4 or 2m + 4; the certificates, each answered by a pull. Where m = 0 there is no echo.

    Attributes:
        relay_rounds: m.
        header_relays: relay rounds of the block phase: m, or none where every validator commands.
        certified: whether a certified vector ends the broadcast of reports (`consensus.vector`): `compare` and what
            follows it then come as soon as a validator holds one, in step 2 at the earliest.
    """

    relay_rounds: int
    header_relays: int
    certified: bool = False

    @cached_property
    def probe_steps(self) -> int:
        """Ticks of a probe round: commanders send in step 0, the rest relays."""
        return self.relay_rounds + 1

    @cached_property
    def last_report(self) -> int:
        """The last step in which reports arrive."""
        return self.relay_rounds + 1 if self.relay_rounds else 0

    @cached_property
    def compare(self) -> int:
        """The step in which reports are agreed, at the earliest, and validators ask for the bits."""
        return 2 if self.certified else self.last_report + 1

    @cached_property
    def latest(self) -> int:
        """The same at the latest."""
        return self.relay_rounds + 4 if self.certified else self.compare

    @cached_property
    def propose(self) -> int:
        """The step in which commanders send."""
        return self.compare + 1

    @cached_property
    def vote(self) -> int:
        """The step in which validators sign the block or "no block"."""
        return self.propose + self.header_relays + 1

    @cached_property
    def certify(self) -> int:
        """The step in which holders of a certificate pass it on."""
        return self.vote + 1

    @cached_property
    def steps(self) -> int:
        """Ticks of a whole round, the longest."""
        return self.certify + 1 + self.latest - self.compare
