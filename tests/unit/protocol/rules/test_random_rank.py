"""Random Rank: its twin, its expectation, and that nobody chooses the rank."""

from fractions import Fraction
from math import sqrt
from statistics import pstdev

from chain_bandit.protocol.units import UNIT
from tests.unit.protocol.rules import records


def rounding(terms):
    return 0


def naive(terms, agreed):
    """The rank is the floored product of |F| and a number in [0, 1) from the seed and the arm."""
    seats, means, sets = records.passed(agreed), [], []
    for arm in range(terms.arms):
        if not seats:
            return [None] * terms.arms, [set()] * terms.arms
        share = Fraction(int(records.hashed(agreed.seed, arm, size=4).hex(), 16), 2**256)
        rising = sorted(seats, key=lambda p: (agreed.reports[p][arm], records.hashed(agreed.seed, p)))
        chosen = rising[int(share * len(seats))]
        means.append(agreed.reports[chosen][arm])
        sets.append({chosen})
    return means, sets


def test_over_a_hundred_thousand_draws_it_is_the_mean():
    """Strong proportionality in expectation, to within three standard errors."""
    values = [UNIT // 10, UNIT // 9, UNIT // 2, UNIT * 3 // 4, UNIT]
    rows, drawn = [(value,) * 200 for value in values], []
    for at in range(500):
        drawn += records.ask("random-rank", records.matrix(*rows, seed=at.to_bytes(32, "big"))).means
    assert len(drawn) == 100_000
    assert abs(sum(drawn) / len(drawn) - sum(values) / 5) <= 3 * pstdev(values) / sqrt(len(drawn))
    assert set(drawn) == set(values)


def test_no_report_moves_the_rank_and_one_that_stays_away_moves_it_by_one():
    dice = records.Dice(8)
    for at in range(300):
        n, seed = 3 + dice.below(8), at.to_bytes(32, "big")
        values = sorted(dice.below(UNIT + 1) for _ in range(n))
        place = values.index(records.ask("random-rank", records.column(*values, seed=seed)).means[0])
        for lie in (0, UNIT, dice.below(UNIT + 1)):
            told = sorted([lie, *values[1:]])
            assert records.ask("random-rank", records.column(lie, *values[1:], seed=seed)).means[0] == told[place]
        (without,) = records.ask("random-rank", records.column(*values[:-1], seed=seed)).means
        assert values.index(without) in (place, place - 1)


def test_every_arm_has_a_rank_of_its_own():
    rows = [(value,) * 40 for value in range(9)]
    assert len(set(records.ask("random-rank", records.matrix(*rows)).means)) > 4
