"""Wire format of nodes: an envelope of messages as one msgpack array, strictly decoded.

Every byte may be hostile. A frame is bounded, of a stated version, and each part of it has the one type that it may
have; whether a statement is true is for the actors to decide.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from typing import Any, NamedTuple

import msgpack

from chain_bandit import plugins
from chain_bandit.actors.messages import Answer, CertifiedBlock, Probe, PullRequest, Question, Receipt
from chain_bandit.comparison.interface import Opening
from chain_bandit.consensus.broadcast import Claim, Frame
from chain_bandit.consensus.certificate import Certificate, Vote
from chain_bandit.consensus.echo import GROUP, SALT_BYTES, TAG_BYTES, Echo
from chain_bandit.consensus.evidence import Equivocation
from chain_bandit.consensus.vector import Vector
from chain_bandit.network.codecs import (
    BYTES,
    FEW,
    FLAG,
    MASK,
    NODE,
    NUMBER,
    SIGNATURE,
    TEXT,
    UNITS,
    PartCodec,
    blob,
    choice,
    items,
    number,
    pair,
    record,
    rows,
    signature,
    table,
)
from chain_bandit.plugins import PluginBroken
from chain_bandit.protocol.blocks import SIGNATURE_BYTES
from chain_bandit.protocol.errors import Malformed
from chain_bandit.protocol.messages import Phase, Role, Slot
from chain_bandit.protocol.units import MAX_PARTICIPANTS

VERSION = 6

MOST_BYTES, PAIR_BYTES = 1 << 19, 128
"""Of a frame, and for each pair of nodes where these are many: others can make an honest seat relay 413,184 bytes at
most among 64 seats and with 254 arms, among 128 seats 1,388,032."""

MOST_ROWS = 1 << 12
"""Of any list in a frame."""

MOST_SAID = 8
"""Messages and claims of a seat in an envelope, and in all those of a round's steps, for each seat of the game: of each
commander the honest relay three reports and two headers at most, and pass on two votes, or three proofs against it."""

RELAY_BYTES, REST_BYTES = 72, 128
"""Of a relay in a frame; of a proof that names its slot, but for contents and signatures. No claim takes more."""


class EnvelopeKind(IntEnum):
    """Why an envelope is sent."""

    STEP = 0
    """All that its sender has for the receiver in a step, which may be nothing: the step is over when all are in."""
    NOW = 1
    """An answer within a step, or a retransmission."""


@dataclass(frozen=True, slots=True)
class Owed:
    """A participant asks for the receipts that it was given from a round on; comes back when these are all."""

    since: int


@dataclass(frozen=True, slots=True)
class BodyRequest:
    """A node of a compact game asks for the body of a recorded block by its hash."""

    digest: bytes


@dataclass(frozen=True, slots=True)
class BodyResponse:
    """The body of such a block."""

    body: bytes


@dataclass(frozen=True, slots=True)
class NodeAddress:
    """Where a node listens by now, as it has signed it; its certificate, which is signed too, everybody has."""

    address: int
    endpoint: str
    counter: int
    voucher: bytes


NodeMessage = object
"""A message of a type that has a tag (`message_types`)."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """Messages from one node to another, in the step of a round."""

    kind: EnvelopeKind
    round: int
    step: int
    messages: tuple[NodeMessage, ...]


def most_bytes(seats: int, report_bytes: int, relay_rounds: int) -> int:
    """Of a frame of a seat, in a game of so many: all that it may send, each as long as a proof or a claim can be."""
    longest = 2 * (report_bytes + SIGNATURE_BYTES) + (relay_rounds + 1) * RELAY_BYTES + REST_BYTES
    return min(MOST_SAID * seats * longest, longest_of(seats))


def longest_of(nodes: int) -> int:
    """Bytes of a frame that is read, among so many nodes."""
    return max(MOST_BYTES, PAIR_BYTES * nodes**2)


def encode(envelope: Envelope) -> bytes:
    """The frame of an envelope."""
    types = _tagged()
    kinds = ((types[type(each)], each) for each in envelope.messages)
    messages = [[kind.tag, *kind.codec.pack(each)] for kind, each in kinds]
    packed: bytes = msgpack.packb([VERSION, int(envelope.kind), envelope.round, envelope.step, messages])
    return packed


def decode(frame: bytes) -> Envelope:
    """The envelope in a frame. Raises `Malformed`."""
    try:
        version, *rest = msgpack.unpackb(
            frame, use_list=False, max_str_len=0, max_map_len=0, max_ext_len=0, max_array_len=MOST_ROWS
        )
        if version != VERSION:
            raise ValueError(f"version {version!r:.20}")
        kind, round_, step, messages = rest
        return Envelope(EnvelopeKind(number(kind)), number(round_), number(step), tuple(map(_message, items(messages))))
    except (ValueError, TypeError, KeyError, RecursionError, msgpack.UnpackException) as error:
        raise Malformed("frame", f"an envelope of version {VERSION}", f"{len(frame)} bytes ({error!s:.80})") from error


def later(frame: bytes) -> Iterator[NodeMessage]:
    """The messages of a frame that was read before; until they are asked for, its bytes alone are kept."""
    yield from decode(frame).messages


def _message(packed: Any) -> NodeMessage:
    tag, *fields = items(packed)
    return message_types()[number(tag)].codec.read(tuple(fields))


def _packed_echo(echo: Echo) -> list[Any]:
    masks = (mask.to_bytes(len(echo.tags) // TAG_BYTES, "big") for mask in (echo.single, echo.several))
    packed = [echo.round, b"".join((*masks, echo.salt, echo.tags))]
    return [*packed, echo.signature] if echo.signature else packed


def _read_echo(got: Any) -> Echo:
    """Its length says how many groups of seats there are: a byte of either mask and a tag for each."""
    round_, packed, *signed = items(got)
    tagged, odd = divmod(len(blob(packed)) - SALT_BYTES, 2 * GROUP // 8 + TAG_BYTES)
    if odd or not 0 < tagged <= MAX_PARTICIPANTS // GROUP:
        raise ValueError("an echo has two bits and an eighth of a tag for each seat")
    single, several, rest = packed[:tagged], packed[tagged : 2 * tagged], packed[2 * tagged :]
    if len(signed) > 1:
        raise ValueError("an echo has one signature, or none")
    masks = int.from_bytes(single, "big"), int.from_bytes(several, "big")
    return Echo(number(round_), *masks, rest[:SALT_BYTES], rest[SALT_BYTES:], *map(signature, signed))


PHASE, ROLE = choice(Phase), choice(Role)
RELAYS = rows(pair(NUMBER, SIGNATURE))
"""Of whole signatures alone: a frame could else have a hundred thousand empty ones, which take long to read."""
CLAIM = record(Claim, instance=NUMBER, content=BYTES, signature=SIGNATURE, relays=RELAYS)
FRAME = record(Frame, phase=PHASE, claims=rows(CLAIM))
SLOT = record(Slot, separator=BYTES, round=NUMBER, parent=BYTES)
CERTIFICATE = record(Certificate, content=BYTES, signers=MASK, signatures=BYTES)


class MessageType(NamedTuple):
    """A type of messages between nodes.

    Attributes:
        tag: its number in a frame, for good.
        stepped: whether one that comes early waits for its step.
    """

    tag: int
    type: type
    codec: PartCodec
    stepped: bool = False


_OURS = (
    MessageType(0, Frame, FRAME, True),
    MessageType(1, Probe, record(Probe, proofs=rows(pair(NUMBER, BYTES)), frame=FRAME), True),
    MessageType(2, Opening, record(Opening, counts=rows(NUMBER), salt=BYTES)),
    MessageType(3, Question, record(Question, round=NUMBER, commitments=table(NUMBER, BYTES))),
    MessageType(4, Answer, record(Answer, round=NUMBER, bits=table(NUMBER, rows(FLAG)))),
    MessageType(5, Vote, record(Vote, seat=NUMBER, content=BYTES, signature=SIGNATURE)),
    MessageType(6, CertifiedBlock, record(CertifiedBlock, header=BYTES, body=BYTES, certificate=CERTIFICATE)),
    MessageType(7, Certificate, CERTIFICATE),
    MessageType(8, PullRequest, record(PullRequest, arm=NUMBER, signature=BYTES)),
    MessageType(
        9, Receipt,
        record(Receipt, round=NUMBER, arm=NUMBER, reward=UNITS, tally=BYTES, signature=BYTES, count=NUMBER),
    ),
    MessageType(
        10, Equivocation,
        record(
            Equivocation, slot=SLOT, phase=PHASE, role=ROLE, instance=NUMBER,
            content=BYTES, signature=BYTES, other_content=BYTES, other_signature=BYTES,
        ),
    ),
    MessageType(11, Owed, record(Owed, since=NUMBER)),
    MessageType(16, BodyRequest, record(BodyRequest, digest=BYTES)),
    MessageType(17, BodyResponse, record(BodyResponse, body=BYTES)),
    MessageType(18, NodeAddress, record(NodeAddress, address=NODE, endpoint=TEXT, counter=UNITS, voucher=BYTES)),
    MessageType(19, Echo, PartCodec(_packed_echo, _read_echo), True),
    MessageType(
        20, Vector,
        record(Vector, round=NUMBER, single=FEW, values=rows(CLAIM), signers=FEW, signatures=BYTES, relays=RELAYS),
        True,
    ),
)  # fmt: skip


@cache
def message_types() -> Mapping[int, MessageType]:
    """All types of messages by their tag: those of a game, and those of packages (group `chain_bandit.messages`).

    Raises:
        PluginBroken: two types have one tag.
    """
    found = {each.tag: each for each in _OURS}
    for point in plugins.points("messages"):
        for each in point.load():
            if each.tag in found:
                raise PluginBroken("messages", point.name, f"tag {each.tag} is of {found[each.tag].type}")
            found[each.tag] = each
    return found


@cache
def _tagged() -> Mapping[type, MessageType]:
    return {each.type: each for each in message_types().values()}


def counts_in_its_step(message: NodeMessage) -> bool:
    """Whether a message that comes early waits for its step."""
    return _tagged()[type(message)].stepped
