"""Repeat what one honest participant said: its errors count for many (Karimireddy et al. 2022, mimic).

Nothing told is odd, so no rule on values sees it; where the honest are few or unlike, their mean loses its balance.
"""

from chain_bandit.attacks.attack import Attack, View
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.protocol.units import Means


class Mimic(Attack):
    """All colluders repeat the report that the first honest seat had in the last block; honest until there was one."""

    name = "mimic"
    conduct = Conduct.LIAR

    def means(self, view: View, honest: Means) -> Means:
        """Another's estimators."""
        return next(iter(view.honest_rows), honest)
