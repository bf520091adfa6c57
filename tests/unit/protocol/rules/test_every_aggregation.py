"""Every aggregation rule: its naive twin. Conformance is in tests/unit/testing, the bound of work in integration."""

from importlib import import_module

import pytest

from chain_bandit.protocol import rules
from chain_bandit.protocol.ruleset import RuleKind
from chain_bandit.protocol.units import INFINITY
from tests.unit.protocol.rules import records

OF_PARANOID = {"option-1", "option-2", "option-3", "delta-safe", "confidence"}
"""Their second implementation is `chain_bandit/paranoid`."""

ALL = sorted(records.AGGREGATIONS)


@pytest.mark.parametrize("name", sorted(set(ALL) - OF_PARANOID))
def test_the_naive_twin_says_the_same(name):
    rule = records.AGGREGATIONS[name]
    twin = import_module(f"{__package__ or 'tests.unit.protocol.rules'}.test_{name.replace('-', '_')}")
    dice, met = records.Dice(1), 0
    for at, (agreed, liars) in enumerate(records.records(1_000, seed=31)):
        terms = records.terms(rule, agreed, liars, records.options(rule, dice if at % 2 else None))
        found = rule.estimate(terms, (), agreed)
        means, sets = twin.naive(terms, agreed)
        assert [set(each) for each in found.sets] == list(map(set, sets)), at
        for ours, theirs in zip(found.means, means, strict=True):
            assert (ours == INFINITY) == (theirs is None)
            assert theirs is None or abs(ours - theirs) <= twin.rounding(terms), (at, found.means, means)
            met += theirs is not None
    assert met > 1_500


@pytest.mark.parametrize("name", ALL)
def test_a_page_says_what_it_does(name):
    rule = records.AGGREGATIONS[name]
    assert rule.explain(records.terms(rule, records.column(*range(7)), 2)).endswith(".")


def test_every_rule_is_found_by_its_name():
    assert set(rules.names(RuleKind.AGGREGATION)) == set(ALL)
