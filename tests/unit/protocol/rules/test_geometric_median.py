"""The geometric median: its twin, its optimum and its breakdown point."""

import numpy as np
import pytest
from scipy.optimize import minimize

from chain_bandit.protocol.units import UNIT
from tests.unit.protocol.rules import records


def rounding(terms):
    return 1


def naive(terms, agreed):
    """Algorithm 2 in floats."""
    rows = np.array([agreed.reports[p] for p in records.passed(agreed)], float) / UNIT
    if not len(rows):
        return [None] * terms.arms, [set()] * terms.arms
    z = rows.mean(axis=0)
    for _ in range(terms.options["iterations"]):
        weights = 1 / np.maximum(terms.options["nu"] / UNIT, np.linalg.norm(rows - z, axis=1))
        z = weights @ rows / weights.sum()
    return list(z * UNIT), [set(records.passed(agreed))] * terms.arms


def total(rows, point):
    return float(np.linalg.norm(rows - point, axis=1).sum())


@pytest.mark.parametrize("seed", range(40))
def test_no_search_finds_a_point_with_a_smaller_sum_of_distances(seed):
    dice = np.random.default_rng(seed)
    rows = dice.random((int(dice.integers(3, 12)), int(dice.integers(1, 5))))
    units = [tuple(row) for row in (rows * UNIT).astype(int).tolist()]
    found = np.array(records.ask("geometric-median", records.matrix(*units)).means) / UNIT
    searched = minimize(lambda z: total(rows, z), rows.mean(axis=0), method="Nelder-Mead", options={"maxiter": 4000})
    assert total(rows, found) <= 1.001 * min(searched.fun, *(total(rows, row) for row in rows))


@pytest.mark.parametrize("seed", range(200))
def test_less_than_half_of_liars_move_it_by_a_multiple_of_the_honest_spread(seed):
    """|z - c| <= 2 (1 - a) / (1 - 2a) max |x - c| over the honest, a the share of liars (its robustness lemma)."""
    dice = np.random.default_rng(seed)
    n, arms = int(dice.integers(5, 14)), int(dice.integers(1, 5))
    f = int(dice.integers(1, (n - 1) // 2 + 1))
    honest = np.clip(0.3 + dice.normal(0, 0.01, (n - f, arms)), 0, 1)
    lies = np.ones((f, arms)) if seed % 2 else dice.choice([0.0, 1.0], (f, arms))
    units = [tuple(row) for row in (np.vstack([honest, lies]) * UNIT).astype(int).tolist()]
    found = np.array(records.ask("geometric-median", records.matrix(*units)).means) / UNIT
    centre, share = honest.mean(axis=0), f / n
    reach = np.linalg.norm(honest - centre, axis=1).max()
    assert np.linalg.norm(found - centre) <= 2 * (1 - share) / (1 - 2 * share) * reach + 1e-6


def test_more_than_half_of_liars_decide():
    rows = [(UNIT // 4, UNIT // 4)] * 4 + [(UNIT, 0)] * 5
    found = records.ask("geometric-median", records.matrix(*rows)).means
    assert found[0] > UNIT - 10**6
    assert found[1] < 10**6
