"""Retry budget: exponential backoff between tries of something outside, until patience is at its end."""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic, sleep

from chain_bandit.protocol.errors import ChainBanditError

FIRST, GROWTH, LONGEST = 0.001, 1.5, 0.25
"""Seconds of the first pause, what each is longer than the last, and the longest."""


def never() -> bool:
    """There is always hope."""
    return False


@dataclass(frozen=True, slots=True)
class Clock:
    """Where the time comes from, in seconds: a test has one of its own."""

    now: Callable[[], float] = monotonic
    sleep: Callable[[float], None] = sleep


MONOTONIC = Clock()


class RetryBudget:
    """Ends when nothing has moved for `seconds`, or `is_over`: nothing will move any more."""

    def __init__(self, seconds: float, is_over: Callable[[], bool] = never, clock: Clock = MONOTONIC) -> None:
        self._seconds, self._is_over, self._clock = seconds, is_over, clock
        self.moved()

    def moved(self) -> None:
        """Something has come forward: start anew."""
        self.since = self._clock.now()
        self._end, self._pause = self.since + self._seconds, FIRST

    def wait(self, why: ChainBanditError, at_least: float = 0.0) -> None:
        """Pause before the next try, for so many seconds at least; raise `why` when patience is at its end."""
        if self._clock.now() > self._end or self._is_over():
            raise why
        self._clock.sleep(max(self._pause, at_least))
        self._pause = min(GROWTH * self._pause, LONGEST)
