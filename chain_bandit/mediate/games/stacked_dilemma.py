"""Many games of `dilemma.py` at once."""

import numpy as np

from chain_bandit.array_types import Ints
from chain_bandit.mediate.chance import Uniforms
from chain_bandit.mediate.games.dilemma import COOPERATE, DEFECT, PAYOFFS
from chain_bandit.mediate.games.game import NOTHING, Marks, Moments, all_pairs

_OWN = np.array([[PAYOFFS[mine, yours][0] for yours in (COOPERATE, DEFECT)] for mine in (COOPERATE, DEFECT)])
"""What an agent gets, by its action and the other's; the game is the same for both."""


class DilemmaStack:
    """See `Stack`."""

    def reset(self, chance: Uniforms) -> Marks:
        """See `Stack`."""
        return np.full((len(chance), 2, 1), NOTHING, np.int16)

    def step(self, actions: Ints, chance: Uniforms) -> Moments:
        """See `Stack`."""
        others = actions[:, ::-1]
        both = (actions == COOPERATE).all(axis=1)
        return Moments(
            observations=others[..., np.newaxis].astype(np.int16),
            rewards=_OWN[actions, others],
            neighbours=all_pairs(len(actions), 2),
            counts=both[:, np.newaxis].astype(np.int64),
            over=np.zeros(len(actions), np.bool_),
        )
