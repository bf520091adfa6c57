"""UCB on means that many report: every round all tell all, or their neighbours, and an aggregate makes them one.

Width sqrt(2 ln t / (n * pooled reports)), n being one's own pulls of the arm: ours, the oracle and every rival that
pools have this rule, so what differs between them is the aggregate alone.
"""

from collections.abc import Callable

import numpy as np

from chain_bandit.simulation.arena import Floats, Ints, PolicyMaker, World
from chain_bandit.simulation.rivals.audience import Aggregate, Audience
from chain_bandit.simulation.rivals.learner import Learner, highest, upper_bounds
from chain_bandit.simulation.rivals.reports import Malice, Reports, silent


class Pooled(Learner):
    """Everybody's report, every round, through an aggregate."""

    information = "who plays and f, the most that lie; each round the means that it receives"

    def __init__(
        self, world: World, replicates: int, aggregate: Aggregate, malice: Malice, numbers: int, apart: bool,
        every: int, ties: np.random.Generator | None,
    ) -> None:  # fmt: skip
        super().__init__(world, replicates)
        self._audience = Audience(world, replicates, aggregate, malice.lie, apart)
        self._numbers, self._every, self._ties = numbers, every, ties

    def choose(self, t: int) -> Ints:
        """The highest upper bound; the lowest such arm, or any of them where `ties` tosses for it."""
        bounds = upper_bounds(*self._audience.pool, t)
        if self._ties:
            shape = (self.replicates, self.world.agents, self.world.arms)
            bounds = np.where(bounds >= bounds.max(axis=2, keepdims=True), self._ties.random(shape), -1.0)
        return np.broadcast_to(highest(bounds), (self.replicates, self.world.agents))

    def learn(self, t: int, arms: Ints, rewards: Floats) -> None:
        """Count, and from time to time report and pool."""
        super().learn(t, arms, rewards)
        if t % self._every == 0:
            self._audience.hear(self.own, t)
            self.sent += self._numbers


def pooled(
    aggregate: Aggregate, per_arm: int = 1, others: int = 0, *,
    apart: bool = False, every: int = 1, scattered: bool = False,
) -> Callable[[Malice], PolicyMaker]:  # fmt: skip
    """A rule by its aggregate, which needs `per_arm` numbers of each arm and `others` in a report.

    `apart`: each makes a pool of its own; `every`: rounds from report to report; `scattered`: each tosses for
    ties, where all else take the lowest arm.
    """
    return lambda malice: lambda world, replicates, coins: Pooled(
        world, replicates, aggregate, malice, per_arm * world.arms + others, apart, every,
        coins if scattered else None,
    )


def oracle(malice: Malice) -> PolicyMaker:
    """Told the liars, so that it pools the honest alone: no agreement can do better with this exploration."""
    return pooled(mean)(Malice(silent))


def worth(means: Floats, kept: Floats, reports: Reports) -> Reports:
    """Means of `kept` reports, each worth the receiver's own pulls."""
    return Reports(means, reports.pulls[..., 0, :] * kept)


def middle(reports: Reports) -> Floats:
    """The median of the received reports, by arm; 0 without any."""
    heard = reports.pulls > 0
    count = heard.sum(axis=-2)
    ranked = np.sort(np.where(heard, reports.means, np.inf), axis=-2)
    ranks = np.stack([(count - 1) // 2, count // 2], axis=-2).clip(0, ranked.shape[-2] - 1)
    return np.where(count > 0, np.take_along_axis(ranked, ranks, axis=-2).mean(axis=-2), 0)


def mean(reports: Reports, f: int) -> Reports:
    """The plain mean of the reports: undefended."""
    heard = reports.pulls > 0
    kept = heard.sum(axis=-2)
    return worth(np.where(heard, reports.means, 0).sum(axis=-2) / np.maximum(kept, 1), kept, reports)
