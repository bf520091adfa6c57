"""Progress notice of a wait: logged once when it is long, and once more at its end."""

from collections.abc import Callable

SILENT = 1.0
"""Seconds that something may take without a notice."""


def nobody(line: str) -> None:
    """The null notice."""


class Notice:
    """One thing that may have to be waited for.

    Attributes:
        what: its name.
        say: told a line.
    """

    def __init__(self, what: str = "", say: Callable[[str], None] = nobody) -> None:
        self.what, self.say = what, say
        self._is_said = False

    def waiting(self, why: object) -> None:
        """It is not there."""
        if not self._is_said:
            self._is_said = True
            self.say(f"waiting for {self.what}: {why}")

    def over(self) -> None:
        """It is there."""
        if self._is_said:
            self._is_said = False
            self.say(f"connected to {self.what} again")
