"""Uniform Phantom: its twin, truthfulness, unanimity and proportionality."""

from fractions import Fraction

import pytest

from chain_bandit.protocol.units import UNIT
from tests.unit.protocol.rules import records


def rounding(terms):
    return Fraction(UNIT - 1, UNIT)  # a phantom is floored


def naive(terms, agreed):
    """The largest y that is at most k / n and the k-th largest report for some k: where |{x >= y}| / n crosses y."""
    seats = records.passed(agreed)
    if not seats:
        return [None] * terms.arms, [set()] * terms.arms
    n, means = len(seats), []
    for arm in range(terms.arms):
        falling = sorted((agreed.reports[p][arm] for p in seats), reverse=True)
        means.append(max(min(Fraction(k * UNIT, n), falling[k - 1]) for k in range(1, n + 1)))
    return means, [set(seats)] * terms.arms


@pytest.mark.parametrize("count", range(1, 12))
def test_of_zeros_and_ones_it_is_their_share(count):
    for ones in range(count + 1):
        found = records.ask("uniform-phantom", records.column(*[UNIT] * ones, *[0] * (count - ones))).means
        assert found == (ones * UNIT // count,)


def test_it_is_what_all_say_and_never_farther_from_a_group_than_the_share_of_the_others():
    """Unanimous fair share: a group of k at one place is at most 1 - k / n away."""
    dice = records.Dice(6)
    for _ in range(500):
        n = 2 + dice.below(9)
        group, place = 1 + dice.below(n), dice.below(UNIT + 1)
        others = [dice.below(UNIT + 1) for _ in range(n - group)]
        (found,) = records.ask("uniform-phantom", records.column(*[place] * group, *others)).means
        assert abs(found - place) <= (n - group) * UNIT // n + 1
        assert found == place or group < n


def test_a_liar_moves_it_by_one_phantom_at_most():
    dice = records.Dice(7)
    for _ in range(500):
        n = 2 + dice.below(9)
        rows = [dice.below(UNIT + 1) for _ in range(n)]
        low, high = (records.ask("uniform-phantom", records.column(lie, *rows[1:])).means[0] for lie in (0, UNIT))
        assert 0 <= high - low <= UNIT // n + 1
