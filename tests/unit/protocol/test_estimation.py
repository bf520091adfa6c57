"""protocol/estimation.py: a foreign rule that fails, or answers out of bounds, comes to the same for everybody."""

from dataclasses import replace
from fractions import Fraction
from types import SimpleNamespace

import pytest

from chain_bandit.protocol import estimation, rules
from chain_bandit.protocol.blocks import mask
from chain_bandit.protocol.digests import ZERO
from chain_bandit.protocol.reputation import after_block
from chain_bandit.protocol.rule import (
    Aggregation,
    Agreed,
    Disclosure,
    Estimate,
    Learnt,
    Own,
    Policy,
    Reputation,
    Selected,
    Selection,
    Standing,
    Weights,
    mean_over,
)
from chain_bandit.protocol.ruleset import CHOSEN, STATE, RuleFailed, RuleKind
from chain_bandit.protocol.units import INFINITY, UNIT
from tests.games import build_scenario

DIGEST = bytes(range(32))
AGREED = Agreed(
    9, ZERO, {0: (7, 1), 1: (9, 3), 3: (2, 2)}, dict.fromkeys((0, 1, 3), (True, True)), (4, 5), None, (9, 8, 7, 6)
)  # fmt: skip
SETS = (frozenset({0, 1}), frozenset({3}))
GOOD = mean_over(AGREED, SETS)
NONE = (INFINITY, INFINITY)
OWN = Own.of(9, (5, 6), (1, 1))


class Told(Aggregation):
    """Answers what a test puts here, or raises it."""

    name = "told"
    answer: object = GOOD

    def estimate(self, terms, state, agreed):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Weighed(Reputation):
    name = "weighed"
    answer: object = Weights((1, 2, 3, 65_535))
    estimate = Told.estimate

    def weigh(self, terms, state, agreed, estimate):
        return self.estimate(terms, state, agreed)


class RemainingTime(Weighed):
    name = "left"

    def left_out(self, terms, reputations):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Reporters(Aggregation):
    name = "reporters"

    def estimate(self, terms, state, agreed):
        return mean_over(agreed, [agreed.passed()] * terms.arms)


class Chooser(Selection):
    name = "chooser"

    def select(self, terms, state, agreed, standing):
        return Selected(standing.eligible)


class Said(Disclosure):
    name = "said"
    answer: object = (1, UNIT)
    estimate = Told.estimate

    def encode(self, terms, own):
        return self.estimate(terms, (), own)

    def is_valid(self, terms, values):
        return self.estimate(terms, (), values)


class Puller(Policy):
    name = "puller"
    answer: object = 0

    def arm(self, terms, learnt):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def played_by(kind, answer):
    """The parameters of a game by a foreign rule that answers so."""
    rule = kind()
    rule.answer = answer
    rules.add(rule, DIGEST)
    word = kind.kind.name.lower()
    return replace(build_scenario().parameters, **{word: rules.chosen(rule, {}, DIGEST)})


@pytest.mark.parametrize(("answer", "counted"), [
    (frozenset({1}), {0, 3}),
    (frozenset({1, 3}), {0}),
    (frozenset({0, 1, 3}), {0, 1, 3}),
    ({1}, {0, 1, 3}),
    (frozenset({Fraction(1)}), {0, 1, 3}),
    (frozenset({-1, 3}), {0, 1}),
    (RuleFailed("left", "raised"), {0, 1, 3}),
])  # fmt: skip
def test_who_is_left_out_does_not_count_but_no_more_than_f_and_m(answer, counted):
    parameters = replace(played_by(RemainingTime, answer), liars=1, attackers=1)
    rules.add(Reporters(), DIGEST)
    parameters = replace(parameters, aggregation=rules.chosen(Reporters(), {}, DIGEST))
    assert estimation.estimate(parameters, (), AGREED) == mean_over(AGREED, [frozenset(counted)] * 2)
    assert mask(estimation.left_out(parameters, AGREED.reputations)) in range(16)


@pytest.mark.parametrize(("least", "among"), [(3, {0, 2, 3}), (4, {0, 1, 2, 3})])
def test_nobody_is_left_out_of_a_choice_that_would_be_too_small(least, among):
    standing = Standing(10, ZERO, frozenset(range(4)), (9, 8, 7, 6), (1,) * 4, 0, least, least, 0)
    parameters = replace(played_by(RemainingTime, frozenset({1})), liars=1, attackers=1, vouched=CHOSEN)
    rules.add(Chooser(), DIGEST)
    parameters = replace(parameters, selection=rules.chosen(Chooser(), {}, DIGEST))
    assert estimation.select(parameters, (), AGREED, standing).validators == frozenset(among)


