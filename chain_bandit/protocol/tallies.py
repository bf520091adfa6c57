"""Tallies: what each seat was given up to a round, bound by a Merkle root that the environment signs.

It does in each settlement, of a sealed game once, with the sums that it pays.

A report names the round whose tally it rests on, so that anybody can prove a false one from what is public: the
report, its signature, and the tally. The twin of `contracts/libraries/Tallies.sol`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from chain_bandit.protocol.blocks import Kind, Report, SignedReport
from chain_bandit.protocol.digests import keccak, uint, uints
from chain_bandit.protocol.errors import Malformed
from chain_bandit.protocol.messages import Phase, Role, Slot, commitment, commitment_salt, tally
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.settlement import (
    SUM_BYTES,
    Credits,
    Pull,
    decode_pulls,
    decode_sums,
    encode_pulls,
    encode_sums,
    pull_bytes,
)
from chain_bandit.protocol.units import Counts, added, sample_means

STALE = 16
"""A report may rest on a tally that is older by this part of the rounds; an older one is no report. A phase is longer
than that, so that only the last one will do."""

SIGNED_BYTES = 96
"""Of a root and the environment's signature of it."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What a seat was given up to the end of a round.

    Attributes:
        credited: rewards of paid rounds, in units.
        counts: pulls of each arm.
        totals: rewards of each arm, in units, of all rounds.
    """

    round: int
    seat: int
    credited: int
    counts: Counts
    totals: tuple[int, ...]

    def encode(self) -> bytes:
        """uint64 credited, K uint32 counts, K uint64 totals."""
        return uint(self.credited, 8) + uints(self.counts, 4) + uints(self.totals, 8)

    @property
    def leaf(self) -> bytes:
        """Its place in the tree: never 64 bytes long, so that no leaf is an inner node."""
        return keccak(uint(self.round, 4), uint(self.seat, 2), self.encode())

    @property
    def digest(self) -> bytes:
        """What the receipt of the round says of it."""
        return tally(self.counts, self.totals)

    def lies(self, report: Report, round_: int, key: bytes | None) -> list[int]:
        """The arms of which a report of a round does not say total over count, then K where it commits to other counts.

        Args:
            key: from which salts follow: seed_0, or of a sealed game the seat's sealing key; as long as that is not
                revealed, nothing is said of counts.
        """
        pairs = zip(report.means, sample_means(self.totals, self.counts), strict=True)
        found = [arm for arm, (said, mean) in enumerate(pairs) if said != mean]
        if key is not None and report.commitment != commitment(self.counts, commitment_salt(key, round_, self.seat)):
            found.append(len(self.counts))
        return found


def may_name(parameters: Parameters, round_: int, failures: int, named: int) -> bool:
    """Whether a report of a round may rest on the tally of another.

    Args:
        failures: failed rounds in a row before it, in which nobody was given anything.
    """
    slack = 0 if parameters.has_phases else round_ // STALE
    oldest = max(parameters.burn_in - 1, round_ - 1 - failures - slack)
    return oldest <= named < round_


def root(leaves: Sequence[bytes]) -> bytes:
    """The Merkle root: of two nodes the smaller is hashed first, and one without a neighbour moves up as it is."""
    level = list(leaves)
    while len(level) > 1:
        level = _above(level)
    return level[0]


def path(leaves: Sequence[bytes], place: int) -> tuple[bytes, ...]:
    """What leads from a leaf to the root."""
    level, found = list(leaves), list[bytes]()
    while len(level) > 1:
        if (neighbour := place ^ 1) < len(level):
            found.append(level[neighbour])
        level, place = _above(level), place // 2
    return tuple(found)


def leads_to(leaf: bytes, way: Sequence[bytes], expected: bytes) -> bool:
    """Whether a path leads from a leaf to a root."""
    for node in way:
        leaf = keccak(*sorted((leaf, node)))
    return leaf == expected


def _above(level: Sequence[bytes]) -> list[bytes]:
    pairs = [keccak(*sorted(level[at : at + 2])) for at in range(0, len(level) - 1, 2)]
    return pairs + list(level[len(level) & ~1 :])


def tallies_slot(separator: bytes, genesis: bytes, through: int) -> Slot:
    """Where the environment signs the root of a settlement: as `Role.TALLIES` of instance 0."""
    return Slot(separator, through, genesis)


def tallies_digest(separator: bytes, genesis: bytes, through: int, root_: bytes) -> bytes:
    """What it signs there."""
    return tallies_slot(separator, genesis, through).digest(Phase.REWARD, Role.TALLIES, 0, root_)


@dataclass(frozen=True, slots=True)
class SignedTallies:
    """The tallies of one settlement, by round and seat, under their signed root."""

    through: int
    root: bytes
    signature: bytes
    tallies: tuple[Tally, ...]

    def find(self, round_: int, seat: int) -> int | None:
        """The place of a seat's tally after a round; None where it is not among them."""
        if not self.tallies:
            return None
        seats = self.tallies[-1].seat + 1
        place = (round_ - self.tallies[0].round) * seats + seat
        return place if 0 <= place < len(self.tallies) else None

    def path(self, place: int) -> tuple[bytes, ...]:
        """What leads from one of them to the root."""
        return path([tally.leaf for tally in self.tallies], place)


