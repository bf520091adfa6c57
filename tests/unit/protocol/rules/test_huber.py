"""Huber's estimator: its twin, its efficiency and its breakdown point."""

from fractions import Fraction
from statistics import median_low

import numpy as np
import pytest

from chain_bandit.protocol.units import UNIT
from tests.unit.protocol.rules import records


def rounding(terms):
    return Fraction(UNIT - 1, UNIT)  # the lowest unit that is no less than the root


def naive(terms, agreed):
    """The lowest root of a falling, piecewise linear function, in fractions: between the corners x - k and x + k."""
    seats = records.passed(agreed)
    if not seats:
        return [None] * terms.arms, [set()] * terms.arms
    means = []
    for arm in range(terms.arms):
        values = [Fraction(agreed.reports[p][arm]) for p in seats]
        middle = median_low(values)
        scale = median_low([abs(x - middle) for x in values])
        k = Fraction(max(1, int(scale * terms.options["clip"] / UNIT)))
        corners = sorted({x + side for x in values for side in (-k, k)})

        def psi(y, values=values, k=k):
            return sum(max(-k, min(k, x - y)) for x in values)

        after = next(corner for corner in corners if psi(corner) <= 0)
        before = corners[max(corners.index(after) - 1, 0)]
        top, bottom = psi(before), psi(after)
        root = before if top == bottom else before + (after - before) * top / (top - bottom)
        means.append(max(root, min(values)))
    return means, [set(seats)] * terms.arms


@pytest.mark.parametrize("seed", range(200))
def test_less_than_half_of_liars_keep_it_within_the_clip_of_the_honest(seed):
    dice = records.Dice(seed)
    f = 1 + dice.below(5)
    honest = [UNIT // 3 + dice.below(UNIT // 50) for _ in range(f + 1 + dice.below(3))]
    apart = max(honest) - min(honest)
    lies = [dice.pick((0, UNIT, UNIT // 3 + UNIT // 60)) for _ in range(f)]
    (found,) = records.ask("huber", records.column(*honest, *lies)).means
    assert min(honest) - 2 * apart - 2 <= found <= max(honest) + 2 * apart + 2


def test_more_than_half_of_liars_decide():
    assert records.ask("huber", records.column(*[UNIT // 3] * 4, *[UNIT] * 5)).means[0] >= UNIT - 1


def test_of_normal_reports_its_variance_is_near_that_of_the_mean_where_a_median_has_two_thirds():
    dice, found = np.random.default_rng(12), {"mean": [], "huber": [], "median": []}
    for _ in range(1_500):
        units = np.clip(dice.normal(0.5, 0.05, 41) * UNIT, 0, UNIT).astype(int).tolist()
        found["mean"].append(sum(units) / 41)
        for name in ("huber", "median"):
            found[name].append(records.ask(name, records.column(*units)).means[0])
    efficiency = {name: np.var(found["mean"]) / np.var(values) for name, values in found.items()}
    assert efficiency["huber"] > 0.9
    assert efficiency["median"] < 0.75
