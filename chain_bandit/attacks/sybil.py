"""One liar under many names: its clones tell the very same, whatever each of them saw."""

from chain_bandit.attacks.attack import View, averages
from chain_bandit.attacks.worse_half import WorseHalf
from chain_bandit.protocol.units import Means


class Sybil(WorseHalf):
    """The worst lie, 1 for the worse half of the arms and 0 for the rest, by the honest means of the last block.

    So all colluders tell one vector, where `worse-half` goes by what each seat saw; honest until there was a block.
    """

    name = "sybil"

    def means(self, view: View, honest: Means) -> Means:
        """Alike for all that have read the same block."""
        rows = view.honest_rows
        return super().means(view, averages(rows)) if rows else honest
