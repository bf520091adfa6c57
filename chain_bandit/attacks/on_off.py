"""Lie and recover in turn: a reputation that forgets is earned back before the next lie."""

from chain_bandit.attacks.attack import Attack, whole
from chain_bandit.attacks.seen import Ints, Seen
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.protocol.units import UNIT


class OnOff(Attack):
    """Honest for `period` rounds, upside down for as many, and so on from round 0."""

    name = "on-off"
    conduct = Conduct.LIAR

    def __init__(self, period: int = 10) -> None:
        self.period = whole("period", period, 1)

    def numbers(self, parameters: Parameters) -> tuple[int, int]:
        """The rounds of honesty, and of lies, in turn."""
        return self.period, 0

    def lie(self, seen: Seen) -> Ints:
        """1 - estimator where round // period is odd."""
        return UNIT - seen.own if seen.round // self.period % 2 else seen.own
