"""The one way in which functions of the kernel are compiled."""

from collections.abc import Callable
from typing import TypeVar

import numba

Function = TypeVar("Function", bound=Callable[..., object])


def compiled(function: Function) -> Function:
    """Compiled at its first call, to run without Python's lock; a division by zero gives no error, so have none."""
    compiled: Function = numba.njit(nogil=True, error_model="numpy")(function)
    return compiled
