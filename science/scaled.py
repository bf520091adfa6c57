"""Controls of incentives: rewards times a factor, with nobody paying anybody.

    python science/rivals.py zhu --only ucb1 --incentive mate science.scaled:doubled

A rule whose width of exploration is for rewards of one size explores less where they are larger.
"""

from functools import partial

import numpy as np

from chain_bandit.simulation.arena import Floats, Ints, World
from chain_bandit.simulation.incentive import Incentive


class Scaled(Incentive):
    """Each learns from its own rewards times `factor`."""

    information = "nothing"

    def __init__(self, world: World, replicates: int, coins: np.random.Generator, factor: float) -> None:
        self._factor = factor

    def shape(self, t: int, arms: Ints, rewards: Floats) -> Floats:
        """See the class."""
        return self._factor * rewards


doubled = partial(Scaled, factor=2.0)
nine_tenths = partial(Scaled, factor=0.9)
