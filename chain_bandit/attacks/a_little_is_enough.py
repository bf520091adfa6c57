"""Lie by so few standard deviations that the honest themselves stand further out (Baruch et al. 2019, ALIE)."""

from statistics import NormalDist

import numpy as np

from chain_bandit.attacks.attack import MILLION, Attack, millionths
from chain_bandit.attacks.seen import Ints, Seen, best, clipped, each_arm
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.settlement import Conduct


class ALittleIsEnough(Attack):
    """`z` in [0, 1000] standard deviations off the honest mean of the last block: the best arm below, all others above.

    All colluders alike. By default z is the paper's: so that with the liars a majority is on their side of the lie.
    """

    name = "a-little-is-enough"
    conduct = Conduct.LIAR

    def __init__(self, z: float | None = None) -> None:
        self._z = None if z is None else millionths("z", z)

    def z(self, parameters: Parameters) -> int:
        """In millionths. The paper's is the quantile (n - f - s) / (n - f), s = n // 2 + 1 - f; never below 0."""
        if self._z is not None:
            return self._z
        others = parameters.participants - parameters.liars
        won = others - (parameters.participants // 2 + 1 - parameters.liars)
        return int(MILLION * NormalDist().inv_cdf(won / others)) if 2 * won > others else 0

    def numbers(self, parameters: Parameters) -> tuple[int, int]:
        """z in millionths."""
        return self.z(parameters), 0

    def lie(self, seen: Seen) -> Ints:
        """Kept in [0, 1]; honest until there was a block."""
        if seen.honest is None:
            return seen.own
        mean = seen.honest.average
        off = self.z(seen.parameters) * seen.honest.spread // MILLION
        return clipped(mean + np.where(each_arm(mean) == best(mean), -off, off))
