"""The median: its twin, its breakdown point of one half, and what it counts for."""

from math import pi
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


@pytest.mark.parametrize(("passed", "worth"), [(0, 1), (1, 1), (3, 1), (4, 2), (7, 4), (10, 6), (11, 7), (256, 162)])
def test_it_counts_for_two_parts_in_pi_of_its_reports_as_a_rank_vote_of_medians_does(passed, worth):
    for name, counted in (("median", 1), ("rank-vote", passed)):
        assert records.AGGREGATIONS[name].worth(records.GAME, counted, passed) == worth
    assert worth == max(1, int(2 * passed / pi))
