"""protocol/rule.py and protocol/rules: what a rule is shown, how it is found, and which options it takes."""

from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest

from chain_bandit.protocol import rules
from chain_bandit.protocol.digests import ZERO
from chain_bandit.protocol.errors import AssumptionBroken
from chain_bandit.protocol.rule import Aggregation, Agreed, Option, Rule, mean_over, nothing
from chain_bandit.protocol.ruleset import RuleChoice, RuleKind, RuleRefused, RulesUnknown, declared
from chain_bandit.protocol.units import INFINITY, UNIT
from tests.rules import rule, terms

AGREED = Agreed(
    3, ZERO, {1: (10, 5), 4: (13, 7), 6: (0, 1)}, {1: (True, True), 4: (True, False), 6: (True, True)}, (2, 3)
)  # fmt: skip
PLAIN = rule("option-1")


class Mine(Aggregation):
    """A rule of somebody else."""

    name = "mine"
    version = 4
    options = MappingProxyType({
        "share": Option(UNIT // 4, 0, UNIT, scale=UNIT), "count": Option(None, 1, 9), "extra": Option(2),
    })  # fmt: skip


def test_a_column_is_an_arms_estimators_by_seat_and_who_passed_has_every_bit():
    assert AGREED.column(1) == {1: 5, 4: 7, 6: 1}
    assert AGREED.passed() == {1, 6}
    assert replace(AGREED, reports={}, bits={}).passed() == frozenset()


def test_a_mean_over_sets_is_floored_and_infinite_over_nobody():
    sets = (frozenset({1, 4}), frozenset())
    assert mean_over(AGREED, sets)[:2] == ((11, INFINITY), sets)
    assert nothing(2, (7,)) == ((INFINITY, INFINITY), (frozenset(), frozenset()), (7,), *nothing(0)[3:])
    assert nothing(1).state == ()


def test_a_rule_asks_for_nothing_unless_it_says_so():
    found, given = Mine(), terms(PLAIN, 7, 2, 3)
    found.check(given)
    assert found.least_burn_in(given) == 0
    assert found.is_mean
    assert "mine" in found.explain(given)
    found.check_honest(7, 3, 4)
    with pytest.raises(AssumptionBroken, match=r"liars = 3, H = 3"):
        found.check_honest(7, 3, 3)
    with pytest.raises(NotImplementedError):
        found.estimate(given, (), AGREED)


def test_every_file_of_the_folder_is_found_by_the_name_in_it():
    folder = Path(rules.__file__).parent
    assert len(rules.shipped()) == len([file for file in folder.glob("*.py") if file.name != "__init__.py"])
    for (kind, name, digest), found in rules.shipped().items():
        assert (found.kind, found.name, digest) == (kind, name, b"")
        assert (folder / f"{name.replace('-', '_')}.py").is_file()
        assert all(isinstance(option, Option) for option in found.options.values())
        assert isinstance(found, Rule)
    names = rules.names(RuleKind.AGGREGATION)
    assert list(names) == sorted(names)
    assert {"option-1", "confidence", "median"} <= set(names)
    assert rules.names(RuleKind.PAYMENT) == ()


def test_a_game_finds_its_own_rule(parameters):
    for choice in (PLAIN, rule("median"), rule("delta-safe", delta=7)):
        p = replace(parameters(), aggregation=choice)
        assert rules.aggregation(p) is rules.find(choice) is rules.shipped()[RuleKind.AGGREGATION, choice.name, b""]
        assert p.terms.options == dict(choice.options)
    with pytest.raises(RulesUnknown, match="'no-such', version 1"):
        rules.aggregation(replace(parameters(), aggregation=rule("no-such")))


def test_somebody_elses_rule_is_found_by_its_digest_alone(monkeypatch):
    monkeypatch.setattr(rules, "_added", {})
    digest = bytes(range(32))
    choice = rules.chosen(Mine(), {"count": 3}, digest)
    assert choice == RuleChoice(
        RuleKind.AGGREGATION, "mine", 4, (("count", 3), ("extra", 2), ("share", UNIT // 4)), digest
    )
    with pytest.raises(RulesUnknown):
        rules.find(choice)
    rules.add(found := Mine(), digest)
    assert rules.find(choice) is found
    others = (
        replace(choice, digest=b""), replace(choice, digest=bytes(32)), replace(choice, name="other"),
        replace(choice, version=5), replace(choice, options=choice.options[1:]), replace(choice, kind=RuleKind.PAYMENT),
        replace(PLAIN, digest=digest),
    )  # fmt: skip
    for other in others:
        with pytest.raises(RulesUnknown) as unknown:
            rules.find(other)
        assert str(other) in str(unknown.value)
    assert "mine" not in rules.names(RuleKind.AGGREGATION)


@pytest.mark.parametrize(
    ("given", "share"),
    [
        ({}, UNIT // 4), ({"share": 0.1}, UNIT // 10), ({"share": 0.1 + 0.2}, 3 * UNIT // 10), ({"share": 1}, UNIT),
        ({"share": 1e-9}, 1), ({"share": 0.4e-9}, 0), ({"share": -0.5}, -UNIT // 2),
        ({"share": 123456789e-9}, 123456789),
    ],
    ids=str,
)  # fmt: skip
def test_options_with_a_unit_are_given_as_decimals(given, share):
    assert dict(rules.chosen(Mine(), {"count": 1} | given).options) == {"count": 1, "extra": 2, "share": share}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "'mine' needs the option 'count'"),
        ({"count": 1, "zeal": 1, "depth": 2}, "'mine' has no option 'depth'; it has share, count, extra"),
        ({"count": float("nan")}, "'mine' takes no number that is not finite for 'count'"),
        ({"count": 1, "share": float("-inf")}, "'mine' takes no number that is not finite for 'share'"),
    ],
    ids=str,
)
def test_options_that_a_rule_does_not_take_are_refused_in_one_sentence(given, said):
    with pytest.raises(RuleRefused) as refused:
        rules.chosen(Mine(), given)
    assert str(refused.value) == f"aggregation: {said}"
    assert (refused.value.kind, refused.value.name, refused.value.exit_code) == (RuleKind.AGGREGATION, "mine", 3)


def test_a_name_that_is_no_rule_is_refused_with_those_there_are():
    assert rules.named(RuleKind.AGGREGATION, "delta-safe", {"delta": 0.3}) == rule("delta-safe", delta=3 * UNIT // 10)
    with pytest.raises(RuleRefused, match="'mine' is no rule of this version; it has centred-clipping, ") as refused:
        rules.named(RuleKind.AGGREGATION, "mine")
    assert refused.value.name == "mine"


@pytest.mark.parametrize(("count", "holds"), [(0, False), (1, True), (9, True), (10, False), (-1, False)])
def test_options_have_bounds(monkeypatch, count, holds):
    monkeypatch.setattr(rules, "_added", {(RuleKind.AGGREGATION, "mine", bytes(32)): Mine()})
    choice = rules.chosen(Mine(), {"count": count}, bytes(32))
    if holds:
        rules.check_options(choice)
        return
    with pytest.raises(AssumptionBroken) as broken:
        rules.check_options(choice)
    said = f"count: 1 <= count <= 9 (option of mine) does not hold (count = {count})"
    assert (broken.value.name, str(broken.value)) == ("count", said)


def test_a_bound_of_an_option_with_a_unit_is_said_in_it(monkeypatch):
    monkeypatch.setattr(rules, "_added", {(RuleKind.AGGREGATION, "mine", bytes(32)): Mine()})
    with pytest.raises(AssumptionBroken, match=r"0 <= share <= 1000000000 in units of 1e-09 \(option of mine\)"):
        rules.check_options(rules.chosen(Mine(), {"count": 1, "share": 1.1}, bytes(32)))
    with pytest.raises(RulesUnknown):
        rules.check_options(rule("no-such"))


def test_an_option_without_a_unit_is_a_whole_number():
    with pytest.raises(RuleRefused, match=r"takes a whole number for 'count', not 1\.5"):
        rules.chosen(Mine(), {"count": 1.5}, bytes(32))


def test_a_declaration_in_a_later_format_is_one_of_unknown_rules():
    with pytest.raises(RulesUnknown, match="format 99"):
        declared(b'{"format":99,"rules":[]}')


def test_a_rule_for_people_is_one_line_whatever_its_name():
    shown = str(replace(rule("n\n" * 99, 2**99, delta=2**99), digest=bytes(32)))
    assert "\n" not in shown
    assert len(shown) < 300
    assert "0x" + "00" * 32 in shown
