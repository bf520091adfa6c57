"""Who plays many games without messages."""

from enum import StrEnum


class Engine(StrEnum):
    """Both come to the same sums, to the unit."""

    COMPILED = "compiled"
    """`simulation.kernel`: any game without messages, one after the other; needs numba."""
    NUMPY = "numpy"
    """`simulation.batch`: many games at once, of the plainer settings."""
