"""How many signatures certify a block, and what that promises (PROTOCOL 1.2)."""

from enum import IntEnum


class QuorumChoice(IntEnum):
    """What a certificate promises."""

    MAJORITY = 0
    """The paper's: one certificate a round while messages arrive in time."""
    TWO_THIRDS = 1
    """No two certificates of one round at any delay; needs n >= 3m + 1."""


def quorum(validators: int, attackers: int, choice: QuorumChoice) -> int:
    """Signatures needed from `validators` of which up to `attackers` may misbehave."""
    if choice is QuorumChoice.TWO_THIRDS:
        return (validators + attackers) // 2 + 1
    return max(validators // 2, attackers) + 1
