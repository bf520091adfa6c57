"""Pseudo-regret of an honest participant, always in its parts (protocol.md: Regret), in units.

Lockstep makes it the same for every honest participant.
"""

from dataclasses import dataclass

from chain_bandit.protocol.units import Means


@dataclass(slots=True)
class Regret:
    """Running sums of what the rounds so far lose against pulls of the best arm.

    Attributes:
        truth: the true means in units.
        last_burn_in_round: L.
        pays_burn_in: whether rounds 1..L are paid; else they are observed only, and lose a best pull each.
        burn_in: rounds 1..L.
        arms: paid rounds, by the gap of the arm that was pulled.
        failed: later rounds that pay nothing: failed and exploration.
        cost: of the paid rounds in case 2.
        paid, costly: how many pulls were paid, and in case 2 among those.
    """

    truth: Means
    last_burn_in_round: int
    pays_burn_in: bool = False
    burn_in: int = 0
    arms: int = 0
    failed: int = 0
    cost: int = 0
    paid: int = 0
    costly: int = 0

    @property
    def total(self) -> int:
        """The pseudo-regret: its parts together."""
        return self.burn_in + self.arms + self.failed + self.cost

    def add(self, round_: int, arm: int | None, paid: bool, cost: int | None = None, count: int = 1) -> None:
        """Take in one round: the honest arm, whether rewards were paid, in case 2 what it cost (units), its pulls."""
        best = max(self.truth)
        if round_ <= self.last_burn_in_round:
            self.burn_in += best - (self.truth[arm] if self.pays_burn_in and arm is not None else 0)
        elif paid and arm is not None:
            self.arms += (best - self.truth[arm]) * count
            self.paid += count
            if cost is not None:
                self.cost += cost
                self.costly += count
        else:
            self.failed += best
