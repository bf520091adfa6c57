"""Recorder interface: records kept by a contract on a chain, or by nothing."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from chain_bandit.consensus.certificate import Certificate
from chain_bandit.consensus.evidence import Equivocation
from chain_bandit.game.plan import Plan
from chain_bandit.protocol.messages import Domain
from chain_bandit.protocol.settlement import CostEntry
from chain_bandit.protocol.submission import Submitted
from chain_bandit.protocol.tallies import FalseReport

ExpectedRecord = tuple[int, int, bytes]
"""(round, kind, head) of the last record that a call makes."""


class Recorder(Protocol):
    """Takes certificates, and is told after each what the rules make of it. What it refuses raises, maybe later."""

    def open(self, plan: Plan) -> Domain:
        """Deploy, let everybody join, open. The domain that signatures are bound to."""
        ...

    def submit(self, blocks: Sequence[Submitted]) -> None:
        """Record certified blocks in a row, in one transaction; exploration rounds may follow in the same call."""
        ...

    def skip(self, committee: int, certificate: Certificate) -> None:
        """Record a round that a quorum says has no block; `committee` validates the next one."""
        ...

    def skip_after_deadline(self, committee: int) -> None:
        """Record a round that nobody can finish, once its deadline has passed; `committee` validates the next one."""
        ...

    def report(self, proof: Equivocation) -> None:
        """Put a seat on the block list."""
        ...

    def prove(self, proof: FalseReport) -> None:
        """Put the author of a false report on the block list, and void what it earned from then on."""
        ...

    def accusations(self, through: int) -> Mapping[int, int]:
        """Seats on the block list in round `through` at the latest, with the first round of each.

        Complete, by waiting for the records that show all evidence, from any sender (protocol.md: Consensus).
        """
        ...

    def liars(self) -> int:
        """Those of them whom a false report has put there, as a mask: they validate on."""
        ...

    def expect(self, made: ExpectedRecord) -> None:
        """Hold what the last of the three recorded against this, now or before the game ends."""
        ...

    def settle_rewards(self, through: int, pulls: bytes) -> None:
        """Pay the rewards of the approved learning rounds up to `through`; a sealed game gives their tags."""
        ...

    def show(self, sums: bytes, keys: Sequence[bytes | None]) -> None:
        """Reveal, once all rounds are settled; a sealed game pays its sums first, and its seats reveal their keys.

        Args:
            sums: of a sealed game; empty for an open one.
            keys: what each seat of a sealed game reveals, None of one that keeps its key; empty for an open game.
        """
        ...

    def finish(self, entries: Sequence[CostEntry]) -> None:
        """Settle costs (entries newest first), close, and let everybody withdraw."""
        ...


class NoChain:
    """Keeps nothing: for games at scale, in which the rules themselves say what a contract would record."""

    def open(self, plan: Plan) -> Domain:
        """Chain id 0 and the zero address."""
        self._open_round, self._delay = plan.parameters.burn_in, plan.parameters.evidence_delay
        self._accusations: dict[int, int] = {}
        self._liars = 0
        return Domain(0, bytes(20), plan.game)

    def submit(self, blocks: Sequence[Submitted]) -> None:
        """Nothing to record."""

    def skip(self, committee: int, certificate: Certificate) -> None:
        """Nothing to record."""

    def skip_after_deadline(self, committee: int) -> None:
        """No deadline runs."""

    def report(self, proof: Equivocation) -> None:
        """Counts as the contract counts it."""
        self._accusations.setdefault(proof.instance, self._open_round + self._delay)

    def prove(self, proof: FalseReport) -> None:
        """Counts as the contract counts it."""
        if proof.seat not in self._accusations:
            self._liars |= 1 << proof.seat
        self._accusations.setdefault(proof.seat, self._open_round + self._delay)

    def accusations(self, through: int) -> Mapping[int, int]:
        """What was reported."""
        return {seat: since for seat, since in self._accusations.items() if since <= through}

    def liars(self) -> int:
        """Whom a false report was proven of before anything else."""
        return self._liars

    def expect(self, made: ExpectedRecord) -> None:
        """The rules are right."""
        self._open_round = made[0] + 1

    def settle_rewards(self, through: int, pulls: bytes) -> None:
        """Nothing is paid."""

    def show(self, sums: bytes, keys: Sequence[bytes | None]) -> None:
        """Nothing is paid."""

    def finish(self, entries: Sequence[CostEntry]) -> None:
        """Nothing is owed."""
