"""Sparse layer of the learners against numpy. Needs no PyTorch."""

import numpy as np

from chain_bandit.mediate.games.game import NOTHING
from chain_bandit.mediate.learners.sparse_layer import add_up, bend, give_back, through
from tests.unit.mediate.dense import dense

MARKS = np.array([[[0, 4, 4], [2, NOTHING, NOTHING]], [[NOTHING] * 3, [1, 3, NOTHING]]], np.int16)


def some(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def test_units_are_exponential_below_zero_to_three_units_in_the_last_place_of_one():
    values = np.concatenate([np.linspace(-30, 5, 100_001), -np.logspace(-30, 0, 10_001), [0.0]]).astype(np.float32)
    exact, bent = values.astype(np.float64), values.copy()
    exact[values < 0] = np.expm1(exact[values < 0])
    bend(bent)
    assert abs(bent - exact).max() < 3 * 2**-24
    assert bent[values >= 0].tolist() == values[values >= 0].tolist()
    small = (values < 0) & (values > -0.1)
    assert (abs(bent - exact)[small] < 1e-6 * abs(exact[small])).all()  # where nothing may be lost to the 1


def test_a_unit_of_no_number_is_none():
    values = np.array([np.nan, np.inf, -np.inf], np.float32)
    bend(values)
    assert np.isnan(values[0])
    assert values[1:].tolist() == [np.inf, -1]


def test_slopes_go_through_units_by_what_they_came_to():
    values, slopes = 3 * some(1000), some(1000)[::-1].copy()
    bent, went = values.copy(), slopes.copy()
    bend(bent)
    through(bent, went)
    assert np.allclose(went, slopes * np.exp(np.minimum(values, 0)), atol=1e-6)


def test_a_first_layer_is_the_product_with_what_counts_and_so_is_its_gradient():
    weights, bias, sums, slopes = some(2, 5, 8), some(2, 1, 8), some(2, 2, 8), some(2, 2, 8)
    add_up(MARKS, weights, bias, sums)
    assert np.allclose(sums, dense(MARKS, 5) @ weights + bias, atol=1e-6)
    gradients = np.zeros_like(weights)
    give_back(MARKS, slopes, gradients)
    assert np.allclose(gradients, dense(MARKS, 5).swapaxes(1, 2) @ slopes, atol=1e-6)
