"""Try some distances against the game's own rule, and tell the one that moves an arm's index the most."""

import numpy as np

from chain_bandit.attacks.attack import MILLION, Attack, flag, millionths, whole
from chain_bandit.attacks.seen import Ints, Seen, best, clipped, each_arm
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.protocol.units import UNIT
from chain_bandit.roots import isqrt


class Greedy(Attack):
    """`steps` distances to either side of the honest median, up to `farthest` standard deviations, 1 / (2 sqrt(n)).

    Told is what makes the index of the best arm, its estimator and confidence width, lowest, and that of every other
    highest: a lie that is left out shifts a median all the same, and leaves a wider bound. Of equals the first, from
    the median outwards, the harmful side before the other. The honest reports are those of the last block; with
    `rushing` those of the open round: in simulation only. It has no compiled form.
    """

    name = "greedy"
    conduct = Conduct.LIAR

    def __init__(self, steps: int = 10, farthest: float = 4.0, rushing: bool = False) -> None:
        self.steps, self.farthest = whole("steps", steps, 1), millionths("farthest", farthest)
        self.rushes = flag("rushing", rushing)

    def lie(self, seen: Seen) -> Ints:
        """Kept in [0, 1]; honest until there was a block."""
        if seen.honest is None:
            return seen.own
        mean, told = seen.honest.average, seen.honest.median
        signs: Ints = np.where(each_arm(mean) == best(mean), -1, 1)
        deviation, median, most = isqrt(UNIT * UNIT // (4 * seen.pulls)), told, signs * seen.indices(told)
        for step in range(1, self.steps + 1):
            off = self.farthest * step // self.steps * deviation // MILLION
            for side in (signs, -signs):
                lie = clipped(median + side * off)
                index = signs * seen.indices(lie)
                told, most = np.where(index > most, lie, told), np.maximum(index, most)
        return told
