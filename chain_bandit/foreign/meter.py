"""The step counter of a run, and what ends one.

A step is one turn of a loop or comprehension, or one call; operations that make or read much are charged by its size.
Counting is by an iterator of the standard library, since one `next` costs a third of a call of Python code.
"""

from collections.abc import Iterator
from itertools import chain, repeat
from operator import length_hint
from typing import Any

from chain_bandit.foreign.language import MAX_DEPTH


class Halt(BaseException):
    """Ends a run: a bound is passed, or something forbidden is done. No `except` that a rule may write catches it."""


class Meter:
    """Counts the steps of one run at a time.

    Turns and charges are counted apart, each up to the bound; a run whose sum passes it has failed, at the latest when
    it ends. The sum depends on source and input alone.
    """

    def __init__(self) -> None:
        self.names: dict[str, Any] = {}
        """Of the counted code, which finds there the iterator of which it takes one element a turn."""
        self.start(0)

    def start(self, bound: int) -> None:
        """Begin a run of at most so many steps."""
        self.bound, self._charged, self._depth = bound, 0, 0
        self._left = repeat(True, bound)
        self._ticks = self.names["__steps__"] = chain(self._left, self._passed())

    def _passed(self) -> Iterator[bool]:
        self._charged += 1
        raise Halt(self._reason())
        yield True  # makes this a generator

    def _reason(self) -> str:
        return f"passes its bound of {self.bound} steps"

    @property
    def steps(self) -> int:
        """Of the run so far."""
        return self.bound - length_hint(self._left) + self._charged

    def charge(self, steps: int) -> None:
        """Count so many steps. Raises `Halt`."""
        self._charged += steps
        if self._charged > self.bound:
            raise Halt(self._reason())

    def turn(self, steps: int) -> bool:
        """A turn of a long body takes so many steps more. True, so that it can stand among conditions."""
        self.charge(steps)
        return True

    def finish(self) -> None:
        """Raises `Halt` when the run took more steps than its bound."""
        if self.steps > self.bound:
            raise Halt(self._reason())

    def room(self) -> int:
        """How many steps may be charged yet."""
        return max(0, self.bound - self._charged)

    def enter(self) -> None:
        """A call begins: one step, and one level deeper. Raises `Halt`."""
        next(self._ticks)
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise Halt(f"calls more than {MAX_DEPTH} deep; write a loop in place of a recursion")

    def leave(self) -> None:
        """A call ends."""
        self._depth -= 1
