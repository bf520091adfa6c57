"""Lie and recover in turn: a reputation that forgets is earned back before the next lie."""

from chain_bandit.attacks.attack import Attack, View, whole
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.protocol.units import UNIT, Means


class OnOff(Attack):
    """Honest for `period` rounds, upside down for as many, and so on from round 0."""

    name = "on-off"
    conduct = Conduct.LIAR

    def __init__(self, period: int = 10) -> None:
        self.period = whole("period", period, 1)

    def numbers(self, parameters: Parameters) -> tuple[int, int]:
        """The rounds of honesty, and of lies, in turn."""
        return self.period, 0

    def means(self, view: View, honest: Means) -> Means:
        """1 - estimator where round // period is odd."""
        return tuple(UNIT - mean for mean in honest) if view.round // self.period % 2 else honest
