"""Evaluation of a game's rules on a round: the one call of validators, simulator, audit and attacks that search.

A foreign rule that raises, takes too many steps or answers outside of its bounds gives no estimator of any arm, alike
for everybody: the block is rejected, which costs no reputation, and its body shows why.
"""

from collections.abc import Iterable
from dataclasses import replace
from functools import reduce
from operator import and_
from typing import Any

from chain_bandit.protocol import rules
from chain_bandit.protocol.aggregation import Seats
from chain_bandit.protocol.blocks import Header, mask, state_integers
from chain_bandit.protocol.parameters import UCB1, Parameters
from chain_bandit.protocol.reputation import FULL
from chain_bandit.protocol.rule import (
    Aggregation,
    Agreed,
    Estimate,
    Learnt,
    Own,
    Rule,
    Selected,
    Standing,
    State,
    Weights,
    mean_over,
    nothing,
)
from chain_bandit.protocol.ruleset import RuleFailed
from chain_bandit.protocol.units import INFINITY, UNIT, Means
from chain_bandit.protocol.units import is_estimate as is_unit_share

_STATE = 2**63
"""Integers of a state are smaller, and no smaller than its negative."""

KEPT = "a state as short as headers take it, of a rule that says that it keeps one"


def estimate(parameters: Parameters, state: State, agreed: Agreed) -> Estimate:
    """B and the global estimators of a round. Raises `RulesUnknown`."""
    rule, terms = rules.aggregation(parameters), parameters.terms
    agreed = agreed.without(left_out(parameters, agreed.reputations))
    if not parameters.aggregation.digest:
        return rule.estimate(terms, state, agreed)
    try:
        answer = rule.estimate(terms, state, agreed)
        _require(is_estimate(answer, parameters.arms, agreed), rule, "B of reporters and a uint32 for each arm")
        _require(_is_kept(parameters, rule, answer.state), rule, KEPT)
        _require(not rule.is_mean or mean_over(agreed, answer.sets).means == answer.means, rule, "means over B")
    except RuleFailed as error:
        return nothing(parameters.arms, state, error.reason)
    return answer


def weigh(parameters: Parameters, state: State, agreed: Agreed, found: Estimate) -> Weights:
    """What the reputations of a round move towards. Raises `RulesUnknown`."""
    rule, terms = rules.reputation(parameters), parameters.terms_of(parameters.reputation)
    if not parameters.reputation.digest:
        return rule.weigh(terms, state, agreed, found)
    try:
        answer = rule.weigh(terms, state, agreed, found)
        _require(is_weights(answer, parameters.participants), rule, "a uint16 for each seat")
        _require(_is_kept(parameters, rule, answer.state), rule, KEPT)
    except RuleFailed as error:
        return Weights(agreed.reputations, state, error.reason)
    return answer


def left_out(parameters: Parameters, reputations: tuple[int, ...]) -> Seats:
    """Seats left out by their reputation, see `Reputation.left_out`. Raises `RulesUnknown`."""
    return exclusions(parameters, reputations)[0]


def exclusions(parameters: Parameters, reputations: tuple[int, ...]) -> tuple[Seats, str]:
    """Seats left out; none where a foreign rule fails, and why. Raises `RulesUnknown`."""
    rule, terms = rules.reputation(parameters), parameters.terms_of(parameters.reputation)
    if not rule.leaves_out(terms):
        return frozenset(), ""
    most = terms.liars + terms.attackers
    try:
        seats = rule.left_out(terms, reputations)
        _require(_are_seats(seats) and len(seats) <= most, rule, f"a set of {most} seats at most")
    except RuleFailed as error:
        return frozenset(), error.reason
    return seats & frozenset(range(terms.participants)), ""


def worth(parameters: Parameters, header: Header, reputations: tuple[int, ...]) -> tuple[int, ...]:
    """How many reports each estimator of a block counts for in the confidence width; 1 each with a flat C1.

    Args:
        reputations: before the block.

    Raises:
        RulesUnknown: this rests on a rule that is not here.
    """
    if not parameters.c1_per_report:
        return (1,) * parameters.arms
    rule, counted = rules.aggregation(parameters), tuple([members.bit_count() for members in header.selected])
    if type(rule).worth is Aggregation.worth:
        return counted  # for any seats left out, so that no other rule need be here
    passed = (reduce(and_, header.candidates) & ~mask(left_out(parameters, reputations))).bit_count()
    return worth_of(parameters, counted, passed)


def worth_of(parameters: Parameters, counts: Iterable[int], passed: int) -> tuple[int, ...]:
    """How many reports estimators count for, from their |B| and |F|; |B| where a foreign rule does not say.

    Raises:
        RulesUnknown: the rule is not here.
    """
    rule, terms, foreign = rules.aggregation(parameters), parameters.terms, parameters.aggregation.digest

    def one(counted: int) -> int:
        try:
            answer = rule.worth(terms, counted, passed)
            if foreign:
                _require(type(answer) is int and 0 <= answer <= terms.participants, rule, "a number of reports")
        except RuleFailed:
            return counted
        return answer

    return tuple(map(one, counts))


def choose_arm(parameters: Parameters, learnt: Learnt) -> tuple[int, str]:
    """The arm of a learning round; where a foreign rule says none that of `ucb1`, and why. Raises `RulesUnknown`."""
    rule, terms = rules.policy(parameters), parameters.terms_of(parameters.policy)
    try:
        answer = rule.arm(terms, learnt)
        if parameters.policy.digest:
            _require(type(answer) is int and 0 <= answer < parameters.arms, rule, "an arm")
    except RuleFailed as error:
        default = rules.policy(replace(parameters, policy=UCB1))
        return default.arm(terms, learnt), error.reason
    return answer, ""


