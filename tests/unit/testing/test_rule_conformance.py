"""Conformance of rules: ours pass, on 10,000 rounds in `make deep`, and each of the wrong rules below is named."""

import random
import time
from fractions import Fraction
from itertools import count
from types import MappingProxyType

import pytest

from chain_bandit.protocol.rule import (
    Aggregation,
    Disclosure,
    Estimate,
    Option,
    Policy,
    Reputation,
    Selected,
    Selection,
    Weights,
    chance,
    mean_over,
)
from chain_bandit.protocol.rules import shipped
from chain_bandit.protocol.ruleset import RuleKind
from chain_bandit.protocol.units import UNIT
from chain_bandit.testing import (
    aggregation_conformance,
    disclosure_conformance,
    index_policy_conformance,
    reputation_conformance,
    selection_conformance,
)
from chain_bandit.testing.rules import ROUNDS

CONFORMANCE = {
    RuleKind.AGGREGATION: aggregation_conformance, RuleKind.REPUTATION: reputation_conformance,
    RuleKind.SELECTION: selection_conformance, RuleKind.DISCLOSURE: disclosure_conformance,
    RuleKind.POLICY: index_policy_conformance,
}  # fmt: skip
NUMBER, SEEN = count(), [0]
"""Hidden state."""


@pytest.mark.parametrize("rounds", [ROUNDS, pytest.param(10_000, marks=pytest.mark.deep)])
@pytest.mark.parametrize("rule", shipped().values(), ids=lambda rule: rule.name)
def test_every_rule_of_ours_conforms(rule, rounds):
    CONFORMANCE[rule.kind](type(rule), rounds=rounds)


def over(terms, agreed, seats):
    return mean_over(agreed, [frozenset(seats)] * terms.arms)


def latest(round_):
    """The latest round of all that were asked about."""
    SEEN[0] = max(SEEN[0], round_)
    return SEEN[0]


class Mean(Aggregation):
    """A right one."""

    name = "mean"

    def estimate(self, terms, state, agreed):
        return over(terms, agreed, agreed.reports)


class Even(Mean):
    draws = True

    def estimate(self, terms, state, agreed):
        seats = sorted(agreed.reports)
        return over(terms, agreed, [seats[chance(agreed.seed) % len(seats)]] if seats else [])


class Counts(Mean):
    """Of every seat how often it reported."""

    keeps_state = True

    def estimate(self, terms, state, agreed):
        before = state or (0,) * terms.participants
        counts = tuple(each + (seat in agreed.reports) for seat, each in enumerate(before))
        return super().estimate(terms, state, agreed)._replace(state=counts)


class Flat(Reputation):
    """A right one."""

    name = "flat"

    def weigh(self, terms, state, agreed, estimate):
        return Weights((1_000,) * terms.participants)


class Best(Selection):
    """A right one."""

    name = "best"

    def select(self, terms, state, agreed, standing):
        ranked = sorted(standing.eligible, key=lambda seat: (-standing.reputations[seat], chance(standing.seed, seat)))
        return Selected(frozenset(ranked[: standing.least]))


class Turns(Best):
    """One seat further on in every round."""

    draws = keeps_state = True

    def select(self, terms, state, agreed, standing):
        row, first = sorted(standing.eligible), state[0] if state else 0
        chosen = (row[(first + place) % len(row)] for place in range(min(standing.least, len(row))))
        return Selected(frozenset(chosen), ((first + 1) % terms.participants,))


