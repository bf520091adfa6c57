"""simulation/kernel: its parts against the plain functions that they stand for."""

import random
import tracemalloc
from collections import Counter
from fractions import Fraction
from itertools import accumulate
from math import isqrt

import numpy as np
import pytest

from chain_bandit.game import simulated
from chain_bandit.protocol import arms, rewards
from chain_bandit.protocol.aggregation import tie_break, trimmed, within
from chain_bandit.protocol.digests import keccak, uint
from chain_bandit.protocol.rule import Learnt
from chain_bandit.protocol.rules import kl_ucb
from chain_bandit.protocol.rules.kl_ucb import KlUcb
from chain_bandit.protocol.units import INFINITY, UNIT
from chain_bandit.simulation import batch, plain
from chain_bandit.simulation.engine import Engine
from chain_bandit.simulation.kernel import arms as ucb
from chain_bandit.simulation.kernel import divergence, encoding, play, quotients, roots, selection
from chain_bandit.simulation.kernel import keccak as compiled_keccak
from chain_bandit.simulation.kernel.philox import philox
from chain_bandit.simulation.kernel.rewards import drawable, reward
from chain_bandit.simulation.replicates import measure
from tests.equivalence.test_outcomes_equal_game import scenario
from tests.unit.protocol.rules.records import GAME


def words(digest: bytes) -> np.ndarray:
    return np.frombuffer(digest, ">u8").astype(np.uint64)


def test_philox_gives_the_words_of_the_protocol():
    rng = random.Random(1)
    for _ in range(200):
        key = (rng.getrandbits(64), rng.getrandbits(64))
        counter = (rng.getrandbits(64), rng.getrandbits(64), rng.getrandbits(32), rng.choice((0, 1, 2**64 - 1)))
        assert tuple(map(int, philox(*map(np.uint64, key + counter)))) == rewards.philox(key, counter)


@pytest.mark.parametrize("size", range(1, 8))
def test_keccak_of_a_digest_and_a_number(size):
    rng, found = random.Random(size), np.zeros(compiled_keccak.LANES, np.uint64)
    for number in (0, 1, 2 ** (8 * size - 1), 2 ** (8 * size - 1) - 1, rng.getrandbits(8 * size - 1)):
        head = rng.randbytes(32)
        compiled_keccak.keccak(found, words(head), np.int64(number % 2**63), size)
        assert found[:4].astype(">u8").tobytes() == keccak(head, uint(number % 2**63, size))


