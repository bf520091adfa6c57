"""Square roots of many integers at once."""

import numpy as np
from numpy.typing import NDArray


def isqrt(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """floor(sqrt(v)) of values from 0 to 2^63 - 1: a double's root is too large by one at most, and never too small."""
    wide = values.astype(np.uint64)
    roots = np.sqrt(values.astype(np.float64)).astype(np.uint64)
    roots -= roots * roots > wide
    return roots.astype(np.int64)
