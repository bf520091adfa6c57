"""Who hears whom, and what of it is a lie."""

import numpy as np

from chain_bandit.simulation.arena import World
from chain_bandit.simulation.rivals.reports import Lie, Reports


class Audience:
    """The V receivers of a world, and the S whom each of them hears, itself first.

    Where everybody hears everybody the honest know the same: they are one receiver, V = 1, unless they hear `apart`.
    """

    def __init__(self, world: World, lie: Lie, apart: bool = False) -> None:
        self._honest, self._lie = world.honest, lie
        graph = ~np.eye(world.agents, dtype=bool) if world.graph is None else world.graph
        one = world.graph is None and not apart
        heard = [[agent, *np.flatnonzero(row)] for agent, row in enumerate(graph[:1] if one else graph)]
        most = max(map(len, heard))
        self._senders = np.array([row + row[:1] * (most - len(row)) for row in heard])
        self._there = np.array([[1] * len(row) + [0] * (most - len(row)) for row in heard])[..., None]
        self.receivers = len(heard)

    def hear(self, own: Reports, t: int) -> Reports:
        """What each receiver hears, (R, V, S, K), of true reports (R, M, K). Nobody lies to itself."""
        honest, liars = (Reports(own.means[:, part], own.pulls[:, part]) for part in self._halves)
        lies = self._lie(honest, liars, t)
        means, pulls = (
            np.concatenate([true, false], axis=1)[:, self._senders] for true, false in zip(honest, lies, strict=True)
        )
        means[:, :, 0], pulls[:, :, 0] = (true[:, self._senders[:, 0]] for true in own)
        return Reports(means, pulls * self._there)

    @property
    def _halves(self) -> tuple[slice, slice]:
        return slice(None, self._honest), slice(self._honest, None)
