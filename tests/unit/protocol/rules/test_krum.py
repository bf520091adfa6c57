"""Krum: its twin, and what Blanchard et al. prove of it."""

from fractions import Fraction
from math import sqrt

import numpy as np
import pytest

from chain_bandit.protocol.errors import AssumptionBroken
from chain_bandit.protocol.units import UNIT
from tests.unit.protocol.rules import records


def rounding(terms):
    return 0


def naive(terms, agreed):
    """s(i) of section 4 in fractions of a reward."""
    seats = records.passed(agreed)
    if not seats:
        return [None] * terms.arms, [set()] * terms.arms
    vectors = {p: [Fraction(x, UNIT) for x in agreed.reports[p]] for p in seats}
    keys = {}
    for p in seats:
        others = [vectors[q] for q in seats if q != p]
        distances = sorted(sum((a - b) ** 2 for a, b in zip(vectors[p], other, strict=True)) for other in others)
        closest = len(seats) - terms.liars - 2
        keys[p] = sum(distances[: closest if closest > 1 else 1]), vectors[p], records.hashed(agreed.seed, p)
    winner = min(keys, key=keys.get)
    return list(agreed.reports[winner]), [{winner}] * terms.arms


def spread(rows):
    return max(np.linalg.norm(np.subtract(a, b)) for a in rows for b in rows)


@pytest.mark.parametrize("seed", range(300))
def test_the_report_it_chooses_is_near_an_honest_one_whatever_liars_say(seed):
    """From the proof of its resilience: its score is at most that of any honest report."""
    dice = np.random.default_rng(seed)
    f = int(dice.integers(1, 4))
    n, arms = 2 * f + 3 + int(dice.integers(0, 3)), int(dice.integers(1, 5))
    honest = np.clip(0.5 + dice.normal(0, 0.02, (n - f, arms)), 0, 1)
    alike = dice.random((1, arms)).repeat(f, axis=0)
    lies = dice.choice([0.0, 1.0, 0.5, float(dice.random())], (f, arms)) if seed % 2 else alike
    rows = [tuple(int(x * UNIT) for x in row) for row in (*honest, *lies)]
    (chosen,) = records.ask("krum", records.matrix(*rows), f).sets[0]
    nearest = min(np.linalg.norm(np.subtract(rows[chosen], row)) for row in rows[: n - f])
    assert nearest <= sqrt(n - f - 2) * spread(rows[: n - f]) + 1


def test_its_expectation_keeps_the_direction_of_the_truth():
    """<E Kr, g> >= (1 - sin a) |g|^2 where sin a = eta(n, f) sqrt(d) sigma / |g|, n = 11, f = 3."""
    n, f, d, sigma = 11, 3, 4, 0.02
    eta = sqrt(2 * (n - f + (f * (n - f - 2) + f * f * (n - f - 1)) / (n - 2 * f - 2)))
    g, dice, total = np.full(d, 0.6), np.random.default_rng(4), np.zeros(d)
    sine = eta * sqrt(d) * sigma / np.linalg.norm(g)
    assert sine < 0.5
    for _ in range(400):
        honest = np.clip(g + dice.normal(0, sigma, (n - f, d)), 0, 1)
        lies = np.tile(honest.mean(axis=0) - 2 * sigma, (f, 1))
        rows = [tuple(int(x * UNIT) for x in row) for row in (*honest, *lies)]
        total += np.array(records.ask("krum", records.matrix(*rows), f).means) / UNIT
    assert total / 400 @ g >= (1 - sine) * (g @ g)


def test_more_liars_than_it_is_told_of_can_choose():
    honest = [(UNIT // 2 + at * 10**6,) for at in range(5)]
    assert records.ask("krum", records.matrix(*honest, (UNIT,), (UNIT,)), 2).means != (UNIT,)
    assert records.ask("krum", records.matrix(*honest[:3], *[(UNIT,)] * 4), 2).means == (UNIT,)


def test_a_game_of_fewer_than_2f_plus_3_is_refused():
    rule = records.AGGREGATIONS["krum"]
    terms = records.terms(rule, records.column(*range(9)), 3)
    rule.check(terms)
    with pytest.raises(AssumptionBroken, match="M >= 2f \\+ 3"):
        rule.check(terms._replace(participants=8))
