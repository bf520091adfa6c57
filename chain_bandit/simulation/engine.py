"""Who plays many games without messages."""

from enum import StrEnum


class Engine(StrEnum):
    """All come to the same sums, to the unit."""

    COMPILED = "compiled"
    """`simulation.kernel`: any game without messages, one after the other; needs numba."""
    NUMPY = "numpy"
    """`simulation.batch`: many games at once, of the plainer settings."""
    PLAIN = "plain"
    """`simulation.outcomes`: any game without messages, a thousand times slower; whatever has no compiled form."""
