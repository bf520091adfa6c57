"""LIO as the paper's code has it, a rival of tokens: each agent learns what to pay the others for what they do.

No gradient goes through the learning of the others, as in the method of that name: what an agent pays whom is moved by
its own return alone, and every second epoch only.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chain_bandit.array_types import Flags, Floats, Ints
from chain_bandit.mediate.chance import Use, generator
from chain_bandit.mediate.games.game import GameParameters, Marks, others
from chain_bandit.mediate.learners.networks import Networks, torch
from chain_bandit.mediate.learners.observation_index import ObservationIndex

COST = 1e-3
"""What paying 1 costs the payer, in what its network goes down."""

EVERY = 2
"""Epochs between two updates."""


@dataclass(frozen=True, slots=True)
class Lio:
    """`most` is the most that one agent pays another in a step (R_max of the paper's Table 3)."""

    most: float


class Incentives:
    """Of R runs of N agents; G = R N networks. Arrays begin with (G, T, E): networks, steps, episodes."""

    def __init__(self, rules: GameParameters, seed: int, runs: Sequence[int], lio: Lio) -> None:
        """Networks follow from the seed and each run's number."""
        self._rules, self._most = rules, lio.most
        paid = rules.agents - 1
        chances = [each for run in runs for each in [generator(seed, run, 0, Use.INCENTIVES)] * rules.agents]
        self.networks = Networks(rules.inputs + paid * rules.actions, paid, chances)
        self._others = others(rules.agents)

    def rows(self, index: ObservationIndex, actions: Ints) -> Marks:
        """What the others then do and what each sees, step after step: (G, T E, marks)."""
        networks, steps, episodes = actions.shape
        places = index.places[:, :-1].reshape(networks, -1, 1)
        by_run = actions.reshape(-1, self._rules.agents, steps * episodes)
        done = np.moveaxis(by_run[:, self._others], 2, 3) + self._rules.actions * np.arange(self._rules.agents - 1)
        done = done.reshape(networks, steps * episodes, -1) + self._rules.inputs
        return np.concatenate([done.astype(np.int16), np.take_along_axis(index.rows, places, axis=1)], axis=-1)

    def received(self, rows: Marks, played: Flags) -> Floats:
        """What each gets from all the others, (G, T, E)."""
        paid = self._most * torch.sigmoid(self.networks(rows)).numpy().astype(np.float64)
        paid = paid.reshape(-1, self._rules.agents, rows.shape[1], self._rules.agents - 1)
        got = np.zeros(paid.shape[:-1])
        for agent, receivers in enumerate(self._others):
            for at, other in enumerate(receivers):
                got[:, other] += paid[:, agent, :, at]
        return got.reshape(played.shape) * played

    def learn(self, rows: Marks, returns: Floats, played: Flags) -> None:
        """One update of each: down the sum of log sigmoid times its return, of the environment, and of what it paid.

        Args:
            returns: of the environment alone, (G, T, E).
        """
        late = self._rules.discount ** np.arange(played.shape[1])[:, np.newaxis]

        def of_rows(values: Floats) -> torch.Tensor:
            return torch.from_numpy((values * played).astype(np.float32).reshape(len(rows), -1, 1))

        gained, discounted = of_rows(returns), of_rows(np.broadcast_to(late, played.shape))

        def slopes(said: torch.Tensor, part: slice) -> torch.Tensor:
            likely = torch.sigmoid(said)
            return (1 - likely) * (gained[part] + COST * self._most * discounted[part] * likely)

        self.networks.descend(rows, slopes)
