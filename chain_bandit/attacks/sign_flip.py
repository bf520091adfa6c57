"""Mirror every estimator at the mean over arms: the best arm looks worst."""

from chain_bandit.attacks.attack import Attack
from chain_bandit.attacks.seen import Ints, Seen, clipped
from chain_bandit.protocol.settlement import Conduct


class SignFlip(Attack):
    """2 * mean - estimator, kept in [0, 1]."""

    name = "sign-flip"
    conduct = Conduct.LIAR

    def lie(self, seen: Seen) -> Ints:
        """The mirrored estimators."""
        return clipped(2 * (seen.own.sum(axis=-2, keepdims=True) // seen.own.shape[-2]) - seen.own)