class Half(Disclosure):
    """A right one."""

    name = "half"

    def encode(self, terms, own):
        return tuple(mean // 2 for mean in own.means)


class Greedy(Policy):
    """A right one."""

    name = "greedy"

    def arm(self, terms, learnt):
        return learnt.means.index(max(learnt.means))


RIGHT = {each.kind: each for each in (Mean, Flat, Best, Half, Greedy)}
"""By the kind."""


@pytest.mark.parametrize("kind", [*RIGHT.values(), Even, Counts, Turns])
def test_a_right_rule_passes(kind):
    CONFORMANCE[kind.kind](kind)


class HashOrder(Mean):
    draws = True

    def estimate(self, terms, state, agreed):
        return over(terms, agreed, sorted(agreed.reports, key=lambda seat: hash(f"{agreed.seed} {seat}"))[:1])


class LooksAhead(Mean):
    def estimate(self, terms, state, agreed):
        return over(terms, agreed, agreed.reports if latest(agreed.round) == agreed.round else [])


class HashesWeights(Flat):
    def weigh(self, terms, state, agreed, estimate):
        return Weights((hash(agreed.seed) % 1_000,) * terms.participants)


class HashesSeats(Best):
    draws = True

    def select(self, terms, state, agreed, standing):
        ranked = sorted(standing.eligible, key=lambda seat: hash(f"{standing.seed} {seat}"))
        return Selected(frozenset(ranked[: standing.least]))


class SelectsAhead(Best):
    def select(self, terms, state, agreed, standing):
        found = super().select(terms, state, agreed, standing)
        return found if latest(standing.round) == standing.round else Selected(standing.eligible)


class HashesArms(Greedy):
    def arm(self, terms, learnt):
        return hash(str(learnt.means)) % terms.arms


class PullsAhead(Greedy):
    def arm(self, terms, learnt):
        return super().arm(terms, learnt) if latest(learnt.round) == learnt.round else 0


class HashesMeans(Half):
    def encode(self, terms, own):
        return tuple(hash(str(mean)) % UNIT for mean in own.means)


ELSEWHERE = "something else in another process"


@pytest.mark.parametrize("kind", [
    HashOrder, LooksAhead, HashesWeights, HashesSeats, SelectsAhead, HashesMeans, HashesArms, PullsAhead,
])  # fmt: skip
def test_what_rests_on_hashes_or_on_rounds_to_come_is_named(kind):
    SEEN[0] = 0
    with pytest.raises(AssertionError, match=ELSEWHERE):
        CONFORMANCE[kind.kind](kind)


def clock():
    return (time.perf_counter_ns() % 2**32,)


def mean(terms, agreed, **changed):
    return over(terms, agreed, agreed.reports)._replace(**changed)


SOUND, AGAIN, ORDER, LONG = "not B of reporters", "when it is asked again", "in another order", "keeps more than 4096"
SHOWN, PLACES, ALIKE, RAISES = "changes what it is shown", "change their places", "who are alike", "raises "
RANDOM = f"{AGAIN}|{ORDER}|{PLACES}"
STATE, DRAWS, BARE = {"keeps_state": True}, {"draws": True}, {"is_mean": False}

AGGREGATIONS = {
    "floats": (lambda t, s, a: mean(t, a, means=(0.5,) * t.arms), SOUND, {}),
    "fractions": (lambda t, s, a: mean(t, a, means=(Fraction(UNIT, 3),) * t.arms), SOUND, BARE),
    "overflow": (lambda t, s, a: mean(t, a, means=(2**32,) * t.arms), SOUND, BARE),
    "more than a whole reward": (lambda t, s, a: mean(t, a, means=(UNIT + 1,) * t.arms), "gives the estimator", BARE),
    "rounded up": (lambda t, s, a: mean(t, a, means=(UNIT,) * t.arms), "no floored mean over B", {}),
    "an arm less": (lambda t, s, a: mean(t, a, means=(0,) * (t.arms - 1)), SOUND, {}),
    "strangers": (lambda t, s, a: mean(t, a, sets=(frozenset((t.participants,)),) * t.arms), SOUND, {}),
    "lists": (lambda t, s, a: mean(t, a, sets=[frozenset(a.reports)] * t.arms), SOUND, {}),
    "nothing": (lambda t, s, a: None, SOUND, {}),
    "wall clock": (lambda t, s, a: mean(t, a, state=clock()), AGAIN, STATE),
    "no seed": (lambda t, s, a: over(t, a, random.sample(sorted(a.reports), min(1, len(a.reports)))), RANDOM, DRAWS),
    "hidden state": (lambda t, s, a: mean(t, a, state=(next(NUMBER),)), AGAIN, STATE),
    "state of text": (lambda t, s, a: mean(t, a, state=("7",)), SOUND, STATE),
    "state unsaid": (lambda t, s, a: mean(t, a, state=(7,)), "does not say that it keeps_state", {}),
    "unbounded state": (lambda t, s, a: mean(t, a, state=(*s, *range(8))), LONG, STATE),
    "order of reports": (lambda t, s, a: over(t, a, list(a.reports)[:1]), ORDER, {}),
    "changes its arguments": (lambda t, s, a: (a.reports.pop(0, 0), mean(t, a))[1], SHOWN, {}),
    "a favourite": (lambda t, s, a: over(t, a, {0} & a.reports.keys() or a.reports), PLACES, {}),
    "the lower of equals": (lambda t, s, a: over(t, a, {min(a.reports, key=lambda p: (a.reports[p], p), default=0)}
                                                 & a.reports.keys()), ALIKE, {}),
    "uneven draws": (lambda t, s, a: over(t, a, sorted(a.reports)[: 1 + chance(a.seed) % 2]), ALIKE, DRAWS),
    "raises": (lambda t, s, a: mean(t, a, state=(UNIT // len(a.reports),)), RAISES + "ZeroDivision", STATE),
    "no version": (lambda t, s, a: mean(t, a), "no version from 1 on", {"version": 0}),
    "options of numbers": (lambda t, s, a: mean(t, a), "is no chain_bandit", {"options": {"beta": 3}}),
    "options of texts": (lambda t, s, a: mean(t, a), "not of integers", {"options": {"beta": Option("3")}}),
    "a default out of bounds": (lambda t, s, a: mean(t, a), "out of bounds", {"options": {"beta": Option(3, 4)}}),
    "worth more than all": (lambda t, s, a: mean(t, a), "for 0 to M", {"worth": lambda self, t, n, f: 1 + n + f}),
    "worth at random": (lambda t, s, a: mean(t, a), RANDOM,
                        {"worth": lambda self, t, n, f: random.randrange(t.participants + 1)}),
    "uneven after the first block": (lambda t, s, a: over(t, a, sorted(a.reports)[: 1 if a.means else None]), ALIKE,
                                     DRAWS),
    "worth of floats": (lambda t, s, a: mean(t, a), "for 0 to M", {"worth": lambda self, t, n, f: n / 2}),
}  # fmt: skip

UINT16, FLAT = "not a uint16", (1_000,) * 256
REPUTATIONS = {
    "overflow": (lambda t, s, a, e: Weights((65_536,) * t.participants), UINT16, {}),
    "floats": (lambda t, s, a, e: Weights((0.5,) * t.participants), UINT16, {}),
    "silent seats forgotten": (lambda t, s, a, e: Weights(FLAT[: len(a.reports)]), UINT16, {}),
    "another answer": (lambda t, s, a, e: Estimate((), ()), UINT16, {}),
    "a favourite": (lambda t, s, a, e: Weights((65_535, *FLAT[1 : t.participants])), PLACES, {}),
    "wall clock": (lambda t, s, a, e: Weights(FLAT[: t.participants], clock()), AGAIN, STATE),
    "no seed": (lambda t, s, a, e: Weights((random.randrange(2**16),) * t.participants), RANDOM, {}),
    "hidden state": (lambda t, s, a, e: Weights((next(NUMBER) % 2**16,) * t.participants), AGAIN, {}),
    "order of reports": (lambda t, s, a, e: Weights((next(iter(a.reports), 0),) * t.participants), ORDER, {}),
    "changes its arguments": (lambda t, s, a, e: (a.bits.clear(), Weights(FLAT[: t.participants]))[1], SHOWN, {}),
    "unbounded state": (lambda t, s, a, e: Weights(FLAT[: t.participants], (*s, *range(8))), LONG, STATE),
    "raises": (lambda t, s, a, e: Weights((max(a.reports),) * t.participants), RAISES + "ValueError", {}),
    "a favourite left out": (lambda t, s, a, e: Weights(FLAT[: t.participants]), PLACES,
                             {"left_out": lambda self, t, reputations: frozenset((0,))}),
    "left out by hidden state": (lambda t, s, a, e: Weights(FLAT[: t.participants]), RANDOM,
                                 {"left_out": lambda self, t, r: frozenset((next(NUMBER) % t.participants,))}),
    "strangers left out": (lambda t, s, a, e: Weights(FLAT[: t.participants]), "not a frozenset of seats",
                           {"left_out": lambda self, t, reputations: frozenset((-1,))}),
}  # fmt: skip

CHOSEN = "not a set of eligible seats"


def some(standing, ranked, more=0):
    return Selected(frozenset(ranked[: standing.least + more]))


SELECTIONS = {
    "ineligible seats": (lambda t, s, a, n: Selected(frozenset(range(t.participants))), CHOSEN, {}),
    "fractions": (lambda t, s, a, n: Selected(frozenset(map(Fraction, n.eligible))), CHOSEN, {}),
    "lists": (lambda t, s, a, n: Selected(sorted(n.eligible)), CHOSEN, {}),
    "another answer": (lambda t, s, a, n: n.eligible, CHOSEN, {}),
    "fewer than least": (lambda t, s, a, n: Selected(frozenset(sorted(n.eligible)[:1])), "fewer than", {}),
    "draws of one": (lambda t, s, a, n: Selected(frozenset([sorted(n.eligible)[chance(n.seed) % len(n.eligible)]])),
                     "chooses 1 of seven at most", DRAWS),
    "low seats": (lambda t, s, a, n: some(n, sorted(n.eligible)), PLACES, {}),
    "low seats of equals": (lambda t, s, a, n: some(n, sorted(n.eligible, key=lambda p: (-n.reputations[p], p))),
                            ALIKE, {}),
    "uneven draws": (lambda t, s, a, n: some(n, sorted(n.eligible), chance(n.seed) % 2), ALIKE, DRAWS),
    "no seed": (lambda t, s, a, n: some(n, random.sample(sorted(n.eligible), len(n.eligible))), RANDOM, DRAWS),
    "low seats after the first block": (lambda t, s, a, n: some(n, sorted(n.eligible), 0 if a.means else 9), ALIKE,
                                        DRAWS),
    "wall clock": (lambda t, s, a, n: Selected(n.eligible, clock()), AGAIN, STATE),
    "hidden state": (lambda t, s, a, n: Selected(n.eligible, (next(NUMBER),)), AGAIN, STATE),
    "state unsaid": (lambda t, s, a, n: Selected(n.eligible, (1,)), "does not say that it keeps_state", {}),
    "unbounded state": (lambda t, s, a, n: Selected(n.eligible, (*s, *range(8))), LONG, STATE),
    "order of reports": (lambda t, s, a, n: some(n, sorted(n.eligible, key=[*a.reports, *range(t.participants)].index)),
                         ORDER, {}),
    "changes its arguments": (lambda t, s, a, n: (a.reports.clear(), Selected(n.eligible))[1], SHOWN, {}),
    "raises": (lambda t, s, a, n: some(n, sorted(n.eligible), max(a.reports)), RAISES + "ValueError", {}),
}  # fmt: skip

DISCLOSURES = {
    "noise": (lambda t, o: tuple(max(0, each - random.randint(0, 5)) for each in o.means), RANDOM, {}),
    "hidden state": (lambda t, o: (next(NUMBER),) * t.arms, AGAIN, {}),
    "floats": (lambda t, o: tuple(each / 2 for each in o.means), "not an integer", {}),
    "an arm less": (lambda t, o: o.means[1:], "not an integer for each arm", {}),
    "more than a whole reward": (lambda t, o: tuple(2 * each for each in o.means), "no report may say", {}),
    "less than none": (lambda t, o: tuple(each - 1 for each in o.means), "no report may say", {}),
    "raises": (lambda t, o: tuple(UNIT // each for each in o.means), RAISES + "ZeroDivisionError", {}),
    "refuses its own": (lambda t, o: o.means, "takes for no report",
                        {"is_valid": lambda self, t, v: all(x % 2 for x in v)}),
    "takes what is above": (lambda t, o: o.means, "for a report", {"is_valid": lambda self, t, v: True}),
    "says neither": (lambda t, o: o.means, "does not say whether",
                     {"is_valid": lambda self, t, v: max(v) <= UNIT or None}),
    "raises on others": (lambda t, o: o.means, RAISES,
                         {"is_valid": lambda self, t, v: UNIT // (UNIT + 1 - max(v)) >= 0}),
    "now and then": (lambda t, o: o.means, f"{AGAIN}|takes for no report",
                     {"is_valid": lambda self, t, v: max(v) <= UNIT and next(NUMBER) % 7 > 0}),
    "draws without a bound": (lambda t, o: o.means, "draws, and has no bound", {"draws": True}),
    "beyond its bound": (lambda t, o: tuple(each // 2 for each in o.means), "farther than its bound",
                         {"draws": True, "bound": lambda self, t, o: (1,) * t.arms}),
    "a bound at random": (lambda t, o: o.means, RANDOM,
                          {"draws": True, "bound": lambda self, t, o: (random.randrange(UNIT),) * t.arms}),
    "a bound of another form": (lambda t, o: o.means, "not units of a reward for each arm",
                                {"draws": True, "bound": lambda self, t, o: (UNIT + 1,) * t.arms}),
    "a bound of the seed's": (lambda t, o: (0,) * t.arms, "farther than its bound",
                              {"draws": True, "bound": lambda self, t, o: (UNIT * len(o.seed) // 32,) * t.arms}),
}  # fmt: skip

POLICIES = {
    "no arm": (lambda t, n: t.arms, "none of", {}),
    "fractions": (lambda t, n: Fraction(0), "none of", {}),
    "floats": (lambda t, n: 0.0, "none of", {}),
    "no seed": (lambda t, n: random.randrange(t.arms), RANDOM, {}),
    "hidden state": (lambda t, n: next(NUMBER) % t.arms, AGAIN, {}),
    "raises": (lambda t, n: UNIT // n.pulls[0] * 0, RAISES + "ZeroDivisionError", {}),
}  # fmt: skip

PLANTED = [
    pytest.param(kind, name, *fault, id=f"{kind.kind.name.lower()}-{name}") for kind, faults in
    ((Aggregation, AGGREGATIONS), (Reputation, REPUTATIONS), (Selection, SELECTIONS), (Disclosure, DISCLOSURES),
     (Policy, POLICIES))
    for name, fault in faults.items()
]  # fmt: skip
VERBS = {Aggregation: "estimate", Reputation: "weigh", Selection: "select", Disclosure: "encode", Policy: "arm"}


@pytest.mark.parametrize(("base", "name", "verb", "sentence", "others"), PLANTED)
def test_a_wrong_rule_is_named(base, name, verb, sentence, others):
    wrong = type("Wrong", (base,), {"name": name, VERBS[base]: lambda self, *given: verb(*given), **others})
    with pytest.raises(AssertionError, match=sentence) as said:
        CONFORMANCE[base.kind](wrong)
    assert len(str(said.value)) < 400
    assert "\n" not in str(said.value)


@pytest.mark.parametrize("kind", CONFORMANCE)
def test_a_rule_of_another_kind_is_named(kind):
    for other in (int, 3, *(each for key, each in RIGHT.items() if key is not kind)):
        with pytest.raises(AssertionError, match=r"is no subclass of chain_bandit\.rule_api"):
            CONFORMANCE[kind](other)


class Part(Half):
    options = MappingProxyType({"part": Option(2, 0, 9)})

    def encode(self, terms, own):
        return tuple(mean // terms.options["part"] for mean in own.means)


def test_options_are_tried_at_their_ends_unless_they_are_given():
    with pytest.raises(AssertionError, match="raises ZeroDivisionError"):
        disclosure_conformance(Part)
    disclosure_conformance(Part, {"part": 3})


def test_a_class_that_no_other_process_finds_is_refused():
    class Inner(Half):
        """Of a function."""

    with pytest.raises(AssertionError, match="is a class of a function; write it into a module"):
        disclosure_conformance(Inner)
