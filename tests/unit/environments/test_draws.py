"""Draws against numpy's Philox, and against the distribution that they are drawn from."""

from pathlib import Path

import numpy as np
import pytest

from chain_bandit.environments.bernoulli import bernoulli_model
from chain_bandit.environments.table import load_table
from chain_bandit.protocol.rewards import Distribution, Draws, RewardModel, philox
from chain_bandit.protocol.units import UNIT

FLIGHTS = Path(__file__).resolve().parents[3] / "examples" / "flights.csv"
SECRET, SEED = b"\x01" * 32, b"\x02" * 32

CHI_SQUARE_999 = {1: 10.83, 4: 18.47, 16: 39.25}
"""99.9 % quantiles by degrees of freedom."""


def numpy_philox(key, counter):
    """numpy counts up before its first block, so its counter starts one below (256 bits, little end first)."""
    before = (sum(word << 64 * i for i, word in enumerate(counter)) - 1) % 2**256
    words = [before >> 64 * i & 2**64 - 1 for i in range(4)]
    generator = np.random.Philox(counter=np.array(words, np.uint64), key=np.array(key, np.uint64))
    return tuple(generator.random_raw(4).tolist())


def test_philox_equals_numpys_on_edges_and_at_random():
    top = 2**64 - 1
    cases = [((0, 0), (0, 0, 0, 0)), ((top, top), (top, top, top, top)), ((0, 1), (1, 0, 0, 0)), ((7, 9), (0, 0, 0, 1))]
    words = np.random.default_rng(0).integers(0, 2**64, (500, 6), np.uint64).tolist()
    cases += [((a, b), (c, d, e, f)) for a, b, c, d, e, f in words]
    cases += [((a, b), (c % 1000, d % 256, e % 254, f % 9)) for a, b, c, d, e, f in words]
    assert len(cases) == 1004
    for key, counter in cases:
        assert philox(key, counter) == numpy_philox(key, counter)


def chi_square(observed, distribution, draws):
    expected = [draws * weight / distribution.size for weight in distribution.weights]
    return sum((o - e) ** 2 / e for o, e in zip(observed, expected, strict=True))


def observed(model, arm, rounds, seats=10):
    draws = Draws(model, SECRET, SEED)
    values = [draws.reward(t, p, arm, 0) for t in range(1, rounds + 1) for p in range(seats)]
    return [values.count(value) for value in model.arms[arm].values]


def test_draws_follow_the_flights_of_every_carrier():
    model = load_table(FLIGHTS).model
    total = sum(chi_square(observed(model, arm, 200), model.arms[arm], 2000) for arm in range(16))
    assert 0 < total < CHI_SQUARE_999[16]


def test_draws_follow_a_table_of_many_rewards_and_a_bernoulli_arm():
    model = RewardModel((Distribution((0, 1, 250_000_000, 7 * 10**8, UNIT), (5, 1, 40, 3, 11)),))
    assert chi_square(observed(model, 0, 500), model.arms[0], 5000) < CHI_SQUARE_999[4]
    coin = bernoulli_model([0.3])
    assert chi_square(observed(coin, 0, 500), coin.arms[0], 5000) < CHI_SQUARE_999[1]


def test_chi_square_rejects_the_wrong_table():
    model = load_table(FLIGHTS).model
    assert chi_square(observed(model, 0, 200), model.arms[2], 2000) > CHI_SQUARE_999[1]


@pytest.mark.parametrize(("mean", "only"), [(0, 0), (1, UNIT)])
def test_certain_arms_always_pay_the_same(mean, only):
    draws = Draws(bernoulli_model([mean]), SECRET, SEED)
    assert {draws.reward(t, p, 0, 0) for t in range(200) for p in range(5)} == {only}


def test_each_of_round_seat_arm_and_failed_rounds_changes_the_draws():
    draws = Draws(bernoulli_model([0.5] * 2), SECRET, SEED)
    base = [draws.reward(t, 0, 0, 0) for t in range(100)]
    assert base == [draws.reward(t, 0, 0, 0) for t in range(100)]
    for seat, arm, failed in ((1, 0, 0), (0, 1, 0), (0, 0, 1)):
        assert base != [draws.reward(t, seat, arm, failed) for t in range(100)]
    assert base != [draws.reward(t + 1, 0, 0, 0) for t in range(100)]
