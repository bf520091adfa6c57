"""Seal another record than that of one's last receipt, in games that are sealed."""

from dataclasses import replace

from chain_bandit.attacks.attack import Attack, View, flag
from chain_bandit.protocol.settlement import Conduct, Pull
from chain_bandit.protocol.units import UNIT


class FalseRecord(Attack):
    """The next arm, with the true reward; with `reward`, the true arm, with the reward half a unit off."""

    name = "false-record"
    conduct = Conduct.LIAR

    def __init__(self, reward: bool = False) -> None:
        self._reward = flag("reward", reward)

    def record(self, view: View, honest: Pull) -> Pull:
        """One of the two, false."""
        if self._reward:
            return replace(honest, reward=(honest.reward + UNIT // 2) % (UNIT + 1))
        return replace(honest, arm=(honest.arm + 1) % view.rules.parameters.arms)
