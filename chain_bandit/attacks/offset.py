"""Lie by a stated distance: at the edge of the zone that the delta-safe option calls safe, or just beyond."""

import numpy as np

from chain_bandit.attacks.attack import Attack
from chain_bandit.attacks.seen import Ints, Seen, best, clipped, each_arm
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.protocol.units import UNIT


class Offset(Attack):
    """Every arm off by `distance` in [0, 1]: the one that looks best below its estimator, all others above."""

    name = "offset"
    conduct = Conduct.LIAR

    def __init__(self, distance: float = 0.3) -> None:
        if not 0 <= distance <= 1:
            raise ValueError(f"distance is {distance}, not in [0, 1]")
        self.distance = round(distance * UNIT)

    def numbers(self, parameters: Parameters) -> tuple[int, int]:
        """The distance in units."""
        return self.distance, 0

    def lie(self, seen: Seen) -> Ints:
        """The shifted estimators, kept in [0, 1]."""
        off = np.where(each_arm(seen.own) == best(seen.own), -self.distance, self.distance)
        return clipped(seen.own + off)
