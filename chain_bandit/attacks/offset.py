"""Lie by a stated distance: at the edge of the zone that the delta-safe option calls safe, or just beyond."""

from chain_bandit.attacks.attack import Attack, View
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.protocol.units import UNIT, Means


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

    def means(self, view: View, honest: Means) -> Means:
        """The shifted estimators, kept in [0, 1]."""
        best = honest.index(max(honest))
        return tuple(
            max(mean - self.distance, 0) if arm == best else min(mean + self.distance, UNIT)
            for arm, mean in enumerate(honest)
        )
