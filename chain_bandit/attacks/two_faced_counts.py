"""Answer differently about one's pull counts: to one commitment, several openings."""

from dataclasses import replace

from chain_bandit.actors.messages import Send
from chain_bandit.attacks.attack import Attack, Effect, View, flag
from chain_bandit.comparison.interface import Opening
from chain_bandit.protocol.settlement import Conduct


class TwoFacedCounts(Attack):
    """Claims no pulls at all, and hides the opening that its report committed to when `withholds`."""

    name = "two-faced-counts"
    conduct = Conduct.ATTACKER

    def __init__(self, withholds: bool = False) -> None:
        self.withholds = flag("withholds", withholds)

    def outbox(self, view: View, sends: list[Send]) -> list[Send]:
        """Every opening goes out with a false one before it."""
        changed: list[Send] = []
        for send in sends:
            if isinstance(send.message, Opening):
                changed.append(Send(send.to, replace(send.message, counts=(0,) * len(send.message.counts))))
                if self.withholds:
                    continue
            changed.append(send)
        return changed

    def effect(self) -> Effect:
        """The false opening opens nothing; only without the true one the report counts as withheld."""
        return Effect(opens=not self.withholds)
