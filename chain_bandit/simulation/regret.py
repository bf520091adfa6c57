"""Pseudo-regret of an honest participant in its parts (PROTOCOL 2), in units, as running sums.

Lockstep makes it the same for every honest participant.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from chain_bandit.protocol.units import Means
from chain_bandit.simulation.reference import Game, Outcome, play


@dataclass(slots=True)
class Regret:
    """What T rounds lose against T pulls of the best arm.

    Attributes:
        burn_in: rounds 1..L, observed and never paid.
        arms: paid rounds, by the gap of the arm that was pulled.
        failed: later rounds that pay nothing: failed and exploration.
        cost: c for every round in case 2.
        rounds: rounds so far.
        paid: paid rounds among them.
        costly: rounds in case 2 among those.
        curve: (round, arms so far, total so far) at each checkpoint.
    """

    burn_in: int = 0
    arms: int = 0
    failed: int = 0
    cost: int = 0
    rounds: int = 0
    paid: int = 0
    costly: int = 0
    curve: list[tuple[int, int, int]] = field(default_factory=list)

    @property
    def total(self) -> int:
        """The pseudo-regret: its parts together."""
        return self.burn_in + self.arms + self.failed + self.cost

    def add(self, outcome: Outcome, means: Means, burn_in: int, cost: int) -> None:
        """Take in one round; `means` are the true ones, `burn_in` is L, `cost` is c."""
        best = max(means)
        self.rounds += 1
        if outcome.round <= burn_in:
            self.burn_in += best
        elif outcome.paid and outcome.arm is not None:
            self.arms += best - means[outcome.arm]
            self.cost += cost * outcome.case_2
            self.paid += 1
            self.costly += outcome.case_2
        else:
            self.failed += best


def measure(game: Game, checkpoints: Collection[int] = ()) -> Regret:
    """Play `game` to its end and add up."""
    regret, means, cost = Regret(), game.model.means, game.cost
    for outcome in play(game):
        regret.add(outcome, means, game.parameters.burn_in, cost)
        if outcome.round in checkpoints:
            regret.curve.append((outcome.round, regret.arms, regret.total))
    return regret


def arm_regret_curve(arms: Iterable[int], means: Means, after: int, checkpoints: Sequence[int]) -> list[int]:
    """Pseudo-regret of the rounds after round `after` up to each checkpoint, for the arms of rounds 1, 2, ..."""
    best, total, at = max(means), 0, {}
    for round_, arm in enumerate(arms, start=1):
        if round_ > after:
            total += best - means[arm]
        at[round_] = total
    return [at[checkpoint] for checkpoint in checkpoints]
