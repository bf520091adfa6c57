"""Praise every arm that looks bad and damn every arm that looks good: the lie that hurts an undefended mean."""

from chain_bandit.attacks.attack import Attack, View
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.protocol.units import UNIT, Means


class WorseHalf(Attack):
    """1 for the half of the arms with the lowest sample means, 0 for the rest."""

    name = "worse-half"
    conduct = Conduct.LIAR

    def means(self, view: View, honest: Means) -> Means:
        """The order of the arms, turned around at its middle."""
        order = sorted(range(len(honest)), key=lambda arm: (honest[arm], arm))
        worse = set(order[: len(order) // 2])
        return tuple(UNIT if arm in worse else 0 for arm in range(len(honest)))