@pytest.mark.parametrize("count", [1, 2, 5, 13, 64, 65, 200, 201, 700])
def test_what_is_left_after_trimming_is_what_the_protocol_leaves(count):
    rng, seed = random.Random(count), bytes(range(32))
    for spread in (2, 5, UNIT):
        for trim in {0, 1, count // 3, count // 2}:
            values = {seat: rng.randrange(spread) for seat in range(count)}
            left = trimmed(values, frozenset(values), trim, tie_break(seed, frozenset(values)))
            array = np.array(list(values.values()), np.int64)
            in_order, order = np.zeros(count, np.int64), np.zeros(count, np.int64)
            for place, seat in enumerate(rng.sample(range(count), count)):
                selection.insert(in_order, order, place, array[seat], seat)
            assert sorted(order) == list(range(count))
            assert (in_order == np.sort(array)).all()
            assert (array[order] == in_order).all()
            kept = selection.trimmed(in_order, count, trim, True)
            assert selection.trimmed(array.copy(), count, trim, False) == kept
            mean = sum(values[p] for p in left) // len(left) if left else INFINITY
            assert (kept[0], kept[1]) == (mean, len(left))
            for seat in values if left else ():
                stands = selection.standing(kept, values[seat])
                if stands != selection.TIED:
                    assert (stands == selection.IN) == (seat in left)


@pytest.mark.parametrize("count", [1, 2, 5, 13, 65])
def test_whether_a_suspect_is_left_of_equals_is_what_the_protocol_says(count):
    """Few values, so that trimming cuts through equals on one side, on both, or on none."""
    rng, decided = random.Random(count), Counter()
    for _ in range(400):
        values = {seat: rng.randrange(rng.choice((1, 2, 4))) for seat in range(count)}
        members = np.array([rng.choice((0, 1, 1, 2)) if count > 1 else 2 for _ in values], np.int64)
        seed, counted = rng.randbytes(32), frozenset(np.flatnonzero(members).tolist())
        trim = rng.randrange(count // 2 + 1)
        left = trimmed(values, counted, trim, tie_break(seed, counted))
        array, notes = np.array(list(values.values()), np.int64), np.zeros((count, compiled_keccak.LANES), np.uint64)
        for value in set(values.values()):
            found = selection.spares(array, members, value, trim, words(seed), notes)
            assert found == any(members[seat] == selection.SUSPECT and values[seat] == value for seat in left)
            decided[bool(found)] += 1
    assert count == 1 or min(decided[True], decided[False]) > 50


@pytest.mark.parametrize("count", [0, 1, 4, 9, 90, 500])
def test_who_is_near_the_median_is_who_the_protocol_says(count):
    rng = random.Random(count)
    for far in (0, 1, 2, 20):
        values = {seat: rng.randrange(30) for seat in range(count)}
        left = within(values, frozenset(values), far)
        array = np.array(list(values.values()), np.int64)
        kept = selection.within(np.sort(array), count, far, True)
        assert selection.within(array, count, far, False) == kept
        assert kept[1] == len(left)
        assert kept[0] == (sum(values[p] for p in left) // len(left) if left else INFINITY)
        assert left == {seat for seat, value in values.items() if selection.standing(kept, value) == selection.IN}


def test_square_roots_are_exact():
    rng = random.Random(3)
    cases = [0, 1, 2, 3, 4, 2**53, 2**63 - 1, (3_037_000_499) ** 2, 3_037_000_499**2 - 1]
    cases += [n * n + d for n in (rng.randrange(1, 3_037_000_499) for _ in range(500)) for d in (-1, 0, 1)]
    assert all(roots.isqrt(np.int64(case)) == isqrt(case) for case in cases)


def test_the_best_of_nearly_equal_indices_is_the_exact_one():
    """Upper bounds that differ by a unit or not at all, where the real numbers under the roots say otherwise."""
    rng = random.Random(6)
    for _ in range(3_000):
        count, width = rng.randrange(1, 6), rng.randrange(1, 4 * 10**17)
        samples = [rng.randrange(1, 10 ** rng.randrange(1, 7)) for _ in range(count)]
        level = rng.randrange(4 * UNIT)
        means = [level - arms.confidence_width(width, n) + rng.randrange(-1, 2) for n in samples]
        if rng.random() < 0.1:
            samples[rng.randrange(count)] = 0
        factors = np.array([ucb.factor.py_func(n) if n else np.inf for n in samples])
        got = ucb.ucb_arm(np.array(means), np.array(samples), factors, np.int64(width))
        assert got == arms.ucb_arm(means, samples, [width] * count)


def mean_below(level: int, samples: int, most: int) -> int:
    """The highest mean whose index of KL-UCB is at most `level`; 0 where there is none."""
    low, high = 0, level
    while low < high:
        mean = (low + high + 1) // 2
        low, high = (mean, high) if kl_ucb._index_above(-1, mean, samples, most) <= level else (low, mean - 1)
    return low


def test_the_arm_of_kl_ucb_is_the_exact_one_or_nobody_says():
    """Indices that are equal, or differ by some units."""
    rng, unsure, near = random.Random(7), 0, 0
    for _ in range(1_500):
        count, t = rng.randrange(1, 6), rng.randrange(2, 10**6)
        steep = rng.random() < 0.3  # a unit of the mean moves the index by far less: it is put beside an integer
        width, level = arms.width_table(t, 2, 1), UNIT - rng.randrange(1, 50) if steep else rng.randrange(UNIT)
        samples = [rng.randrange(1, 10 ** rng.randrange(1, 8)) for _ in range(count)]
        means = [mean_below(level, 2 * n, 2 * arms.log_billionths(t)) + rng.randrange(2) for n in samples]
        if rng.random() < 0.1:
            means[0], samples[0] = means[-1], samples[-1]
        if rng.random() < 0.05:
            samples[rng.randrange(count)] = 0
        got = divergence.kl_arm(np.array(means), np.array(samples), np.zeros(count), np.int64(width))
        exact = KlUcb().arm(GAME, Learnt(t, bytes(32), tuple(means), tuple(samples), (1,) * count))
        assert got in (exact, divergence.UNSURE)
        unsure += got == divergence.UNSURE and not steep
        near += count > 1
    assert near > 1_000
    assert unsure < 20


def test_a_game_of_which_doubles_do_not_tell_an_arm_is_played_by_the_plain_loop(monkeypatch):
    def doubtful(*given):
        state = opening(*given)
        state.now[play.DOUBTED] = 1
        return state

    opening, played = play.opening, []
    case = scenario("constant-lie", policy="kl-ucb")
    sure = simulated.replicates(case, 3, engine=Engine.COMPILED)
    monkeypatch.setattr(play, "opening", doubtful)
    monkeypatch.setattr(simulated, "play", lambda *given: played.append(given) or plain.play(*given))
    doubted = simulated.replicates(case, 3, engine=Engine.COMPILED)
    assert len(played) == 3
    assert (doubted.sums == sure.sums).all()
    assert (doubted.settled == sure.settled).all()
    with pytest.raises(batch.LeavesLockstep):
        measure(case.parameters, simulated.rules_of(case), case.attacks(), [simulated.keys_of(1)], (60,))


def test_quotients_are_exact():
    rng = random.Random(4)
    for _ in range(20_000):
        count = rng.randrange(1, 10 ** rng.randrange(1, 8))
        inverse = quotients.reciprocal.py_func(np.int64(count))
        for total in (rng.randrange(count * UNIT + 1), count * rng.randrange(UNIT + 1), count * UNIT, 2**63 - 1):
            for near in (total, max(0, total - 1)):
                assert quotients.quotient(np.int64(near), np.int64(count), inverse) == near // count


@pytest.mark.parametrize(("numerator", "denominator"), [(2, 1), (1, 7), (12_345_678_901, 2**40), (50, 1)])
def test_widths_are_those_of_the_decimals(numerator, denominator):
    table = encoding.widths(3_000, numerator, denominator)
    assert [int(z) for z in table[1:]] == [
        arms.width_table(t, numerator, denominator) for t in range(1, 3_001)
    ]


def test_widths_do_not_depend_on_how_many_are_computed_together(monkeypatch):
    for numerator, denominator in ((2, 1), (12_345_678_901, 2**40)):
        together = encoding.widths(1_000, numerator, denominator).tolist()
        for several in (1, 7, 500, 1_000):
            monkeypatch.setattr(encoding, "_AT_ONCE", several)
            assert encoding.widths(1_000, numerator, denominator).tolist() == together


def test_a_table_of_widths_takes_no_more_memory_than_it_has():
    tracemalloc.start()
    table = encoding.widths(10**6, 2, 1)
    assert tracemalloc.get_traced_memory()[1] < 1.5 * table.nbytes
    tracemalloc.stop()


def test_a_logarithm_next_to_an_integer_is_not_left_to_doubles(monkeypatch):
    """The planted fault: without the decimals a double that errs is believed."""
    monkeypatch.setattr(np, "log", lambda rounds, log=np.log: np.nextafter(log(rounds), np.inf))
    table = encoding.widths(200_000, 1, 1)
    assert all(int(table[t]) == arms.width_table(t, 1, 1) for t in range(1, 200_001, 397))
    assert int(table[1]) == 0


def test_words_draw_what_the_tables_draw():
    model = rewards.RewardModel((
        rewards.bernoulli(300_000_000), rewards.bernoulli(0), rewards.bernoulli(UNIT),
        rewards.Distribution((0, 7, 9, UNIT), (3, 0, 5, 1)),
    ))
    secret, seed_0 = b"s" * 32, b"t" * 32
    draws, keys = rewards.Draws(model, secret, seed_0), encoding.keys(secret, seed_0)
    environment = encoding.environment(model)
    for round_ in range(300):
        for arm in range(4):
            word = philox(keys.k0, keys.k1, *map(np.uint64, (round_, 1, arm, 2)))[1]  # of seat 5
            assert reward(environment, drawable(environment, arm), np.uint64(word)) == draws.reward(round_, 5, arm, 2)
    ends = list(accumulate((3, 0, 5, 1)))
    assert [Fraction(int(word), 2**64) for word in environment.from_word[-3:]] == [
        Fraction(-(-(end << 64) // 9), 2**64) for end in (0, ends[0], ends[2])
    ]
