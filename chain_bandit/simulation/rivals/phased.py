"""A pooled rule that reports at the end of a phase alone: an arm with n pulls is pulled on for `growth` * n rounds.

Like the phases of a game with `growth`: nothing is sent in those rounds, so reports grow with ln T, not with T.
"""

from collections.abc import Callable

import numpy as np

from chain_bandit.simulation.arena import Floats, Ints, PolicyMaker, World, WorldError
from chain_bandit.simulation.rivals.audience import Aggregate
from chain_bandit.simulation.rivals.learner import Learner
from chain_bandit.simulation.rivals.pooled import Pooled
from chain_bandit.simulation.rivals.reports import Malice, Reports


class Phased(Pooled):
    """The graph is complete, so all are in one phase; each replicate has its own.

    Raises:
        WorldError: a graph, on which they would not be.
    """

    def __init__(self, world: World, replicates: int, aggregate: Aggregate, malice: Malice, growth: float) -> None:
        if world.graph is not None:
            raise WorldError("phases need a world in which all receive from all")
        super().__init__(world, replicates, aggregate, malice, world.arms, apart=False, every=1, ties=None)
        self._growth = growth
        self._arms: Ints = np.zeros((replicates, world.agents), dtype=np.int64)
        self._left: Ints = np.zeros(replicates, dtype=np.int64)

    def choose(self, t: int) -> Ints:
        """The arm of the phase; where one has ended, the highest upper bound begins the next."""
        begins = self._left == 0
        self._arms = np.where(begins[:, None], super().choose(t), self._arms)
        pulls = np.take_along_axis(self.pulls[:, 0], self._arms[:, :1], axis=1)[:, 0]
        self._left = np.where(begins, (self._growth * pulls).astype(np.int64), self._left - 1)
        return self._arms

    def learn(self, t: int, arms: Ints, rewards: Floats) -> None:
        """Count, and at the end of a phase report and pool."""
        Learner.learn(self, t, arms, rewards)
        ends = self._left == 0
        if ends.any():
            before, heard = self._audience.pool, self._audience.hear(self.own, t)
            self._audience.pool = Reports(
                *(np.where(ends[:, None, None], new, old) for new, old in zip(heard, before, strict=True))
            )
            self.sent += self._numbers * float(ends.mean())


def phased(aggregate: Aggregate, growth: float) -> Callable[[Malice], PolicyMaker]:
    """A rule by its aggregate, which needs a number of each arm in a report, and the growth of its phases."""
    return lambda malice: lambda world, replicates, coins: Phased(world, replicates, aggregate, malice, growth)
