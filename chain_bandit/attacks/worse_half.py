"""Praise every arm that looks bad and damn every arm that looks good: the lie that hurts an undefended mean."""

import numpy as np

from chain_bandit.attacks.attack import Attack
from chain_bandit.attacks.seen import Ints, Seen
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.protocol.units import UNIT


class WorseHalf(Attack):
    """1 for the half of the arms with the lowest sample means, 0 for the rest."""

    name = "worse-half"
    conduct = Conduct.LIAR

    def lie(self, seen: Seen) -> Ints:
        """The order of the arms, turned around at its middle; of equal arms the lower index is worse."""
        order, told = seen.own.argsort(axis=-2, kind="stable"), np.zeros_like(seen.own)
        np.put_along_axis(told, order[..., : order.shape[-2] // 2, :], UNIT, axis=-2)
        return told
