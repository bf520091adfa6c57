"""How many signatures certify a block, and what that promises (PROTOCOL 1.2)."""

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


def quorum(validators: int, attackers: int, choice: QuorumChoice) -> int:
    """Signatures needed from `validators` of which up to `attackers` may misbehave."""
    if choice is QuorumChoice.TWO_THIRDS:
        return (validators + attackers) // 2 + 1
    return max(validators // 2, attackers) + 1
