"""Exchange the best arm and the second, as far as the honest range allows: no trimming sees it. All colluders alike."""

from chain_bandit.attacks.attack import Attack, View, averages, two_best
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.protocol.units import Means


class Swap(Attack):
    """The honest means of the last block, those of the two best arms exchanged, each kept in its arm's honest range."""

    name = "swap"
    conduct = Conduct.LIAR

    def means(self, view: View, honest: Means) -> Means:
        """Honest until there was a block."""
        rows = view.honest_rows
        if not rows:
            return honest
        lie = list(averages(rows))
        best, second = two_best(lie)
        lie[best], lie[second] = lie[second], lie[best]
        return tuple(
            min(max(mean, min(column)), max(column)) for mean, column in zip(lie, zip(*rows, strict=True), strict=True)
        )
