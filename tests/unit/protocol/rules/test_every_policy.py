"""Every policy: its naive twin, hostile records; the bound of work is in tests/integration."""

from importlib import import_module

import pytest

from chain_bandit.protocol import rules
from chain_bandit.protocol.rule import Learnt
from chain_bandit.protocol.ruleset import RuleKind
from chain_bandit.protocol.units import UNIT
from tests.unit.protocol.rules import records

ALL = sorted(records.POLICIES)


@pytest.mark.parametrize("name", ALL)
def test_the_naive_twin_says_the_same(name):
    twin = import_module(f"{__package__ or 'tests.unit.protocol.rules'}.test_{name.replace('-', '_')}")
    rule, dice, answers = records.POLICIES[name], records.Dice(1), set()
    for at, (agreed, liars) in enumerate(records.records(1_000, seed=33)):
        learnt, c1 = records.learnt(agreed), (1 + dice.below(12), 1 + dice.below(6))
        given = records.terms(rule, agreed, liars)._replace(c1=c1)
        found = rule.arm(given, learnt)
        assert found == twin.naive(given, learnt), at
        answers.add((len(agreed.pulls), found))
    assert answers == {(arms, arm) for arms in range(1, 6) for arm in range(arms)}


@pytest.mark.parametrize("name", ALL)
def test_no_end_of_any_number_makes_it_raise_or_leave_its_bounds(name):
    """Conformance has hostile estimators and pulls; these are C1, rounds and all others at their ends at once."""
    rule, dice, pulled = records.POLICIES[name], records.Dice(2), [0] * 4
    for at in range(4_000):
        means, pulls, worth = (
            tuple(map(dice.pick, [ends] * 4))
            for ends in ((0, 1, UNIT // 2, UNIT - 1, UNIT, 2 * UNIT), (1, 2, 2**32 - 1), (0, 1, 256))
        )
        learnt = Learnt(dice.pick((2, 3, 2**32 - 2)), at.to_bytes(32), means, pulls, worth)
        c1 = dice.pick((1, 2, 2**64 - 1)), dice.pick((1, 2, 2**64 - 1))
        arm = rule.arm(records.GAME._replace(arms=4, c1=c1), learnt)
        assert type(arm) is int
        pulled[arm] += 1
    assert min(pulled) > 300


@pytest.mark.parametrize("name", ALL)
def test_an_arm_never_pulled_goes_first_and_of_equals_without_chance_the_lowest(name):
    rule = records.POLICIES[name]
    assert rule.arm(records.GAME, Learnt(9, bytes(32), (UNIT, 0, 0), (3, 0, 0), (1, 1, 1))) == 1
    assert rule.draws or rule.arm(records.GAME, Learnt(9, bytes(32), (0, 7, 7), (3, 3, 3), (1, 0, 1))) == 1


@pytest.mark.parametrize("name", ALL)
def test_of_many_samples_it_pulls_the_best_arm(name):
    learnt = Learnt(10**5, bytes(32), (UNIT // 2, UNIT // 2 + 10**7, UNIT // 3), (10**6,) * 3, (40,) * 3)
    assert records.POLICIES[name].arm(records.GAME, learnt) == 1


@pytest.mark.parametrize("name", ALL)
def test_a_page_says_what_it_does(name):
    rule = records.POLICIES[name]
    assert rule.explain(records.GAME).endswith(".")
    assert len(rule.explain(records.GAME)) > 60


def test_every_policy_is_found_by_its_name():
    assert set(rules.names(RuleKind.POLICY)) == set(ALL)
