"""Centred clipping: its twin, and what a liar can do in it."""

from math import sqrt

import numpy as np
import pytest

from chain_bandit.protocol.units import UNIT
from tests.unit.protocol.rules import records


def rounding(terms):
    return 2 * terms.options["iterations"]


def naive(terms, agreed):
    """v + mean((x - v) min(1, tau / |x - v|)) in floats."""
    rows = np.array([agreed.reports[p] for p in records.passed(agreed)], float) / UNIT
    if not len(rows):
        return [None] * terms.arms, [set()] * terms.arms
    v = np.sort(rows, axis=0)[(len(rows) - 1) // 2] if agreed.means is None else np.minimum(agreed.means, UNIT) / UNIT
    for _ in range(terms.options["iterations"]):
        lengths = np.linalg.norm(rows - v, axis=1, keepdims=True)
        shares = np.minimum(1, terms.options["radius"] / UNIT / np.maximum(lengths, 1e-15))
        v = v + ((rows - v) * shares).mean(axis=0)
    return list(v * UNIT), [set(records.passed(agreed))] * terms.arms


@pytest.mark.parametrize("seed", range(200))
def test_a_report_moves_it_by_two_radii_over_their_number_at_most(seed):
    dice = records.Dice(seed)
    n, arms, tau = 2 + dice.below(9), 1 + dice.below(4), 1 + dice.below(UNIT)
    centre = tuple(dice.below(UNIT + 1) for _ in range(arms))
    rows = [tuple(dice.below(UNIT + 1) for _ in range(arms)) for _ in range(n)]
    other = [tuple(dice.pick((0, UNIT)) for _ in range(arms)), *rows[1:]]
    one, two = (
        records.ask("centred-clipping", records.matrix(*each, means=centre), radius=tau).means for each in (rows, other)
    )
    moved = sqrt(sum((a - b) ** 2 for a, b in zip(one, two, strict=True)))
    assert moved <= 2 * tau / n + sqrt(arms)
    assert max(abs(a - c) for a, c in zip(one, centre, strict=True)) <= tau + 1


def test_history_brings_it_to_the_honest_against_less_than_half_of_liars_and_a_mean_is_pulled_away():
    """Section 4: from a wrong start every round is tau (1 - 2 delta) nearer."""
    honest, lies, tau = [UNIT // 5] * 6, [UNIT] * 4, UNIT // 50
    centre, before = (UNIT,), UNIT
    for _ in range(400):
        centre = records.ask("centred-clipping", records.column(*honest, *lies, means=centre), radius=tau).means
        assert centre[0] <= before - (tau // 5 if before > UNIT // 5 + tau else 0) + 1
        before = centre[0]
    assert UNIT // 5 <= centre[0] <= UNIT // 5 + tau
    assert sum(honest + lies) // 10 > UNIT // 2


def test_half_of_liars_hold_it_where_it_is():
    centre = (UNIT // 2,)
    for _ in range(20):
        centre = records.ask("centred-clipping", records.column(*[UNIT // 5] * 4, *[UNIT] * 5, means=centre)).means
    assert centre[0] > UNIT // 2
