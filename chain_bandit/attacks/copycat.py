"""Repeat what everybody agreed on last: free of any work of one's own, and near the truth."""

from chain_bandit.attacks.attack import Attack, View
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.protocol.units import Means


class Copycat(Attack):
    """The global estimators in force; honest until there are some."""

    name = "copycat"
    conduct = Conduct.LIAR

    def means(self, view: View, honest: Means) -> Means:
        """The last approved block's."""
        return view.ledger.means or honest
