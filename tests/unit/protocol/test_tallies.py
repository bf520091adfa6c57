"""Tallies: the tree against a recursive twin, what a settlement says, and which reports are told by them."""

import random
from dataclasses import replace

import pytest

from chain_bandit.protocol.blocks import Kind, Report
from chain_bandit.protocol.errors import Malformed
from chain_bandit.protocol.messages import commitment, commitment_salt, tally
from chain_bandit.protocol.settlement import NOTHING, Pull
from chain_bandit.protocol.tallies import Settled, SettledSums, SignedTallies, Tallies, leads_to, path, root, take_in
from chain_bandit.protocol.units import UNIT
from tests.unit.protocol.test_statements import outside_keccak

SEED = b"\5" * 32


def twin(leaves: list[bytes]) -> bytes:
    """The root by halves: the left one is the largest power of two below the size, as nodes without neighbour rise."""
    if len(leaves) == 1:
        return leaves[0]
    left = 1 << (len(leaves) - 1).bit_length() - 1
    return outside_keccak(b"".join(sorted((twin(leaves[:left]), twin(leaves[left:])))))


def test_sums_of_a_sealed_game_are_as_many_bytes_as_it_has_seats(parameters):
    p = parameters()
    sums = SettledSums(tuple(range(7, 7 + p.participants)))
    assert SettledSums.decode(sums.encode(), p) == sums
    for wrong in (b"", sums.encode()[:-1], sums.encode() + b"\0"):
        with pytest.raises(Malformed, match="settled sums"):
            SettledSums.decode(wrong, p)


def test_a_settlement_without_tallies_has_nobodys():
    assert SignedTallies(5, bytes(32), b"", ()).find(5, 0) is None


@pytest.mark.parametrize("size", [*range(1, 20), 40, 64, 100])
def test_every_leaf_leads_to_the_root_and_to_no_other(size):
    leaves = [outside_keccak(bytes([size, place])) for place in range(size)]
    expected = root(leaves)
    assert expected == twin(leaves)
    for place, leaf in enumerate(leaves):
        way = path(leaves, place)
        assert leads_to(leaf, way, expected)
        assert not leads_to(outside_keccak(leaf), way, expected)
        assert not leads_to(leaf, (*way, leaf), expected)
        assert not way or not leads_to(leaf, way[1:], expected)


@pytest.fixture
def p(parameters):
    return parameters(slash=1, provable=1, participants=4, arms=2, burn_in=4, horizon=40)


def played(p, chance: random.Random) -> tuple[list[tuple[int, Kind]], dict[int, tuple[Pull, ...]]]:
    """How rounds ended, and what everybody was given in those that give something."""
    kinds, rows = [], {}
    for round_ in range(1, 31):
        kind = chance.choice((Kind.APPROVED, Kind.APPROVED, Kind.REJECTED, Kind.SKIP, Kind.EXPLORATION))
        if round_ == p.burn_in:
            kind = chance.choice((Kind.APPROVED, Kind.SKIP))
        if round_ >= p.burn_in:
            kinds.append((round_, kind))
        if round_ <= p.burn_in or kind in (Kind.APPROVED, Kind.EXPLORATION):
            rows[round_] = tuple(
                chance.choice((NOTHING, Pull(chance.randrange(p.arms), chance.randrange(UNIT + 1))))
                for _ in range(p.participants)
            )
    return kinds, rows


