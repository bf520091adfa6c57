"""Reward source of the environment: drawn at once, or requested and awaited."""

from collections.abc import Sequence
from typing import Protocol

from chain_bandit.protocol.ledger import Ledger
from chain_bandit.protocol.rewards import Draws, Wanted


class RewardGiver(Protocol):
    """Gives each seat's rewards of a round, once asked for them; twice alike."""

    def ask(self, ledger: Ledger, wanted: Sequence[Wanted], must: bool = False) -> None:
        """Begin to ask for what is not known yet.

        Args:
            must: whether it is asked for until it comes; else no answer in time forfeits it.
        """
        ...

    def has(self, ledger: Ledger, wanted: Wanted) -> bool:
        """Whether it is known what the pulls give, or that they are forfeited, without waiting for it."""
        ...

    def reward(self, ledger: Ledger, wanted: Wanted) -> int | None:
        """What the pulls give together, in units; None where they are forfeited. Waits for what was asked."""
        ...

    def expire(self, round_: int) -> None:
        """Wait no longer for what a round's pulls give: forfeit what is not there and does not have to come."""
        ...

    def forget(self, before: int) -> None:
        """Nobody asks any more what was given in rounds before one."""
        ...


class DrawnRewards:
    """`RewardGiver` of a committed model: all is known at once."""

    def __init__(self, draws: Draws) -> None:
        self._draws = draws

    def ask(self, ledger: Ledger, wanted: Sequence[Wanted], must: bool = False) -> None:
        """Nothing has to be asked for."""

    def has(self, ledger: Ledger, wanted: Wanted) -> bool:
        """Always."""
        return True

    def reward(self, ledger: Ledger, wanted: Wanted) -> int:
        """The draws of the round."""
        return self._draws.rewards(ledger.time, wanted.seat, wanted.arm, ledger.failed, wanted.count)

    def expire(self, round_: int) -> None:
        """Nobody waits."""

    def forget(self, before: int) -> None:
        """Nothing is kept."""
