"""Every reputation rule: its naive twin; conformance is in tests/unit/testing."""

from importlib import import_module

import pytest

from chain_bandit.protocol.reputation import FULL
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
