"""The lies of many games at once are those of each game and seat alone, and other authors' attacks are played so."""

import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from chain_bandit.actors.rules import Rules
from chain_bandit.attacks.attack import Attack, View, overrides
from chain_bandit.attacks.malicious import AttackFailed
from chain_bandit.attacks.registry import ATTACKS, make
from chain_bandit.attacks.seen import Honest, Ints, Seen, clipped, seen_by
from chain_bandit.game.simulated import able, replicates
from chain_bandit.protocol import rules
from chain_bandit.protocol.digests import ZERO
from chain_bandit.protocol.ledger import opening
from chain_bandit.protocol.messages import Domain
from chain_bandit.protocol.ruleset import RuleKind
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.protocol.units import UNIT, Means
from chain_bandit.scenario import Scenario
from chain_bandit.simulation.engine import Engine
from tests.equivalence.test_arrays_equal_rules import game, require_equal_games
from tests.equivalence.test_batch_equals_kernel import LIES
from tests.rules import entry

GAMES, LIARS = 5, (1, 4)


def drawn(dice: random.Random, arms: int) -> Means:
    """Of few values, so that some are equal."""
    return tuple(dice.choice([0, UNIT // 3, UNIT // 2, UNIT, dice.randrange(UNIT)]) for _ in range(arms))


def views(p: Any, dice: random.Random, round_: int, blocks: bool) -> list[View]:
    """Of a liar, in each of some games."""
    found = []
    for _ in range(GAMES):
        public = Rules(p, Domain(0, bytes(20), ZERO), [bytes(20)] * 7, bytes(20), ZERO, ZERO, [])
        pulls = tuple(dice.randint(1, 50) for _ in range(p.arms))
        ledger = replace(opening(p, ZERO, dice.randbytes(32)), round=round_, pulls=pulls)
        if blocks:
            ledger = replace(ledger, means=drawn(dice, p.arms))
        reported = {seat: drawn(dice, p.arms) for seat in range(7)} if blocks else {}
        found.append(View(1, public, frozenset(LIARS), {}, dice, ledger, 0, reported, pulls))
    return found


def together(cases: list[View], own: list[list[Means]]) -> Seen:
    """What the liars of all games see, as one."""
    each = [seen_by(case, means) for case, (means, _) in zip(cases, own, strict=True)]
    first = each[0]

    def joined(arrays: list[Any]) -> Any:
        return None if arrays[0] is None else np.concatenate(arrays, axis=-1)

    rows = joined([one.honest and one.honest.reports for one in each])
    return replace(
        first, own=np.moveaxis(np.array(own, np.int64), 0, -1), in_force=joined([one.in_force for one in each]),
        pulls=joined([one.pulls for one in each]), honest=None if rows is None else Honest(rows),
        accepted=lambda lie: joined([one.accepted(lie[:, [at]]) for at, one in enumerate(each)]),
        indices=lambda lie: joined([one.indices(lie[:, [at]]) for at, one in enumerate(each)]),
    )  # fmt: skip


@pytest.mark.parametrize(("name", "options"), [*LIES, ("few-counts", {}), ("greedy", {"steps": 2})], ids=str)
@pytest.mark.parametrize("arms", [1, 2, 5])
def test_a_lie_of_many_games_is_that_of_each(scenario, name, options, arms):
    p, dice = scenario(7, arms, 60).parameters, random.Random(f"{name} {arms}")
    for round_, blocks in ((8, False), (9, True), (40, True)):
        cases, attack = views(p, dice, round_, blocks), make(name, options)
        own = [[drawn(dice, arms) for _ in LIARS] for _ in cases]
        told = np.broadcast_to(attack.lie(together(cases, own)), (len(LIARS), arms, GAMES))
        for at, case in enumerate(cases):
            for liar, means in enumerate(own[at]):
                assert tuple(told[liar, :, at].tolist()) == make(name, options).means(case, means)


def test_every_attack_of_ours_that_lies_in_its_report_does_so_for_many_games():
    lying = {name for name, kind in ATTACKS.items() if overrides(make(name, {}), "means", "lie")}
    assert {name for name in lying if overrides(make(name, {}), "means")} == {"captured-committee"}
    assert lying - {"captured-committee", "few-counts", "greedy"} == {name for name, _ in LIES}


@pytest.mark.parametrize("name", rules.names(RuleKind.AGGREGATION))
def test_lies_that_ask_the_rule_ask_its_form(name):
    """As the plain loop does, which asks the rule thirty times a round."""
    named = entry(name, delta=0.4) if name == "delta-safe" else name
    for attack, options in (("optimiser", {}), ("greedy", {"steps": 3}), ("optimiser", {"rushing": True})):
        attacks = [{"name": attack, "options": options}]
        means = {"kind": "bernoulli", "means": [0.6, 0.4]}
        case = game(
            5, named, participants=7, liars=2, rounds=20, burn_in=6, rewards=means,
            malicious=[{"seat": seat, "attacks": attacks} for seat in (2, 5)],
        )  # fmt: skip
        require_equal_games(case)


class Louder(Attack):
    """Of another author: the honest median, and off the own report by what is left to the next round number."""

    conduct = Conduct.LIAR

    def __init__(self, by: int = 3) -> None:
        self.by = by

    def lie(self, seen: Seen) -> Ints:
        if seen.honest is None:
            return seen.own
        return clipped(seen.honest.median + self.by * (seen.own - seen.honest.average) + seen.round % 2)


class Beyond(Attack):
    """Now and then more than a report may say, which counts as withheld."""

    conduct = Conduct.LIAR

    def lie(self, seen: Seen) -> Ints:
        return seen.own + (UNIT + 1 if seen.round % 9 == 0 else 0)


class Spoiler(Attack):
    """Changes what it is shown."""

    conduct = Conduct.LIAR

    def lie(self, seen: Seen) -> Ints:
        if seen.in_force is not None:
            seen.in_force[:] = 0
        return seen.own


class Fractions(Attack):
    """Tells no integers."""

    conduct = Conduct.LIAR

    def lie(self, seen: Seen) -> Ints:
        return seen.own / 2


def told_by(kind: type[Attack], **changes: Any) -> Any:
    attacks = [{"name": f"{__name__}:{kind.__name__}"}]
    return game(4, "median", malicious=[{"seat": seat, "attacks": attacks} for seat in (1, 3)], **changes)


@pytest.mark.parametrize("kind", [Louder, Beyond])
def test_an_attack_of_another_author_is_played_by_arrays(kind):
    assert Engine.NUMPY in able(told_by(kind))
    require_equal_games(told_by(kind))


def test_one_on_top_of_another():
    attacks = [{"name": "sleeper", "options": {"wakes": 20}}, {"name": f"{__name__}:Louder"}, {"name": "radius"}]
    orders = [attacks, attacks[::-1], attacks[:2]]
    malicious = [{"seat": seat, "attacks": order} for seat, order in enumerate(orders)]
    require_equal_games(game(6, "median", liars=3, malicious=malicious))


@pytest.mark.parametrize(("kind", "said"), [(Spoiler, "read-only"), (Fractions, "not of integers")])
@pytest.mark.parametrize("engine", [Engine.NUMPY, Engine.PLAIN])
def test_an_attack_that_breaks_its_word_stops_the_game_in_one_sentence(kind, said, engine):
    with pytest.raises(AttackFailed, match=f"^attack {kind.__name__} of seat 1 raised .*{said}"):
        replicates(told_by(kind), 2, engine=engine)


WEIGHED = '''
from chain_bandit.rule_api import Aggregation, Agreed, Estimate, State, Terms, mean_over


class Weighed(Aggregation):
    """The mean of all reports; in every block but the first it has a state and estimators in force."""

    name = "weighed"
    keeps_state = True

    def estimate(self, terms: Terms, state: State, agreed: Agreed) -> Estimate:
        rounds = state[0] + 1 if agreed.means else 1
        found = mean_over(agreed, [frozenset([seat for seat in agreed.reports if WHAT])] * terms.arms)
        return Estimate(found.means, found.sets, (rounds,))
'''
MEAN = WEIGHED.replace("state[0] + 1 if agreed.means else 1", "0").replace("WHAT", "True")


@pytest.mark.parametrize("name", ["greedy", "optimiser"])
@pytest.mark.parametrize(("what", "engine"), [
    ("agreed.reputations[seat] >= 0", Engine.PLAIN), ("isinstance(agreed.reputations, tuple)", Engine.PLAIN),
    ("seat >= 0", Engine.NUMPY),
])  # fmt: skip
def test_who_searches_asks_the_rule_what_it_says_in_the_open_round(tmp_path, name, what, engine):
    """With the state, estimators in force and reputations of the game; where nobody keeps these it is not played."""
    sums = []
    for place, source in enumerate((MEAN, WEIGHED.replace("WHAT", what))):
        (tmp_path / f"{place}.py").write_text(source)
        case = Scenario.model_validate({
            "name": "asked", "participants": 7, "rounds": 60, "liars": 2, "attackers": 0,
            "rewards": {"kind": "bernoulli", "means": [0.6, 0.5]}, "aggregation": f"{tmp_path / str(place)}.py:Weighed",
            "malicious": [{"seat": seat, "attacks": [{"name": name}]} for seat in (5, 6)],
        })  # fmt: skip
        sums.append(replicates(case, 3, engine=Engine.PLAIN).sums)
    assert (Engine.NUMPY in able(case)) == (engine is Engine.NUMPY)
    sums.append(replicates(case, 3, engine=engine).sums)
    assert all(np.array_equal(sums[0], each) for each in sums)
