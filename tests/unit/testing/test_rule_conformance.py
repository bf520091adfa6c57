"""Conformance of rules: ours pass, and each of the wrong rules below is named."""

import random
import time
from fractions import Fraction
from types import MappingProxyType

import pytest

from chain_bandit.protocol.rule import Aggregation, Disclosure, Estimate, Reputation, Weights, chance, mean_over
from chain_bandit.protocol.rules import shipped
from chain_bandit.protocol.ruleset import RuleKind
from chain_bandit.protocol.units import UNIT
from chain_bandit.testing import aggregation_conformance, disclosure_conformance, reputation_conformance

NEEDED = {"delta-safe": {"delta": 0.3}}


HELD = [rule for rule in shipped().values() if rule.kind is not RuleKind.SELECTION]
"""What conformance is there for; selections are held by the games of tests/unit/audit/test_vouched.py."""


@pytest.mark.parametrize("rule", HELD, ids=lambda rule: rule.name)
def test_every_rule_of_ours_conforms(rule):
    held = {
        RuleKind.AGGREGATION: aggregation_conformance, RuleKind.REPUTATION: reputation_conformance,
        RuleKind.DISCLOSURE: disclosure_conformance,
    }  # fmt: skip
    held[rule.kind](type(rule), NEEDED.get(rule.name))


def everybody(terms, agreed):
    return mean_over(agreed, [frozenset(agreed.reports)] * terms.arms)


class Wrong(Aggregation):
    name = "wrong"

    def estimate(self, terms, state, agreed):
        return self.changed(everybody(terms, agreed), terms, agreed)


class Good(Wrong):
    def changed(self, found, terms, agreed):
        return found


class Floats(Wrong):
    def changed(self, found, terms, agreed):
        return found._replace(means=tuple(float(mean) for mean in found.means))


class Clock(Wrong):
    def changed(self, found, terms, agreed):
        return found._replace(state=(time.perf_counter_ns() % 2**32,))


class Unseeded(Wrong):
    def changed(self, found, terms, agreed):
        chosen = random.choice(sorted(agreed.reports)) if agreed.reports else None
        return mean_over(agreed, [frozenset(() if chosen is None else (chosen,))] * terms.arms)


class Hidden(Wrong):
    calls = [0]  # noqa: RUF012 - the fault itself

    def changed(self, found, terms, agreed):
        self.calls[0] += 1
        return found._replace(state=(self.calls[0],))


class Insertion(Wrong):
    def changed(self, found, terms, agreed):
        first = [frozenset((next(iter(agreed.reports)),))] if agreed.reports else [frozenset()]
        return mean_over(agreed, first * terms.arms)


class Changes(Wrong):
    def changed(self, found, terms, agreed):
        agreed.reports.pop(next(iter(agreed.reports), None), None)
        return found


class Unbounded(Wrong):
    def estimate(self, terms, state, agreed):
        return everybody(terms, agreed)._replace(state=(*state, *range(8)))


class Favours(Wrong):
    def changed(self, found, terms, agreed):
        return mean_over(agreed, [frozenset({0} & agreed.reports.keys()) or found.sets[0]] * terms.arms)


class Strangers(Wrong):
    def changed(self, found, terms, agreed):
        return found._replace(sets=tuple(members | {terms.participants} for members in found.sets))


