"""Rewards that a participant observes itself, where they are self-declared: nobody else sees or settles them."""

from chain_bandit.actors.rewards import RewardGiver
from chain_bandit.protocol.ledger import Ledger
from chain_bandit.protocol.rewards import Wanted
from chain_bandit.protocol.settlement import Pull
from chain_bandit.protocol.units import Counts, added


class OwnRewards:
    """Own sums of a seat, and how many pulls they are of: one that got no answer in time is in neither.

    Args:
        waits: whether a report waits for every answer that is due, as in a game in one process. A node waits for those
            of rounds 1 to L alone, for it votes too: what comes later counts from the next report on.
    """

    def __init__(self, giver: RewardGiver, seat: int, arms: int, burn_in: int, waits: bool) -> None:
        self._giver, self._seat, self._burn_in, self._waits = giver, seat, burn_in, waits
        self.sums: Counts = (0,) * arms
        self.pulls: Counts = (0,) * arms
        self._open: list[tuple[Ledger, Wanted]] = []

    def ask(self, ledger: Ledger, pull: Pull) -> None:
        """Ask for what the pulls of a receipt gave: again with the same keys where an earlier process has."""
        wanted = Wanted(self._seat, pull.arm, pull.count)
        self._giver.ask(ledger, [wanted], must=ledger.round <= self._burn_in)
        self._open.append((ledger, wanted))

    def take(self, here: int) -> None:
        """Count what has come before the report of a round, on disk first. Raises as `RewardGiver.reward`."""
        still = []
        for ledger, wanted in self._open:
            if not (self._waits or ledger.round <= self._burn_in or self._giver.has(ledger, wanted)):
                still.append((ledger, wanted))
                continue
            reward = self._giver.reward(ledger, wanted)
            if reward is not None:
                self.sums = added(self.sums, wanted.arm, reward)
                self.pulls = added(self.pulls, wanted.arm, wanted.count)
        self._open = still
        if not self._waits:  # else others have yet to count theirs
            self._giver.forget(still[0][0].round if still else here)
