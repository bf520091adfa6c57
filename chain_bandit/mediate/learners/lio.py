"""LIO as the paper's code has it, a rival of tokens: each agent learns what to pay the others for what they do.

No gradient goes through the learning of the others, as in the method of that name: what an agent pays whom is moved by
its own return alone, and every second epoch only.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chain_bandit.mediate.chance import Use, generator
from chain_bandit.mediate.games.game import Amounts, Flags, Ints, Rules
from chain_bandit.mediate.learners.networks import Networks, torch
from chain_bandit.mediate.learners.sights import Sights

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

    def __init__(self, rules: Rules, seed: int, runs: Sequence[int], lio: Lio) -> None:
        """Networks follow from the seed and each run's number."""
        self._rules, self._most = rules, lio.most
        others = rules.agents - 1
        chances = [each for run in runs for each in [generator(seed, run, 0, Use.INCENTIVES)] * rules.agents]
        self.networks = Networks(rules.inputs + others * rules.actions, others, chances)
        self._others = np.array([[other for other in range(rules.agents) if other != me] for me in range(rules.agents)])

    def rows(self, sights: Sights, actions: Ints) -> torch.Tensor:
        """What each sees, and what the others then do, step after step: (G, T E, inputs)."""
        networks, steps, episodes = actions.shape
        places = torch.from_numpy(np.ascontiguousarray(sights.places[:, :-1].reshape(networks, -1, 1)))
        seen = torch.gather(sights.rows, 1, places.expand(-1, -1, self._rules.inputs))
        by_run = actions.reshape(-1, self._rules.agents, steps * episodes)
        done = np.eye(self._rules.actions, dtype=np.float32)[np.moveaxis(by_run[:, self._others], 2, 3)]
        return torch.cat([seen, torch.from_numpy(done.reshape(networks, steps * episodes, -1))], dim=-1)

    def received(self, rows: torch.Tensor, played: Flags) -> Amounts:
        """What each gets from all the others, (G, T, E)."""
        paid = self._most * torch.sigmoid(self.networks(rows)).numpy().astype(np.float64)
        paid = paid.reshape(-1, self._rules.agents, rows.shape[1], self._rules.agents - 1)
        got = np.zeros(paid.shape[:-1])
        for agent, others in enumerate(self._others):
            for at, other in enumerate(others):
                got[:, other] += paid[:, agent, :, at]
        return got.reshape(played.shape) * played

    def learn(self, rows: torch.Tensor, returns: Amounts, played: Flags) -> None:
        """One update of each: down the sum of log sigmoid times its return, of the environment, and of what it paid.

        Args:
            returns: of the environment alone, (G, T, E).
        """
        likely = torch.sigmoid(self.networks(rows))
        late = self._rules.discount ** np.arange(played.shape[1])[:, np.newaxis]

        def of_rows(values: Amounts) -> torch.Tensor:
            return torch.from_numpy((values * played).astype(np.float32).reshape(len(rows), -1, 1))

        gained, discounted = of_rows(returns), of_rows(np.broadcast_to(late, played.shape))
        self.networks.descend(rows, (1 - likely) * (gained + COST * self._most * discounted * likely))
