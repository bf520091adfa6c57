"""Interface of an agreement on one token; `game.agreement` implements it by secret sharing among validators."""

from collections.abc import Sequence
from typing import Protocol

AgreedTokens = tuple[int | None, ...]
"""x* in units as each participant knows it; None where it has not learned it, and keeps the last one."""


class Agreer(Protocol):
    """The mean of everybody's token. Nothing that it sends or gives away holds a token, but what x* says of it.

    x* says much among few: of two participants each learns the other's token exactly, and N - 2 who pool theirs learn
    the rest's sum. Whoever shares a false token moves x* as it likes; `protocol.agreement.tokens` has two bounds.
    """

    def agree(self, tokens: Sequence[int], salts: Sequence[bytes]) -> AgreedTokens:
        """One epoch's agreement.

        Args:
            tokens: of each participant, in units.
            salts: 32 bytes of each, its secret and used once.

        Raises:
            TokenInvalid, ParticipantsInvalid: see `tokens.check`.
        """
        ...
