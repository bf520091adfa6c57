"""Every shipped rule of aggregation is a pure function of integers that plays no favourites and never raises."""

import random
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import pytest

from chain_bandit.protocol import rules
from chain_bandit.protocol.digests import keccak, uint
from chain_bandit.protocol.rule import Aggregation, Agreed, Estimate, State, Terms, mean_over
from chain_bandit.protocol.ruleset import RuleChoice, RuleKind
from chain_bandit.protocol.units import INFINITY, UNIT
from tests.rules import terms

SHIPPED = [rule for rule in rules.shipped().values() if isinstance(rule, Aggregation)]


def choices(rule: Aggregation) -> Iterator[RuleChoice]:
    """With all options at their least, in the middle and at their most."""
    for part in (0, 3, 10):
        values = {name: each.least + (each.most - each.least) * part // 10 for name, each in rule.options.items()}
        yield RuleChoice(RuleKind.AGGREGATION, rule.name, rule.version, tuple(sorted(values.items())))
        if not values:
            return


CHOICES = [choice for rule in SHIPPED for choice in choices(rule)]


def agreed(
    values: list[tuple[int, ...]], bits: Callable[[int, int], bool] = lambda seat, arm: True, t: int = 9
) -> Agreed:
    """What was agreed on if these seats, from 0 on, report so."""
    reports = dict(enumerate(values))
    arms = len(values[0]) if values else 2
    return Agreed(
        t, keccak(uint(t, 4)), reports, {seat: tuple(bits(seat, arm) for arm in range(arms)) for seat in reports},
        tuple(range(arms)), (UNIT // 2,) * arms, (30_000,) * len(values),
        {seat: keccak(uint(seat, 2)) for seat in list(reports)[::2]},
    )  # fmt: skip


def chance(name: str) -> Iterator[Agreed]:
    rng = random.Random(name)
    for t in range(60):
        arms, likely = rng.randint(1, 4), rng.choice((0.3, 0.9, 1.0))
        values = rng.choice(([0, 1, 2], [0, UNIT], range(UNIT + 1)))
        rows = [tuple(rng.choice(values) for _ in range(arms)) for _ in range(rng.randint(1, 12))]
        yield agreed(rows, lambda seat, arm, likely=likely: rng.random() < likely, t)  # type: ignore[misc]


HOSTILE: dict[str, Agreed] = {
    "no reporter": agreed([]),
    "one": agreed([(UNIT, 0)]),
    "two": agreed([(UNIT, 0), (0, UNIT)]),
    "all 0": agreed([(0, 0)] * 7),
    "all 1": agreed([(UNIT, UNIT)] * 7),
    "ties at the ends": agreed([(0, UNIT)] * 4 + [(UNIT, 0)] * 4),
    "nobody with enough pulls": agreed([(1, 2)] * 5, lambda seat, arm: False),
    "each with enough of one arm": agreed([(1, 2)] * 5, lambda seat, arm: seat % 2 == arm),
    "256 participants": agreed([(seat * seat % 257, UNIT - seat) for seat in range(256)]),
    "256 alike": agreed([(UNIT // 3,)] * 256),
    "254 arms": agreed([tuple(range(seat, seat + 254)) for seat in range(4)]),
    "no pull yet": replace(agreed([(1, 2)] * 4), pulls=(0, 0), means=None, reputations=(), outputs={}),
    "as many pulls as there can be": replace(agreed([(1, UNIT)] * 4), pulls=(2**32 - 1, 2**32 - 1)),
}  # fmt: skip


def game(choice: RuleChoice, case: Agreed, liars: int) -> Terms:
    return terms(choice, max(len(case.reports), 2), len(case.pulls), liars)


def ask(rule: Aggregation, given: Terms, case: Agreed) -> Estimate:
    """The answer, if the rule is one; else an `AssertionError`."""
    shown = deepcopy(case)
    found = rule.estimate(given, (), shown)
    assert shown == case, "changes what it is shown"
    assert isinstance(found, Estimate)
    assert len(found.means) == len(found.sets) == given.arms
    assert all(type(mean) is int for mean in found.means), "an estimator that is no integer"
    assert all(0 <= mean <= UNIT or mean == INFINITY for mean in found.means), "an estimator out of its bounds"
    assert all(type(held) is frozenset and held <= case.reports.keys() for held in found.sets), "B of others"
    assert all((mean == INFINITY) <= (not held) for mean, held in zip(found.means, found.sets, strict=True))
    assert type(found.state) is tuple
    assert all(type(each) is int for each in found.state)
    if rule.is_mean:
        for arm, held in enumerate(found.sets):
            told = [case.reports[seat][arm] for seat in held]
            assert found.means[arm] == (Fraction(sum(told), len(told)) // 1 if told else INFINITY), "no mean over B"
    other = {name: dict(reversed(getattr(case, name).items())) for name in ("reports", "bits", "outputs")}
    assert rule.estimate(given, (), replace(case, **other)) == found, "the order of reports matters"
    return found


def moved(rule: Aggregation, given: Terms, case: Agreed, names: list[int]) -> None:
    """Nobody's place matters where no two report alike and chance decides nothing."""
    seats: dict[str, Any] = {
        name: dict(sorted((names[p], row) for p, row in getattr(case, name).items()))
        for name in ("reports", "bits", "outputs")
    }  # fmt: skip
    found = ask(rule, given, case)
    other = ask(rule, given, replace(case, **seats))
    assert other.means == found.means, "a place matters"
    assert other.sets == tuple(frozenset(names[p] for p in held) for held in found.sets), "a place matters"


def every_seat_alike(rule: Aggregation, choice: RuleChoice) -> None:
    rng = random.Random(5)
    for _ in range(40):
        n, arms = rng.randint(2, 12), rng.randint(1, 3)
        columns = [rng.sample(range(UNIT + 1), n) for _ in range(arms)]
        case = agreed(list(zip(*columns, strict=True)), lambda seat, arm: rng.random() < 0.9)
        case = replace(case, outputs={})
        moved(rule, game(choice, case, rng.randint(0, 3)), case, rng.sample(range(n), n))


def test_every_file_of_the_folder_has_its_rule() -> None:
    assert {rule.name for rule in SHIPPED} >= {"option-1", "option-2", "option-3", "delta-safe", "confidence", "median"}
    assert {choice.name for choice in CHOICES} == {rule.name for rule in SHIPPED}


@pytest.mark.parametrize("choice", CHOICES, ids=str)
@pytest.mark.parametrize("name", HOSTILE)
def test_no_record_makes_a_rule_raise(choice: RuleChoice, name: str) -> None:
    rule, case = rules.find(choice), HOSTILE[name]
    assert isinstance(rule, Aggregation)
    for liars in (0, 1, 85, 255):
        found = ask(rule, game(choice, case, liars), case)
        assert case.reports or found.means == (INFINITY,) * len(case.pulls)


@pytest.mark.parametrize("choice", CHOICES, ids=str)
def test_a_rule_gives_integers_of_reporters_by_what_it_is_shown_alone(choice: RuleChoice) -> None:
    rule = rules.find(choice)
    assert isinstance(rule, Aggregation)
    for case in chance(choice.name):
        for liars in (0, 1, 3):
            ask(rule, game(choice, case, liars), case)


@pytest.mark.parametrize("choice", CHOICES, ids=str)
def test_a_rule_does_not_look_at_places(choice: RuleChoice) -> None:
    rule = rules.find(choice)
    assert isinstance(rule, Aggregation)
    if not getattr(rule, "draws", False):
        every_seat_alike(rule, choice)


@pytest.mark.parametrize("choice", CHOICES, ids=str)
def test_a_rule_explains_itself_in_a_sentence_or_two(choice: RuleChoice) -> None:
    said = rules.find(choice).explain(terms(choice, 7, 3, 2))
    assert said.endswith(".")
    assert 20 < len(said) < 400


@dataclass
class Planted(Aggregation):
    """A rule that is wrong in one way; the least mean of all otherwise."""

    wrong: str
    name = "planted"
    asked: int = 0

    def estimate(self, given: Terms, state: State, agreed: Agreed) -> Estimate:
        if self.wrong == "raises":
            assert len(agreed.reports) > 1
        everybody = frozenset(agreed.reports)
        found, self.asked = mean_over(agreed, [everybody] * given.arms), self.asked + 1
        if not everybody:
            return found
        match self.wrong:
            case "a float":
                return found._replace(means=tuple(float(mean) for mean in found.means))  # type: ignore[arg-type]
            case "out of bounds":
                return found._replace(means=tuple(mean - UNIT for mean in found.means))
            case "rounded up":
                return found._replace(means=tuple(min(UNIT, mean + 1) for mean in found.means))
            case "outsiders":
                return found._replace(sets=(everybody | {999},) * given.arms)
            case "changes its arguments":
                agreed.reports[0] = (0,) * given.arms  # type: ignore[index]
            case "hidden state":
                return mean_over(agreed, [frozenset([sorted(everybody)[self.asked % len(everybody)]])] * given.arms)
            case "a favourite":
                return mean_over(agreed, [frozenset([min(everybody)])] * given.arms)
            case "order":
                return mean_over(agreed, [frozenset([next(iter(agreed.reports))])] * given.arms)
            case "an arm less":
                return Estimate(found.means[1:], found.sets[1:])
            case "a state of text":
                return found._replace(state=("7",))  # type: ignore[arg-type]
        return found


WRONG = ["a float", "out of bounds", "rounded up", "outsiders", "changes its arguments", "hidden state", "a favourite",
         "order", "an arm less", "a state of text", "raises"]  # fmt: skip


def all_of_it(rule: Aggregation) -> None:
    choice = RuleChoice(RuleKind.AGGREGATION, "planted")
    for case in [*HOSTILE.values(), *chance("planted")]:
        ask(rule, game(choice, case, 1), case)
    every_seat_alike(rule, choice)


@pytest.mark.parametrize("wrong", WRONG)
def test_a_planted_fault_is_seen(wrong: str) -> None:
    all_of_it(Planted("nothing"))
    with pytest.raises(AssertionError):
        all_of_it(Planted(wrong))