@pytest.mark.parametrize("seats", [(Fraction(1), 2), (1.0, 2), (1, 4), [1, 2], (1,)], ids=str)
def test_where_seats_are_none_everybody_eligible_validates(seats, monkeypatch):
    """A fraction equals a seat, and is none: no header could name it."""
    monkeypatch.setattr(Chooser, "select", lambda *given: Selected(seats if seats == [1, 2] else frozenset(seats)))
    standing = Standing(10, ZERO, frozenset(range(4)), (9, 8, 7, 6), (1,) * 4, 0, 2, 2, 0)
    found = estimation.select(replace(played_by(Chooser, None), vouched=CHOSEN), (), AGREED, standing)
    assert found.validators == standing.eligible
    assert found.reason


def test_a_foreign_rules_answer_is_its_own():
    assert estimation.estimate(played_by(Told, GOOD), (), AGREED) == GOOD
    assert estimation.weigh(played_by(Weighed, Weighed.answer), (), AGREED, GOOD) == Weighed.answer
    assert estimation.disclose(played_by(Said, (1, UNIT)), OWN) == (1, UNIT)
    assert estimation.is_readable(played_by(Said, True), (1, UNIT)) is True
    assert estimation.is_readable(played_by(Said, False), (1, UNIT)) is False


@pytest.mark.parametrize("answer", [
    RuleFailed("told", "it raised"), None, (GOOD.means, GOOD.sets, ()), GOOD._replace(means=(8, 2**32)),
    GOOD._replace(means=(8, -1)), GOOD._replace(means=(8.0, 2)), GOOD._replace(means=(8,)), GOOD._replace(means=(8, 3)),
    GOOD._replace(sets=list(SETS)), GOOD._replace(sets=SETS[:1]), GOOD._replace(sets=(SETS[0], frozenset({2}))),
    GOOD._replace(sets=(SETS[0], {3})), GOOD._replace(state=(2**63,)), GOOD._replace(state=[1]),
    GOOD._replace(means=(True, 2)), GOOD._replace(sets=(SETS[0], frozenset({Fraction(3)}))),
], ids=str)  # fmt: skip
def test_a_rule_that_gives_no_answer_gives_no_estimator_and_keeps_its_state(answer):
    found = estimation.estimate(played_by(Told, answer), (4, 5), AGREED)
    assert (found.means, found.sets, found.state) == (NONE, (frozenset(), frozenset()), (4, 5))
    assert found.reason


@pytest.mark.parametrize(("answer", "reason"), [
    (RuleFailed("told", "it raised"), "it raised"),
    (None, "its answer is not B of reporters and a uint32 for each arm"),
    (GOOD._replace(state=(1,)), f"its answer is not {estimation.KEPT}"),
    (GOOD._replace(means=(8, 3)), "its answer is not means over B"),
])  # fmt: skip
def test_why_a_rule_gave_no_answer_is_kept(answer, reason, monkeypatch):
    monkeypatch.setattr(Told, "is_mean", True)
    assert estimation.estimate(played_by(Told, answer), (), AGREED).reason == reason


def test_a_rule_of_selection_is_shown_what_it_has_kept(monkeypatch):
    monkeypatch.setattr(Chooser, "keeps_state", True)
    monkeypatch.setattr(
        Chooser, "select", lambda self, terms, state, agreed, standing: Selected(standing.eligible, (*state, 1))
    )
    standing = Standing(10, ZERO, frozenset(range(4)), (9, 8, 7, 6), (1,) * 4, 0, 2, 2, 0)
    parameters = replace(played_by(Chooser, None), vouched=CHOSEN | STATE)
    assert estimation.select(parameters, (4, 5), AGREED, standing).state == (4, 5, 1)
    assert rules.keepers(parameters) == (RuleKind.SELECTION,)
    assert rules.keepers(replace(parameters, vouched=CHOSEN)) == ()


def test_the_largest_estimate_is_that_of_nobody():
    assert estimation.is_estimate(GOOD._replace(means=(8, INFINITY)), 2, AGREED)
    assert not estimation.is_estimate(GOOD._replace(means=(8, INFINITY + 1)), 2, AGREED)


def test_who_is_shown_what_was_agreed_cannot_change_it():
    shown = AGREED.read_only()
    assert shown == AGREED
    for view in (shown.reports, shown.bits, shown.outputs):
        with pytest.raises(TypeError):
            view[2] = None


def test_ones_own_receipts_are_of_a_round():
    assert (OWN.round, OWN.sums, OWN.pulls, OWN.means) == (9, (5, 6), (1, 1), (5, 6))


def test_an_estimate_of_zero_is_one():
    assert estimation.is_estimate(GOOD._replace(means=(0, 2)), 2, AGREED)
    assert not estimation.is_estimate(GOOD._replace(means=(0, INFINITY + 1)), 2, AGREED)


