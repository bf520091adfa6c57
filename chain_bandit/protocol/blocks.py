"""Block format, byte by byte: reports in the body, everything decided in the header, one record a round.

Sets of seats are unsigned big-endian integers whose bit p stands for seat p. Byte tables: `docs/protocol.md`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache

from chain_bandit.protocol.digests import ZERO, keccak, read_uints, uint, uints
from chain_bandit.protocol.errors import Malformed
from chain_bandit.protocol.parameters import PROOF_BYTES, Parameters
from chain_bandit.protocol.rule import State
from chain_bandit.protocol.units import BOUND, Means

SIGNATURE_BYTES = 64
KEYS_BYTES = 67

NO_EXTENSION, STATES, LENGTH = b"\0", b"\1", b"\2"
"""Types of a header's extension: none; what the game's rules keep, behind its length as uint16; the block's pulls as
uint32."""

MOST_STATE = 1 << 12
"""Bytes of what rules keep, in a header."""


def state_integers(keepers: int) -> int:
    """The most integers that each of so many rules may keep: a uint16 for how many, and 8 bytes each."""
    return (MOST_STATE // keepers - 2) // 8 if keepers else 0


def encode_states(states: Sequence[State]) -> bytes:
    """An extension of type 1: its length, then of each rule that keeps state uint16 how many integers, and these."""
    kept = b"".join(
        uint(len(state), 2) + b"".join(value.to_bytes(8, "big", signed=True) for value in state) for state in states
    )
    return STATES + uint(len(kept), 2) + kept


def extension_type(parameters: Parameters) -> bytes:
    """The type of extension that headers of a game have."""
    return STATES if parameters.keeps_state else LENGTH if parameters.has_phases else NO_EXTENSION


def mask(seats: Iterable[int]) -> int:
    """The integer whose bit p is set for every seat p."""
    value = 0
    for seat in seats:
        value |= 1 << seat
    return value


@lru_cache(maxsize=1024)  # every validator asks for the members of the same few masks
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
    """What a participant reports.

    Attributes:
        means: its local estimators in units.
        commitment: to its pull counts.
        proof: of its draw for the next round, zeros for none; empty where nothing is drawn.
        sealed: its last receipt, sealed; empty in an open game.
        named: the round whose tally it rests on, where reports name one.
    """

    means: Means
    commitment: bytes
    proof: bytes = b""
    sealed: bytes = b""
    named: tuple[int, ...] = ()

    def encode(self) -> bytes:
        """K uint32 and one more if it names a round, 32 bytes, 81 of the proof and 21 of the sealed record if any."""
        return uints((*self.means, *self.named), 4) + self.commitment + self.proof + self.sealed

    @staticmethod
    def decode(data: bytes, parameters: Parameters) -> "Report":
        """The report in exactly `Parameters.report_bytes`. Raises `Malformed` on any other length."""
        if len(data) != parameters.report_bytes:
            raise Malformed("report", f"{parameters.report_bytes} bytes", len(data))
        arms, commitment = parameters.arms, 4 * parameters.payload
        proof = commitment + 32
        sealed = proof + PROOF_BYTES * parameters.draws
        said = read_uints(data[:commitment], 4)
        return Report(said[:arms], data[commitment:proof], data[proof:sealed], data[sealed:], said[arms:])


@dataclass(frozen=True, slots=True)
class SignedReport:
    """A report's encoding and its author's signature, the value that validators agree on (protocol.md: Reports).

    Attributes:
        report: what the encoding says, parsed where it came in.
    """

    content: bytes
    signature: bytes
    report: Report = field(compare=False)

    @staticmethod
    def of(report: Report, signature: bytes) -> "SignedReport":
        """A report with its encoding."""
        return SignedReport(report.encode(), signature, report)

    @staticmethod
    def decode(content: bytes, signature: bytes, parameters: Parameters) -> "SignedReport":
        """The report in an encoding. Raises `Malformed` as `Report.decode`."""
        return SignedReport(content, signature, Report.decode(content, parameters))


@dataclass(frozen=True, slots=True)
class Body:
    """What a block rests on: the radius of each arm, and every agreed report with its signature by ascending seat."""

    radii: Means
    reports: tuple[SignedReport, ...]

    def encode(self) -> bytes:
        """K uint32, then the reports."""
        return uints(self.radii, 4) + b"".join(report.content + report.signature for report in self.reports)

    @staticmethod
    def decode(data: bytes, reporters: int, parameters: Parameters) -> "Body":
        """The body of a block with so many reporters. Raises `Malformed` unless the length is exact."""
        size = body_bytes(reporters, parameters)
        if len(data) != size:
            raise Malformed("body", f"{size} bytes", len(data))
        read, content = Reader(data, "body"), parameters.report_bytes
        return Body(
            read_uints(read.take(4 * parameters.arms), 4),
            tuple(
                SignedReport.decode(read.take(content), read.take(SIGNATURE_BYTES), parameters)
                for _ in range(reporters)
            ),
        )


def body_bytes(reporters: int, parameters: Parameters) -> int:
    """Bytes of a body: K uint32, then content and signature of each report."""
    return 4 * parameters.arms + reporters * (parameters.report_bytes + SIGNATURE_BYTES)


def encode_sets(sets: Sequence[int], size: int) -> bytes:
    """One set an arm: 1 and the set where all arms share it, else 0 and every set."""
    if all(members == sets[0] for members in sets):
        return b"\1" + uint(sets[0], size)
    return b"\0" + b"".join(uint(members, size) for members in sets)


def sets_bytes(data: bytes, at: int, parameters: Parameters) -> int:
    """How many bytes the sets at a place take, by their flag. Raises `Malformed`."""
    flag = data[at] if at < len(data) else None
    if flag not in (0, 1):
        raise Malformed("sets of seats", "the flag 0 or 1", flag)
    return 1 + parameters.mask_bytes * (1 if flag else parameters.arms)


class Reader:
    """Takes a byte string apart from the front. Raises `Malformed` when it is too short."""

    def __init__(self, data: bytes, what: str) -> None:
        self.data, self.what, self.at = data, what, 0

    def take(self, size: int) -> bytes:
        """The next bytes."""
        if len(self.data) - self.at < size:
            raise Malformed(self.what, f"{size} bytes more", len(self.data) - self.at)
        self.at += size
        return self.data[self.at - size : self.at]

    def number(self, size: int) -> int:
        """The next unsigned integer."""
        return int.from_bytes(self.take(size), "big")

    def extension(self, parameters: Parameters) -> tuple[tuple[State, ...], int]:
        """What the next extension says that rules keep, nothing in a game without state, and the block's pulls, one in
        a game without phases. Raises `Malformed`."""
        kind, wanted = self.take(1), extension_type(parameters)
        if kind != wanted:
            raise Malformed(self.what, f"an extension of type {wanted[0]}", kind[0])
        return (self._states(), 1) if kind == STATES else ((), self.number(4) if kind == LENGTH else 1)

    def _states(self) -> tuple[State, ...]:
        size = self.number(2)
        if size > MOST_STATE:
            raise Malformed(self.what, f"{MOST_STATE} bytes of state at most", size)
        kept, states = Reader(self.take(size), self.what), list[State]()
        while kept.at < size:
            integers = range(kept.number(2))
            states.append(tuple(int.from_bytes(kept.take(8), "big", signed=True) for _ in integers))
        return tuple(states)

    def sets(self, parameters: Parameters) -> tuple[int, ...]:
        """The next sets of seats, one an arm, in their only encoding."""
        size = parameters.mask_bytes
        rows = Reader(self.take(sets_bytes(self.data, self.at, parameters)), self.what)
        shared = rows.number(1)
        sets = tuple(rows.number(size) for _ in range(1 if shared else parameters.arms))
        if shared:
            return sets * parameters.arms
        if all(members == sets[0] for members in sets):
            raise Malformed(self.what, "one set for all arms that share it", "the same set for each")
        return sets


@dataclass(frozen=True, slots=True)
class Header:
    """Everything that a block decides.

    Attributes:
        round: t.
        parent: the digest of record t - 1.
        blocked: D(t), the block list: seats with a counted proof.
        body: keccak of the body.
        reporters: mask of the seats whose reports were agreed and whose commitments opened.
        arm: the honest arm of round t.
        candidates: A_i of each arm as a mask: the comparison bits.
        selected: B_i of each arm as a mask.
        committee: validators of round t + 1, as a mask; 0 in a game in which everybody does.
        means: the global estimators in units.
        accuracies: of every seat's report, 0 without one; of another rule than the contract computes, the weights of
            seats, which are their reputations.
        commanders: those of the next round with validators, as a mask; 0 where every validator does.
        states: what rules keep, of each that does, see `rules.keepers`.
        length: pulls of the arm that everybody makes on this block, if it is approved.
    """

    round: int
    parent: bytes
    blocked: int
    body: bytes
    reporters: int
    arm: int
    candidates: tuple[int, ...]
    selected: tuple[int, ...]
    committee: int
    means: Means
    accuracies: tuple[int, ...]
    commanders: int = 0
    states: tuple[State, ...] = ()
    length: int = 1

    def encode(self, parameters: Parameters) -> bytes:
        """The header's only encoding: what is known, the body's hash, what was decided, what follows from it."""
        return self.known() + self.body + self.decided(parameters) + self.derived()

    def known(self) -> bytes:
        """What everybody knows before the round: 4 round, 32 parent, 32 blocked."""
        return uint(self.round, 4) + self.parent + uint(self.blocked, 32)

    def decided(self, parameters: Parameters) -> bytes:
        """What the validators agreed on: reporters, 1 arm, A and B of each arm, and as far as there are any the
        next committee and the next commanders; then the extension."""
        size = parameters.mask_bytes
        return b"".join(
            (
                uint(self.reporters, size),
                uint(self.arm, 1),
                encode_sets(self.candidates, size),
                encode_sets(self.selected, size),
                uint(self.committee, size) if parameters.has_committees else b"",
                uint(self.commanders, size) if parameters.draws_commanders else b"",
                self.extension(parameters),
            )
        )

    def extension(self, parameters: Parameters) -> bytes:
        """What the game's headers say beyond the paper, behind its type."""
        if parameters.keeps_state:
            return encode_states(self.states)
        return LENGTH + uint(self.length, 4) if parameters.has_phases else NO_EXTENSION

    def derived(self) -> bytes:
        """What follows from body and decisions: K uint32 means, M uint16 accuracies."""
        return uints(self.means, 4) + uints(self.accuracies, 2)

    @staticmethod
    def decode(data: bytes, parameters: Parameters) -> "Header":
        """The header in exactly these bytes. Raises `Malformed` for any but the only encoding."""
        size, arms = parameters.mask_bytes, parameters.arms
        read = Reader(data, "header")
        header = Header(
            round=read.number(4),
            parent=read.take(32),
            blocked=read.number(32),
            body=read.take(32),
            reporters=read.number(size),
            arm=read.number(1),
            candidates=read.sets(parameters),
            selected=read.sets(parameters),
            committee=read.number(size) if parameters.has_committees else 0,
            commanders=read.number(size) if parameters.draws_commanders else 0,
            states=(said := read.extension(parameters))[0],
            length=said[1],
            means=read_uints(read.take(4 * arms), 4),
            accuracies=read_uints(read.take(2 * parameters.participants), 2),
        )
        if read.at != len(data):
            raise Malformed("header", f"{read.at} bytes", len(data))
        return header


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
    """The one record in which a round from L on ends (protocol.md: Records)."""

    round: int
    kind: Kind
    header: Header | None = None
    header_digest: bytes = ZERO

    def head(self, parent: bytes) -> bytes:
        """head_t = keccak(head_{t-1}, t and kind in one word, header digest or 0)."""
        return keccak(parent, uint(self.round, 31), uint(self.kind, 1), self.header_digest)


