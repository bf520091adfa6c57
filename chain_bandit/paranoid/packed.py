"""Bytes of headers, submitted blocks, bodies and reports (docs/protocol.md, Bytes)."""

from collections.abc import Iterator
from dataclasses import dataclass

from chain_bandit.paranoid.parameters import Parameters
from chain_bandit.paranoid.words import Broken, Reader, uint

Seats = frozenset[int]


def mask(seats: Seats) -> int:
    """The integer whose bit p stands for seat p."""
    return sum(1 << seat for seat in seats)


def seats(bits: int) -> Seats:
    """Seats of a mask."""
    return frozenset(seat for seat in range(bits.bit_length()) if bits >> seat & 1)


@dataclass
class Header:
    """What a block says. `committee`, `commanders` and `kept`, which rules keep, are None in games without them.

    `length` is how often its arm is pulled: once in a game without phases.
    """

    round: int
    parent: bytes
    blocked: Seats
    body: bytes
    reporters: Seats
    arm: int
    candidates: list[Seats]
    selected: list[Seats]
    committee: Seats | None
    commanders: Seats | None
    means: list[int]
    accuracies: list[int]
    kept: list[list[int]] | None
    length: int

    def encode(self, p: Parameters) -> bytes:
        """The bytes whose hash is signed."""
        named = [each for each in (self.committee, self.commanders) if each is not None]
        return b"".join((
            uint(self.round, 4), self.parent, uint(mask(self.blocked), 32), self.body,
            uint(mask(self.reporters), p.mask), uint(self.arm, 1),
            _sets(self.candidates, p), _sets(self.selected, p), *(uint(mask(each), p.mask) for each in named),
            self._extension(p), *(uint(mean, 4) for mean in self.means), *(uint(lane, 2) for lane in self.accuracies),
        ))  # fmt: skip


    def _extension(self, p: Parameters) -> bytes:
        """Type 0 alone, or 1, the length, and of each rule that keeps anything how many int64, and these; or 2 and the
        pulls."""
        if p.has_phases:
            return b"\2" + uint(self.length, 4)
        if self.kept is None:
            return b"\0"
        parts = [uint(len(row), 2) + b"".join(uint(value % 2**64, 8) for value in row) for row in self.kept]
        return b"\1" + uint(len(b"".join(parts)), 2) + b"".join(parts)


def _sets(rows: list[Seats], p: Parameters) -> bytes:
    if all(row == rows[0] for row in rows):
        return b"\1" + uint(mask(rows[0]), p.mask)
    return b"\0" + b"".join(uint(mask(row), p.mask) for row in rows)


@dataclass
class Report:
    """One seat's report: what was signed, and what it says. `proof` and `record` are empty where a game has none.

    `named` is the round whose tally it rests on; None where reports name none.
    """

    content: bytes
    means: list[int]
    commitment: bytes
    proof: bytes
    record: bytes
    signature: bytes
    named: int | None


@dataclass
class Body:
    """What a header's body digest is over."""

    radii: list[int]
    reports: dict[int, Report]


@dataclass
class Submitted:
    """One block as calldata has it. Of a full game `body` is there; means and accuracies where they are attested."""

    header: Header
    body: bytes | None
    signers: Seats
    signatures: list[bytes]


def submitted(data: bytes, p: Parameters) -> Iterator[Submitted]:
    """The blocks of one transaction. Round, parent and block list of their headers are not in calldata."""
    reader = Reader(data)
    while reader.left:
        yield _block(reader, p)


def _block(reader: Reader, p: Parameters) -> Submitted:
    signers = _take_seats(reader, p)
    digest = reader.take(32) if p.compact else b""
    reporters, arm = _take_seats(reader, p), reader.uint(1)
    if arm >= p.arms:
        raise Broken(f"there is no arm {arm}")
    candidates, selected = _take_sets(reader, p), _take_sets(reader, p)
    committee = _take_seats(reader, p) if p.has_committees else None
    commanders = _take_seats(reader, p) if p.draws_commanders else None
    kept, length = _take_extension(reader, p)
    means = [reader.uint(4) for _ in range(p.arms)] if p.attests_values else []
    accuracies = [reader.uint(2) for _ in p.seats] if p.attests_values else []
    body = None if p.compact else reader.take(4 * p.arms + len(reporters) * (report_bytes(p) + 64))
    header = Header(
        0, b"", frozenset(), digest, reporters, arm, candidates, selected, committee, commanders, means, accuracies,
        kept, length,
    )  # fmt: skip
    return Submitted(header, body, signers, [reader.take(64) for _ in signers])


def _take_extension(reader: Reader, p: Parameters) -> tuple[list[list[int]] | None, int]:
    """What rules keep, and how often the arm is pulled."""
    if reader.uint(1) != (2 if p.has_phases else p.keeps_state):
        raise Broken("a header has another extension than the game's")
    if p.has_phases:
        return None, reader.uint(4)
    return _take_kept(reader) if p.keeps_state else None, 1


def _take_kept(reader: Reader) -> list[list[int]]:
    size = reader.uint(2)
    inner, rows = Reader(reader.take(size)), []
    if size > 4096:
        raise Broken("a header says more than it may of what rules keep")
    while inner.left:
        values = [inner.uint(8) for _ in range(inner.uint(2))]
        rows.append([value - 2**64 if value >= 2**63 else value for value in values])
    return rows


def _take_seats(reader: Reader, p: Parameters) -> Seats:
    found = seats(reader.uint(p.mask))
    if found - set(p.seats):
        raise Broken("a set holds seats that do not exist")
    return found


def _take_sets(reader: Reader, p: Parameters) -> list[Seats]:
    flag = reader.uint(1)
    if flag == 1:
        return [_take_seats(reader, p)] * p.arms
    rows = [_take_seats(reader, p) for _ in range(p.arms)]
    if flag or all(row == rows[0] for row in rows):
        raise Broken("sets are not in their one form")
    return rows


def report_bytes(p: Parameters) -> int:
    """Bytes of a report without its signature."""
    return 4 * p.payload + 32 + 81 * p.draws + 21 * p.sealed


def opened(body: bytes, reporters: Seats, p: Parameters) -> Body:
    """The body of a block with these reporters."""
    reader = Reader(body)
    radii = [reader.uint(4) for _ in range(p.arms)]
    reports = {seat: _report(reader, p) for seat in sorted(reporters)}
    if reader.left:
        raise Broken("a body is longer than its reports")
    return Body(radii, reports)


def _report(reader: Reader, p: Parameters) -> Report:
    content = reader.take(report_bytes(p))
    inner = Reader(content)
    means, named = [inner.uint(4) for _ in range(p.arms)], inner.uint(4) if p.provable else None
    return Report(
        content, means, inner.take(32), inner.take(81 * p.draws), inner.take(21 * p.sealed), reader.take(64), named
    )
