"""Thompson sampling with uniform priors, each agent alone.

Source: Agrawal, Goyal, Analysis of Thompson sampling for the multi-armed bandit problem, 2012, arXiv 1111.1797,
algorithm 1. Taken whole.
"""

import numpy as np

from chain_bandit.simulation.arena import Ints, PolicyMaker, World
from chain_bandit.simulation.rivals.learner import Learner, highest
from chain_bandit.simulation.rivals.reports import Malice


class ArenaThompson(Learner):
    """The arm with the highest draw from Beta(1 + ones, 1 + zeros)."""

    information = "its own rewards"

    def __init__(self, world: World, replicates: int, coins: np.random.Generator) -> None:
        super().__init__(world, replicates)
        self._coins = coins

    def choose(self, t: int) -> Ints:
        """See the class."""
        return highest(self._coins.beta(1 + self.sums, 1 + self.pulls - self.sums))


def thompson(malice: Malice) -> PolicyMaker:
    """There is no communication, so lies have no effect."""
    return ArenaThompson
