"""Stay inside the honest range and favour a bad arm: no trimming sees it. All colluders alike."""

import numpy as np

from chain_bandit.attacks.attack import Attack
from chain_bandit.attacks.seen import Ints, Seen, each_arm
from chain_bandit.protocol.settlement import Conduct


class WithinRange(Attack):
    """For the arm that looks worst the highest honest estimator of the last block, for every other the lowest."""

    name = "within-range"
    conduct = Conduct.LIAR

    def lie(self, seen: Seen) -> Ints:
        """The edge of the honest range that was last seen on the chain; honest until one was."""
        if seen.honest is None:
            return seen.own
        worst = seen.honest.average.argmin(axis=-2, keepdims=True)
        return np.where(each_arm(seen.own) == worst, seen.honest.highest, seen.honest.lowest)
