"""Pseudo-regret of reference games and of rivals, in units, as running sums."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from chain_bandit.protocol.regret import Regret
from chain_bandit.protocol.units import Means
from chain_bandit.simulation.reference import Game, Outcome, play


def running_regret(game: Game) -> Iterator[tuple[Outcome, Regret]]:
    """Every round of `game` with the sums after it: one `Regret` that grows, not a copy a round."""
    regret = Regret(game.model.means, game.parameters.burn_in)
    for outcome in play(game):
        regret.add(outcome.round, outcome.arm, outcome.paid, outcome.cost)
        yield outcome, regret


def measure(game: Game) -> Regret:
    """Play `game` to its end and add up."""
    _, regret = deque(running_regret(game), maxlen=1).pop()
    return regret


def arm_regret_curve(arms: Iterable[int], means: Means, after: int, checkpoints: Sequence[int]) -> list[int]:
    """Pseudo-regret of the rounds after round `after` up to each checkpoint, for the arms of rounds 1, 2, ..."""
    best, total, at = max(means), 0, {}
    for round_, arm in enumerate(arms, start=1):
        if round_ > after:
            total += best - means[arm]
        at[round_] = total
    return [at[checkpoint] for checkpoint in checkpoints]
