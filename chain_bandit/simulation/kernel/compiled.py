"""The one way in which functions of the kernel are compiled."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


_HOW: Any = {"nogil": True, "error_model": "numpy", "_nrt": False}
"""Without Python's lock; nobody divides by zero, so nothing checks for it; no array of its own, so that nothing counts
who holds which: a round takes less time than that would."""


def compiled(function: Function) -> Function:
    """Compiled at its first call."""
    return cast(Function, numba.njit(**_HOW)(function))


def inlined(function: Function) -> Function:
    """Compiled into whoever calls it: to hand over the state of a game takes longer than most steps of it."""
    return cast(Function, numba.njit(forceinline=True, **_HOW)(function))
