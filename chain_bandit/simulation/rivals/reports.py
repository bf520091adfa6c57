"""What agents tell each other, and the lies they are tried with.

A lie sees all true reports of a round and answers with those of the liars: it is as strong as colluders can be.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from chain_bandit.simulation.arena import Floats, Ints


class Reports(NamedTuple):
    """Sample means and pulls of each arm, both (..., senders, K). Of an arm without pulls nothing was heard."""

    means: Floats
    pulls: Floats


Lie = Callable[[Reports, Reports, int], Reports]
"""(true reports of the honest, true reports of the liars, round) to what the liars send."""


def truth(honest: Reports, own: Reports, t: int) -> Reports:
    """No lie."""
    return own


def silent(honest: Reports, own: Reports, t: int) -> Reports:
    """Nothing is sent."""
    return Reports(own.means, np.zeros_like(own.pulls))


def flipped(honest: Reports, own: Reports, t: int) -> Reports:
    """1 - mean in place of each mean."""
    return Reports(1 - own.means, own.pulls)


def inflated(arm: int, to: float = 1.0) -> Lie:
    """One arm is said to have paid `to` on average; pulls are true."""

    def lie(honest: Reports, own: Reports, t: int) -> Reports:
        means = own.means.copy()
        means[..., arm] = to
        return Reports(means, own.pulls)

    return lie


def _as_busiest(means: Floats, honest: Reports, own: Reports) -> Reports:
    """`means`, behind as many pulls as any honest agent has of the arm."""
    pulls = honest.pulls.max(axis=-2, keepdims=True)
    return Reports(np.broadcast_to(means, own.means.shape), np.broadcast_to(pulls, own.pulls.shape))


def constant(values: Sequence[float]) -> Lie:
    """The same means in every round."""
    return lambda honest, own, t: _as_busiest(np.asarray(values, float), honest, own)


def inside(best: int) -> Lie:
    """The lowest honest mean for the best arm, the highest for all others: no trimming can tell it from honesty."""

    def lie(honest: Reports, own: Reports, t: int) -> Reports:
        heard = honest.pulls > 0
        high = np.where(heard, honest.means, 0.0).max(axis=-2, keepdims=True)
        low = np.where(heard, honest.means, 1.0).min(axis=-2, keepdims=True)
        return _as_busiest(np.where(np.arange(high.shape[-1]) == best, low, high), honest, own)

    return lie


Recommend = Callable[[Ints, np.random.Generator, int], Ints]
"""(the best arm so far of each who asks, (R, M); coins; K) to the arm that a liar names to it, (R, M)."""


def any_arm(best: Ints, coins: np.random.Generator, arms: int) -> Ints:
    """An arm at random, another one for everybody who asks: the sources' own liar."""
    return coins.integers(arms, size=best.shape)


@dataclass(frozen=True)
class Malice:
    """What the liars do to what they send: `lie` where means are told, `recommend` where an arm is named."""

    lie: Lie = truth
    recommend: Recommend = any_arm
