"""Just under a threshold: lie by a share of the width that few pulls excuse. All colluders favour one arm."""

from chain_bandit.attacks.attack import MILLION, Attack, View, averages, clipped, millionths, two_best, whole
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.reputation import radius
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.protocol.units import Means


class Radius(Attack):
    """`share` / sqrt(n) off the honest median of the last block, n the honest pulls of the arm.

    Above for the arm `favour`, by default the second best, below for the best of the others; the median elsewhere.
    `share` in [0, 1000]: reputation forgives 1, and a rule that forgives sqrt(s / n) is met by just under sqrt(s).
    """

    name = "radius"
    conduct = Conduct.LIAR

    def __init__(self, share: float = 0.99, favour: int | None = None) -> None:
        self.share = millionths("share", share)
        self.favour = None if favour is None else whole("favour", favour, 0)

    def numbers(self, parameters: Parameters) -> tuple[int, int]:
        """The share in millionths, and the favoured arm or -1."""
        return self.share, -1 if self.favour is None else self.favour % parameters.arms

    def means(self, view: View, honest: Means) -> Means:
        """Kept in [0, 1]; honest until there was a block."""
        rows = view.honest_rows
        if not rows:
            return honest
        means = averages(rows)
        best, second = two_best(means)
        favoured = second if self.favour is None else self.favour % len(means)
        signs = {second if favoured == best else best: -1, favoured: 1}
        return tuple(
            clipped(sorted(column)[(len(rows) - 1) // 2] + signs.get(arm, 0) * (self.share * radius(pulls) // MILLION))
            for arm, (column, pulls) in enumerate(zip(zip(*rows, strict=True), view.ledger.pulls, strict=True))
        )