@dataclass(frozen=True, slots=True)
class Seated:
    """The account that takes a seat, and the keys that are registered with it.

    Attributes:
        address: of the key that signs, 20 bytes.
        vrf_key: the public key of its draws, compressed, 33 bytes; whether it is one shows when it is used.
        seal_hash: keccak of the key that its sealed records are under, 32 bytes.
        weight: its trials in the draw of validators, and the stakes that it deposits; 1 where nobody is drawn.
    """

    address: bytes
    vrf_key: bytes = bytes(33)
    seal_hash: bytes = ZERO
    weight: int = 1

    @property
    def keys(self) -> bytes:
        """What is registered, the weight as uint16 at its end: `KEYS_BYTES`."""
        return self.vrf_key + self.seal_hash + uint(self.weight, 2)


def genesis_digest(game: bytes, seated: Sequence[Seated], salt: bytes) -> tuple[bytes, bytes]:
    """(seed_0, genesis): seed_0 = keccak(all addresses, all other keys folded into one digest, salt), genesis =
    keccak(game, seed_0) (protocol.md: Bytes, Records)."""
    registered = ZERO
    for each in seated:
        registered = keccak(registered, each.keys)
    seed = keccak(*(each.address for each in seated), registered, salt)
    return seed, keccak(game, seed)


def round_seed(seed_0: bytes, round_: int) -> bytes:
    """seed_t = keccak(seed_0, t)."""
    return keccak(seed_0, uint(round_, 4))
