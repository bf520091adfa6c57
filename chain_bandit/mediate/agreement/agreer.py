"""Agreement on one token: the interface, and the mean in one process. `peers` and `game.agreement` share tokens."""

from collections.abc import Sequence
from typing import Protocol

from chain_bandit.mediate.agreement.tokens import check
from chain_bandit.protocol.agreement.tokens import mean

AgreedTokens = tuple[int | None, ...]
"""x* in units as each participant knows it; None for one that has not learned it, and goes on with the last."""


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


class InProcess:
    """Adds up what it is shown: for experiments, in which nobody has to hide anything from the program."""

    def agree(self, tokens: Sequence[int], salts: Sequence[bytes]) -> AgreedTokens:
        """See `Agreer`."""
        check(tokens)
        return (mean(sum(tokens), len(tokens)),) * len(tokens)
