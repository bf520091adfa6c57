"""What a block is, byte by byte: reports in the body, everything decided in the header, one record a round.

Sets of seats are unsigned big-endian integers whose bit p stands for seat p. Byte tables: `docs/protocol.md`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from chain_bandit.protocol.digests import ZERO, keccak, read_uints, uint, uints
from chain_bandit.protocol.errors import Malformed
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.units import BOUND, Means

SIGNATURE_BYTES = 64


def mask(seats: Iterable[int]) -> int:
    """The integer whose bit p is set for every seat p."""
    value = 0
    for seat in seats:
        value |= 1 << seat
    return value


def seats(value: int) -> tuple[int, ...]:
    """The seats of a mask, ascending. ValueError for a negative number, which is no set."""
    if value < 0:
        raise ValueError(f"{value} is no mask")
    members = []
    while value:
        lowest = value & -value
        members.append(lowest.bit_length() - 1)
        value ^= lowest
    return tuple(members)


@dataclass(frozen=True, slots=True)
class Report:
    """What a participant reports: its local estimators in units, and a commitment to its pull counts."""

    means: Means
    commitment: bytes

    def encode(self) -> bytes:
        """K uint32, then 32 bytes."""
        return uints(self.means, 4) + self.commitment

    @staticmethod
    def decode(data: bytes, arms: int) -> "Report":
        """The report in exactly 4K + 32 bytes. Raises `Malformed` on any other length."""
        if len(data) != 4 * arms + 32:
            raise Malformed("report", f"{4 * arms + 32} bytes", len(data))
        return Report(read_uints(data[: 4 * arms], 4), data[4 * arms :])


@dataclass(frozen=True, slots=True)
class SignedReport:
    """A report's encoding and its author's signature: the value that validators agree on (PROTOCOL 1.3)."""

    content: bytes
    signature: bytes


def encode_body(reports: Sequence[SignedReport]) -> bytes:
    """The body of a block: every agreed report with its signature, by ascending seat."""
    return b"".join(report.content + report.signature for report in reports)


def decode_body(data: bytes, count: int, arms: int) -> tuple[SignedReport, ...]:
    """The `count` signed reports of a body. Raises `Malformed` unless the length is exact."""
    content = 4 * arms + 32
    size = content + SIGNATURE_BYTES
    if len(data) != count * size:
        raise Malformed("body", f"{count * size} bytes", len(data))
    return tuple(
        SignedReport(data[at : at + content], data[at + content : at + size])
        for at in range(0, len(data), size)
    )


@dataclass(frozen=True, slots=True)
class Header:
    """Everything that a block decides.

    Attributes:
        round: t.
        parent: the digest of record t - 1.
        body: keccak of the body.
        reporters: mask of the seats whose reports were agreed and whose commitments opened.
        arm: the honest arm of round t.
        candidates: A_i of each arm as a mask: the comparison bits.
        selected: B_i of each arm as a mask.
        means: the global estimators in units.
    """

    round: int
    parent: bytes
    body: bytes
    reporters: int
    arm: int
    candidates: tuple[int, ...]
    selected: tuple[int, ...]
    means: Means

    def encode(self, parameters: Parameters) -> bytes:
        """The header's only encoding, `header_bytes(parameters)` long."""
        size = parameters.mask_bytes
        return b"".join(
            (
                uint(self.round, 4),
                self.parent,
                self.body,
                uint(self.reporters, size),
                uint(self.arm, 1),
                *(uint(row, size) for row in self.candidates),
                *(uint(row, size) for row in self.selected),
                uints(self.means, 4),
            )
        )

    @staticmethod
    def decode(data: bytes, parameters: Parameters) -> "Header":
        """The header in exactly `header_bytes(parameters)` bytes. Raises `Malformed` on any other length."""
        if len(data) != header_bytes(parameters):
            raise Malformed("header", f"{header_bytes(parameters)} bytes", len(data))
        size, arms = parameters.mask_bytes, parameters.arms
        at = 69 + size

        def masks(start: int) -> tuple[int, ...]:
            starts = range(start, start + arms * size, size)
            return tuple(int.from_bytes(data[first : first + size], "big") for first in starts)

        return Header(
            round=int.from_bytes(data[:4], "big"),
            parent=data[4:36],
            body=data[36:68],
            reporters=int.from_bytes(data[68 : 68 + size], "big"),
            arm=data[68 + size],
            candidates=masks(at),
            selected=masks(at + arms * size),
            means=read_uints(data[at + 2 * arms * size :], 4),
        )


def header_bytes(parameters: Parameters) -> int:
    """4 round, 32 parent, 32 body, mask, 1 arm, 2K masks, K uint32."""
    return 69 + parameters.mask_bytes * (1 + 2 * parameters.arms) + 4 * parameters.arms


def approves(means: Sequence[int]) -> bool:
    """b_t: every global estimator is at most 2 (section 3, Block Verification)."""
    return all(mean <= BOUND for mean in means)


class Kind(IntEnum):
    """How a round ended."""

    APPROVED = 1
    REJECTED = 2
    SKIP = 3
    EXPLORATION = 4


FAILED = frozenset({Kind.REJECTED, Kind.SKIP})
"""The kinds of a round whose consensus failed: nothing is paid, nothing is learnt."""


@dataclass(frozen=True, slots=True)
class Record:
    """The one record in which a round from L on ends (PROTOCOL 1.7)."""

    round: int
    kind: Kind
    header: Header | None = None
    header_digest: bytes = ZERO

    def head(self, parent: bytes) -> bytes:
        """head_t = keccak(head_{t-1}, t, kind, header digest or 0)."""
        return keccak(parent, uint(self.round, 4), uint(self.kind, 1), self.header_digest)


def genesis_digest(game: bytes, participants: Sequence[bytes], salt: bytes) -> tuple[bytes, bytes]:
    """(seed_0, genesis): seed_0 = keccak(all addresses, salt), genesis = keccak(game, seed_0) (PROTOCOL 0, 1.7)."""
    seed = keccak(*participants, salt)
    return seed, keccak(game, seed)


def round_seed(seed_0: bytes, round_: int) -> bytes:
    """seed_t = keccak(seed_0, t)."""
    return keccak(seed_0, uint(round_, 4))
