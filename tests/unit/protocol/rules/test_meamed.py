"""MeaMed: its twin, and its dimensional resilience."""

from fractions import Fraction
from statistics import median

import numpy as np
import pytest

from chain_bandit.protocol.units import UNIT
from tests.unit.protocol.rules import records


def rounding(terms):
    return Fraction(UNIT - 1, UNIT)  # floored


def naive(terms, agreed):
    """The mean of the |F| - f nearest to the median; of more than half at least, less one half of F is left."""
    seats = records.passed(agreed)
    if not seats:
        return [None] * terms.arms, [set()] * terms.arms
    keep, means, sets = len(seats) - terms.liars, [], []
    if 2 * terms.liars >= len(seats):
        keep = len(seats) // 2 + 1
    for arm in range(terms.arms):
        values = {p: Fraction(agreed.reports[p][arm]) for p in seats}
        middle = median(values.values())
        nearest = sorted(seats, key=lambda p: (abs(values[p] - middle), records.hashed(agreed.seed, p)))[:keep]
        means.append(sum(values[p] for p in nearest) / keep)
        sets.append(set(nearest))
    return means, sets


@pytest.mark.parametrize("seed", range(200))
def test_other_liars_on_every_arm_move_no_arm_farther_than_the_honest_are_apart(seed):
    """Generalised Byzantine failures: any f of the n values of each arm are lies, 2f < n ."""
    dice = np.random.default_rng(seed)
    f, arms = int(dice.integers(1, 5)), 4
    n = 2 * f + 1 + int(dice.integers(0, 3))
    values, lied = np.clip(dice.normal(0.5, 0.03, (n, arms)), 0, 1), np.zeros((n, arms), bool)
    for arm in range(arms):
        lied[dice.permutation(n)[:f], arm] = True
    values[lied] = dice.choice([0, 1, 0.4], int(lied.sum()))
    units = (values * UNIT).astype(int)
    found = records.ask("meamed", records.matrix(*map(tuple, units.tolist())), f).means
    for arm, mean in enumerate(found):
        honest = units[~lied[:, arm], arm]
        apart = int(honest.max() - honest.min())
        assert honest.min() - apart <= mean <= honest.max() + apart


def test_its_squared_error_is_within_ten_times_the_variance_of_all_honest_together():
    """The bound of the paper: E |MeaMed - g|^2 <= 10 n V, V the variance of an honest report."""
    dice, n, f, sigma = np.random.default_rng(5), 10, 4, 0.02
    errors = []
    for _ in range(300):
        honest = dice.normal(0.5, sigma, n - f)
        units = [int(x * UNIT) for x in (*honest, *[0.5 + 4 * sigma] * f)]
        errors.append((records.ask("meamed", records.column(*units), f).means[0] / UNIT - 0.5) ** 2)
    assert np.mean(errors) <= 10 * n * sigma**2
    assert np.mean(errors) >= sigma**2 / n


def test_half_of_liars_decide():
    assert records.ask("meamed", records.column(*[UNIT // 2] * 4, *[UNIT] * 6), 4).means[0] == UNIT
