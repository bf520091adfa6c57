"""simulation/kernel: its parts against the plain functions that they stand for."""

import random
from fractions import Fraction
from itertools import accumulate
from math import isqrt

import numpy as np
import pytest

from chain_bandit.protocol import arms, rewards
from chain_bandit.protocol.aggregation import tie_break, trimmed, within
from chain_bandit.protocol.digests import keccak, uint
from chain_bandit.protocol.units import INFINITY, UNIT
from chain_bandit.simulation.kernel import keccak as compiled_keccak
from chain_bandit.simulation.kernel import numbers, selection, succession
from chain_bandit.simulation.kernel.philox import philox


def words(digest: bytes) -> np.ndarray:
    return np.frombuffer(digest, ">u8").astype(np.uint64)


def test_philox_gives_the_words_of_the_protocol():
    rng = random.Random(1)
    for _ in range(200):
        key = (rng.getrandbits(64), rng.getrandbits(64))
        counter = (rng.getrandbits(64), rng.getrandbits(64), rng.getrandbits(32), rng.choice((0, 1, 2**64 - 1)))
        assert int(philox(*map(np.uint64, key + counter))) == rewards.philox(key, counter)


@pytest.mark.parametrize("size", range(1, 8))
def test_keccak_of_a_digest_and_a_number(size):
    rng, found = random.Random(size), np.zeros(4, np.uint64)
    for number in (0, 1, 2 ** (8 * size - 1), 2 ** (8 * size - 1) - 1, rng.getrandbits(8 * size - 1)):
        head = rng.randbytes(32)
        compiled_keccak.keccak(found, words(head), np.int64(number % 2**63), size)
        assert found.astype(">u8").tobytes() == keccak(head, uint(number % 2**63, size))


@pytest.mark.parametrize("count", [1, 2, 5, 13, 64, 65, 200])
def test_what_is_left_after_trimming_is_what_the_protocol_leaves(count):
    rng, seed = random.Random(count), bytes(range(32))
    for spread in (2, 5, UNIT):
        for trim in {0, 1, count // 3, count // 2}:
            values = {seat: rng.randrange(spread) for seat in range(count)}
            left = trimmed(values, frozenset(values), trim, tie_break(seed, frozenset(values)))
            kept = selection.trimmed(np.array(list(values.values()), np.int64), count, trim)
            mean = sum(values[p] for p in left) // len(left) if left else INFINITY
            assert (kept[0], kept[1]) == (mean, len(left))
            estimates, members = np.array(list(values.values()), np.int64), np.ones(count, np.int64)
            for seat in values if left else ():
                stands = selection.standing(kept, values[seat])
                if stands == selection.TIED:
                    assert selection.kept_of_equals(estimates, members, trim, words(seed), seat) == (seat in left)
                else:
                    assert (stands == selection.IN) == (seat in left)


@pytest.mark.parametrize("count", [0, 1, 4, 9, 90])
def test_who_is_near_the_median_is_who_the_protocol_says(count):
    rng = random.Random(count)
    for delta in (1, 2, 5, 40):
        values = {seat: rng.randrange(30) for seat in range(count)}
        left = within(values, frozenset(values), delta)
        kept = selection.within(np.array(list(values.values()), np.int64), count, delta)
        assert kept[1] == len(left)
        assert kept[0] == (sum(values[p] for p in left) // len(left) if left else INFINITY)
        assert left == {seat for seat, value in values.items() if selection.standing(kept, value) == selection.IN}


def test_square_roots_are_exact():
    rng = random.Random(3)
    cases = [0, 1, 2, 3, 4, 2**53, 2**63 - 1, (3_037_000_499) ** 2, 3_037_000_499**2 - 1]
    cases += [n * n + d for n in (rng.randrange(1, 3_037_000_499) for _ in range(500)) for d in (-1, 0, 1)]
    assert all(succession.isqrt(np.int64(case)) == isqrt(case) for case in cases)


@pytest.mark.parametrize(("numerator", "denominator"), [(2, 1), (1, 7), (12_345_678_901, 2**40), (50, 1)])
def test_widths_are_those_of_the_decimals(numerator, denominator):
    table = numbers.widths(3_000, numerator, denominator)
    assert [int(z) for z in table[1:]] == [
        arms.width_table(t, numerator, denominator) for t in range(1, 3_001)
    ]


def test_a_logarithm_next_to_an_integer_is_not_left_to_doubles(monkeypatch):
    """The planted fault: without the decimals a double that errs is believed."""
    monkeypatch.setattr(np, "log", lambda rounds, log=np.log: np.nextafter(log(rounds), np.inf))
    table = numbers.widths(200_000, 1, 1)
    assert all(int(table[t]) == arms.width_table(t, 1, 1) for t in range(1, 200_001, 397))
    assert int(table[1]) == 0


def test_words_draw_what_the_tables_draw():
    model = rewards.RewardModel((
        rewards.bernoulli(300_000_000), rewards.bernoulli(0), rewards.bernoulli(UNIT),
        rewards.Distribution((0, 7, 9, UNIT), (3, 0, 5, 1)),
    ))
    secret, seed_0 = b"s" * 32, b"t" * 32
    draws, keys = rewards.Draws(model, secret, seed_0), numbers.keys(secret, seed_0)
    first, values, least = numbers.tables(model)
    for round_ in range(300):
        for arm in range(4):
            word = philox(keys.k0, keys.k1, *map(np.uint64, (round_, 5, arm, 2)))
            at = first[arm] + sum(1 for k in range(first[arm] + 1, first[arm + 1]) if least[k] <= word)
            assert values[at] == draws.reward(round_, 5, arm, 2)
    ends = list(accumulate((3, 0, 5, 1)))
    assert [Fraction(int(word), 2**64) for word in least[-3:]] == [
        Fraction(-(-(end << 64) // 9), 2**64) for end in (0, ends[0], ends[2])
    ]
