"""Upper confidence bound, compiled: the arm of `protocol.arms.ucb_arm`, with a root only where it decides."""

from math import sqrt
from typing import Any

import numpy as np

from chain_bandit.simulation.kernel.compiled import inlined
from chain_bandit.simulation.kernel.roots import isqrt

FLOORED = 11.0
"""An index is up to 10 units less than the real number that it is floored from, and a double not far from that: only
arms this near to the largest are computed exactly."""


@inlined
def factor(samples: Any) -> Any:
    """The confidence width of an arm in units over the root of the round's tabled width; infinite without samples."""
    return 10 / sqrt(np.float64(samples))


@inlined
def ucb_arm(means: Any, samples: Any, factors: Any, width: Any) -> Any:
    """The lowest index among argmax of mean + width; an arm without samples goes first.

    Args:
        means: estimators in units, one an arm.
        samples: pulls of each arm, times the reports that its estimator is made of.
        factors: `factor` of each.
        width: the tabled width of the round, more than 0.
    """
    root, best, first, second = sqrt(np.float64(width)), 0, -1.0, -1.0
    for arm in range(means.size):
        near = means[arm] + root * factors[arm]
        if near > first:
            best, first, second = arm, near, first
        elif near > second:
            second = near
    if second < first - FLOORED:
        return best
    nearest, best_index = first - FLOORED, -1
    for arm in range(means.size):
        if samples[arm] == 0:
            return arm
        if means[arm] + root * factors[arm] >= nearest:
            index = means[arm] + 10 * isqrt(width // samples[arm])
            if index > best_index:
                best, best_index = arm, index
    return best
