"""Mirror every estimator at the mean over arms: the best arm looks worst."""

from chain_bandit.attacks.attack import Attack, View
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.protocol.units import UNIT, Means


class SignFlip(Attack):
    """2 * mean - estimator, kept in [0, 1]."""

    name = "sign-flip"
    conduct = Conduct.LIAR

    def means(self, view: View, honest: Means) -> Means:
        """The mirrored estimators."""
        centre = sum(honest) // len(honest)
        return tuple(min(max(2 * centre - mean, 0), UNIT) for mean in honest)