def disclose(parameters: Parameters, own: Own) -> Means:
    """What a report says of local estimators, in units. Raises `RulesUnknown`."""
    return disclosed(parameters, own)[0]


def disclosed(parameters: Parameters, own: Own) -> tuple[Means, str]:
    """What a report says of local estimators, in units; these as they are where a foreign rule does not say, and why.

    Raises:
        RulesUnknown: the game's disclosure is not here.
    """
    rule, terms = rules.disclosure(parameters), parameters.terms_of(parameters.disclosure)
    own = own if rule.draws else own._replace(seed=b"")
    if not parameters.disclosure.digest:
        return rule.encode(terms, own), ""
    try:
        values = rule.encode(terms, own)
        _require(are_units(values, parameters.arms), rule, "a share of a reward for each arm, in units")
        _require(not (rule.draws and is_false(parameters, own, values)), rule, "within its bound")
    except RuleFailed as error:
        return own.means, error.reason
    return values, ""


def is_false(parameters: Parameters, own: Own, values: Means) -> bool:
    """Whether a report says what follows from somebody's receipts under no key at all.

    Raises:
        RulesUnknown: the game's disclosure is not here.
    """
    rule, terms = rules.disclosure(parameters), parameters.terms_of(parameters.disclosure)
    if not rule.draws:
        return values != disclose(parameters, own)
    try:
        bounds = rule.bound(terms, own._replace(seed=b""))
    except RuleFailed:
        return False
    if parameters.disclosure.digest and not are_units(bounds, parameters.arms):
        return False
    return any(abs(value - mean) > most for value, mean, most in zip(values, own.means, bounds, strict=True))


def is_readable(parameters: Parameters, values: Means) -> bool:
    """Whether a report may say these integers; else it counts as withheld. Raises `RulesUnknown`, where it takes the
    game's disclosure to say."""
    if not all(map(is_unit_share, values)):
        return False
    rule, terms = rules.disclosure(parameters), parameters.terms_of(parameters.disclosure)
    try:
        return rule.is_valid(terms, values) is True
    except RuleFailed:
        return False


def select(parameters: Parameters, state: State, agreed: Agreed | None, standing: Standing) -> Selected:
    """Validators of the next round; all eligible seats where the rule chose too few. Raises `RulesUnknown`."""
    rule, choice = rules.selection(parameters), parameters.selected_by
    among = standing.without(left_out(parameters, standing.reputations)) if parameters.names_committee else standing
    try:
        answer = rule.select(parameters.terms_of(choice), state, agreed, among)
        if choice.digest:
            _require(is_selected(answer, among), rule, "a set of eligible seats")
            _require(_is_kept(parameters, rule, answer.state), rule, KEPT)
    except RuleFailed as error:
        return Selected(standing.eligible, state, error.reason)
    if len(answer.validators) < min(standing.least, len(standing.eligible)):
        return Selected(standing.eligible, answer.state, f"{len(answer.validators)} seats are too few")
    return answer


def _is_kept(parameters: Parameters, rule: Rule, state: State) -> bool:
    """Whether a state may be kept: integers of 64 bits, as many as headers have room for, and none without leave."""
    return len(state) <= (state_integers(len(rules.keepers(parameters))) if rule.keeps_state else 0)


def _require(holds: bool, rule: Rule, expected: str) -> None:
    if not holds:
        raise rule.failure(f"its answer is not {expected}")


def _are(values: Any, least: int, beyond: int) -> bool:
    """Whether these are a tuple of integers within bounds."""
    return type(values) is tuple and all(type(value) is int and least <= value < beyond for value in values)


def _are_seats(members: Any) -> bool:
    """Whether these are a frozenset of integers: a fraction may equal a seat, and is none."""
    return type(members) is frozenset and all(type(seat) is int for seat in members)


def are_units(answer: Any, arms: int) -> bool:
    """Whether these are a tuple of an integer from 0 to `UNIT` for each arm."""
    return _are(answer, 0, UNIT + 1) and len(answer) == arms


def is_estimate(answer: object, arms: int, agreed: Agreed) -> bool:
    """Whether it is B of reporters, a uint32 for each arm, and a state of integers of 64 bits."""
    return (
        type(answer) is Estimate
        and _are(answer.means, 0, INFINITY + 1)
        and type(answer.sets) is tuple
        and len(answer.means) == len(answer.sets) == arms
        and all(_are_seats(members) and members <= agreed.reports.keys() for members in answer.sets)
        and _are(answer.state, -_STATE, _STATE)
    )


def is_selected(answer: object, standing: Standing) -> bool:
    """Whether it is a set of eligible seats, and a state of integers of 64 bits."""
    return (
        type(answer) is Selected
        and _are_seats(answer.validators)
        and answer.validators <= standing.eligible
        and _are(answer.state, -_STATE, _STATE)
    )


def is_weights(answer: object, seats: int) -> bool:
    """Whether it is a uint16 for each seat, and a state of integers of 64 bits."""
    return (
        type(answer) is Weights
        and _are(answer.weights, 0, FULL + 1)
        and len(answer.weights) == seats
        and _are(answer.state, -_STATE, _STATE)
    )
