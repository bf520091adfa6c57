"""DeMABAR: epochs that quadruple, each arm sampled by its estimated gap, estimates filtered between neighbours.

Source: Hu, Wang, Chen, Robust decentralized multi-armed bandits, 2025, arXiv 2511.10344. Taken from its public summary:
synchronous epochs, one broadcast of estimates at the end of each, a filter that drops the share of neighbours that may
be false at both ends. The sampling n = L / gap^2 and the gaps' update, max(2^-m, max(r - gap / 16) - r), are those of
BARBAR (Gupta, Koren, Talwar, 2019, arXiv 1902.08647), on which it builds. Left open: L, 16 ln(8 M K T) / (M - 2f) here.
"""

from math import ceil, log

import numpy as np

from chain_bandit.simulation.arena import Floats, Ints, PolicyMaker, World
from chain_bandit.simulation.rivals.audience import Audience
from chain_bandit.simulation.rivals.learner import Learner
from chain_bandit.simulation.rivals.reports import Malice, Reports
from chain_bandit.simulation.rivals.ruled import shipped


class Demabar(Learner):
    """In epoch m, of K L 4^(m-1) rounds, an arm is due n = L / gap^2 of them, and the best so far what is left."""

    information = "who plays, f and T; once an epoch the means that it receives"

    def __init__(self, world: World, replicates: int, coins: np.random.Generator, malice: Malice) -> None:
        super().__init__(world, replicates)
        self._coins, self._audience = coins, Audience(world, replicates, shipped("option-1"), malice.lie)
        self._scale = 16 * log(8 * world.agents * world.arms * world.horizon) / max(world.agents - 2 * world.liars, 1)
        self.gaps = np.ones_like(self._audience.pool.means)
        self.epoch, self.left = 0, 0
        self._begin(np.zeros_like(self.gaps))

    def _begin(self, estimates: Floats) -> None:
        self.epoch += 1
        self.left = ceil(self.world.arms * self._scale * 4 ** (self.epoch - 1))
        due = self._scale / self.gaps**2
        rest = np.maximum(self.left - due.sum(axis=2, keepdims=True), 0)
        due += rest * (np.arange(self.world.arms) == estimates.argmax(axis=2)[..., None])
        self.chances = (due / due.sum(axis=2, keepdims=True)).cumsum(axis=2)
        self._before = (self.pulls.copy(), self.sums.copy())

    def choose(self, t: int) -> Ints:
        """An arm by its chance, tossed for by each alone."""
        toss = self._coins.random((self.replicates, self.world.agents, 1))
        return np.asarray((toss > self.chances[..., :-1]).sum(axis=2))

    def learn(self, t: int, arms: Ints, rewards: Floats) -> None:
        """Count; where an epoch ends, exchange its means."""
        super().learn(t, arms, rewards)
        self.left -= 1
        if self.left:
            return
        pulls, sums = self.pulls - self._before[0], self.sums - self._before[1]
        own = Reports(sums / np.maximum(pulls, 1), pulls)
        estimates = self._audience.hear(own, t).means
        best = (estimates - self.gaps / 16).max(axis=2, keepdims=True)
        self.gaps = np.maximum(2.0**-self.epoch, best - estimates)
        self.sent += self.world.arms
        self._begin(estimates)


def demabar(malice: Malice) -> PolicyMaker:
    """Liars lie once an epoch."""
    return lambda world, replicates, coins: Demabar(world, replicates, coins, malice)
