"""Search the worst lie that the game's own rule accepts. All colluders alike."""

import numpy as np

from chain_bandit.attacks.attack import Attack, flag
from chain_bandit.attacks.seen import Ints, Seen, best, each_arm
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.protocol.units import UNIT


class Optimiser(Attack):
    """The best arm as low, every other as high as a report of all colluders can be and still have its value in B.

    The honest in the search are those of the last block, all with enough pulls. What the rule accepts of an arm is an
    interval around the honest median, and the further out a lie the further it moves the estimator: so halving finds
    the worst one, to the unit. Where nothing is accepted the median is told. With `rushing` they are those of the open
    round, which no seat that only lies knows in time: the lie is then on the edge itself, and in simulation only.
    """

    name = "optimiser"
    conduct = Conduct.LIAR

    def __init__(self, rushing: bool = False) -> None:
        self.rushes = flag("rushing", rushing)

    def lie(self, seen: Seen) -> Ints:
        """Honest until there was a block."""
        if seen.honest is None:
            return seen.own
        mean, median = seen.honest.average, seen.honest.median
        signs: Ints = np.where(each_arm(mean) == best(mean), -1, 1)
        near, far = np.zeros_like(median), 1 + np.where(signs > 0, UNIT - median, median)
        while (far - near > 1).any():
            halves = (near + far) // 2
            taken = seen.accepted(median + signs * halves)
            near, far = np.where(taken, halves, near), np.where(taken, far, halves)
        return median + signs * near
