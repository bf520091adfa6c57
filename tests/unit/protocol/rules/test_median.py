"""The median: its twin, and its breakdown point of one half."""

from statistics import median_low

import pytest

from chain_bandit.protocol.units import UNIT
from tests.unit.protocol.rules import records


def rounding(terms):
    return 0


def naive(terms, agreed):
    seats = records.passed(agreed)
    if not seats:
        return [None] * terms.arms, [set()] * terms.arms
    means, sets = [], []
    for arm in range(terms.arms):
        middle = median_low([(agreed.reports[p][arm], records.hashed(agreed.seed, p), p) for p in seats])
        means.append(middle[0])
        sets.append({middle[2]})
    return means, sets


@pytest.mark.parametrize("lie", [0, UNIT])
def test_less_than_half_of_liars_keep_it_among_the_honest_and_half_do_not(lie):
    honest = [UNIT // 2 + at for at in range(5)]
    assert min(honest) <= records.ask("median", records.column(*honest, *[lie] * 4)).means[0] <= max(honest)
    assert records.ask("median", records.column(*honest, *[lie] * 6)).means[0] == lie
