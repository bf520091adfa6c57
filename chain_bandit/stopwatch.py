"""Profile of a run: seconds and calls by section. Measurement only; no rule reads it."""

from collections import Counter, defaultdict
from contextlib import AbstractContextManager
from time import perf_counter
from typing import Any


class Stopwatch:
    """Adds up wall seconds and calls under names such as "sign", "verify" and "evm"; runs from its making."""

    def __init__(self) -> None:
        self._start = perf_counter()
        self.seconds: dict[str, float] = defaultdict(float)
        self.calls: Counter[str] = Counter()

    def __call__(self, section: str) -> AbstractContextManager[None]:
        """Time a `with` block under `section`."""
        return _Section(self, section)

    def add(self, section: str, seconds: float) -> None:
        """Count one call of `seconds` under `section`."""
        self.seconds[section] += seconds
        self.calls[section] += 1

    def measured(self) -> dict[str, Any]:
        """Seconds so far, in all and by section, and the ratio of the first to the sum of the others."""
        seconds = perf_counter() - self._start
        return {
            "seconds": round(seconds, 3),
            "sections": {name: round(value, 3) for name, value in sorted(self.seconds.items())},
            "ratio": round(seconds / max(sum(self.seconds.values()), 1e-9), 3),
        }


class _Section(AbstractContextManager[None]):
    """One `with` block; faster than a generator, of which every question to a node would need one."""

    __slots__ = ("_section", "_start", "_stopwatch")

    def __init__(self, stopwatch: Stopwatch, section: str) -> None:
        self._stopwatch, self._section = stopwatch, section

    def __enter__(self) -> None:
        self._start = perf_counter()

    def __exit__(self, *raised: object) -> None:
        self._stopwatch.add(self._section, perf_counter() - self._start)
