"""The Iterated Prisoner's Dilemma (the paper's Appendix A, Table 2): two agents, which see the other's last action."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chain_bandit.array_types import Singles
from chain_bandit.mediate.games.game import Chance, MarkovGame, Moment, everybody_else

COOPERATE, DEFECT = 0, 1

PAYOFFS = {
    (COOPERATE, COOPERATE): (-1.0, -1.0),
    (COOPERATE, DEFECT): (-3.0, 0.0),
    (DEFECT, COOPERATE): (0.0, -3.0),
    (DEFECT, DEFECT): (-2.0, -2.0),
}


@dataclass(frozen=True, slots=True)
class DilemmaRules:
    """Nothing in it is left to chance. `cooperations` counts the steps in which both cooperate."""

    limit: int = 150
    discount: float = 0.95
    agents: int = 2
    actions: int = 2
    idle: int | None = None
    inputs: int = 2
    marks: int = 1
    reset_draws: int = 0
    step_draws: int = 0
    counts: tuple[str, ...] = ("cooperations",)

    @property
    def welfare(self) -> tuple[float, float]:
        """Of the worst and the best for both, always."""
        both = [sum(each) for each in PAYOFFS.values()]
        return self.limit * min(both), self.limit * max(both)

    def game(self) -> MarkovGame:
        """One game, to be read."""
        return Dilemma()


class Dilemma:
    """One game. An observation is 1 at the other's last action; zeros before the first step."""

    def reset(self, chance: Chance) -> tuple[Singles, ...]:
        """See `MarkovGame`."""
        return np.zeros(2, np.float32), np.zeros(2, np.float32)

    def step(self, actions: Sequence[int], chance: Chance) -> Moment:
        """See `MarkovGame`."""
        mine, yours = actions
        seen = np.eye(2, dtype=np.float32)
        both = mine == yours == COOPERATE
        return Moment((seen[yours], seen[mine]), PAYOFFS[mine, yours], everybody_else(2), (int(both),), over=False)
