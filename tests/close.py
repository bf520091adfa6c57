"""Figures that are kept, beside the same ones made again: a quantile of Student's t may differ in its last bits."""

from collections.abc import Mapping
from math import isclose
from typing import Any


def close(made: Any, kept: Any) -> bool:
    """Whether two rows are alike, their floats to twelve digits."""
    if isinstance(kept, Mapping):
        return made.keys() == kept.keys() and all(close(made[key], value) for key, value in kept.items())
    if isinstance(kept, list):
        return len(made) == len(kept) and all(map(close, made, kept))
    if isinstance(kept, float):
        return isclose(made, kept, rel_tol=1e-12, abs_tol=1e-12)
    return bool(made == kept)
