"""Observations as arrays of all inputs, of the lists of those that count."""

import numpy as np

from chain_bandit.array_types import Singles
from chain_bandit.mediate.games.game import NOTHING, Marks


def dense(marks: Marks, inputs: int) -> Singles:
    """How often each input counts, (..., inputs), of marks (..., K)."""
    return np.stack([(marks == each).sum(axis=-1) for each in range(inputs)], axis=-1).astype(np.float32)


def ends_with_nothing(marks: Marks) -> bool:
    """Whether nothing stands behind what is no mark."""
    none = marks == NOTHING
    return bool((none[..., 1:] >= none[..., :-1]).all() and marks.min(initial=0) >= NOTHING)
