"""The one way in which functions of the kernel are compiled."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compiled at its first call, to run without Python's lock; nobody divides by zero, so nothing checks for it."""
    return cast(Function, numba.njit(nogil=True, error_model="numpy")(function))
