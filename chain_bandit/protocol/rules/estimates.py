"""Reports that say the local estimators as they are (protocol.md: Reports)."""

from chain_bandit.protocol.rule import Disclosure, Own, Terms
from chain_bandit.protocol.units import Means


class Estimates(Disclosure):
    """An integer of units for each arm."""

    name = "estimates"

    def encode(self, terms: Terms, own: Own) -> Means:
        """As they are."""
        return own.means
