"""Result of a schedule without a consensus of seats: violations, and counts of events."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Counted:
    """What a schedule came to.

    Attributes:
        violations: what did not hold, a line each.
        seen: how often what happened.
    """

    violations: list[str] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)

    def broken(self, what: str) -> None:
        """Note what does not hold, once."""
        if what not in self.violations:
            self.violations.append(what)
