"""protocol/reputation.py and protocol/committee.py, held against fractions and against all orders."""

import itertools
import random
from fractions import Fraction
from math import floor, sqrt

import pytest
from eth_hash.auto import keccak as outside_keccak

from chain_bandit.protocol.committee import best, size
from chain_bandit.protocol.reputation import (
    FREE,
    FULL,
    accuracies,
    accuracy,
    after_block,
    distance,
    penalised,
    radii,
    radius,
)
from chain_bandit.protocol.units import INFINITY, UNIT


def test_the_radius_is_the_floored_inverse_root_and_free_without_pulls():
    assert radii((0, 1, 4)) == (FREE, UNIT, UNIT // 2)
    for pulls in (2, 3, 99, 12345, 10**9):
        assert radius(pulls) ** 2 <= Fraction(UNIT**2, pulls) < (radius(pulls) + 1) ** 2
        assert abs(radius(pulls) - UNIT / sqrt(pulls)) < 2
    assert FREE > UNIT


def test_the_distance_is_the_floored_mean_of_what_lies_beyond_the_radius():
    rng = random.Random(3)
    for _ in range(500):
        arms = rng.randint(1, 6)
        means = tuple(rng.choice((0, UNIT, rng.randint(0, UNIT))) for _ in range(arms))
        validated = tuple(rng.choice((INFINITY, 0, UNIT, rng.randint(0, UNIT))) for _ in range(arms))
        free = tuple(rng.choice((0, FREE, rng.randint(0, UNIT))) for _ in range(arms))
        beyond = sum(
            max(Fraction(0), abs(Fraction(m) - v) - r)
            for m, v, r in zip(means, validated, free, strict=True)
            if v <= UNIT
        )
        assert distance(means, validated, free) == floor(beyond / arms)


@pytest.mark.parametrize("tolerance", [1, 2, 1000, UNIT // 10, 2**32 - 1])
def test_accuracy_falls_on_a_line_from_full_to_nothing(tolerance):
    distances = sorted({0, 1, tolerance // 3, tolerance // 2, tolerance - 1, tolerance, tolerance + 1, 4 * UNIT})
    found = [accuracy(d, tolerance) for d in distances]
    assert found == [floor(max(Fraction(0), FULL * (1 - Fraction(d, tolerance)))) for d in distances]
    assert found == sorted(found, reverse=True)
    assert (found[0], accuracy(tolerance, tolerance)) == (FULL, 0)


def test_a_smaller_distance_never_gives_a_smaller_reputation():
    rng = random.Random(4)
    for _ in range(300):
        near = sorted((rng.randint(0, FULL), rng.randint(0, FULL)))
        old = sorted((rng.randint(0, FULL), rng.randint(0, FULL)))
        moved = after_block(tuple(old), tuple(near))
        assert moved[0] <= moved[1]
        assert all(0 <= value <= FULL for value in moved)


def test_without_a_report_there_is_no_accuracy():
    given = accuracies(3, {1: (5, 5)}, (5, 5), (0, 0), 10)
    assert given == (0, FULL, 0)


def test_penalties_stop_at_nothing_and_touch_nobody_else():
    assert penalised((10, 20, 30), (0, 2), 15) == (0, 20, 15)


def test_the_best_are_those_that_no_exchange_improves():
    """Brute force: of all sets of the size, the one whose members come first by (reputation, tie)."""
    rng = random.Random(5)
    for _ in range(300):
        count, seed = rng.randint(1, 7), rng.randbytes(32)
        reputations = tuple(rng.choice((0, 1, 1, FULL)) for _ in range(count))
        eligible = rng.getrandbits(count)
        members = [seat for seat in range(count) if eligible >> seat & 1]
        wanted = rng.randint(0, count)
        key = {s: (-reputations[s], outside_keccak(seed + s.to_bytes(2, "big"))) for s in members}

        def is_best(chosen, key=key, members=members):
            return all(key[one] < key[other] for one in chosen for other in members if other not in chosen)

        sets = [c for c in itertools.combinations(members, min(wanted, len(members))) if is_best(c)]
        assert [best(reputations, eligible, wanted, seed)] == [sum(1 << s for s in chosen) for chosen in sets]


def test_committees_double_with_every_skip_up_to_everybody():
    assert [size(100, 3, skips) for skips in range(8)] == [3, 6, 12, 24, 48, 96, 100, 100]
    assert size(256, 1, 300) == 256