@pytest.mark.parametrize("seed", range(5))
def test_tallies_are_sums_of_what_was_given_and_follow_from_settlements_alone(p, seed):
    chance = random.Random(seed)
    kinds, rows = played(p, chance)
    made, read = Tallies(p), Tallies(p)
    first, settled = p.burn_in - 1, list[SignedTallies]()
    for end in (9, 17, 30):
        due = [each for each in kinds if (settled[-1].through if settled else 0) < each[0] <= end]
        paid = b""
        for round_, kind in due:
            for earlier in range(1, round_ + 1) if round_ == p.burn_in else ():
                made.add(earlier, rows[earlier], False)
            if round_ > p.burn_in:
                made.add(round_, rows.get(round_, ()), kind is Kind.APPROVED)
            if round_ > p.burn_in and kind is Kind.APPROVED:
                paid += b"".join(bytes([pull.arm]) + pull.reward.to_bytes(4, "big") for pull in rows[round_])
        expected, unpaid, tallies = made.settle()
        said = Settled(paid, expected, bytes(64), unpaid)
        assert Settled.decode(said.encode(), len(paid) // (5 * p.participants), p) == said
        take_in(read, p, due, said)
        assert read.settle() == (expected, unpaid, tallies)
        settled.append(SignedTallies(end, expected, bytes(64), tallies))
        for round_ in range(first, end + 1):
            for seat in range(p.participants):
                place = settled[-1].find(round_, seat)
                given = [
                    (r, row[seat]) for r, row in rows.items() if r <= round_ and row[seat] != NOTHING
                ]
                found = tallies[place]
                assert leads_to(found.leaf, settled[-1].path(place), expected)
                pulls = [pull for _, pull in given]
                assert found.counts == tuple(sum(q.arm == arm for q in pulls) for arm in range(p.arms))
                assert found.totals == tuple(sum(q.reward for q in pulls if q.arm == arm) for arm in range(p.arms))
                paying = {r for r, kind in kinds if r > p.burn_in and kind is Kind.APPROVED}
                assert found.credited == sum(pull.reward for r, pull in given if r in paying)
                assert found.digest == tally(found.counts, found.totals)
        assert settled[-1].find(first - 1, 0) is settled[-1].find(end + 1, 0) is None
        first = end + 1


@pytest.mark.parametrize("held", ["_counts", "_totals"])
def test_more_than_a_tally_has_room_for_is_malformed(p, held):
    """A lying environment may settle unpaid rows of any pulls: the contract does not look at them."""
    tallies = Tallies(p)
    room = (2**32 if held == "_counts" else 2**64) - 2
    getattr(tallies, held)[0] = (room, *[0] * (p.arms - 1))
    tallies.add(1, [Pull(0, 1)] * p.participants, False)
    with pytest.raises(Malformed, match="2\\^32"):
        tallies.add(2, [Pull(0, 1)] * p.participants, False)


def test_a_settlement_with_rows_missing_or_left_over_is_malformed(p):
    row = bytes(20)
    kinds = [(p.burn_in, Kind.APPROVED), (p.burn_in + 1, Kind.APPROVED), (p.burn_in + 2, Kind.EXPLORATION)]
    good = Settled(row, bytes(32), bytes(64), row * (p.burn_in + 1))
    take_in(Tallies(p), p, kinds, good)
    for changed in (
        replace(good, unpaid=row * p.burn_in), replace(good, unpaid=row * (p.burn_in + 2)), replace(good, paid=b""),
        replace(good, paid=row * 2),
    ):  # fmt: skip
        with pytest.raises(Malformed):
            take_in(Tallies(p), p, kinds, changed)
    for data in (b"", bytes(95), bytes(97), row + bytes(95)):
        with pytest.raises(Malformed):
            Settled.decode(data, len(data) // 100, p)


def test_a_report_is_told_by_the_counts_that_it_commits_to_and_by_every_mean(p):
    made = Tallies(p)
    for round_ in range(1, 5):
        made.add(round_, [Pull(round_ % 2, 100 + round_)] * p.participants, False)
    _, _, tallies = made.settle()
    own = tallies[-1]
    assert own.counts == (2, 2)
    salt = commitment_salt(SEED, 7, own.seat)
    good = Report((103, 102), commitment((2, 2), salt))
    assert own.lies(good, 7, SEED) == []
    assert own.lies(good, 8, SEED) == [2]
    assert own.lies(replace(good, means=(103, 103)), 7, SEED) == [1]
    assert own.lies(replace(good, means=(1, 103)), 8, SEED) == [0, 1, 2]
    miscounted = replace(good, commitment=commitment((2, 1), salt))
    assert own.lies(miscounted, 7, SEED) == [2]
    assert own.lies(miscounted, 7, None) == []
