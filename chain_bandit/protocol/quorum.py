"""Quorum: the number of signatures that certify a block, and its guarantees (protocol.md: Validators)."""

from enum import IntEnum


class QuorumChoice(IntEnum):
    """How many signatures certify a block."""

    MAJORITY = 0
    """The paper's; needs n >= 2m + 1."""
    TWO_THIRDS = 1
    """Needs n >= 3m + 1."""

    @property
    def promise(self) -> str:
        """What a certificate promises, for people."""
        if self is QuorumChoice.TWO_THIRDS:
            return "two thirds: never two certified blocks of one round, whatever the delay"
        return (
            "majority: one certified block a round while every message arrives in time; "
            "under delay two may exist, and the chain keeps the first"
        )


def quorum(validators: int, attackers: int, choice: QuorumChoice, half_expected: int = 0) -> int:
    """Signatures needed from `validators` of which up to `attackers` may misbehave.

    Args:
        half_expected: floor(E / 2), E the members that sortition draws on average; 0 without sortition. Majority is
            more than max(n / 2, E / 2, m): an unlucky, small committee does not certify by itself.
    """
    if choice is QuorumChoice.TWO_THIRDS:
        return (validators + attackers) // 2 + 1
    return max(validators // 2, attackers, half_expected) + 1


def least_committee(participants: int, attackers: int, choice: QuorumChoice) -> int:
    """The fewest validators of whom m attackers can stop no block; all participants where these are too few."""
    enough = (n for n in range(2 * attackers + 1, participants) if quorum(n, attackers, choice) <= n - attackers)
    return next(enough, participants)
