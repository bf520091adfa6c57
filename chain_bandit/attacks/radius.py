"""Just under a threshold: lie by a share of the width that few pulls excuse. All colluders favour one arm."""

import numpy as np

from chain_bandit.attacks.attack import MILLION, Attack, millionths, whole
from chain_bandit.attacks.seen import Ints, Seen, best, clipped, each_arm, second
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.protocol.units import UNIT
from chain_bandit.roots import isqrt


class Radius(Attack):
    """`share` / sqrt(n) off the honest median of the last block, n the honest pulls of the arm.

    Above for the arm `favour`, by default the second best, below for the best of the others; the median elsewhere.
    `share` in [0, 1000]: reputation forgives 1, and a rule that forgives sqrt(s / n) is met by just under sqrt(s).
    """

    name = "radius"
    conduct = Conduct.LIAR

    def __init__(self, share: float = 0.99, favour: int | None = None) -> None:
        self.share = millionths("share", share)
        self.favour = None if favour is None else whole("favour", favour, 0)

    def numbers(self, parameters: Parameters) -> tuple[int, int]:
        """The share in millionths, and the favoured arm or -1."""
        return self.share, -1 if self.favour is None else self.favour % parameters.arms

    def lie(self, seen: Seen) -> Ints:
        """Kept in [0, 1]; honest until there was a block."""
        if seen.honest is None:
            return seen.own
        mean, arm = seen.honest.average, each_arm(seen.own)
        favoured = second(mean) if self.favour is None else np.array([[self.favour % len(mean)]])
        damned = np.where(favoured == best(mean), second(mean), best(mean))
        signs: Ints = np.where(arm == favoured, 1, np.where(arm == damned, -1, 0))
        return clipped(seen.honest.median + signs * (self.share * isqrt(UNIT * UNIT // seen.pulls) // MILLION))
