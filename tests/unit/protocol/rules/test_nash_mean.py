"""The Nash solution: its twin, proportionality, fair shares."""

from fractions import Fraction
from math import log

from chain_bandit.protocol.units import UNIT
from tests.unit.protocol.rules import records


def rounding(terms):
    return 1


def naive(terms, agreed):
    """The root of the derivative of the sum of log(1 - |x - y|), in fractions: reports above pull, those below push."""
    seats = records.passed(agreed)
    if not seats:
        return [None] * terms.arms, [set()] * terms.arms
    means = []
    for arm in range(terms.arms):
        values = [agreed.reports[p][arm] for p in seats]
        low, high = min(values), max(values)
        while high - low > Fraction(1, 4):
            y = Fraction(low + high) / 2
            pull = sum(Fraction(1, UNIT - abs(x - y)) * ((x > y) - (x < y)) for x in values)
            at = sum(Fraction(1, UNIT - abs(x - y)) for x in values if x == y)
            if abs(pull) <= at:
                low = high = y
            low, high = (y, high) if pull > at else (low, y)
        means.append(Fraction(low + high) / 2)
    return means, [set(seats)] * terms.arms


def test_of_zeros_and_ones_it_is_their_mean():
    for count in range(1, 12):
        for ones in range(count + 1):
            (found,) = records.ask("nash-mean", records.column(*[UNIT] * ones, *[0] * (count - ones))).means
            assert abs(found - ones * UNIT / count) <= 1


def test_no_place_has_a_higher_welfare_and_no_group_is_farther_than_the_share_of_the_others():
    dice = records.Dice(9)
    for _ in range(400):
        n = 2 + dice.below(8)
        group, place = 1 + dice.below(n), dice.below(UNIT + 1)
        values = [*[place] * group, *(dice.below(UNIT + 1) for _ in range(n - group))]
        (found,) = records.ask("nash-mean", records.column(*values)).means
        assert min(values) <= found <= max(values)
        assert abs(found - place) <= (n - group) * UNIT // n + 1

        def welfare(y, values=values):
            return sum(log(max(UNIT - abs(x - y), 1e-9) / UNIT) for x in values)

        for y in (*values, sum(values) / n, dice.below(UNIT + 1)):
            assert welfare(found) >= welfare(y) - 1e-12