@dataclass(frozen=True, slots=True)
class FalseReport:
    """Proof that a report does not follow from the tally that it names.

    Attributes:
        arm: whose mean is false; K where the commitment to counts is.
    """

    slot: Slot
    seat: int
    report: SignedReport
    tally: Tally
    through: int
    root: bytes
    root_signature: bytes
    path: tuple[bytes, ...]
    arm: int

    def calldata(self) -> tuple[object, ...]:
        """What the contract takes, see `FalseReport` in `contracts/types/Game.sol`."""
        signature, signed = self.report.signature, self.root_signature
        return (
            self.seat, self.slot.round, self.slot.parent, self.report.content, signature[:32], signature[32:],
            self.tally.encode(), self.through, self.root, signed[:32], signed[32:], list(self.path),
            self.arm,
        )  # fmt: skip


class Tallies:
    """Everybody's tally, round by round, of a game whose reports name what they rest on."""

    def __init__(self, parameters: Parameters) -> None:
        p = self._parameters = parameters
        self._credits = Credits.none(p)
        self._counts: list[Counts] = [(0,) * p.arms] * p.participants
        self._totals: list[Counts] = [(0,) * p.arms] * p.participants
        self._unpaid: list[bytes] = []
        self._open: list[Tally] = []

    def add(self, round_: int, pulls: Sequence[Pull], is_paid: bool) -> None:
        """Take in a round: the pull of each seat, nothing where nobody pulled.

        Raises `Malformed` where that is more than a tally has room for.
        """
        p = self._parameters
        for seat, pull in enumerate(pulls):
            if pull.arm < p.arms:
                _require_room(self._counts[seat][pull.arm] + pull.count, self._totals[seat][pull.arm] + pull.reward)
                self._counts[seat] = added(self._counts[seat], pull.arm, pull.count)
                self._totals[seat] = added(self._totals[seat], pull.arm, pull.reward)
                self._credits.add(round_, seat, pull, is_paid)
        if pulls and not is_paid and not (p.paid_burn_in and round_ <= p.burn_in):
            self._unpaid.append(encode_pulls(pulls, p.has_phases))
        if round_ >= p.burn_in - 1:
            self._open += [
                Tally(round_, seat, *own)
                for seat, own in enumerate(zip(self._credits.units, self._counts, self._totals, strict=True))
            ]

    def unsettled(self) -> tuple[bytes, bytes, tuple[Tally, ...]]:
        """Root, unpaid rows and tallies of all rounds since the last settlement."""
        return root([tally.leaf for tally in self._open]), b"".join(self._unpaid), tuple(self._open)

    def settle(self) -> tuple[bytes, bytes, tuple[Tally, ...]]:
        """What is unsettled; then nothing is."""
        said = self.unsettled()
        self.settled()
        return said

    def settled(self) -> None:
        """All rounds so far are settled."""
        self._open, self._unpaid = [], []


