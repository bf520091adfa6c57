"""Agreement through the validators: each holds a share of every token and publishes one sum; f + 1 sums say the mean.

No f validators learn anything of a token. With V > 3f of them, f false or missing sums change nothing, and the false
ones are named.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chain_bandit.mediate.agreement.agreer import AgreedTokens
from chain_bandit.mediate.agreement.tokens import check
from chain_bandit.protocol.agreement import shamir
from chain_bandit.protocol.agreement.tokens import mean
from chain_bandit.protocol.errors import AssumptionBroken
from chain_bandit.protocol.sharing import PRIME


@dataclass(frozen=True, slots=True)
class SumOutcome:
    """What sums come to.

    Attributes:
        agreed: x* in units; None when the tokens shared were none.
        liars: validators whose sum is not of the shares that they were given, or that were given false ones.
    """

    agreed: int | None
    liars: frozenset[int]


@dataclass(frozen=True, slots=True)
class ValidatorShares:
    """See `Agreer`.

    Attributes:
        validators: V.
        faulty: f, those that may do anything.
    """

    validators: int
    faulty: int

    def __post_init__(self) -> None:  # noqa: D105
        if not 0 <= 3 * self.faulty < self.validators:
            raise AssumptionBroken("shares", "V > 3f >= 0", f"V = {self.validators}, f = {self.faulty}")

    def agree(self, tokens: Sequence[int], salts: Sequence[bytes]) -> AgreedTokens:
        """See `Agreer`."""
        check(tokens)
        dealt = [self.deal(token, salt) for token, salt in zip(tokens, salts, strict=True)]
        return (self.found(dict(enumerate(sums(dealt))), len(tokens)).agreed,) * len(tokens)

    def deal(self, token: int, salt: bytes) -> tuple[int, ...]:
        """A share for each validator, which it alone gets."""
        return shamir.split(token, shamir.coefficients(salt, self.faulty), self.validators)

    def found(self, published: Mapping[int, int], participants: int) -> SumOutcome:
        """What sums, by validator, say of so many participants' tokens.

        Raises:
            shamir.NotShared: more than f of them are false or missing, or a participant's shares were of nothing.
        """
        opened = shamir.opened(published, self.faulty)
        return SumOutcome(mean(opened.secret, participants), opened.wrong)


def sums(dealt: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """What each validator publishes of the shares dealt to it, one row a participant that all agreed to count."""
    return tuple(sum(column) % PRIME for column in zip(*dealt, strict=True))
