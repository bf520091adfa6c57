"""Waiting for something outside: longer and longer between tries, with an end."""

from time import monotonic, sleep

from chain_bandit.protocol.errors import ChainBanditError

FIRST, GROWTH, LONGEST = 0.001, 1.5, 0.25
"""Seconds of the first pause, what each is longer than the last, and the longest."""


class Patience:
    """Ends when nothing has moved for `seconds`."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.moved()

    def moved(self) -> None:
        """Something has come forward: start anew."""
        self.since = monotonic()
        self._end, self._pause = self.since + self._seconds, FIRST

    def wait(self, why: ChainBanditError) -> None:
        """Pause before the next try; raise `why` when patience is at its end."""
        if monotonic() > self._end:
            raise why
        sleep(self._pause)
        self._pause = min(GROWTH * self._pause, LONGEST)
