"""One liar under many names: its clones tell the very same, whatever each of them saw."""

from dataclasses import replace

from chain_bandit.attacks.seen import Ints, Seen
from chain_bandit.attacks.worse_half import WorseHalf


class Sybil(WorseHalf):
    """The worst lie, 1 for the worse half of the arms and 0 for the rest, by the honest means of the last block.

    So all colluders tell one vector, where `worse-half` goes by what each seat saw; honest until there was a block.
    """

    name = "sybil"

    def lie(self, seen: Seen) -> Ints:
        """Alike for all that have read the same block."""
        return seen.own if seen.honest is None else super().lie(replace(seen, own=seen.honest.average))
