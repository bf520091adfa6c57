"""Keep one's sealing key after a game that is sealed, and pay for it."""

from chain_bandit.attacks.attack import Attack, View
from chain_bandit.protocol.settlement import Conduct


class WithheldKey(Attack):
    """Nobody opens its records; what it pulled and earned shows in the settlement all the same.

    The closing waits for the key until the settlement window has passed: `chain.settlement_window` blocks.
    """

    name = "withheld-key"
    conduct = Conduct.ATTACKER

    def reveals(self, view: View) -> bool:
        """Never."""
        return False
