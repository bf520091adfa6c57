"""The engines that play games without messages, and the cost model by which one is chosen."""

from collections.abc import Set
from dataclasses import dataclass
from enum import StrEnum
from math import inf


class Engine(StrEnum):
    """All come to the same sums, to the unit."""

    COMPILED = "compiled"
    """`simulation.kernel`: any game without messages, one after the other; needs numba (`chain-bandit[fast]`)."""
    NUMPY = "numpy"
    """`simulation.batch`: many games at once, of the plainer settings, by any aggregation."""
    PLAIN = "plain"
    """`simulation.outcomes`: any game without messages, hundreds of times slower; whatever has no compiled form."""


COMPILING = 40.0
"""Seconds of CPU that the compiler takes, once: what it makes is kept (`kernel.compiled.folder`)."""

_STEPS = {Engine.COMPILED: 1.5e7, Engine.NUMPY: 5e6, Engine.PLAIN: 3e4}
"""Agent-steps a second of CPU: measured with 10 participants and 10 or 16 arms."""

_ARMS, _DOUBLED = 16, {Engine.COMPILED: 250.0, Engine.NUMPY: inf, Engine.PLAIN: 50.0}
"""Arms of these measurements, and with how many arms an agent-step takes twice as long as with few: measured up to 200,
where the plain loop is 3.7 times as slow as with 10, the compiled one 1.9 times, and the one in numpy is not."""

_NUMPY_ROUND = 3e-4
"""Seconds besides, of each round that all replicates play together."""


@dataclass(frozen=True, slots=True)
class Work:
    """Games of one setting.

    Attributes:
        rounds: of each: T, fewer with phases.
        steps: agent-steps of all of them, participants x rounds x replicates.
        arms: K.
    """

    rounds: int
    steps: int
    arms: int = _ARMS

    def seconds(self, engine: Engine) -> float:
        """About how long an engine takes, without compiling."""
        by_arms = (1 + self.arms / _DOUBLED[engine]) / (1 + _ARMS / _DOUBLED[engine])
        return self.steps * by_arms / _STEPS[engine] + (_NUMPY_ROUND * self.rounds if engine is Engine.NUMPY else 0)

    def fastest(self, engines: Set[Engine]) -> Engine:
        """Of some engines."""
        return min(engines, key=self.seconds)
