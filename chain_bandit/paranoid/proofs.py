"""Proofs of false reports, and acquittals: what they have to show, and what follows from them (decision 102)."""

from dataclasses import dataclass, field

from chain_bandit.paranoid import tally as tallies
from chain_bandit.paranoid.calls import tail, word, words
from chain_bandit.paranoid.curve import signer
from chain_bandit.paranoid.packed import report_bytes
from chain_bandit.paranoid.setup import Setup
from chain_bandit.paranoid.statements import COMMANDER, ENVIRONMENT, REPORT, REWARD, TALLIES, statement
from chain_bandit.paranoid.verdict import Verdict
from chain_bandit.paranoid.words import Broken, Reader, keccak, number, uint


@dataclass(frozen=True)
class FalseReport:
    """What `reportFalse` is given. Signatures are of 64 bytes."""

    seat: int
    round: int
    parent: bytes
    report: bytes
    signature: bytes
    tally: bytes
    through: int
    root: bytes
    root_signature: bytes
    path: list[bytes]
    arm: int  # of the mean that is false; from K on the commitment is


def false_report(data: bytes) -> FalseReport:
    """The proof in a call."""
    own = data[number(word(data, 0)) :]
    return FalseReport(
        number(word(own, 0)), number(word(own, 1)), word(own, 2), tail(own, 3), word(own, 4) + word(own, 5),
        tail(own, 6), number(word(own, 7)), word(own, 8), word(own, 9) + word(own, 10), words(own, 11),
        number(word(own, 12)),
    )  # fmt: skip


@dataclass(frozen=True)
class Lie:
    """What proofs against a seat come to.

    Attributes:
        round: the earliest of a report that is proven false.
        kept: the least units that were credited by the round that one of them names.
        named: the round that the last of them names.
        told: what the receipt of the named round says of that tally.
    """

    round: int
    named: int
    kept: int
    told: bytes


@dataclass
class Lies:
    """What is proven of reports.

    Attributes:
        proven: by seat, but of those that were acquitted.
        alone: seats that a false report put on the block list, and nothing else.
        rests: what proofs rest on: the last round of a settlement, a root that the environment signed for it, and under
            that a round, a seat and its tally.
    """

    proven: dict[int, Lie] = field(default_factory=dict)
    alone: frozenset[int] = frozenset()
    acquitted: frozenset[int] = frozenset()
    rests: frozenset[tuple[int, bytes, int, int, bytes]] = frozenset()

    def copy(self) -> "Lies":
        """The same, for a call that is only tried."""
        return Lies(dict(self.proven), self.alone, self.acquitted, self.rests)

    def keeps(self, seat: int, credited: int) -> int:
        """Units of its rewards that a seat keeps."""
        return min(credited, self.proven[seat].kept) if seat in self.proven else credited

    def slashed(self, listed_from: list[int]) -> frozenset[int]:
        """Seats that lose the slash: all on the block list but those listed for a report that was acquitted."""
        listed = frozenset(seat for seat, since in enumerate(listed_from) if since)
        return listed - (self.alone & self.acquitted)


def shows(setup: Setup, proof: FalseReport, keys: dict[int, bytes], open_: int, verdict: Verdict) -> Lie:
    """Hold a proof against the rules; what it proves. `keys`: sealing keys that are revealed, by seat."""
    p, seat = setup.p, proof.seat
    about = f"proof against a report of seat {seat} in round {proof.round}"
    verdict.same("evidence", open_, f"{about}: whether reports name what they rest on", True, p.provable)
    if seat >= p.participants or len(proof.report) != report_bytes(p) or len(proof.tally) != tallies.size(p.arms):
        raise Broken("a proof of a false report holds none, or no tally")
    slot = statement(setup.domain, proof.round, proof.parent, REPORT, COMMANDER, seat, keccak(proof.report))
    verdict.same("evidence", open_, f"{about}: author", setup.addresses[seat], signer(slot, proof.signature))
    reader = Reader(proof.report)
    means, named = [reader.uint(4) for _ in range(p.arms)], reader.uint(4)
    commitment = reader.take(32)
    in_order = p.burn_in <= proof.round > named >= p.burn_in - 1
    verdict.same("evidence", open_, f"{about}: whether it names a round before its own", True, in_order)
    node = tallies.leaf(named, seat, proof.tally)
    for beside in proof.path:
        node = tallies.above(node, beside)
    verdict.same("evidence", open_, f"{about}: root of the tally", proof.root.hex(), node.hex())
    signed = signer(tallies_statement(setup, proof.through, proof.root), proof.root_signature)
    verdict.same("evidence", open_, f"{about}: who signed the root", setup.environment, signed)
    credited, counts, true = tallies.read(proof.tally, p.arms)
    key = keys.get(seat) if p.sealed else setup.seed
    if proof.arm < p.arms:
        holds = means[proof.arm] == true[proof.arm]
    else:
        holds = key is None or commitment == plain_commitment(key, proof.round, seat, counts)
    verdict.same("evidence", open_, f"{about}: whether what it names is true", False, holds)
    return Lie(proof.round, named, credited, tallies.receipted(proof.tally))


def tallies_statement(setup: Setup, through: int, root: bytes) -> bytes:
    """What the environment signs of the tallies of a settlement."""
    return statement(setup.domain, through, setup.genesis, REWARD, TALLIES, 0, root)


def plain_commitment(key: bytes, round_: int, seat: int, counts: list[int]) -> bytes:
    """The commitment of a report to counts, under the salt of the game's seed, or of a seat's sealing key."""
    salt = keccak(key, b"counts", uint(round_, 4), uint(seat, 2))
    return keccak(*(uint(count, 4) for count in counts), salt)


def acquits(setup: Setup, data: bytes, lies: Lies, open_: int, verdict: Verdict) -> int:
    """Hold an acquittal against what is proven; of whom it is."""
    seat, parent, told = number(word(data, 0)), word(data, 1), word(data, 5)
    lie = lies.proven.get(seat)
    if lie is None:
        raise Broken("an acquittal is of a seat against which no false report is proven")
    verdict.same("evidence", open_, f"whether seat {seat} was given another tally", True, told != lie.told)
    pulls, reward = word(data, 3)[-4:], word(data, 4)
    given = pulls + reward[-8:] if setup.p.has_phases else reward[-4:]
    content = keccak(word(data, 2)[-1:], given, told)
    slot = statement(setup.domain, lie.named, parent, REWARD, ENVIRONMENT, seat, content)
    author = signer(slot, word(data, 6) + word(data, 7))
    verdict.same("evidence", open_, f"who signed the other tally of seat {seat}", setup.environment, author)
    return seat
