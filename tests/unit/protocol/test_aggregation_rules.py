"""protocol/aggregation.py and the rules made of it, held against brute force."""

import random
from collections import Counter
from fractions import Fraction
from itertools import combinations, product

import pytest

from chain_bandit.protocol.aggregation import (
    candidates,
    enough_pulls,
    global_mean,
    radius,
    tie_break,
    trim_of,
    trimmed,
    within,
)
from chain_bandit.protocol.digests import keccak, uint
from chain_bandit.protocol.units import INFINITY, UNIT
from tests.rules import estimate, rule

SEED = bytes(range(32))
RULES = ["option-1", "option-2", "option-3", "delta-safe", "confidence"]


def chosen(name, delta):
    return rule(name, delta=delta) if name in ("delta-safe", "confidence") else rule(name)


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
    """Colluders push a trimmed mean at most to the mean of the b lowest or highest honest reports."""
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


def test_candidates_are_those_with_the_bit():
    bits = {0: (True, False), 1: (True, True), 2: (False, True)}
    assert candidates(bits, 0) == {0, 1}
    assert candidates(bits, 1) == {1, 2}
    assert candidates({}, 0) == frozenset()


def test_tie_break_is_the_seats_own_keccak():
    assert tie_break(SEED, frozenset({3, 7})) == {p: keccak(SEED, uint(p, 2)) for p in (3, 7)}


def test_global_mean_is_infinite_when_nobody_is_left():
    assert global_mean({0: 5}, frozenset()) == INFINITY
    assert global_mean({0: 5, 1: 8}, frozenset({0, 1})) == 6


def test_option_1_takes_each_arm_by_itself_and_only_those_with_bits():
    means = {0: (0, 9), 1: (1, 8), 2: (2, 7), 3: (3, 6)}
    bits = {p: (True, p != 3) for p in means}
    found = estimate(rule("option-1"), means, bits, 1, 2, SEED)
    assert found == ((1, 8), (frozenset({1, 2}), frozenset({1})), (), "")
    del means[1], bits[1]
    assert estimate(rule("option-1"), means, bits, 1, 2, SEED) == ((2, INFINITY), (frozenset({2}), frozenset()), (), "")


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


