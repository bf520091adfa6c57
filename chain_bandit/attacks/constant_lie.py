"""Report the same estimator for every arm, whatever was seen."""

import numpy as np

from chain_bandit.attacks.attack import Attack, whole
from chain_bandit.attacks.seen import Ints, Seen, each_arm
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.protocol.units import UNIT


class ConstantLie(Attack):
    """`value` in [0, 1] for every arm but `favour`, which gets 1 - value."""

    name = "constant-lie"
    conduct = Conduct.LIAR

    def __init__(self, value: float = 0.0, favour: int | None = None) -> None:
        if not 0 <= value <= 1:
            raise ValueError(f"value is {value}, not in [0, 1]")
        self.value = round(value * UNIT)
        self.favour = None if favour is None else whole("favour", favour, 0)

    def numbers(self, parameters: Parameters) -> tuple[int, int]:
        """The estimator, and the favoured arm or -1."""
        return self.value, -1 if self.favour is None else self.favour % parameters.arms

    def lie(self, seen: Seen) -> Ints:
        """The constant."""
        _, favoured = self.numbers(seen.parameters)
        return np.where(each_arm(seen.own) == favoured, UNIT - self.value, self.value)
