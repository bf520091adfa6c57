"""The numbers that decide a game, as its creation holds them."""

from dataclasses import dataclass

from chain_bandit.paranoid.words import Broken, number

UNIT = 10**9
"""One whole reward, or an estimator of 1."""
INFINITE = 2**32 - 1
"""The mean over nobody."""
ALWAYS = 2**64
"""A probability of one."""


@dataclass(frozen=True)
class Parameters:
    """docs/protocol.md, table of parameters: one ABI word each, in this order."""

    participants: int
    validators: int
    arms: int
    horizon: int
    burn_in: int
    liars: int
    attackers: int
    threshold: int
    aggregation: int
    delta: int
    quorum_choice: int
    failure_limit: int
    c1_numerator: int
    c1_denominator: int
    c1_per_report: int
    body_mode: int
    unrecorded: int
    tolerance: int
    skip_penalty: int
    evidence_penalty: int
    cost: int
    sortition: int
    probing: int
    commanders: int
    wei_per_unit: int
    stake: int
    opening_deadline: int
    skip_deadline: int
    burn_in_blocks: int
    game_blocks: int
    settlement_window: int
    sealed: int
    unrevealed_penalty: int

    @property
    def seats(self) -> range:
        """All seats."""
        return range(self.participants)

    @property
    def mask(self) -> int:
        """Bytes of a set of seats."""
        return (self.participants + 7) // 8

    @property
    def compact(self) -> bool:
        """Whether bodies lie beside the chain."""
        return self.body_mode == 1

    @property
    def has_committees(self) -> bool:
        """Whether not everybody validates: headers and skips then name who does next."""
        return bool(self.sortition) or self.by_reputation

    @property
    def by_reputation(self) -> bool:
        """Whether the best by reputation validate."""
        return not self.sortition and self.validators < self.participants

    @property
    def draws_commanders(self) -> bool:
        """Whether chance says who commands."""
        return self.commanders != ALWAYS

    @property
    def draws(self) -> bool:
        """Whether reports carry proofs."""
        return bool(self.sortition) or self.draws_commanders

    def quorum(self, validators: int) -> int:
        """Signatures that certify a block of so many validators (PROTOCOL 1.2)."""
        if self.quorum_choice == 1:
            return (validators + self.attackers) // 2 + 1
        expected = self.participants * self.sortition // (2 * ALWAYS)
        return max(validators // 2, expected, self.attackers) + 1


FIELDS = len(Parameters.__dataclass_fields__)


def created(data: bytes) -> tuple[Parameters, bytes, bytes, bytes]:
    """What a creation ends with: parameters, their ABI words, the commitments to salt and secret."""
    words = data[-32 * (FIELDS + 2) :]
    if len(words) < 32 * (FIELDS + 2):
        raise Broken("the creation is too short for its parameters")
    numbers = [number(words[at : at + 32]) for at in range(0, 32 * FIELDS, 32)]
    p = Parameters(*numbers)
    if not (0 < p.participants <= 256 and 0 < p.arms < 255 and 2 * p.arms <= p.burn_in <= p.horizon < 2**32):
        raise Broken("no game has these parameters")
    if not (p.threshold and p.tolerance and p.failure_limit and p.c1_numerator and p.c1_denominator):
        raise Broken("no game has these parameters")
    return p, words[:-64], words[-64:-32], words[-32:]
