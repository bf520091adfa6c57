"""Gossip with a block list: the rules of Vial, Shakkottai and Srikant.

Sources: Robust multi-agent multi-armed bandits, 2021, arXiv 2007.03812; Robust multi-agent bandits over undirected
graphs, 2022, arXiv 2203.00076. Taken: phases that end at j^2, both blocking rules, blocks until phase j^2. Neither text
was at hand but for its abstract: of the second rule the thresholds' constants are ours, and its form is from memory.
"""

import numpy as np

from chain_bandit.array_types import Flags, Ints
from chain_bandit.simulation.arena import PolicyMaker, World
from chain_bandit.simulation.rivals.gossip import ALPHA, Gossip
from chain_bandit.simulation.rivals.reports import Malice

ETA = 2


class Vial2021(Gossip):
    """Blocks an agent whose recommended arm was not the most played in the next phase."""

    def judge(self, best: Ints) -> Flags:
        """See the class."""
        return np.asarray(best != self.named)

    def until(self) -> int:
        """A power of the phase: a wrong block ends, and a liar's blocks grow."""
        return int(self.phase**ETA)


class Vial2022(Vial2021):
    """Blocks only where one's own best arm has long stayed, and the named one was hardly played.

    Long: since phase sqrt(j / 3). Hardly: at most j^1.5 times, of the j^2 rounds so far.
    """

    def __init__(
        self, world: World, replicates: int, coins: np.random.Generator, malice: Malice, alpha: float = ALPHA
    ) -> None:
        super().__init__(world, replicates, coins, malice, alpha)
        self._last, self._since = np.full(self.asked.shape, -1), np.zeros(self.asked.shape, np.int64)

    def judge(self, best: Ints) -> Flags:
        """See the class."""
        self._since = np.where(best == self._last, self._since, self.phase)
        self._last = best
        pulls = np.take_along_axis(self.pulls, np.maximum(self.named, 0)[..., None], axis=2)[..., 0]
        return np.asarray(super().judge(best) & (self._since <= (self.phase / 3) ** 0.5) & (pulls <= self.phase**1.5))


def vial_2021(malice: Malice, alpha: float = ALPHA) -> PolicyMaker:
    """The rule for complete graphs."""
    return lambda world, replicates, coins: Vial2021(world, replicates, coins, malice, alpha)


def vial_2022(malice: Malice, alpha: float = ALPHA) -> PolicyMaker:
    """The rule for any graph."""
    return lambda world, replicates, coins: Vial2022(world, replicates, coins, malice, alpha)
