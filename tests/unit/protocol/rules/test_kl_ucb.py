"""KL-UCB against its source's formula in decimals, and what the source says of it."""

from decimal import Decimal, localcontext

import numpy as np
import pytest

from chain_bandit.protocol.rule import Learnt, Terms
from chain_bandit.protocol.rules import kl_ucb
from chain_bandit.protocol.rules.kl_ucb import KlUcb
from chain_bandit.protocol.units import UNIT
from chain_bandit.simulation.rivals.kl_ucb import kl_bounds
from tests.unit.protocol.rules.records import GAME, Dice


def divergence(p: Decimal, q: Decimal) -> Decimal:
    """p ln(p / q) + (1 - p) ln((1 - p) / (1 - q)), 0 ln 0 = 0."""
    if p == q:
        return Decimal(0)
    if q == 1:
        return Decimal("Infinity")
    return sum((part * (part / other).ln() for part, other in ((p, q), (1 - p, 1 - q)) if part), Decimal(0))


def index(mean: int, samples: Decimal, bound: Decimal) -> int:
    """The largest q in units with samples * d(mean, q) <= bound, from algorithm 1."""
    least, most = mean, UNIT
    while least < most:
        q = (least + most + 1) // 2
        inside = samples * divergence(Decimal(mean) / UNIT, Decimal(q) / UNIT) <= bound
        least, most = (q, most) if inside else (least, q - 1)
    return least


def naive(terms: Terms, learnt: Learnt) -> int:
    if 0 in learnt.pulls:
        return learnt.pulls.index(0)
    with localcontext(prec=45):
        bound = Decimal(int(10**9 * Decimal(learnt.round).ln())) / 10**9 * terms.c1[0] / terms.c1[1] / 2
        indices = [
            index(mean, Decimal(pulls * max(reports, 1)), bound)
            for mean, pulls, reports in zip(learnt.means, learnt.pulls, learnt.worth, strict=True)
        ]
    return indices.index(max(indices))


def test_an_index_is_that_of_the_twin_to_the_unit_and_that_of_the_arena_in_floats():
    dice = Dice(5)
    for _ in range(60):
        mean, pulls, t = dice.pick((0, 1, UNIT - 1, UNIT, dice.below(UNIT))), 1 + dice.below(900), 2 + dice.below(10**4)
        most = 2 * kl_ucb.log_billionths(t)
        found = kl_ucb._index_above(-1, mean, 2 * pulls, most)
        with localcontext(prec=45):
            assert found == index(mean, Decimal(pulls), Decimal(most) / 2 / 10**9)
        (arena,) = kl_bounds(np.array([mean / UNIT]), np.array([float(pulls)]), t)
        assert found / UNIT == pytest.approx(arena, abs=3e-6)


def test_no_index_is_above_that_of_ucb1_with_a_quarter_of_c1():
    """Pinsker's inequality, on which the search rests."""
    dice = Dice(6)
    for _ in range(300):
        mean, pulls, t = dice.below(UNIT + 1), 1 + dice.below(900), 2 + dice.below(10**4)
        most = 2 * kl_ucb.log_billionths(t)
        assert kl_ucb._index_above(-1, mean, 2 * pulls, most) - mean <= UNIT * (most / UNIT / 4 / pulls) ** 0.5 + 1


def test_where_rounding_could_decide_more_digits_do(monkeypatch):
    """From one digit on: nothing is decided before it is certain."""
    learnt = Learnt(1_000, bytes(32), (UNIT // 2, UNIT // 2 - 1, UNIT // 3), (40, 40, 21), (3, 3, 2))
    expected = KlUcb().arm(GAME, learnt)
    monkeypatch.setattr(kl_ucb, "_DIGITS", 1)
    assert KlUcb().arm(GAME, learnt) == expected == naive(GAME, learnt)
