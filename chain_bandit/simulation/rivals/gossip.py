"""Rules that name arms: UCB on a few arms, and now and then somebody's best one in place of the worst.

Each keeps S sticky arms and two that may change. At the end of phase j, round ceil(j^beta), it asks one whom it may ask
for the arm it played most in the phase; a new arm takes the place of the less played of the two. The choice of whom to
ask is all that the rules differ in: `judge` blocks an agent whose recommended arm did not prove itself.
"""

from abc import abstractmethod
from math import ceil

import numpy as np

from chain_bandit.array_types import Flags, Floats, Ints
from chain_bandit.simulation.arena import World
from chain_bandit.simulation.rivals.learner import Learner, highest
from chain_bandit.simulation.rivals.reports import Malice

ALPHA = 4
"""Width sqrt(ALPHA ln t / n), as in the sources' experiments; ours, and UCB1, have 2."""


class Gossip(Learner):
    """See the module. Liars play along, but name what `malice.recommend` says."""

    information = "who can be asked; once a phase one arm, from one of them"
    beta: float = 2.0

    def __init__(
        self, world: World, replicates: int, coins: np.random.Generator, malice: Malice, alpha: float = ALPHA
    ) -> None:
        super().__init__(world, replicates)
        self._alpha = alpha
        self._coins, self._recommend = coins, malice.recommend
        self._sticky = ceil(world.arms / world.honest)
        agents, width = world.agents, self._sticky + 2
        first = np.arange(agents)[:, None] * self._sticky + np.arange(width)
        self.active = np.broadcast_to(first % world.arms, (replicates, agents, width)).copy()
        self.before = self.pulls.copy()
        self.phase = 1
        self.asked = np.full((replicates, agents), -1)
        self.named = np.full((replicates, agents), -1)
        self.known = ~np.eye(agents, dtype=bool) if world.graph is None else world.graph
        self.blocked = np.zeros((replicates, agents, agents), np.int64)

    def choose(self, t: int) -> Ints:
        """UCB on the active arms."""
        pulls, sums = (np.take_along_axis(part, self.active, axis=2) for part in (self.pulls, self.sums))
        n = np.maximum(pulls, 1)
        bounds = np.where(pulls > 0, sums / n + np.sqrt(self._alpha * np.log(t) / n), np.inf)
        return np.take_along_axis(self.active, highest(bounds)[..., None], axis=2)[..., 0]

    def learn(self, t: int, arms: Ints, rewards: Floats) -> None:
        """Count; ask where a phase ends."""
        super().learn(t, arms, rewards)
        while t >= ceil(self.phase**self.beta):
            self._end_phase()
            self.phase += 1

    def _end_phase(self) -> None:
        played = np.take_along_axis(self.pulls - self.before, self.active, axis=2)
        best = np.take_along_axis(self.active, highest(played)[..., None], axis=2)[..., 0]
        wrong = (self.asked >= 0) & self.judge(best)
        who = np.nonzero(wrong)
        self.blocked[(*who, self.asked[who])] = self.until()
        may = self.known & (self.blocked < self.phase)
        self.asked = np.where(may.any(axis=2), highest(may * (1 - self._coins.random(may.shape))), -1)
        honest = np.take_along_axis(best, np.maximum(self.asked, 0), axis=1)
        lies = self._recommend(self.active, self._coins, self.world.arms)
        self.named = np.where(self.asked < 0, best, np.where(self.asked < self.world.honest, honest, lies))
        self._take(played)
        self.before = self.pulls.copy()
        self.sent += 1

    def _take(self, played: Floats) -> None:
        """The named arm for the less played of the last two, unless it is there already."""
        last = self.active[..., -2:]
        last = np.where(played[..., -1:] > played[..., -2:-1], last[..., ::-1], last)
        new = ~(self.active == self.named[..., None]).any(axis=2)
        self.active[..., -2] = last[..., 0]
        self.active[..., -1] = np.where(new, self.named, last[..., 1])

    @abstractmethod
    def judge(self, best: Ints) -> Flags:
        """Agents that now block the one they asked last: (R, M), given the arm that each played most in this phase."""

    def until(self) -> int:
        """The last phase in which an agent that is blocked now is not asked."""
        return 0
