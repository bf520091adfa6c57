"""GosInE: gossip that trusts everybody.

Source: Chawla, Sankararaman, Ganesh, Shakkottai, The gossiping insert-eliminate algorithm for multi-agent bandits,
2020, arXiv 2001.05452, the synchronous algorithm, with phases that end at j^3 as in its authors' experiment. Left open:
with liars, over whom the sticky sets are spread; here over the honest, so that somebody keeps every arm.
"""

import numpy as np

from chain_bandit.array_types import Flags, Ints
from chain_bandit.simulation.arena import PolicyMaker
from chain_bandit.simulation.rivals.gossip import ALPHA, Gossip
from chain_bandit.simulation.rivals.reports import Malice


class Gosine(Gossip):
    """Blocks nobody."""

    beta = 3.0

    def judge(self, best: Ints) -> Flags:
        """Nobody."""
        return np.zeros(best.shape, bool)


class GosineSquares(Gosine):
    """In the phases of the rules that block, so that blocking is all they differ in."""

    beta = 2.0


def gosine(malice: Malice, alpha: float = ALPHA) -> PolicyMaker:
    """Liars have all they name tried, again and again."""
    return lambda world, replicates, coins: Gosine(world, replicates, coins, malice, alpha)


def gosine_squares(malice: Malice, alpha: float = ALPHA) -> PolicyMaker:
    """The same in shorter phases."""
    return lambda world, replicates, coins: GosineSquares(world, replicates, coins, malice, alpha)