def naive(option, means, bits, liars, arms, delta, pulls):
    """Word by word (protocol.md: Aggregation): sets shrink by one member at a time, medians are found by counting."""
    passed = [p for p in means if False not in [bits[p][arm] for arm in range(arms)]]
    selected = []
    for arm in range(arms):

        def rank(p, arm=arm):
            return means[p][arm], outside_order(p)

        left = [p for p in means if bits[p][arm]] if option == "option-1" else list(passed)
        if option in ("delta-safe", "confidence"):
            n = max(pulls[arm], 1) if option == "confidence" else 1
            middle = [
                means[m][arm] for m in left
                if sum(means[p][arm] < means[m][arm] for p in left) <= (len(left) - 1) // 2
                < sum(means[p][arm] <= means[m][arm] for p in left)
            ]
            assert len(set(middle)) == bool(left)
            left = [p for p in left if 4 * (means[p][arm] - middle[0]) ** 2 * n < delta**2]
        else:
            cuts = liars if option == "option-1" else min(liars, -(-len(left) // 2) - 1)
            if option == "option-1" and len(left) <= 2 * liars:
                left = []
            for _ in range(cuts if left else 0):
                left.remove(max(left, key=rank))
                left.remove(min(left, key=rank))
        selected.append(frozenset(left))
    means = tuple(
        int(Fraction(sum(means[p][arm] for p in left), len(left))) if left else 2**32 - 1
        for arm, left in enumerate(selected)
    )
    return means, tuple(selected), ()


@pytest.mark.parametrize("option", RULES)
def test_every_option_is_its_definition_on_random_rounds_with_ties(option):
    rng = random.Random(f"option {option}")
    sizes, cases = Counter(), 0
    for _ in range(3000):
        seats = rng.sample(range(40), rng.randint(0, 9))
        arms, liars, delta = rng.randint(1, 3), rng.randint(0, 3), rng.choice((1, 2, 3, 5, 8, UNIT, 2 * UNIT + 1))
        values = rng.choice(((0, 1, 2), (0, 1, 2, 3, 4, 5, 6, UNIT), tuple(range(12))))
        means = {p: tuple(rng.choice(values) for _ in range(arms)) for p in seats}
        likely = rng.choice((0.1, 0.8, 1.0))
        bits = {p: tuple(rng.random() < likely for _ in range(arms)) for p in seats}
        pulls = tuple(rng.choice((0, 1, 2, 5, 10, 2**32 - 1)) for _ in range(arms))
        got = estimate(chosen(option, delta), means, bits, liars, arms, SEED, pulls)
        assert got[:3] == naive(option, means, bits, liars, arms, delta, pulls)
        sizes.update(map(len, got.sets))
        cases += 1
    assert cases == 3000
    assert set(range(4)) <= set(sizes)


@pytest.mark.parametrize("option", RULES)
def test_every_option_is_its_definition_in_every_small_round(option):
    cases = 0
    for count in range(4):
        for values in product((0, 1, 3), repeat=count):
            for rows in product((False, True), repeat=count):
                for liars, delta, pulls in product((0, 1, 2), (1, 3, 7), ((count,), (count + 1,))):
                    means, bits = {p: (v,) for p, v in enumerate(values)}, {p: (row,) for p, row in enumerate(rows)}
                    got = estimate(chosen(option, delta), means, bits, liars, 1, SEED, pulls)
                    assert got[:3] == naive(option, means, bits, liars, 1, delta, pulls)
                    cases += 1
    assert cases == 18 * (1 + 6 + 36 + 216)


FIVE = {0: (10, 5), 1: (20, 5), 2: (30, 5), 3: (40, 9), 4: (100, 0)}
ALL_BUT_THE_LAST = {p: (True, p != 4) for p in FIVE}
"""Seat 4 has too few pulls of arm 1."""


@pytest.mark.parametrize(
    ("option", "delta", "expected"),
    [
        ("option-1", 0, {1, 2, 3}),  # arm by arm: seat 4 is in A_0
        ("option-2", 0, {1, 2}),  # F = {0, 1, 2, 3}
        ("option-3", 0, {1, 2}),
        ("delta-safe", 20, {1}),  # the lower median is 20; 10 and 30 are at half of delta, not nearer
        ("delta-safe", 21, {0, 1, 2}),
        ("confidence", 60, {1}),  # nine pulls: a third of delta
        ("confidence", 61, {0, 1, 2}),
        ("median", 0, {1}),  # the lower one of F's two in the middle
    ],
)
def test_golden_round_of_each_option(option, delta, expected):
    assert estimate(chosen(option, delta), FIVE, ALL_BUT_THE_LAST, 1, 2, SEED, (9, 1)).sets[0] == expected


@pytest.mark.parametrize("option", [*RULES, "median"])
@pytest.mark.parametrize(
    ("means", "bits"),
    [
        ({}, {}),
        (FIVE, dict.fromkeys(FIVE, (False, False))),
    ],
    ids=["no report", "nobody with enough pulls"],
)
def test_every_b_is_empty_when_nobody_is_left(option, means, bits):
    found = estimate(chosen(option, 10), means, bits, 1, 2, SEED, (1, 1))
    assert found == ((INFINITY, INFINITY), (frozenset(), frozenset()), (), "")


def test_filter_leaves_out_whoever_misses_one_arm():
    found = estimate(rule("option-1"), FIVE, ALL_BUT_THE_LAST, 0, 2, SEED)
    assert found.sets == (set(FIVE), {0, 1, 2, 3})
    for option in ("option-2", "delta-safe", "confidence"):
        found = estimate(chosen(option, UNIT), FIVE, ALL_BUT_THE_LAST, 0, 2, SEED, (2, 3))
        assert found.sets == ({0, 1, 2, 3},) * 2


def test_option_3_is_option_2():
    rng = random.Random(7)
    for _ in range(500):
        means = {p: (rng.randrange(9), rng.randrange(9)) for p in range(8)}
        bits = {p: (rng.random() < 0.9, rng.random() < 0.9) for p in means}
        two, three = (estimate(rule(name), means, bits, 2, 2, SEED, (1, 2)) for name in ("option-2", "option-3"))
        assert two == three


def test_trim_leaves_somebody_of_any_filter_and_never_trims_more_than_f():
    assert [trim_of(size, 3) for size in range(10)] == [0, 0, 0, 1, 1, 2, 2, 3, 3, 3]
    for size, liars in product(range(1, 30), range(12)):
        assert size - 2 * trim_of(size, liars) >= 1
        assert trim_of(size, liars) == liars or size - 2 * (trim_of(size, liars) + 1) < 1


def test_a_radius_is_the_largest_integer_below_its_real_number():
    assert [radius(delta) for delta in (0, 1, 2, 3, 20, 21, UNIT)] == [0, 0, 0, 1, 9, 10, UNIT // 2 - 1]
    assert [radius(60, pulls) for pulls in (0, 1, 4, 9, 900, 901)] == [29, 29, 14, 9, 0, 0]
    rng = random.Random(8)
    for _ in range(2000):
        delta, pulls = rng.randrange(1, 2**32), rng.choice((1, 2, 9, 10_000, rng.randrange(1, 2**32)))
        far = radius(delta, pulls)
        assert 4 * far**2 * pulls < delta**2 <= 4 * (far + 1) ** 2 * pulls


def test_who_is_at_the_radius_of_the_lower_median_is_within_it():
    estimates = {0: 0, 1: UNIT // 2, 2: UNIT // 2 + 1, 3: UNIT}
    seats = frozenset(estimates)
    assert within(estimates, seats, UNIT // 2 - 1) == {1, 2}
    assert within(estimates, seats, UNIT // 2) == {0, 1, 2, 3}
    assert within(estimates, seats, 0) == {1}
    assert within(estimates, seats, 1) == {1, 2}
    assert within(estimates, frozenset({0, 2, 3}), 0) == {2}
    assert within(estimates, frozenset(), 5) == frozenset()


@pytest.mark.parametrize("pulls", [1, 9, 10_000])
def test_a_lie_just_under_the_radius_is_in_force_and_one_unit_more_is_dropped(pulls):
    honest = dict.fromkeys(range(7), (UNIT // 2,))
    for beyond in (0, 1):
        lie = UNIT // 2 + radius(UNIT // 3, pulls) + beyond
        means = honest | dict.fromkeys((7, 8, 9), (lie,))
        bits = dict.fromkeys(means, (True,))
        found = estimate(rule("confidence", delta=UNIT // 3), means, bits, 3, 1, SEED, (pulls,))
        assert found.sets[0] == set(honest if beyond else means)


@pytest.mark.parametrize("count", [2, 7, 10])
def test_who_is_half_a_radius_from_the_truth_like_the_other_honest_is_never_dropped(count):
    """Whatever a minority reports: the lower median is inside the honest range."""
    rng, truth, far = random.Random(count), UNIT // 2, radius(UNIT // 10, 25)
    for _ in range(500):
        liars = frozenset(rng.sample(range(count), rng.randrange((count + 1) // 2)))
        lies = (0, UNIT, truth + far, truth - far, truth)
        near = (truth - far // 2, truth + far // 2)
        means = {p: (rng.choice(lies if p in liars else near),) for p in range(count)}
        bits = dict.fromkeys(means, (True,))
        found = estimate(rule("confidence", delta=UNIT // 10), means, bits, len(liars), 1, SEED, (25,))
        assert set(means) - liars <= found.sets[0]
