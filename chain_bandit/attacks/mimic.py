"""Repeat what one honest participant said: its errors count for many (Karimireddy et al. 2022, mimic).

Nothing told is odd, so no rule on values sees it; where the honest are few or unlike, their mean loses its balance.
"""

from chain_bandit.attacks.attack import Attack
from chain_bandit.attacks.seen import Ints, Seen
from chain_bandit.protocol.settlement import Conduct


class Mimic(Attack):
    """All colluders repeat the report that the first honest seat had in the last block; honest until there was one."""

    name = "mimic"
    conduct = Conduct.LIAR

    def lie(self, seen: Seen) -> Ints:
        """Another's estimators."""
        return seen.own if seen.honest is None else seen.honest.reports[0]
