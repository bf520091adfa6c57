"""`exchange.py` for many episodes at once, bit for bit."""

import numpy as np
from numpy.typing import NDArray

from chain_bandit.mediate.exchange import Improvement

Amounts = NDArray[np.float64]
Flags = NDArray[np.bool_]


def exchanged(
    rewards: Amounts, values: Amounts, neighbours: Flags, tokens: Amounts, discount: float, improvement: Improvement
) -> Amounts:
    """What each agent learns from in each step: (..., T, N), as `rewards`.

    Args:
        rewards: of the environment, (..., T, N).
        values: V of what each saw before every step and after the last, (..., T + 1, N).
        neighbours: (..., T, N, N), of agent i whom it reaches in row i.
        tokens: (..., N).
    """
    worth = tokens[..., np.newaxis, :]
    ahead, now = discount * values[..., 1:, :], values[..., :-1, :]

    def improved(gained: Amounts) -> Flags:
        if improvement is Improvement.TD:
            return np.asarray(gained + ahead - now >= 0)
        return _at_least_the_mean(gained, rewards)

    asks = improved(rewards) & (worth > 0)
    both = neighbours & np.swapaxes(neighbours, -1, -2)  # a request is read by whom its receiver reaches
    asked = both & asks[..., np.newaxis, :]
    received = np.where(asked, worth[..., np.newaxis, :], 0.0).max(axis=-1)
    thanked = rewards + received

    answer = np.where(improved(thanked), worth, -worth)[..., np.newaxis, :]
    answered = both & asks[..., np.newaxis] & (worth > 0)[..., np.newaxis, :]
    least = np.where(answered, answer, np.inf).min(axis=-1)
    return np.asarray(thanked + np.where(answered.any(axis=-1), least, 0.0))


def _at_least_the_mean(gained: Amounts, rewards: Amounts) -> Flags:
    """Whether each is no less than the mean of the rewards in the steps before its own."""
    totals = np.cumsum(rewards, axis=-2)[..., :-1, :]
    count = np.arange(1, rewards.shape[-2])[:, np.newaxis]
    fine = np.ones(gained.shape, np.bool_)
    fine[..., 1:, :] = gained[..., 1:, :] >= totals / count
    return fine
