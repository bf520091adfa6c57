"""Leave exploring to the others: pull the arm that is best by the estimators in force, and report the truth."""

from chain_bandit.attacks.attack import Attack, View
from chain_bandit.protocol.settlement import Conduct


class FreeRider(Attack):
    """Strategic experimentation (Bolton and Harris 1999). A game with a slash pays for the block's arm alone."""

    name = "free-rider"
    conduct = Conduct.LIAR

    def arm(self, view: View, honest: int) -> int | None:
        """Of equals the first; the honest arm until there are estimators in force."""
        means = view.ledger.means
        return max(range(len(means)), key=lambda arm: means[arm]) if means else honest
