"""Leave the others few reports to choose from: claim enough pulls of the best arm alone, and report 0 of it."""

import numpy as np

from chain_bandit.attacks.attack import Attack, View
from chain_bandit.attacks.seen import Ints, Seen, best, each_arm
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.protocol.units import Counts


class FewCounts(Attack):
    """0 pulls of every arm but the best in the honest reports of the last block, and the estimator 0 of that one.

    A rule that asks of each arm who has pulled it often enough, Option 1, has f fewer candidates of the others, from
    which it leaves 2f out all the same: what is left of them has the confidence width of few reports. A rule that asks
    for all arms at once hears nothing of such a seat.
    """

    name = "few-counts"
    conduct = Conduct.LIAR

    def lie(self, seen: Seen) -> Ints:
        """Honest until there was a block."""
        if seen.honest is None:
            return seen.own
        return np.where(each_arm(seen.own) == best(seen.honest.average), 0, seen.own)

    def counts(self, view: View, honest: Counts) -> Counts:
        """Of the best arm the truth."""
        rows = view.honest_rows
        if not rows:
            return honest
        means = [sum(column) // len(rows) for column in zip(*rows, strict=True)]
        return tuple(count if arm == means.index(max(means)) else 0 for arm, count in enumerate(honest))
