"""Incentives, payments between agents in a round, and the policy that learns from rewards with these in them.

An incentive changes neither what an arm pays nor what is counted as regret.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np

from chain_bandit.plugins import PluginBroken
from chain_bandit.simulation.arena import ArenaPolicy, Floats, Ints, PolicyMaker, World


class Incentive(ABC):
    """What all agents give one another, in R replicates at once; it is asked once a round, in order.

    Attributes:
        information: what an agent receives from others, in words.
        sent: numbers that an agent sent so far, counted as those of a policy.
    """

    information: str
    sent: float = 0.0

    @abstractmethod
    def shape(self, t: int, arms: Ints, rewards: Floats) -> Floats:
        """What the rewards of round t (from 1) are learned as; all three (R, M)."""


IncentiveMaker = Callable[[World, int, np.random.Generator], Incentive]
"""Makes an incentive for a world and R replicates; the generator is for its own coins, if it tosses any."""


class Shaped(ArenaPolicy):
    """Any policy behind any incentive: it pulls what it likes, and learns from shaped rewards.

    Where it reports what it has learned, reports are of shaped rewards.
    """

    def __init__(self, policy: ArenaPolicy, incentive: Incentive) -> None:
        self._policy, self._incentive = policy, incentive
        self.information = f"{policy.information}; {incentive.information}"

    def choose(self, t: int) -> Ints:
        """The policy's own."""
        return self._policy.choose(t)

    def learn(self, t: int, arms: Ints, rewards: Floats) -> None:
        """What the incentive makes of the rewards. Raises `PluginBroken` where that is not a number for everybody."""
        made = self._incentive.shape(t, arms, rewards)
        if np.shape(made) != rewards.shape or not np.isfinite(made).all():
            raise PluginBroken("incentive", type(self._incentive).__name__, f"no number for everybody in round {t}")
        self._policy.learn(t, arms, made)
        self.sent = self._policy.sent + self._incentive.sent


def shaped(policy: PolicyMaker, incentive: IncentiveMaker) -> PolicyMaker:
    """Makes the policy behind the incentive, which tosses coins of its own: the policy's fall as they do without."""

    def both(world: World, replicates: int, coins: np.random.Generator) -> Shaped:
        alone = policy(world, replicates, coins)
        return Shaped(alone, incentive(world, replicates, *coins.spawn(1)))

    return both
