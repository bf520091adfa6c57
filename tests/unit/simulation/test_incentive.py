"""Any incentive before any policy: it learns from what the incentive makes of rewards, and nothing else changes."""

from functools import partial

import numpy as np
import pytest

from chain_bandit.mediate.bandit import TokenIncentive
from chain_bandit.mediate.token_rule import Method
from chain_bandit.plugins import PluginBroken
from chain_bandit.simulation.arena import World, play
from chain_bandit.simulation.incentive import Incentive, Shaped, shaped
from chain_bandit.simulation.rivals.registry import RIVALS
from chain_bandit.simulation.rivals.reports import Malice, inflated
from chain_bandit.simulation.rivals.thompson import ArenaThompson
from chain_bandit.simulation.rivals.ucb1 import ArenaUcb1
from chain_bandit.testing import policy_conformance

WORLD = World((0.2, 0.7, 0.5), agents=5, liars=1, horizon=120)
MALICE = Malice(inflated(0))


class Turned(Incentive):
    """What paid costs, and the other way round; with a toss that it makes nothing of."""

    information = "nothing at all"

    def __init__(self, world, replicates, coins):
        self.coins = coins

    def shape(self, t, arms, rewards):
        self.coins.random()
        self.sent += 2
        return 1 - rewards


def pulled(make, pay=lambda rewards: rewards):
    """The arms of every round."""
    policy, chance, every = make(WORLD, 3, np.random.default_rng(1)), np.random.default_rng(2), []
    for t in range(1, WORLD.horizon + 1):
        arms = np.array(policy.choose(t))
        policy.learn(t, arms, pay((chance.random(arms.shape) < np.array(WORLD.means)[arms]).astype(float)))
        every.append(arms)
    return np.array(every)


@pytest.mark.parametrize("made", [lambda rewards: rewards * np.nan, lambda rewards: rewards[0]])
def test_what_is_no_number_for_everybody_is_refused_and_not_played(made):
    class Broken(Turned):
        def shape(self, t, arms, rewards):
            return made(rewards)

    with pytest.raises(PluginBroken, match=r"^incentive 'Broken': no number for everybody in round 1$"):
        pulled(shaped(lambda world, replicates, coins: ArenaUcb1(world, replicates), Broken))


@pytest.mark.parametrize("rival", RIVALS)
def test_with_tokens_of_0_every_policy_plays_bit_for_bit_as_without(rival):
    make = RIVALS[rival](MALICE)
    assert np.array_equal(pulled(shaped(make, partial(TokenIncentive, method=Method.NAIVE))), pulled(make))


def test_with_tokens_of_1_it_does_not():
    make = RIVALS["ucb1"](MALICE)
    assert not np.array_equal(pulled(shaped(make, partial(TokenIncentive, method=Method.MATE))), pulled(make))


@pytest.mark.parametrize("rival", RIVALS)
def test_what_a_policy_learns_and_reports_is_the_shaped_reward_alone(rival):
    """As if arms had paid it; the incentive's tosses shift none of the policy's."""
    make = RIVALS[rival](MALICE)
    turned = pulled(shaped(make, Turned))
    assert np.array_equal(turned, pulled(make, lambda rewards: 1 - rewards))
    if rival not in ("fed-mom", "demabar"):  # their first phase is longer than this game
        assert not np.array_equal(turned, pulled(make))


def test_it_is_a_policy_that_says_and_counts_what_both_do():
    make = shaped(ArenaThompson, Turned)
    policy_conformance(make)
    made = make(WORLD, 3, np.random.default_rng(0))
    assert isinstance(made, Shaped)
    assert made.information == "its own rewards; nothing at all"
    assert play(WORLD, shaped(RIVALS["mean"](MALICE), Turned), 4, 1).sent == 2 + 3


def test_regret_is_of_what_arms_truly_pay():
    """Who learns from turned rewards pulls the worst arm, and that is what it is charged for."""
    world = World((0.9, 0.1), agents=2, liars=0, horizon=500)
    made = play(world, shaped(lambda world, count, coins: ArenaUcb1(world, count), Turned), 5, 1)
    assert (made.regret > 0.8 * 500 * 0.8).all()
