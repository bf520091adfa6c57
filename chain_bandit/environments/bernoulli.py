"""Arms that pay 1 with a known probability, else 0."""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

from chain_bandit.environments.errors import ArmsInvalid, MeanInvalid
from chain_bandit.environments.reward_values import nearest_units
from chain_bandit.protocol.rewards import RewardModel, bernoulli
from chain_bandit.protocol.units import MOST

Number = str | int | float | Decimal


def bernoulli_model(means: Sequence[Number]) -> RewardModel:
    """One Bernoulli arm a mean.

    A float stands for its shortest decimal (0.1 is one tenth). A mean between two units goes to the
    nearer one, a tie to the even one.

    Raises:
        ArmsInvalid: no mean, or more than `MOST`.
        MeanInvalid: a mean that is not a number from 0 to 1.
    """
    if not 1 <= len(means) <= MOST:
        raise ArmsInvalid(MOST, len(means))
    return RewardModel(tuple(bernoulli(_units(arm, mean)) for arm, mean in enumerate(means)))


def _units(arm: int, mean: Number) -> int:
    if isinstance(mean, bool) or not isinstance(mean, str | int | float | Decimal):
        raise MeanInvalid(arm, mean)
    try:
        units = nearest_units(Decimal(str(mean)))
    except InvalidOperation as error:
        raise MeanInvalid(arm, mean) from error
    if units is None:
        raise MeanInvalid(arm, mean)
    return units
