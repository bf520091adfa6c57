"""chain_bandit.testing: ours pass, and whatever breaks a promise is named."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from chain_bandit.attacks.attack import Attack, Effect, Said
from chain_bandit.attacks.registry import ATTACKS
from chain_bandit.environments.bernoulli import bernoulli_model
from chain_bandit.environments.table import load_table
from chain_bandit.examples import example
from chain_bandit.mediate.bandit import INCENTIVES
from chain_bandit.protocol.rewards import Distribution, RewardModel, bernoulli
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.protocol.units import UNIT
from chain_bandit.simulation.rivals.registry import RIVALS
from chain_bandit.simulation.rivals.reports import Malice, constant
from chain_bandit.testing import (
    attack_conformance,
    environment_conformance,
    incentive_conformance,
    policy_conformance,
)
from tests.few import few

OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "sleeper": {"wakes": 20}, "equivocating-commander": {"first": 12}, "silent-validator": {"first": 15, "last": 22},
}  # fmt: skip


@pytest.mark.parametrize("name", few(sorted(ATTACKS), 3))
def test_every_attack_of_ours_conforms(name):
    attack_conformance(ATTACKS[name], OPTIONS.get(name))


class Greedy(Attack):
    conduct = Conduct.ATTACKER

    def outbox(self, view, sends):
        sends.clear()
        return sends

    def effect(self):
        return Effect(Said.NEVER, Said.NEVER, votes=False)


class Silent(Attack):
    """Without `effect`: for live games alone."""

    conduct = Conduct.ATTACKER

    def outbox(self, view, sends):
        return []


class Moody(Attack):
    conduct = Conduct.LIAR
    games = 0

    def __init__(self):
        Moody.games += 1
        self.mood = Moody.games

    def means(self, view, honest):
        return tuple((mean + self.mood * view.round) % UNIT for mean in honest)


class Late(Attack):
    conduct = Conduct.LIAR

    def means(self, view, honest):
        return honest if view.round < 30 else 1 // 0


class Boasts(Silent):
    """Says that it stays within the rules."""

    def effect(self):
        return Effect()


class Mixed(Attack):
    """What it tells in one game hangs on all that are played with it."""

    conduct = Conduct.LIAR

    def lie(self, seen):
        return np.where(seen.own.sum() % 2, UNIT // 2, seen.own)


class Nameless(Attack):
    conduct = "liar"


@pytest.mark.parametrize(("attack", "sentence"), [
    (Greedy, "^Greedy changes what it is given: in `outbox` of round"),
    (Moody, "^Moody says something else in round 9 when it has the same seed again"),
    (Late, "^Late stops the game: .* raised ZeroDivisionError in round 30"),
    (Boasts, "^Boasts comes to something else in round 9 than its effect says"),
    (Mixed, "^Mixed tells many games at once something else than each of them"),
    (Nameless, "^the conduct of Nameless is no Conduct: 'liar'"),
    (dict, "^dict is no subclass of"),
])  # fmt: skip
def test_an_attack_that_breaks_a_promise_is_named(attack, sentence):
    with pytest.raises(AssertionError, match=sentence):
        attack_conformance(attack)


def test_an_attack_for_live_games_alone_conforms():
    attack_conformance(Silent)


def test_our_environments_conform():
    environment_conformance(bernoulli_model, {"means": [0.2, 0.9]})
    environment_conformance(lambda path: load_table(path).model, {"path": example("flights.csv")})


def fickle(made=[]):  # noqa: B006 - remembers on purpose
    made.append(0)
    return RewardModel((bernoulli(len(made)),))


def greedy(means):
    return bernoulli_model([means.pop()])


@pytest.mark.parametrize(("maker", "options", "sentence"), [
    (fickle, {}, "^fickle gives other rewards when it is asked again"),
    (greedy, {"means": [0.5, 0.4]}, "^greedy changes its options"),
    (list, {}, r"^list gives no chain_bandit.protocol.rewards.RewardModel but \[\]"),
    (lambda: RewardModel(()), {}, "gives 0 arms"),
    (lambda: RewardModel((Distribution((0, 2 * UNIT), (1, 1)),)), {}, "cannot be committed to: malformed"),
    (lambda: RewardModel((Distribution((0, 2**40), (1, 1)),)), {}, "cannot be committed to"),
])  # fmt: skip
def test_an_environment_that_breaks_a_promise_is_named(maker, options, sentence):
    with pytest.raises(AssertionError, match=sentence):
        environment_conformance(maker, options)


class Player:
    """Any arm, by its coins; what a test breaks is a method of it."""

    information = "nothing"
    sent = 0.0

    def __init__(self, world, replicates, coins):
        self.world, self.shape, self.coins = world, (replicates, world.agents), coins

    def choose(self, t):
        return self.coins.integers(self.world.arms, size=self.shape)

    def learn(self, t, arms, rewards):
        self.sent += 1


def test_a_policy_conforms():
    policy_conformance(Player)


@pytest.mark.parametrize("name", RIVALS)
def test_every_rival_conforms(name):
    policy_conformance(RIVALS[name](Malice(constant((0.2, 0.5, 0.7)))))


RAGGED = [[0.0]] * 2 + [[0.0, 0.0]]


def forgets(self, t):
    return np.random.default_rng().integers(self.world.arms, size=self.shape)


def takes(self, t, arms, rewards):
    rewards[:] = 1


def takes_back(self, t, arms, rewards):
    self.sent -= 1


def sends_without_end(self, t, arms, rewards):
    self.sent = np.inf
    return rewards


def says_what_it_sent(self, t, arms, rewards):
    self.sent = "a lot"
    return rewards


def best_anywhere(self, t):
    return np.full(self.shape, self.best if t > 1 else 0)


def learns_anywhere(self, t, arms, rewards):
    self.best = int(rewards.sum()) % self.world.arms


def learns_from_the_first(self, t, arms, rewards):
    self.best = int(rewards[0].sum()) % self.world.arms


@pytest.mark.parametrize(("changes", "sentence"), [
    ({"choose": forgets}, "pulls other arms in round"),
    ({"choose": lambda self, t: np.full(self.shape, self.world.arms)}, "names no arm in round 1"),
    ({"choose": lambda self, t: np.zeros(self.shape)}, "names no arm in round 1"),
    ({"choose": lambda self, t: np.zeros(3, int)}, "names arms of shape"),
    ({"choose": lambda self, t: RAGGED}, r"names arms of no one shape in round 1, not \(3, 5\)$"),
    ({"learn": lambda self, t, arms, rewards: None, "sent": property()}, "sent no finite number in round 1: None$"),
    ({"learn": takes}, "changes what it is given in round 1"),
    ({"learn": takes_back}, "takes back in round 1 what it sent"),
    ({"learn": sends_without_end}, "sent no finite number in round 1: inf$"),
    ({"learn": says_what_it_sent}, "sent no finite number in round 1: 'a lot'$"),
    ({"choose": best_anywhere, "learn": learns_anywhere}, "lets one replicate depend on another in round 3$"),
    ({"choose": best_anywhere, "learn": learns_from_the_first}, "lets one replicate depend on another in round 3$"),
    ({"information": ""}, "does not say in `information`"),
])  # fmt: skip
def test_a_policy_that_breaks_a_promise_is_named(changes, sentence):
    with pytest.raises(AssertionError, match=f"^Broken {sentence}"):
        policy_conformance(type("Broken", (Player,), changes))


class Payer:
    """A part of the rewards, by its coins; what a test breaks is a method of it."""

    information = "nothing"
    sent = 0.0

    def __init__(self, world, replicates, coins):
        self.coins = coins

    def shape(self, t, arms, rewards):
        self.sent += 1
        return rewards * self.coins.random(rewards.shape)


def test_an_incentive_conforms():
    incentive_conformance(Payer)


@pytest.mark.parametrize("kind", [int, np.float32, np.uint8])
def test_an_incentive_may_give_any_real_numbers(kind):
    incentive_conformance(type("Rounds", (Payer,), {"shape": lambda self, t, arms, rewards: rewards.astype(kind)}))


@pytest.mark.parametrize("name", INCENTIVES)
def test_every_incentive_of_ours_conforms(name):
    incentive_conformance(INCENTIVES[name])


def pays_in_place(self, t, arms, rewards):
    rewards += 1
    return rewards


def takes_sent_back(self, t, arms, rewards):
    self.sent -= 1
    return rewards


@pytest.mark.parametrize(("changes", "sentence"), [
    ({"shape": lambda self, t, arms, rewards: rewards * np.random.default_rng().random()}, "pays something else in"),
    ({"shape": lambda self, t, arms, rewards: rewards.mean(axis=1)}, "gives rewards of shape"),
    ({"shape": lambda self, t, arms, rewards: RAGGED}, r"gives rewards of no one shape in round 1, not \(3, 5\)$"),
    ({"shape": lambda self, t, arms, rewards: rewards * 1j}, "gives no finite numbers in round 1"),
    ({"shape": lambda self, t, arms, rewards: rewards + arms.mean(axis=0)}, "lets one replicate depend on another in"),
    ({"shape": lambda self, t, arms, rewards: rewards, "sent": property()}, "sent no finite number in round 1: None$"),
    ({"shape": lambda self, t, arms, rewards: rewards / 0}, "gives no finite numbers in round 1"),
    ({"shape": lambda self, t, arms, rewards: rewards > 0}, "gives no finite numbers in round 1"),
    ({"shape": pays_in_place}, "changes what it is given in round 1"),
    ({"shape": takes_sent_back}, "takes back in round 1 what it sent"),
    ({"shape": sends_without_end}, "sent no finite number in round 1: inf$"),
    ({"shape": lambda self, t, arms, rewards: rewards - rewards.mean()}, "lets one replicate depend on another in"),
    ({"shape": lambda self, t, arms, rewards: rewards + rewards[:1]}, "lets one replicate depend on another in"),
    ({"shape": lambda self, t, arms, rewards: rewards + rewards[1:2]}, "lets one replicate depend on another in"),
    ({"information": ""}, "does not say in `information`"),
])  # fmt: skip
@pytest.mark.filterwarnings("ignore:.*encountered in divide")
def test_an_incentive_that_breaks_a_promise_is_named(changes, sentence):
    with pytest.raises(AssertionError, match=f"^Broken {sentence}"):
        incentive_conformance(type("Broken", (Payer,), changes))
