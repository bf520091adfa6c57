"""`exchange.py` for many episodes at once, bit for bit."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from chain_bandit.array_types import Flags, Floats
from chain_bandit.mediate.exchange import Improvement


class Handshake(NamedTuple):
    """What came of requests and responses, every array (..., N).

    Attributes:
        shaped: what each learns from.
        asks, pleased: agents with a good step and a token to send; agents whose step is good with what they got.
        answers: agents that were asked and have a token to answer with.
    """

    shaped: Floats
    asks: Flags
    pleased: Flags
    answers: Flags


def handshake(
    rewards: Floats, improved: Callable[[Floats], Flags], neighbours: Flags, tokens: Floats
) -> Handshake:  # fmt: skip
    """What agents learn from in a step, or in many that are independent of one another.

    Args:
        rewards: of the environment, (..., N).
        improved: whether the step went well with such rewards, (..., N) of (..., N).
        neighbours: (..., N, N), of agent i whom it reaches in row i.
        tokens: (..., N).
    """
    asks = improved(rewards) & (tokens > 0)
    both = neighbours & np.swapaxes(neighbours, -1, -2)  # a request is read by whom its receiver reaches
    asked = both & asks[..., np.newaxis, :]
    received = np.where(asked, tokens[..., np.newaxis, :], 0.0).max(axis=-1)
    thanked = rewards + received

    pleased = improved(thanked)
    answer = np.where(pleased, tokens, -tokens)[..., np.newaxis, :]
    answered = both & asks[..., np.newaxis] & (tokens > 0)[..., np.newaxis, :]
    least = np.where(answered, answer, np.inf).min(axis=-1)
    shaped = np.asarray(thanked + np.where(answered.any(axis=-1), least, 0.0))
    return Handshake(shaped, asks, pleased, asked.any(axis=-1) & (tokens > 0))


def exchanged(
    rewards: Floats, values: Floats, neighbours: Flags, tokens: Floats, discount: float, improvement: Improvement
) -> Floats:
    """What each agent learns from in each step: (..., T, N), as `rewards`.

    Args:
        rewards: of the environment, (..., T, N).
        values: V of what each saw before every step and after the last, (..., T + 1, N).
        neighbours: (..., T, N, N), of agent i whom it reaches in row i.
        tokens: (..., N).
    """
    ahead, now = discount * values[..., 1:, :], values[..., :-1, :]

    def improved(gained: Floats) -> Flags:
        if improvement is Improvement.TD:
            return np.asarray(gained + ahead - now >= 0)
        return _at_least_the_mean(gained, rewards)

    return handshake(rewards, improved, neighbours, tokens[..., np.newaxis, :]).shaped


def _at_least_the_mean(gained: Floats, rewards: Floats) -> Flags:
    """Whether each is no less than the mean of the rewards in the steps before its own."""
    totals = np.cumsum(rewards, axis=-2)[..., :-1, :]
    count = np.arange(1, rewards.shape[-2])[:, np.newaxis]
    fine = np.ones(gained.shape, np.bool_)
    fine[..., 1:, :] = gained[..., 1:, :] >= totals / count
    return fine
