"""simulation/batch_numbers.py: its arrays against the plain functions that they stand for, and numpy's own Philox."""

import random
from math import isqrt

import numpy as np

from chain_bandit.protocol import arms, rewards
from chain_bandit.protocol.units import UNIT
from chain_bandit.simulation import batch_numbers
from chain_bandit.simulation.kernel import encoding


def test_philox_gives_the_words_of_numpys_own():
    rng, blocks, count = random.Random(1), 3, 40
    for t in (0, 1, 99_999, 2**32 - 1):
        keys = np.array([[rng.getrandbits(64) for _ in range(count)] for _ in range(2)], np.uint64)
        drawn = np.array([rng.randrange(254) for _ in range(count)])
        words = batch_numbers.philox(keys[:, np.newaxis], t, blocks, drawn)
        for replicate in range(count):
            for block in range(blocks):
                counter = t + (block << 64) + (int(drawn[replicate]) << 128)
                theirs = np.random.Philox(counter=(counter - 1) % 2**256, key=keys[:, replicate])  # counts, then draws
                assert (words[:, block, replicate] == theirs.random_raw(4)).all()


def test_a_word_draws_what_the_protocol_draws():
    rng = random.Random(2)
    tables = [
        rewards.bernoulli(0), rewards.bernoulli(UNIT), rewards.bernoulli(333_333_333),
        rewards.Distribution((0, 7, 8, 500, UNIT), (3, 0, 1, 10**9, 2)), rewards.Distribution((5,), (1,)),
    ]  # fmt: skip
    model = rewards.RewardModel(tuple(tables))
    environment = encoding.environment(model)
    edges = [int(word) + d for word in environment.from_word for d in (-1, 0, 1) if 0 <= int(word) + d < 2**64]
    words = np.array([*edges, 2**64 - 1, *(rng.getrandbits(64) for _ in range(500))], np.uint64)
    for arm, table in enumerate(tables):
        found = batch_numbers.rewards(environment, np.full(len(words), arm), words[np.newaxis])[0]
        for word, value in zip(words.tolist(), found.tolist(), strict=True):
            place = word * table.size >> 64
            expected = next(v for at, v in enumerate(table.values) if place < sum(table.weights[: at + 1]))
            assert value == expected


def test_square_roots_are_exact():
    rng = random.Random(3)
    cases = [0, 1, 2, 3, 4, 2**53, 2**63 - 1, 3_037_000_499**2, 3_037_000_499**2 - 1]
    cases += [n * n + d for n in (rng.randrange(1, 3_037_000_499) for _ in range(500)) for d in (-1, 0, 1)]
    assert batch_numbers.isqrt(np.array(cases)).tolist() == [isqrt(case) for case in cases]


def test_the_best_of_nearly_equal_indices_is_the_exact_one():
    """Upper bounds that differ by a unit or not at all, where the real numbers under the roots say otherwise."""
    rng = random.Random(6)
    for _ in range(300):
        count, width = rng.randrange(1, 6), rng.randrange(1, 4 * 10**17)
        samples = [[rng.choice((1, 2, 3, 10**6, 10**9)) for _ in range(10)] for _ in range(count)]
        level = rng.randrange(UNIT)
        means = [[level - 10 * isqrt(width // n) + rng.randrange(-2, 3) for n in row] for row in samples]
        found = batch_numbers.ucb_arms(
            np.array(means), np.array(samples), batch_numbers.factors(np.array(samples)), width
        )
        for replicate, arm in enumerate(found.tolist()):
            column = [(m[replicate], n[replicate]) for m, n in zip(means, samples, strict=True)]
            assert arm == arms.ucb_arm([m for m, _ in column], [n for _, n in column], [width] * count)
