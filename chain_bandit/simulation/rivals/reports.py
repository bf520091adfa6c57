"""Reports between a rival's agents, and the lies they are tried with.

A lie sees all true reports of a round, knows the rule that pools them, and answers with those of the liars: it is as
strong as colluders can be.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from chain_bandit.simulation.arena import Floats, Ints


class Reports(NamedTuple):
    """Sample means and pulls of each arm, both (..., senders, K). Of an arm without pulls nothing was received."""

    means: Floats
    pulls: Floats


@dataclass(frozen=True)
class LiarsView:
    """What the liars know when they report.

    Attributes:
        t: the round.
        honest, own: the true reports of the honest, (R, M - f, K), and of the liars, (R, f, K).
        in_force: what the first honest agent has pooled so far, (R, K).
        outcome: of what the liars might send, n tries for each replicate one after the other, (n R, f, K), what that
            agent would pool of each, (n R, K).
    """

    t: int
    honest: Reports
    own: Reports
    in_force: Reports
    outcome: Callable[[Reports], Reports]


LiarStrategy = Callable[[LiarsView], Reports]
"""What the liars send."""


def truth(seen: LiarsView) -> Reports:
    """No lie."""
    return seen.own


def silent(seen: LiarsView) -> Reports:
    """Nothing is sent."""
    return Reports(seen.own.means, np.zeros_like(seen.own.pulls))


def inflated(arm: int, to: float = 1.0) -> LiarStrategy:
    """One arm is said to have paid `to` on average; pulls are true."""

    def lie(seen: LiarsView) -> Reports:
        means = seen.own.means.copy()
        means[..., arm] = to
        return Reports(means, seen.own.pulls)

    return lie


def _as_busiest(means: Floats, seen: LiarsView) -> Reports:
    """`means`, behind as many pulls as any honest agent has of the arm."""
    pulls, shape = seen.honest.pulls.max(axis=-2, keepdims=True), seen.own.means.shape
    return Reports(np.broadcast_to(means, shape), np.broadcast_to(pulls, shape))


def constant(values: Sequence[float]) -> LiarStrategy:
    """The same means in every round."""
    return lambda seen: _as_busiest(np.asarray(values, float), seen)


def inside(best: int) -> LiarStrategy:
    """The lowest honest mean for the best arm, the highest for all others: no trimming can tell it from honesty."""

    def lie(seen: LiarsView) -> Reports:
        heard = seen.honest.pulls > 0
        high = np.where(heard, seen.honest.means, 0.0).max(axis=-2, keepdims=True)
        low = np.where(heard, seen.honest.means, 1.0).min(axis=-2, keepdims=True)
        return _as_busiest(np.where(np.arange(high.shape[-1]) == best, low, high), seen)

    return lie


Recommend = Callable[[Ints, np.random.Generator, int], Ints]
"""(the arms that each asking agent chooses among, (R, M, A); coins; K) to the arm that a liar names to it, (R, M)."""


def any_arm(active: Ints, coins: np.random.Generator, arms: int) -> Ints:
    """An arm at random, another one for each request: the sources' own liar."""
    return coins.integers(arms, size=active.shape[:-1])


def another(best: int) -> Recommend:
    """An arm at random of those that the asking agent does not play, but not the best: each answer costs it an arm."""

    def named(active: Ints, coins: np.random.Generator, arms: int) -> Ints:
        wishes = coins.random((*active.shape[:-1], arms))
        np.put_along_axis(wishes, active, -1.0, axis=-1)
        wishes[..., best] = -1.0
        return np.asarray(wishes.argmax(axis=-1))

    return named


@dataclass(frozen=True)
class Malice:
    """What the liars do to what they send: `lie` where means are told, `recommend` where an arm is named."""

    lie: LiarStrategy = truth
    recommend: Recommend = any_arm
