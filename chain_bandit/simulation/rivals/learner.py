"""State of a rival's agents: pulls and sums of each, and the confidence bound of UCB1."""

import numpy as np

from chain_bandit.simulation.arena import ArenaPolicy, Floats, Ints, World
from chain_bandit.simulation.rivals.reports import Reports

C1 = 2
"""The one exploration constant: width sqrt(C1 ln t / samples), samples being all that a mean stands on."""

TINY = 1e-300


def upper_bounds(means: Floats, samples: Floats, t: int) -> Floats:
    """mean + sqrt(C1 ln t / samples); infinite without samples."""
    return np.where(samples > 0, means + np.sqrt(C1 * np.log(t) / np.maximum(samples, TINY)), np.inf)


def highest(bounds: Floats) -> Ints:
    """The arm with the highest bound, the lowest such arm: (..., K) to (...)."""
    return np.asarray(bounds.argmax(axis=-1))


class Learner(ArenaPolicy):
    """Keeps (R, M, K) pulls and sums of the agents' own samples."""

    def __init__(self, world: World, replicates: int) -> None:
        self.world, self.replicates = world, replicates
        shape = (replicates, world.agents, world.arms)
        self.pulls, self.sums = np.zeros(shape), np.zeros(shape)
        self._first = np.arange(replicates * world.agents).reshape(shape[:2]) * world.arms

    def learn(self, t: int, arms: Ints, rewards: Floats) -> None:
        """Count them."""
        pulled = self._first + arms
        self.pulls.reshape(-1)[pulled] += 1
        self.sums.reshape(-1)[pulled] += rewards

    @property
    def own(self) -> Reports:
        """What each agent would truly report, (R, M, K); 0 for the mean of an arm without pulls."""
        return Reports(self.sums / np.maximum(self.pulls, 1), self.pulls)
