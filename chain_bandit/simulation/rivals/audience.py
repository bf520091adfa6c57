"""Communication graph of a rival's agents, the lies on it, and the pooling of reports."""

from collections.abc import Callable

import numpy as np

from chain_bandit.simulation.arena import Ints, World
from chain_bandit.simulation.rivals.reports import LiarStrategy, LiarsView, Reports

Aggregate = Callable[[Reports, int], Reports]
"""(reports to V receivers, their own first, (R, V, S, K); f) to means and the samples behind them, (R, V, K)."""


class Audience:
    """The V receivers of a world, the S senders of each, itself first, and what it pools.

    On a complete graph the honest know the same: they are one receiver, V = 1, unless they receive `apart`.

    Attributes:
        pool: what each receiver made of its last reports, (R, V, K); of none at first.
    """

    def __init__(
        self, world: World, replicates: int, aggregate: Aggregate, lie: LiarStrategy, apart: bool = False
    ) -> None:  # fmt: skip
        self._honest, self._liars, self._aggregate, self._lie = world.honest, world.liars, aggregate, lie
        graph = ~np.eye(world.agents, dtype=bool) if world.graph is None else world.graph
        one = world.graph is None and not apart
        heard = [[agent, *np.flatnonzero(row)] for agent, row in enumerate(graph[:1] if one else graph)]
        most = max(map(len, heard))
        self._senders = np.array([row + row[:1] * (most - len(row)) for row in heard])
        self._there = np.array([[1] * len(row) + [0] * (most - len(row)) for row in heard])[..., None]
        shape = (replicates, len(heard), world.arms)
        self.pool = Reports(np.zeros(shape), np.zeros(shape))

    def hear(self, own: Reports, t: int) -> Reports:
        """The new pool of true reports (R, M, K). Nobody lies to itself."""
        honest, liars = (
            Reports(own.means[:, part], own.pulls[:, part])
            for part in (slice(None, self._honest), slice(self._honest, None))
        )
        in_force = Reports(self.pool.means[:, 0], self.pool.pulls[:, 0])
        lies = self._lie(LiarsView(t, honest, liars, in_force, lambda lies: self._outcome(own, lies)))
        self.pool = self._pooled(own, lies, self._senders)
        return self.pool

    def _outcome(self, own: Reports, lies: Reports) -> Reports:
        tries = len(lies.means) // len(own.means)
        again = Reports(*(np.tile(true, (tries, 1, 1)) for true in own))
        means, pulls = self._pooled(again, lies, self._senders[:1])
        return Reports(means[:, 0], pulls[:, 0])

    def _pooled(self, own: Reports, lies: Reports, senders: Ints) -> Reports:
        means, pulls = (
            np.concatenate([true[:, : self._honest], false], axis=1)[:, senders]
            for true, false in zip(own, lies, strict=True)
        )
        means[:, :, 0], pulls[:, :, 0] = (true[:, senders[:, 0]] for true in own)
        return Reports(*self._aggregate(Reports(means, pulls * self._there[: len(senders)]), self._liars))
