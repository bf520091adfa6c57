"""Interface of an agreement on one token; `game.agreement` implements it by secret sharing among validators."""

from collections.abc import Sequence
from typing import Protocol

AgreedTokens = tuple[int | None, ...]
"""x* in units as each participant knows it; None where it has not learned it, and keeps the last one."""


class Agreer(Protocol):
    """The mean of everybody's token. Nothing that it sends or gives away holds a token, except by what x* reveals.

    x* reveals much among few: of two participants each learns the other's token exactly, and N - 2 colluders learn
    the rest's sum. A participant with a false token moves x* at will; `protocol.agreement.tokens` has two bounds.
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
