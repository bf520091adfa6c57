"""Noise of a binary tree: a twin from its sources, what it spends of privacy, and the bound of a report."""

from fractions import Fraction
from itertools import pairwise
from math import ceil, exp, floor, log

import pytest

from chain_bandit.protocol.rule import Own
from chain_bandit.protocol.rules import tree_noise
from chain_bandit.protocol.rules.tree_noise import TreeNoise, _noise, _steps
from chain_bandit.protocol.units import UNIT
from tests.unit.protocol.rules.records import GAME, Dice, hashed

RULE = TreeNoise()
KEY = bytes(range(32))


def given(scale: int, width: int, arms: int = 1, horizon: int = 1000):
    return GAME._replace(arms=arms, horizon=horizon, options={"scale": scale, "width": width})


def staircase(seed: bytes, scale: int, width: int, arm: int, level: int, place: int) -> int:
    """A node's noise: the place of a draw among all outcomes, each as wide as it is likely."""
    draw, q = int.from_bytes(hashed(seed, arm, level, place, size=4)), Fraction(scale, scale + 1)
    sign, share = draw % 2, Fraction(draw // 2, 2**255)
    mass, steps = 1 - q ** (scale * width), 0
    while (1 - q ** (steps + 1)) / mass <= share:
        steps += 1
    within = (share - (1 - q**steps) / mass) / (q**steps * (1 - q) / mass)
    size = steps * UNIT + floor(within * UNIT)
    return -1 - size if sign else size


def naive(seed: bytes, scale: int, width: int, own: Own) -> tuple[int, ...]:
    """Chan, Shi, Song 2011, algorithm 2: from the last receipt back, always the largest whole node."""
    said = []
    for arm, (total, pulls) in enumerate(zip(own.sums, own.pulls, strict=True)):
        noisy, until = Fraction(total), pulls
        while until:
            level = max(each for each in range(33) if until % 2**each == 0)
            noisy += staircase(seed, scale, width, arm, level, until // 2**level)
            until -= 2**level
        said.append(floor(min(max(noisy / pulls, Fraction(0)), Fraction(UNIT))) if pulls else 0)
    return tuple(said)


def test_reports_are_those_of_a_twin_from_the_sources():
    dice, clipped = Dice(93), 0
    for _ in range(1_000):
        scale, width, arms = dice.pick((1, 2, 5)), 1 + dice.below(6), 1 + dice.below(4)
        pulls = [dice.pick((0, 1, 2, 7, 64, 1000, 99_999)) for _ in range(arms)]
        own = Own.of(7, [dice.below(count * UNIT + 1) for count in pulls], pulls, KEY)
        said = RULE.encode(given(scale, width, arms), own)
        assert said == naive(KEY, scale, width, own)
        clipped += sum(each in (0, UNIT) for each in said)
    assert 250 < clipped < 2_000


def test_the_same_receipts_make_the_same_report_in_every_round():
    own = Own.of(5, (30 * UNIT, UNIT), (70, 3), KEY)
    said = RULE.encode(given(1, 16, 2), own)
    assert RULE.encode(given(1, 16, 2), own._replace(round=999)) == said != own.means
    assert RULE.encode(given(1, 16, 2), own._replace(seed=bytes(32))) != said


def test_a_receipt_is_in_as_many_nodes_as_the_budget_counts_and_no_noise_is_drawn_twice(monkeypatch):
    nodes: set[tuple[int, ...]] = set()
    monkeypatch.setattr(tree_noise, "_node", lambda scale, width, seed, *node: nodes.add(node) or 0)
    horizon = 200
    for pulls in range(1, horizon + 1):
        before = set(nodes)
        RULE.encode(given(1, 2), Own.of(1, (0,), (pulls,), KEY))
        assert len(nodes - before) == 1  # the other nodes of these receipts were there before
    spans = [((place - 1) << level, place << level) for _, level, place in nodes]
    most = max(sum(first <= receipt < last for first, last in spans) for receipt in range(horizon))
    assert most == horizon.bit_length()


@pytest.mark.parametrize(("scale", "width"), [(1, 1), (1, 16), (3, 5), (40, 64), (256, 64)])
def test_a_node_is_as_private_as_it_says(scale, width):
    """Of outcomes a reward apart no one is likelier than by 1 + 1 / s, but those that the cut leaves to one alone."""
    sums = _steps(scale, width)
    weights = [after - before for before, after in pairwise(sums)]
    most = (1 + Fraction(1, scale)) * (1 + Fraction(1, 2**80))
    assert len(weights) == scale * width
    assert all(fewer <= more <= fewer * most for more, fewer in pairwise(weights))
    ratio = Fraction(scale, scale + 1) if scale * width < 100 else scale / (scale + 1)
    cut = ratio ** (scale * width - 1) * (1 - ratio) / (2 * (1 - ratio ** (scale * width)))
    assert Fraction(weights[-1], 2 * sums[-1]) <= Fraction(cut) * (1 + Fraction(1, 2**30))
    assert weights[-1] > 2**100


def test_outcomes_stand_side_by_side_in_both_directions():
    """Least and largest draws; nothing twice, nothing left out."""
    steps, last = _steps(1, 2), 2**256 - 1
    assert [_noise(steps, draw) for draw in (0, 1, last - 1, last)] == [0, -1, 2 * UNIT - 1, -2 * UNIT]


def test_a_report_lies_within_the_bound_whatever_the_key(monkeypatch):
    for drawn in (0, 2**256 - 1, 2**256 - 2):
        monkeypatch.setattr(tree_noise, "_node", lambda *of, drawn=drawn: _noise(_steps(*of[:2]), drawn))
        for pulls in (0, 1, 255, 4095, 65_535, 10**6):
            for total in (0, pulls * UNIT // 3, pulls * UNIT):
                own = Own.of(9, (total,), (pulls,))
                (said,), (most,) = RULE.encode(given(2, 3), own), RULE.bound(given(2, 3), own)
                assert abs(said - own.means[0]) <= most <= UNIT
                assert most == min(UNIT, ceil(Fraction(6 * UNIT * pulls.bit_count(), max(pulls, 1))))


def test_noise_is_even_and_as_wide_as_the_law_says():
    steps = _steps(3, 16)
    drawn = [_noise(steps, int.from_bytes(hashed(KEY, each, size=4))) / UNIT for each in range(20_000)]
    below = sum(each < 0 for each in drawn) / len(drawn)
    nearest = sum(-1 <= each < 1 for each in drawn) / len(drawn)
    assert abs(below - 0.5) < 0.015
    assert abs(nearest - 0.25) < 0.015
    assert abs(sum(drawn)) / len(drawn) < 0.15


def test_the_page_says_what_a_game_spends():
    said = RULE.explain(given(4, 16, horizon=1000))
    assert f"epsilon = {10 * log(1.25):.3g}, delta = {10 * exp(63 * log(0.8)) * 0.1:.2g}" in said