@pytest.mark.parametrize(("answer", "arm"), [
    (0, 0), (1, 1), (2, 1), (-1, 1), (True, 1), (1.0, 1), (None, 1), (RuleFailed("puller", "it raised"), 1),
], ids=str)  # fmt: skip
def test_a_policy_that_gives_no_arm_pulls_that_of_ucb1(answer, arm):
    learnt = Learnt(9, ZERO, (UNIT // 4, UNIT // 2), (9, 9), (1, 1))
    found, reason = estimation.choose_arm(played_by(Puller, answer), learnt)
    assert (found, bool(reason)) == (arm, answer not in (0, 1) or type(answer) is not int)


@pytest.mark.parametrize("answer", [
    RuleFailed("weighed", "it raised"), None, Weights((1, 2, 3)), Weights((1, 2, 3, 65_536)), Weights((1, 2, 3, -1)),
    Weights([1, 2, 3, 4]), Weights((1, 2, 3, 4), (-(2**63) - 1,)), (1, 2, 3, 4), Estimate((), ()),
], ids=str)  # fmt: skip
def test_a_reputation_that_gives_no_answer_moves_nobody(answer):
    found = estimation.weigh(played_by(Weighed, answer), (4,), AGREED, GOOD)
    assert (found.weights, found.state) == (AGREED.reputations, (4,))
    assert found.reason
    assert after_block(AGREED.reputations, found.weights) == AGREED.reputations


@pytest.mark.parametrize(
    "answer", [RuleFailed("said", "it raised"), None, (1,), (1, UNIT + 1), (1, -1), [1, 2]], ids=str
)
def test_a_disclosure_that_gives_no_answer_leaves_estimators_as_they_are(answer):
    assert estimation.disclose(played_by(Said, answer), OWN) == (5, 6)


class Noise(Said):
    """Says what a test puts here, and is bounded by another such thing."""

    draws = True
    most: object = (1, 1)

    def bound(self, terms, own):
        if isinstance(self.most, Exception):
            raise self.most
        return self.most


@pytest.mark.parametrize(("answer", "said"), [((6, 5), (6, 5)), ((5, 8), (5, 6)), ((4, 7), (4, 7))])
def test_noise_that_passes_its_own_bound_is_no_answer(answer, said):
    p = played_by(Noise, answer)
    assert estimation.disclose(p, OWN) == said
    assert estimation.is_false(p, OWN, answer) is (answer != said)


@pytest.mark.parametrize("most", [RuleFailed("said", "it raised"), None, (1,), (UNIT + 1, 0), (-1, 1)], ids=str)
def test_where_a_rule_gives_no_bound_no_report_is_false_before_keys_are_opened(most, monkeypatch):
    monkeypatch.setattr(Noise, "most", most)
    p = played_by(Noise, RuleFailed("said", "it raised"))
    assert not estimation.is_false(p, OWN, (UNIT, UNIT))


def test_a_seed_is_shown_to_a_rule_that_draws_alone():
    shown = []
    for kind in (Said, Noise):
        p = played_by(kind, (5, 6))
        rule = rules.find(p.disclosure)
        rule.encode = lambda terms, own: shown.append(own.seed) or own.means
        estimation.disclose(p, OWN._replace(seed=ZERO))
    assert shown == [b"", ZERO]


@pytest.mark.parametrize("answer", [RuleFailed("said", "it raised"), None, 1, "yes"], ids=str)
def test_a_report_of_which_a_disclosure_says_nothing_counts_as_withheld(answer):
    assert estimation.is_readable(played_by(Said, answer), (5, 6)) is False


def test_no_disclosure_makes_more_than_a_whole_reward_a_report():
    assert estimation.is_readable(played_by(Said, True), (5, UNIT + 1)) is False


def test_rounded_says_the_nearest_step_and_nothing_above_a_whole_reward(parameters):
    choice = rules.chosen(rules.find(rules.named(Disclosure.kind, "rounded")), {"step": 0.3})
    p, step = parameters(disclosure=choice), 3 * UNIT // 10
    for value, said in ((0, 0), (step // 2, 0), (step // 2 + 1, step), (UNIT, 3 * step), (step, step)):
        assert estimation.disclose(p, Own.of(9, (value, 0), (1, 1))) == (said, 0)
    assert estimation.is_readable(p, (step, 2 * step))
    assert not estimation.is_readable(p, (step, 2 * step + 1))


@pytest.mark.parametrize(("answer", "counted"), [(3, 3), (0, 0), (4, 4), (5, 2), (-1, 2), (1.5, 2), (True, 2),
                                                 (RuleFailed("told", "it raised"), 2)], ids=str)  # fmt: skip
def test_an_estimator_counts_for_what_its_rule_says_and_else_for_b(answer, counted, monkeypatch):
    """Of four participants, where arm 0 has two in B, and arm 1 one."""

    def worth(self, terms, counted, passed):
        assert (terms.participants, passed) == (4, 2)
        return Told.estimate(self, terms, (), None) if counted == 2 else counted

    p = played_by(Told, answer)
    monkeypatch.setattr(Told, "worth", worth)
    header = SimpleNamespace(candidates=(0b0111, 0b0011), selected=(0b0110, 0b0001))
    assert estimation.worth(p, header, (9, 8, 7, 6)) == (counted, 1)
    assert estimation.worth(replace(p, c1_per_report=0), header, (9, 8, 7, 6)) == (1, 1)
