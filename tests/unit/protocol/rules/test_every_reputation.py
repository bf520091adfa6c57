"""Every reputation rule: its naive twin; conformance is in tests/unit/testing."""

from dataclasses import replace
from fractions import Fraction
from importlib import import_module

import pytest

from chain_bandit.protocol import estimation, rules
from chain_bandit.protocol.digests import ZERO
from chain_bandit.protocol.reputation import FULL
from chain_bandit.protocol.rule import Standing
from chain_bandit.protocol.ruleset import CHOSEN
from tests.games import build_scenario
from tests.unit.protocol.rules import records

ALL = sorted(records.REPUTATIONS)
OF_PARANOID = {"accuracy"}
"""Its second implementation is `chain_bandit/paranoid`."""


@pytest.mark.parametrize("name", sorted(set(ALL) - OF_PARANOID))
def test_the_naive_twin_says_the_same(name):
    rule, dice, met = records.REPUTATIONS[name], records.Dice(1), 0
    twin = import_module(f"{__package__ or 'tests.unit.protocol.rules'}.test_{name.replace('-', '_')}")
    for at, (agreed, liars) in enumerate(records.records(1_000, seed=32)):
        terms = records.terms(rule, agreed, liars, twin.options(dice) if at % 2 else None)
        found = rule.merits(terms, agreed, records.means_of_all(terms, agreed))
        assert records.weighed(rule, terms, agreed).weights == tuple(
            old - old // 8 + new // 8 for old, new in zip(agreed.reputations, found, strict=True)
        )
        for ours, theirs in zip(found, twin.naive(terms, agreed), strict=True):
            assert abs(ours - theirs) <= twin.ROUNDING, (at, found)
            met += 0 < ours < FULL
    assert met > 1_000


def left_out(reputations, least, most):
    """Decision 94 in fractions: who has less than a share of the highest reputation; of more than f + m nobody."""
    out = {seat for seat, each in enumerate(reputations) if Fraction(each, 65_535) < least}
    return out if len(out) <= most else set()


@pytest.mark.parametrize("name", ["bittensor-trust", "meritrank"])
def test_who_is_left_out_is_whom_the_decision_leaves_out(name):
    """Of reports, and of a choice unless too few would be left of it."""
    dice, rule, met, kept = records.Dice(94), records.REPUTATIONS[name], 0, 0
    game = replace(build_scenario().parameters, aggregation=records.choice("option-2"), vouched=CHOSEN)
    for agreed, _ in records.records(1_000, seed=94):
        seats, arms, part = len(agreed.reputations), len(agreed.pulls), Fraction(dice.below(11), 10)
        edge = int(part * FULL)
        reputations = tuple(min(dice.pick((each, edge, edge + 1)), FULL) for each in agreed.reputations)
        agreed, most = replace(agreed, reputations=reputations), (dice.below(seats + 1), dice.below(3))
        p = replace(
            game, participants=seats, validators=seats, arms=arms, liars=most[0], attackers=most[1],
            reputation=rules.chosen(rule, {"least": float(part)}),
        )  # fmt: skip
        out = left_out(reputations, part, sum(most))
        told = agreed.without(frozenset(out))
        assert estimation.estimate(p, (), agreed) == rules.aggregation(p).estimate(p.terms, (), told)
        eligible = frozenset(seat for seat in range(seats) if dice.below(4))
        standing = Standing(9, ZERO, eligible, reputations, (1,) * seats, 0, 1, dice.below(seats + 1), 0)
        among = eligible - out if len(eligible - out) >= standing.least else eligible
        assert estimation.select(p, (), agreed, standing).validators == among
        met, kept = met + bool(out), kept + bool(out & eligible and among == eligible)
    assert met > 200
    assert kept > 20
