"""Integer roots, compiled."""

from math import sqrt
from typing import Any

import numpy as np

from chain_bandit.protocol.reputation import FREE
from chain_bandit.protocol.units import UNIT
from chain_bandit.simulation.kernel.compiled import compiled


@compiled
def isqrt(value: Any) -> Any:
    """floor(sqrt(value)) of a value from 0 to 2^63 - 1."""
    root = np.int64(sqrt(value))
    while root > 0 and root > value // root:
        root -= 1
    while root + 1 <= value // (root + 1):
        root += 1
    return root


@compiled
def radius(pulls: Any) -> Any:
    """`protocol.reputation.radius`."""
    return isqrt(UNIT * UNIT // pulls) if pulls else np.int64(FREE)
