"""Progress notice of a wait: logged once when it is long, and once more at its end."""

import sys
from collections.abc import Callable

from chain_bandit.chain.errors import RateLimited

SILENT = 1.0
"""Seconds that something may take without a notice."""


def nobody(line: str) -> None:
    """The null notice."""


def on_stderr(line: str) -> None:
    """Print a line on stderr, without what a terminal would obey: a node's own words may be in it."""
    print("".join(each if each.isprintable() else ascii(each)[1:-1] for each in line), file=sys.stderr, flush=True)


class Notice:
    """One thing that may have to be waited for.

    Attributes:
        what: its name.
        say: told a line.
        end: the line at the end; by default of something that answers again.
    """

    def __init__(self, what: str = "", say: Callable[[str], None] = nobody, end: str = "") -> None:
        self.what, self.say, self.end = what, say, end or f"connected to {what} again"
        self._is_said = self._is_limit_said = False

    def waiting(self, why: object) -> None:
        """It is not there; of a limit of requests, which lasts, only the first wait is told."""
        is_limit = isinstance(why, RateLimited)
        if not self._is_said and not (is_limit and self._is_limit_said):
            self._is_said, self._is_limit_said = True, is_limit or self._is_limit_said
            self.say(f"waiting for {self.what}: {why}")

    def over(self) -> None:
        """It is there."""
        if self._is_said:
            self._is_said = False
            self.say(self.end)
