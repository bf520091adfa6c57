"""Integer quotients by a product, compiled: a division takes longer than the rest of a seat's round."""

from typing import Any

import numpy as np

from chain_bandit.simulation.kernel.compiled import inlined
from chain_bandit.simulation.kernel.philox import product


@inlined
def reciprocal(count: Any) -> Any:
    """floor((2^64 - 1) / count) of a positive count, for `quotient`."""
    return ~np.uint64(0) // np.uint64(max(count, 1))


@inlined
def quotient(total: Any, count: Any, inverse: Any) -> Any:
    """total // count of a total from 0 to 2^63 - 1: by the upper half of its product with the `reciprocal`, which is
    less than 2^64 / count by at most one, so that the product is right or one too small."""
    near = np.int64(product(np.uint64(total), inverse)[0])
    return near + (total - near * count >= count)
