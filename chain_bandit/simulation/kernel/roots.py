"""Integer roots and quotients, compiled."""

from math import sqrt
from typing import Any

import numpy as np

from chain_bandit.protocol.reputation import FREE
from chain_bandit.protocol.units import UNIT
from chain_bandit.simulation.kernel.compiled import compiled, inlined


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


@inlined
def quotient(total: Any, count: Any, inverse: Any) -> Any:
    """total // count of a total below 2^63 whose quotient is below 2^40, by a double near 1 / count."""
    near = np.int64(total * inverse)
    rest = total - near * count
    return near - (rest < 0) + (rest >= count)
