"""Exchange the best arm and the second, as far as the honest range allows: no trimming sees it. All colluders alike."""

import numpy as np

from chain_bandit.attacks.attack import Attack
from chain_bandit.attacks.seen import Ints, Seen, best, each_arm, second
from chain_bandit.protocol.settlement import Conduct


class Swap(Attack):
    """The honest means of the last block, those of the two best arms exchanged, each kept in its arm's honest range."""

    name = "swap"
    conduct = Conduct.LIAR

    def lie(self, seen: Seen) -> Ints:
        """Honest until there was a block."""
        if seen.honest is None:
            return seen.own
        mean, arm = seen.honest.average, each_arm(seen.own)
        first, other = best(mean), second(mean)
        swapped = np.take_along_axis(mean, np.where(arm == first, other, np.where(arm == other, first, arm)), axis=-2)
        return np.minimum(np.maximum(swapped, seen.honest.lowest), seen.honest.highest)
