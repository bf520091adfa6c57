"""Gifting, a rival of tokens: one more action, by which an agent stays where it is and all whom it reaches share 1.

As tokens do, gifts change neither what agents see nor what happens. Only the right to give depends on the past.
"""

from enum import Enum

import numpy as np

from chain_bandit.array_types import Flags, Floats, Ints
from chain_bandit.mediate.games.game import GameParameters
from chain_bandit.protocol.units import UNIT


class Gift(Enum):
    """Payer of gifts: the giver's reward, or a budget of all that the environment paid it in the episode; 1 each."""

    ZERO_SUM = "zero-sum"
    BUDGET = "budget"


def gifted(rewards: Floats, gives: Flags, neighbours: Flags, gift: Gift) -> Floats:
    """What each agent learns from in each step. A giver that reaches nobody gives nothing.

    Args:
        rewards: of the environment, (..., N).
        gives: (..., N).
        neighbours: (..., N, N), of agent i whom it reaches in row i.
    """
    reached = neighbours.sum(axis=-1)
    shares = np.where(gives & (reached > 0), 1 / np.maximum(reached, 1), 0.0)
    received = (neighbours * shares[..., np.newaxis]).sum(axis=-2)
    paid = shares * reached if gift is Gift.ZERO_SUM else 0.0
    return np.asarray(rewards - paid + received)


class Budgets:
    """What agents of B games may give, in billionths, so that ten coins of a tenth are one gift."""

    def __init__(self, games: int, agents: int, gift: Gift) -> None:
        self._left, self._gift = np.zeros((games, agents), np.int64), gift

    def barred(self) -> Flags:
        """Agents that may not give now, (B, N). Gifts that the giver's own reward pays for are free to all."""
        return (self._left < UNIT) & (self._gift is Gift.BUDGET)

    def moved(self, rewards: Floats, gives: Flags, neighbours: Flags) -> None:
        """A step is over: what the environment paid is added, what was given is gone."""
        gave = gives & neighbours.any(axis=-1)
        self._left += np.rint(np.maximum(rewards, 0) * UNIT).astype(np.int64) - UNIT * gave


def moves(actions: Ints, rules: GameParameters) -> Ints:
    """The actions that the game knows: a giver, by the one after its own, does nothing else."""
    return actions if rules.idle is None else np.where(actions == rules.actions, rules.idle, actions)
