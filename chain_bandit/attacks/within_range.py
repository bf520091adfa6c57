"""Stay inside the honest range and favour a bad arm: no trimming sees it. All colluders alike."""

from chain_bandit.attacks.attack import Attack, View, averages
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.protocol.units import Means


class WithinRange(Attack):
    """For the arm that looks worst the highest honest estimator of the last block, for every other the lowest."""

    name = "within-range"
    conduct = Conduct.LIAR

    def means(self, view: View, honest: Means) -> Means:
        """The edge of the honest range that was last seen on the chain; honest until one was."""
        rows = view.honest_rows
        if not rows:
            return honest
        means = averages(rows)
        worst = means.index(min(means))
        return tuple(
            max(column) if arm == worst else min(column) for arm, column in enumerate(zip(*rows, strict=True))
        )
