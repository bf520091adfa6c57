"""KL-UCB for Bernoulli rewards, each agent alone.

Source: Garivier, Cappe, The KL-UCB algorithm for bounded stochastic bandits and beyond, 2011, arXiv 1102.2490,
algorithm 1, with c = 0, which the source recommends in practice.
"""

import numpy as np

from chain_bandit.simulation.arena import Floats, Ints, PolicyMaker
from chain_bandit.simulation.rivals.learner import Learner, highest
from chain_bandit.simulation.rivals.reports import Malice

STEPS = 20
"""Bisections: 1e-6 of a mean."""
EDGE = 1e-12


def kl_bounds(means: Floats, samples: Floats, t: int) -> Floats:
    """The largest q with samples * KL(mean, q) <= ln t; infinite without samples."""
    p = np.minimum(np.maximum(means, EDGE), 1 - EDGE)
    least = p * np.log(p) + (1 - p) * np.log(1 - p) - np.log(t) / np.maximum(samples, 1)
    low, high = p, np.full_like(p, 1 - EDGE)
    for _ in range(STEPS):
        half = (low + high) / 2
        inside = p * np.log(half) + (1 - p) * np.log(1 - half) >= least
        low, high = np.where(inside, half, low), np.where(inside, high, half)
    return np.where(samples > 0, low, np.inf)


class ArenaKlUcb(Learner):
    """The arm with the highest such bound; each arm once first."""

    information = "its own rewards"

    def choose(self, t: int) -> Ints:
        """See the class."""
        return highest(kl_bounds(*self.own, t))


def kl_ucb(malice: Malice) -> PolicyMaker:
    """There is no communication, so lies have no effect."""
    return lambda world, replicates, coins: ArenaKlUcb(world, replicates)
