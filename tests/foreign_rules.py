"""Rules that no version ships, each of which needs the quorum's word: added as files of somebody else are."""

from collections.abc import Callable
from dataclasses import replace

from chain_bandit.protocol import rules
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.reputation import FULL
from chain_bandit.protocol.rule import (
    Aggregation,
    Agreed,
    Estimate,
    Reputation,
    Rule,
    Selected,
    Selection,
    Standing,
    State,
    Terms,
    Weights,
)
from chain_bandit.protocol.ruleset import STEPS, RuleChoice
from chain_bandit.protocol.units import UNIT


class Midrange(Aggregation):
    """Half of the lowest and the highest report: no mean over a set."""

    name = "midrange"
    is_mean = False

    def estimate(self, terms: Terms, state: State, agreed: Agreed) -> Estimate:
        everybody = frozenset(agreed.reports)
        columns = [agreed.column(arm).values() for arm in range(terms.arms)]
        return Estimate(tuple((min(each) + max(each)) // 2 for each in columns), (everybody,) * terms.arms)


class Recall(Reputation):
    """How often a seat has reported so far, the more the nearer to 1: of every seat it keeps the count."""

    name = "recall"
    keeps_state = True

    def weigh(self, terms: Terms, state: State, agreed: Agreed, estimate: Estimate) -> Weights:
        before = state or (0,) * terms.participants
        counts = tuple(count + (seat in agreed.reports) for seat, count in enumerate(before))
        return Weights(tuple(FULL * count // (count + 3) for count in counts), counts)


class Distance(Reputation):
    """1 less the mean distance of a report to the estimators; keeps nothing."""

    name = "distance"

    def weigh(self, terms: Terms, state: State, agreed: Agreed, estimate: Estimate) -> Weights:
        def weight(seat: int) -> int:
            if seat not in agreed.reports:
                return 0
            apart = sum(abs(a - min(b, UNIT)) for a, b in zip(agreed.reports[seat], estimate.means, strict=True))
            return FULL * (terms.arms * UNIT - apart) // (terms.arms * UNIT)

        return Weights(tuple(map(weight, range(terms.participants))))


class Turns(Selection):
    """As many as must be, one seat further on in every round; it keeps the first one's place, and a negative number."""

    name = "turns"
    keeps_state = True

    def select(self, terms: Terms, state: State, agreed: Agreed | None, standing: Standing) -> Selected:
        first = state[0] if state else 0
        row = sorted(standing.eligible)
        chosen = (row[(first + place) % len(row)] for place in range(min(standing.least, len(row))))
        return Selected(frozenset(chosen), ((first + 1) % terms.participants, -first))


class Few(Selection):
    """Nobody but seat 0, which would validate alone."""

    name = "few"

    def select(self, terms: Terms, state: State, agreed: Agreed | None, standing: Standing) -> Selected:
        return Selected(frozenset((0,)))


def foreign(made: Callable[[], Rule]) -> RuleChoice:
    """The choice of a rule here, found from now on."""
    rule = made()
    digest = keccak(rule.name.encode())
    rules.add(rule, digest)
    return RuleChoice(rule.kind, rule.name, rule.version, (), digest, STEPS)


MIDRANGE, RECALL, DISTANCE, TURNS, FEW = map(foreign, (Midrange, Recall, Distance, Turns, Few))


def vouched(p: Parameters, *chosen: RuleChoice) -> Parameters:
    """A game with these rules, and the trust classes that they ask for."""
    return rules.with_classes(replace(p, **{choice.kind.name.lower(): choice for choice in chosen}))
