"""Claim more pulls than there were, so as to count where few pulls do not.

A seat that pulls with the honest has enough pulls anyway, and a rule that tests whether there are enough, not how
many, gains it nothing. A count above the horizon would count as withheld, so no claim is higher.
"""

import numpy as np

from chain_bandit.attacks.attack import Attack, View, whole
from chain_bandit.attacks.seen import Ints, Seen, each_arm
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.protocol.units import UNIT, Counts


class InflatedCounts(Attack):
    """Commits to `times` its pulls, at most the horizon, and reports 1 for the arm `favour`, the rest as it saw it."""

    name = "inflated-counts"
    conduct = Conduct.LIAR

    def __init__(self, favour: int = 0, times: int = 2) -> None:
        self.favour, self.times = whole("favour", favour, 0), whole("times", times, 1)

    def numbers(self, parameters: Parameters) -> tuple[int, int]:
        """The favoured arm, and how many times its pulls are claimed."""
        return self.favour % parameters.arms, self.times

    def lie(self, seen: Seen) -> Ints:
        """One arm praised."""
        favoured, _ = self.numbers(seen.parameters)
        return np.where(each_arm(seen.own) == favoured, UNIT, seen.own)

    def counts(self, view: View, honest: Counts) -> Counts:
        """More of each."""
        return tuple(min(self.times * count, view.rules.parameters.horizon) for count in honest)
