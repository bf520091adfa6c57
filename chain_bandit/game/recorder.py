"""What keeps the records of a game: a contract on a chain, or nothing at all."""

from collections.abc import Sequence
from typing import Protocol

from chain_bandit.actors.messages import CertifiedBlock
from chain_bandit.consensus.certificate import Certificate
from chain_bandit.game.plan import Plan
from chain_bandit.protocol.messages import Domain
from chain_bandit.protocol.settlement import CostEntry

Recorded = Sequence[tuple[int, int, bytes]]
"""(round, kind, head) of each record that a call makes."""


class Recorder(Protocol):
    """Takes certificates, and is told after each what the rules make of it. What it refuses raises, maybe later."""

    def open(self, plan: Plan) -> Domain:
        """Deploy, let everybody join, open. The domain that signatures are bound to."""
        ...

    def submit(self, block: CertifiedBlock) -> None:
        """Record a certified block; an exploration round may follow in the same call."""
        ...

    def skip(self, certificate: Certificate) -> None:
        """Record a round that a quorum says has no block."""
        ...

    def skip_after_deadline(self) -> None:
        """Record a round that nobody can finish, once its deadline has passed."""
        ...

    def expect(self, made: Recorded) -> None:
        """Hold what the last of these three recorded against this, now or before the game ends."""
        ...

    def settle_rewards(self, through: int, pulls: bytes) -> None:
        """Pay the rewards of the approved learning rounds up to `through`."""
        ...

    def finish(self, entries: Sequence[CostEntry]) -> None:
        """Reveal, settle costs (entries newest first), close, and let everybody withdraw."""
        ...


class NoChain:
    """Keeps nothing: for games at scale, in which the rules themselves say what a contract would record."""

    def open(self, plan: Plan) -> Domain:
        """Chain id 0 and the zero address."""
        return Domain(0, bytes(20), plan.game)

    def submit(self, block: CertifiedBlock) -> None:
        """Nothing to record."""

    def skip(self, certificate: Certificate) -> None:
        """Nothing to record."""

    def skip_after_deadline(self) -> None:
        """No deadline runs."""

    def expect(self, made: Recorded) -> None:
        """The rules are right."""

    def settle_rewards(self, through: int, pulls: bytes) -> None:
        """Nothing is paid."""

    def finish(self, entries: Sequence[CostEntry]) -> None:
        """Nothing is owed."""
