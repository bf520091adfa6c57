"""UCB1, each agent alone.

Source: Auer, Cesa-Bianchi, Fischer, Finite-time analysis of the multiarmed bandit problem, 2002, figure 1. Taken whole.
"""

from chain_bandit.simulation.arena import Ints, PolicyMaker
from chain_bandit.simulation.rivals.learner import Learner, highest, upper_bounds
from chain_bandit.simulation.rivals.reports import Malice


class ArenaUcb1(Learner):
    """The arm with the highest upper bound of its own samples; each arm once first."""

    information = "its own rewards"

    def choose(self, t: int) -> Ints:
        """See the class."""
        return highest(upper_bounds(*self.own, t))


def ucb1(malice: Malice) -> PolicyMaker:
    """There is no communication, so lies have no effect."""
    return lambda world, replicates, coins: ArenaUcb1(world, replicates)
