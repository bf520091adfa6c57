"""Be honest for a while, then lie."""

from chain_bandit.attacks.attack import Attack, whole
from chain_bandit.attacks.seen import Ints, Seen
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.protocol.units import UNIT


class Sleeper(Attack):
    """Honest until round `wakes`, then every estimator is turned upside down."""

    name = "sleeper"
    conduct = Conduct.LIAR

    def __init__(self, wakes: int = 0) -> None:
        self.wakes = whole("wakes", wakes, 0)

    def numbers(self, parameters: Parameters) -> tuple[int, int]:
        """The first round in which it lies."""
        return self.wakes, 0

    def lie(self, seen: Seen) -> Ints:
        """1 - estimator from round `wakes` on."""
        return UNIT - seen.own if seen.round >= self.wakes else seen.own