@dataclass(frozen=True, slots=True)
class Settled:
    """What a settlement says: the rows of paid rounds, root and signature, the rows of others."""

    paid: bytes
    root: bytes
    signature: bytes
    unpaid: bytes

    @staticmethod
    def decode(data: bytes, paid_rounds: int, parameters: Parameters) -> "Settled":
        """The parts of it. Raises `Malformed`."""
        row = pull_bytes(parameters) * parameters.participants
        at = row * paid_rounds
        rest = len(data) - at - SIGNED_BYTES
        if rest < 0 or rest % row:
            raise Malformed("settlement", f"{at + SIGNED_BYTES} bytes and rows of {row}", len(data))
        head = data[at : at + SIGNED_BYTES]
        return Settled(data[:at], head[:32], head[32:], data[at + SIGNED_BYTES :])

    def encode(self) -> bytes:
        """The bytes that the contract is given."""
        return self.paid + self.root + self.signature + self.unpaid


@dataclass(frozen=True, slots=True)
class SettledSums:
    """What a sealed game pays, by seat in units; with proofs of false reports also root and signature of the tallies
    of all rounds, else these are empty."""

    sums: tuple[int, ...]
    root: bytes = b""
    signature: bytes = b""

    @staticmethod
    def decode(data: bytes, parameters: Parameters) -> "SettledSums":
        """The parts of it. Raises `Malformed`."""
        at = SUM_BYTES * parameters.participants
        expected = at + SIGNED_BYTES * parameters.provable
        if len(data) != expected:
            raise Malformed("settled sums", f"{expected} bytes", len(data))
        return SettledSums(decode_sums(data[:at], parameters.participants), data[at : at + 32], data[at + 32 :])

    def encode(self) -> bytes:
        """The bytes that the contract is given."""
        return encode_sums(self.sums) + self.root + self.signature


def _require_room(count: int, total: int) -> None:
    """Raise `Malformed` for more pulls or units of an arm than a tally has room for: no game has so many."""
    if count >> 32 or total >> 64:
        raise Malformed("tally", "fewer than 2^32 pulls and 2^64 units of an arm", f"{count} and {total}")


def take_in(tallies: Tallies, parameters: Parameters, kinds: Sequence[tuple[int, Kind]], said: Settled) -> None:
    """Take the rounds of a settlement into the tallies, from what it says.

    Args:
        kinds: the recorded rounds that it is of, with how each ended; the first one of a game has rounds 1 to L before.

    Raises:
        Malformed: it has too few rows, or too many, or more in them than a tally has room for.
    """
    row = pull_bytes(parameters) * parameters.participants
    paid, unpaid = (
        iter([
            decode_pulls(rows[at : at + row], parameters.participants, parameters.has_phases)
            for at in range(0, len(rows), row)
        ])
        for rows in (said.paid, said.unpaid)
    )  # fmt: skip
    try:
        for round_, kind in kinds:
            if round_ == parameters.burn_in:
                for earlier in range(1, round_ + 1):
                    tallies.add(earlier, next(paid if parameters.paid_burn_in else unpaid), False)
            elif kind is Kind.APPROVED:
                tallies.add(round_, next(paid), True)
            else:
                tallies.add(round_, next(unpaid) if kind is Kind.EXPLORATION else (), False)
    except StopIteration:
        raise Malformed("settlement", "a row of each round with receipts", len(said.unpaid)) from None
    if (left := len(list(unpaid))) or list(paid):
        raise Malformed("settlement", "no row of a round without receipts", left)
