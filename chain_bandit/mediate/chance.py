"""Random numbers of an experiment, keyed by their use, so that no use of one shifts another."""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

Uniforms = NDArray[np.float64]
"""Independent and uniform in [0, 1)."""


class Use(IntEnum):
    """What a stream of numbers is for."""

    RESETS = 0
    STEPS = 1
    ACTIONS = 2
    NETWORKS = 3
    SHARES = 4
    INCENTIVES = 5


def generator(seed: int, run: int, epoch: int, use: Use) -> np.random.Generator:
    """The stream of one run in one epoch for one use. The same arguments give the same numbers."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence((seed, run, epoch, use))))


def pick(chance: float, among: int) -> int:
    """The whole number below `among` that a uniform chance stands for; never `among` itself, for all up to 2^52."""
    return int(chance * among)


def picks(chances: Uniforms, among: int) -> NDArray[np.int64]:
    """`pick` of each."""
    return (chances * among).astype(np.int64)


def shuffled(chances: Uniforms) -> NDArray[np.int64]:
    """The places 0, 1, ... of the last axis in a uniform order: the lowest chance first."""
    return np.argsort(chances, axis=-1, kind="stable").astype(np.int64)
