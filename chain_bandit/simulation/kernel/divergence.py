"""KL-UCB's arm, compiled: `protocol.rules.kl_ucb` in doubles of bounded error.

Where these do not tell, which is rare, the answer is `UNSURE`, and the plain loop plays the game.
"""

from math import log, sqrt
from typing import Any

import numpy as np

from chain_bandit.protocol.units import UNIT
from chain_bandit.simulation.kernel.compiled import inlined

UNSURE = -1
"""In place of an arm."""

ERROR = 1e-15
"""Of a product with a logarithm, several times over."""

FLOORED = 2.0
"""Units: an index is floored from a real number, and a double is not half a unit off: only arms this near to the
largest can have the highest index."""


@inlined
def kl_arm(means: Any, samples: Any, indices: Any, width: Any) -> Any:
    """The lowest arm among argmax of the index, `UNSURE` where doubles do not tell; an arm without samples goes first.

    Args:
        means: estimators in units, one an arm.
        samples: pulls of each arm, times the reports that its estimator counts for.
        indices: doubles, one an arm; changed.
        width: the tabled width of the round, C1 ln t * 10^16.
    """
    highest = -1.0
    for arm in range(means.size):
        if samples[arm] == 0:
            return np.int64(arm)
        indices[arm] = _index(means[arm], width / 2e16 / samples[arm], highest - FLOORED)
        highest = max(highest, indices[arm])
    best, alike, index = np.int64(-1), True, 0.0
    for arm in range(means.size):
        if indices[arm] >= highest - FLOORED:
            if best < 0:
                best, first, index = np.int64(arm), np.int64(arm), np.floor(indices[arm])
            elif means[arm] != means[first] or samples[arm] != samples[first]:
                alike = False
                if np.floor(indices[arm]) > index:
                    best, index = np.int64(arm), np.floor(indices[arm])
    if alike:
        return best
    for arm in range(means.size):
        near, error = indices[arm], _error(means[arm], indices[arm])
        if near >= highest - FLOORED and np.floor(near - error) != np.floor(near + error):
            return np.int64(UNSURE)
    return best


@inlined
def _index(mean: Any, most: Any, below: Any) -> Any:
    """q in units with KL(mean, q) = most, by Newton's method from above; or what is above it, where that is below."""
    if mean >= UNIT:
        return np.float64(UNIT)
    p, last = mean / UNIT, (UNIT - 1) / UNIT
    q = min(p + sqrt(most / 2), last)
    step = 1.0
    while step > 1e-12 and q > p and q * UNIT >= below:
        over = (1 - p) * log((1 - p) / (1 - q)) - most
        if mean > 0:
            over += p * log(p / q)
        if q == last and over < 0:  # the highest index below 1, or beside it where the sign may be wrong
            return np.float64(UNIT - 1) if over < -1e-9 else np.float64(UNIT - 1 - 3e-7)
        step = over * q * (1 - q) / (q - p)
        q -= max(step, 0.0)
    return max(q, p) * UNIT


@inlined
def _error(mean: Any, index: Any) -> Any:
    """How far the double of an index may be off, in units: what its divergence may be, over the slope of that."""
    p, q = mean / UNIT, index / UNIT
    if mean >= UNIT or index == UNIT - 1:  # the highest index, exactly
        return 0.0
    if q <= p:
        return 1.0
    return 1e-6 + ERROR * UNIT * q * (1 + (1 - q) * (1 - log(1 - q))) / (q - p)
