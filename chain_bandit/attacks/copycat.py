"""Repeat what everybody agreed on last: free of any work of one's own, and near the truth."""

from chain_bandit.attacks.attack import Attack
from chain_bandit.attacks.seen import Ints, Seen
from chain_bandit.protocol.settlement import Conduct


class Copycat(Attack):
    """The global estimators in force; honest until there are some."""

    name = "copycat"
    conduct = Conduct.LIAR

    def lie(self, seen: Seen) -> Ints:
        """The last approved block's."""
        return seen.own if seen.in_force is None else seen.in_force