class NoMean(Wrong):
    def changed(self, found, terms, agreed):
        return found._replace(means=tuple(mean // 2 for mean in found.means))


class Short(Wrong):
    def changed(self, found, terms, agreed):
        return found._replace(means=found.means[1:])


class Large(Wrong):
    is_mean = False

    def changed(self, found, terms, agreed):
        return found._replace(means=(2**32,) * terms.arms)


class Fractions(Wrong):
    is_mean = False

    def changed(self, found, terms, agreed):
        return found._replace(means=(Fraction(UNIT, 3),) * terms.arms)


class Lists(Wrong):
    def changed(self, found, terms, agreed):
        return found._replace(sets=list(found.sets))


class Sum(Wrong):
    is_mean = False

    def changed(self, found, terms, agreed):
        means = tuple(sum(row[arm] for row in agreed.reports.values()) // len(agreed.reports)
                      for arm in range(terms.arms))  # fmt: skip
        return found._replace(means=means)


class Nothing(Wrong):
    def changed(self, found, terms, agreed):
        return None


class Uneven(Wrong):
    draws = True

    def changed(self, found, terms, agreed):
        seats = sorted(agreed.reports)
        few = [seats[chance(agreed.seed) % max(1, len(seats) // 2)]] if seats else []
        return mean_over(agreed, [frozenset(few)] * terms.arms)


class Even(Wrong):
    draws = True

    def changed(self, found, terms, agreed):
        seats = sorted(agreed.reports)
        few = [seats[chance(agreed.seed) % len(seats)]] if seats else []
        return mean_over(agreed, [frozenset(few)] * terms.arms)


class Unnamed(Good):
    version = 0


class Options(Good):
    options = MappingProxyType({"beta": 3})


@pytest.mark.parametrize(("kind", "sentence"), [
    (Floats, "not B of reporters and a uint32"), (Clock, "something else when it is asked again"),
    (Unseeded, "asked again|another order"), (Hidden, "asked again"), (Insertion, "in another order"),
    (Changes, "changes what it is shown|not B of reporters"), (Unbounded, "keeps more than"),
    (Favours, "when participants change their places"), (Strangers, "not B of reporters"),
    (NoMean, "no floored mean over B"), (Short, "not B of reporters"), (Large, "not B of reporters"),
    (Fractions, "not B of reporters"), (Lists, "not B of reporters"), (Nothing, "not B of reporters"),
    (Uneven, "more often than others"), (Unnamed, "no name, or no version"), (Options, "are no chain_bandit"),
    (int, "no subclass of"), (Reputation, "no subclass of"),
], ids=lambda value: value.__name__ if isinstance(value, type) else "")  # fmt: skip
def test_a_wrong_aggregation_is_named(kind, sentence):
    with pytest.raises(AssertionError, match=sentence):
        aggregation_conformance(kind)


def test_a_rule_that_raises_on_a_hostile_record_does_not_conform():
    with pytest.raises(ZeroDivisionError):
        aggregation_conformance(Sum)


@pytest.mark.parametrize("kind", [Good, Even])
def test_a_right_one_passes(kind):
    aggregation_conformance(kind)


class Flat(Reputation):
    name = "flat"

    def weigh(self, terms, state, agreed, estimate):
        return Weights((1_000,) * terms.participants)


class TooHigh(Flat):
    def weigh(self, terms, state, agreed, estimate):
        return Weights((65_536,) * terms.participants)


class First(Flat):
    def weigh(self, terms, state, agreed, estimate):
        return Weights((65_535,) + (0,) * (terms.participants - 1))


class Forgets(Flat):
    def weigh(self, terms, state, agreed, estimate):
        return Weights((1_000,) * len(agreed.reports))


class Gives(Flat):
    def weigh(self, terms, state, agreed, estimate):
        return Estimate((), ())


class Grows(Flat):
    def weigh(self, terms, state, agreed, estimate):
        return replace_state(super().weigh(terms, state, agreed, estimate), (*state, *range(8)))


def replace_state(weights, state):
    return weights._replace(state=state)


@pytest.mark.parametrize(("kind", "sentence"), [
    (TooHigh, "not a uint16"), (First, "change their places"), (Forgets, "not a uint16"), (Gives, "not a uint16"),
    (Grows, "keeps more than"), (Good, "no subclass of"),
])  # fmt: skip
def test_a_wrong_reputation_is_named(kind, sentence):
    with pytest.raises(AssertionError, match=sentence):
        reputation_conformance(kind)


class Half(Disclosure):
    name = "half"

    def encode(self, terms, means):
        return tuple(mean // 2 for mean in means)


class Noise(Half):
    def encode(self, terms, means):
        return tuple(max(0, mean - random.randint(0, 5)) for mean in means)


class Own(Half):
    def is_valid(self, terms, values):
        return all(value % 2 for value in values)


class Above(Half):
    def is_valid(self, terms, values):
        return True


class Float(Half):
    def encode(self, terms, means):
        return tuple(mean / 2 for mean in means)


@pytest.mark.parametrize(("kind", "sentence"), [
    (Noise, "asked again"), (Own, "takes for no report"), (Above, "for a report"), (Float, "not an integer"),
])  # fmt: skip
def test_a_wrong_disclosure_is_named(kind, sentence):
    with pytest.raises(AssertionError, match=sentence):
        disclosure_conformance(kind)


def test_a_right_disclosure_passes():
    disclosure_conformance(Half)


def test_a_right_reputation_passes():
    reputation_conformance(Flat)
