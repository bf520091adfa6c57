"""protocol/aggregation.py, held against brute force with fractions."""

import random
from fractions import Fraction
from itertools import combinations

import pytest

from chain_bandit.protocol.aggregation import (
    candidates,
    enough_pulls,
    global_mean,
    global_means,
    option_1,
    tie_break,
    trimmed,
)
from chain_bandit.protocol.digests import keccak, uint
from chain_bandit.protocol.units import INFINITY, UNIT

SEED = bytes(range(32))


@pytest.mark.parametrize(("members", "liars"), [(0, 0), (0, 1), (2, 1), (4, 2), (1, 1)])
def test_trimmed_is_empty_when_members_are_not_more_than_twice_the_liars(members, liars):
    seats = frozenset(range(members))
    assert trimmed(dict.fromkeys(seats, 5), seats, liars, tie_break(SEED, seats)) == frozenset()


@pytest.mark.parametrize(("members", "liars", "left"), [(1, 0, 1), (3, 1, 1), (5, 2, 1), (7, 2, 3)])
def test_trimmed_keeps_members_less_twice_the_liars(members, liars, left):
    seats = frozenset(range(members))
    assert len(trimmed(dict.fromkeys(seats, 5), seats, liars, tie_break(SEED, seats))) == left


def brute_trimmed(estimates, members, liars):
    """The members with at least f others below and f above, ties by keccak(seed, id), by counting."""

    def below(p, q):
        one = (Fraction(estimates[p], UNIT), outside_order(p))
        return one < (Fraction(estimates[q], UNIT), outside_order(q))

    return frozenset(
        p
        for p in members
        if sum(below(q, p) for q in members) >= liars and sum(below(p, q) for q in members) >= liars
    )


def outside_order(seat):
    return keccak(SEED + seat.to_bytes(2, "big"))


def test_trimmed_equals_counting_neighbours_in_every_small_case_with_ties():
    cases = 0
    rng = random.Random(3)
    for size in range(1, 9):
        for liars in range((size - 1) // 2 + 1):
            for _ in range(25):
                seats = frozenset(rng.sample(range(20), size))
                estimates = {p: rng.choice([0, 1, 1, 2, UNIT]) for p in seats}
                order = tie_break(SEED, seats)
                assert trimmed(estimates, seats, liars, order) == brute_trimmed(estimates, seats, liars)
                cases += 1
    assert cases == 500


def test_trimmed_mean_stays_inside_the_means_of_the_lowest_and_highest_honest():
    """PROTOCOL 1.1: colluders push a trimmed mean at most to the mean of the b lowest or highest honest reports."""
    rng = random.Random(4)
    for _ in range(300):
        liars = rng.randint(1, 3)
        honest = [rng.randint(0, UNIT) for _ in range(2 * liars + 1 + rng.randint(0, 4))]
        lies = [rng.choice([0, UNIT, rng.choice(honest)]) for _ in range(liars)]
        values = honest + lies
        estimates = dict(enumerate(values))
        seats = frozenset(estimates)
        kept = trimmed(estimates, seats, liars, tie_break(SEED, seats))
        b = len(kept)
        low, high = sorted(honest)[:b], sorted(honest)[-b:]
        assert sum(low) // b <= global_mean(estimates, kept) <= sum(high) // b


def test_enough_pulls_is_a_strict_integer_comparison():
    assert enough_pulls((1, 2, 3, 0), (2, 3, 6, 0), 2) == (False, True, False, False)
    with pytest.raises(ValueError, match="zip"):
        enough_pulls((1,), (1, 2), 2)


def test_candidates_leave_out_the_blocked_and_those_without_the_bit():
    bits = {0: (True, False), 1: (True, True), 2: (False, True)}
    assert candidates(bits, 0) == {0, 1}
    assert candidates(bits, 1, frozenset({1})) == {2}


def test_tie_break_is_the_seats_own_keccak():
    assert tie_break(SEED, frozenset({3, 7})) == {p: keccak(SEED, uint(p, 2)) for p in (3, 7)}


def test_global_mean_is_infinite_when_nobody_is_left():
    assert global_mean({0: 5}, frozenset()) == INFINITY
    assert global_mean({0: 5, 1: 8}, frozenset({0, 1})) == 6


def test_option_1_takes_each_arm_by_itself_and_only_those_with_bits():
    means = {0: (0, 9), 1: (1, 8), 2: (2, 7), 3: (3, 6)}
    bits = {p: (True, p != 3) for p in means}
    selected = option_1(means, bits, frozenset(), 1, 2, SEED)
    assert selected == (frozenset({1, 2}), frozenset({1}))
    assert global_means(means, selected) == (1, 8)
    blocked = option_1(means, bits, frozenset({1}), 1, 2, SEED)
    assert blocked == (frozenset({2}), frozenset())
    assert global_means(means, blocked) == (2, INFINITY)


def test_every_subset_of_liars_is_harmless_on_a_spread_of_honest_values():
    honest_value = {p: 400 + p for p in range(7)}
    tried = 0
    for liars in combinations(range(7), 2):
        for lie in (0, UNIT, 403):
            estimates = honest_value | dict.fromkeys(liars, lie)
            seats = frozenset(estimates)
            kept = trimmed(estimates, seats, 2, tie_break(SEED, seats))
            honest = [honest_value[p] for p in seats - set(liars)]
            assert min(honest) <= global_mean(estimates, kept) <= max(honest)
            tried += 1
    assert tried == 63
