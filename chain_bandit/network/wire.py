"""Wire format of nodes: an envelope of messages as one msgpack array, strictly decoded.

Every byte may be hostile. A frame is bounded, of a stated version, and each part of it has the one type that it may
have; whether a statement is true is for the actors to decide.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NamedTuple

import msgpack

from chain_bandit.actors.epochs.epoch import Doubts, Ended, Shared, Stage, Staged
from chain_bandit.actors.messages import (
    COMPARISON,
    Answer,
    CertifiedBlock,
    Message,
    Probe,
    PullRequest,
    Question,
    Receipt,
)
from chain_bandit.comparison.interface import Opening
from chain_bandit.consensus.broadcast import Claim, Frame
from chain_bandit.consensus.certificate import Certificate, Vote
from chain_bandit.consensus.echo import GROUP, SALT_BYTES, TAG_BYTES, Echo
from chain_bandit.consensus.evidence import Equivocation
from chain_bandit.consensus.vector import Vector
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


NodeMessage = (
    NodeAddress | BodyRequest | BodyResponse | Message | Equivocation | Owed | Shared | Staged | Doubts | Ended
)


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


class PartCodec(NamedTuple):
    """How a part is packed, and how it is read: raises `TypeError` or `ValueError` for what `pack` cannot give."""

    pack: Callable[[Any], Any]
    read: Callable[[Any], Any]


def encode(envelope: Envelope) -> bytes:
    """The frame of an envelope."""
    messages = [[_TAGS[type(message)], *_FORMS[type(message)].pack(message)] for message in envelope.messages]
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
        return Envelope(
            EnvelopeKind(_number(kind)), _number(round_), _number(step), tuple(map(_message, _tuple(messages)))
        )
    except (ValueError, TypeError, KeyError, RecursionError, msgpack.UnpackException) as error:
        raise Malformed("frame", f"an envelope of version {VERSION}", f"{len(frame)} bytes ({error!s:.80})") from error


def later(frame: bytes) -> Iterator[NodeMessage]:
    """The messages of a frame that was read before; until they are asked for, its bytes alone are kept."""
    yield from decode(frame).messages


def _message(packed: Any) -> NodeMessage:
    tag, *fields = _tuple(packed)
    message: NodeMessage = _FORMS[_BY_TAG[_number(tag)]].read(tuple(fields))
    return message


def _tuple(value: Any) -> tuple[Any, ...]:
    if type(value) is not tuple:
        raise TypeError("a list is due")
    return value


def _number(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 2**32:
        raise TypeError("a number is due")
    return value


def _units(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 2**64:
        raise TypeError("an amount is due")
    return value


def _blob(value: Any) -> bytes:
    if type(value) is not bytes:
        raise TypeError("bytes are due")
    return value


def _signature(value: Any) -> bytes:
    if len(_blob(value)) != SIGNATURE_BYTES:
        raise ValueError("a signature has 64 bytes")
    return bytes(value)


def _flag(value: Any) -> bool:
    if type(value) is not bool:
        raise TypeError("true or false is due")
    return value


def _mask(value: Any) -> int:
    if len(_blob(value)) != 32:
        raise ValueError("a mask has 32 bytes")
    return int.from_bytes(value, "big")


def _few(value: Any) -> int:
    if len(_blob(value)) > 32 or value[:1] == b"\0":
        raise ValueError("a short mask has up to 32 bytes, the first of them not zero")
    return int.from_bytes(value, "big")


def _as_it_is(value: Any) -> Any:
    return value


NUMBER = PartCodec(_as_it_is, _number)
UNITS = PartCodec(_as_it_is, _units)
BYTES = PartCodec(_as_it_is, _blob)
SIGNATURE = PartCodec(_as_it_is, _signature)
FLAG = PartCodec(_as_it_is, _flag)
NODE = PartCodec(lambda value: value - COMPARISON, lambda got: _number(got) + COMPARISON)
TEXT = PartCodec(str.encode, lambda got: _blob(got).decode())
MASK = PartCodec(lambda value: value.to_bytes(32, "big"), _mask)
FEW = PartCodec(lambda value: value.to_bytes(-(-value.bit_length() // 8), "big"), _few)


def _rows(of: PartCodec) -> PartCodec:
    return PartCodec(lambda values: [of.pack(value) for value in values], lambda got: tuple(map(of.read, _tuple(got))))


def _pair(one: PartCodec, other: PartCodec) -> PartCodec:
    def read(got: Any) -> tuple[Any, Any]:
        first, second = _tuple(got)
        return one.read(first), other.read(second)

    return PartCodec(lambda pair: [one.pack(pair[0]), other.pack(pair[1])], read)


def _table(key: PartCodec, value: PartCodec) -> PartCodec:
    rows = _rows(_pair(key, value))

    def read(got: Any) -> dict[Any, Any]:
        found = rows.read(got)
        table = dict(found)
        if len(table) != len(found):
            raise ValueError("a key twice")
        return table

    return PartCodec(lambda table: rows.pack(table.items()), read)


def _record(make: Callable[..., Any], **fields: PartCodec) -> PartCodec:
    def read(got: Any) -> Any:
        return make(*(form.read(part) for form, part in zip(fields.values(), _tuple(got), strict=True)))

    return PartCodec(lambda value: [form.pack(getattr(value, name)) for name, form in fields.items()], read)


def _choice(of: type[IntEnum]) -> PartCodec:
    return PartCodec(int, lambda got: of(_number(got)))


def _packed_echo(echo: Echo) -> list[Any]:
    masks = (mask.to_bytes(len(echo.tags) // TAG_BYTES, "big") for mask in (echo.single, echo.several))
    packed = [echo.round, b"".join((*masks, echo.salt, echo.tags))]
    return [*packed, echo.signature] if echo.signature else packed


def _read_echo(got: Any) -> Echo:
    """Its length says how many groups of seats there are: a byte of either mask and a tag for each."""
    round_, packed, *signed = _tuple(got)
    tagged, odd = divmod(len(_blob(packed)) - SALT_BYTES, 2 * GROUP // 8 + TAG_BYTES)
    if odd or not 0 < tagged <= MAX_PARTICIPANTS // GROUP:
        raise ValueError("an echo has two bits and an eighth of a tag for each seat")
    single, several, rest = packed[:tagged], packed[tagged : 2 * tagged], packed[2 * tagged :]
    if len(signed) > 1:
        raise ValueError("an echo has one signature, or none")
    masks = int.from_bytes(single, "big"), int.from_bytes(several, "big")
    return Echo(_number(round_), *masks, rest[:SALT_BYTES], rest[SALT_BYTES:], *map(_signature, signed))


PHASE, ROLE = _choice(Phase), _choice(Role)
RELAYS = _rows(_pair(NUMBER, SIGNATURE))
"""Of whole signatures alone: a frame could else have a hundred thousand empty ones, which take long to read."""
CLAIM = _record(Claim, instance=NUMBER, content=BYTES, signature=SIGNATURE, relays=RELAYS)
FRAME = _record(Frame, phase=PHASE, claims=_rows(CLAIM))
SLOT = _record(Slot, separator=BYTES, round=NUMBER, parent=BYTES)
CERTIFICATE = _record(Certificate, content=BYTES, signers=MASK, signatures=BYTES)

_FORMS: Mapping[type, PartCodec] = {
    Frame: FRAME,
    Probe: _record(Probe, proofs=_rows(_pair(NUMBER, BYTES)), frame=FRAME),
    Opening: _record(Opening, counts=_rows(NUMBER), salt=BYTES),
    Question: _record(Question, round=NUMBER, commitments=_table(NUMBER, BYTES)),
    Answer: _record(Answer, round=NUMBER, bits=_table(NUMBER, _rows(FLAG))),
    Vote: _record(Vote, seat=NUMBER, content=BYTES, signature=SIGNATURE),
    CertifiedBlock: _record(CertifiedBlock, header=BYTES, body=BYTES, certificate=CERTIFICATE),
    Certificate: CERTIFICATE,
    PullRequest: _record(PullRequest, arm=NUMBER, signature=BYTES),
    Receipt: _record(
        Receipt, round=NUMBER, arm=NUMBER, reward=UNITS, tally=BYTES, signature=BYTES, count=NUMBER,
    ),
    Equivocation: _record(
        Equivocation, slot=SLOT, phase=PHASE, role=ROLE, instance=NUMBER,
        content=BYTES, signature=BYTES, other_content=BYTES, other_signature=BYTES,
    ),
    Owed: _record(Owed, since=NUMBER),
    Shared: _record(Shared, share=BYTES),
    Staged: _record(Staged, stage=_choice(Stage), frame=FRAME),
    Doubts: _record(Doubts, places=_rows(NUMBER)),
    Ended: _record(Ended, body=BYTES, certificate=CERTIFICATE),
    BodyRequest: _record(BodyRequest, digest=BYTES),
    BodyResponse: _record(BodyResponse, body=BYTES),
    NodeAddress: _record(NodeAddress, address=NODE, endpoint=TEXT, counter=UNITS, voucher=BYTES),
    Echo: PartCodec(_packed_echo, _read_echo),
    Vector: _record(
        Vector, round=NUMBER, single=FEW, values=_rows(CLAIM), signers=FEW, signatures=BYTES, relays=RELAYS,
    ),
}  # fmt: skip
_TAGS = {kind: tag for tag, kind in enumerate(_FORMS)}
_BY_TAG = dict(enumerate(_FORMS))
