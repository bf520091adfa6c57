"""Independent actor-critics of many runs at once: one update an epoch, from all that each agent saw in it.

What an agent saw is a list of rows with, for each action, how often it was taken there and what followed from it. A
row is a step of an episode, or an entry of a table of all that can be seen: the gradients are the same.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from chain_bandit.mediate.chance import Use, generator
from chain_bandit.mediate.games.game import Amounts, Flags, Floats, Ints, Rules
from chain_bandit.mediate.learners.networks import Networks, torch
from chain_bandit.mediate.learners.tables import table_of

Number = TypeVar("Number", bound=np.generic)


class ActorCritics:
    """R runs of N agents. Arrays begin with (R, E) or (R, E, T): runs, episodes, steps."""

    def __init__(self, rules: Rules, seed: int, runs: Sequence[int]) -> None:
        """Networks follow from the seed and each run's number."""
        self._rules, self._runs, self._table = rules, len(runs), table_of(rules)
        of_agents = [chance for run in runs for chance in [generator(seed, run, 0, Use.NETWORKS)] * rules.agents]
        self.actors = Networks(rules.inputs, rules.actions, of_agents)
        self.critics = Networks(rules.inputs, 1, of_agents)
        self._policy: Amounts | None = None  # of the table's rows

    def chances(self, observations: Floats) -> Amounts:
        """How likely each action is: (R, E, N, inputs) to (R, E, N, actions)."""
        if self._table is None:
            return self._of_all(self._likely, observations)
        if self._policy is None:
            self._policy = self._likely(self._all_rows())
        return self._looked_up(self._policy, observations)

    def values(self, observations: Floats) -> Amounts:
        """V: (R, E, T, N, inputs) to (R, E, T, N)."""
        if self._table is None:
            return self._of_all(self._worth, observations)[..., 0]
        return self._looked_up(self._worth(self._all_rows()), observations)[..., 0]

    def learn(self, observations: Floats, actions: Ints, returns: Amounts, played: Flags) -> None:
        """One update of every critic, then one of every actor by what its critic then says (advantages not normalised).

        Args:
            observations: (R, E, T, N, inputs), before each step.
            actions, returns: (R, E, T, N).
            played: (R, E, T), false after the end of an episode.
        """
        rows, counts, sums = self._rows(observations, actions, returns, played)
        seen = counts.sum(dim=-1)
        means = sums.sum(dim=-1) / seen.clamp(min=1)
        errors = seen * (self.critics(rows)[..., 0] - means) ** 2
        self.critics.descend((errors.sum(dim=-1) / seen.sum(dim=-1)).sum())
        with torch.no_grad():
            advantages = sums - counts * self.critics(rows)
        self.actors.descend(-(torch.log_softmax(self.actors(rows), dim=-1) * advantages).sum())
        self._policy = None

    def _rows(
        self, observations: Floats, actions: Ints, returns: Amounts, played: Flags
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Rows (G, K, inputs); how often each action was taken there, and the sum of its returns, (G, K, actions)."""
        choices = self._rules.actions
        taken, followed = self._by_network(actions), self._by_network(returns)
        alive = self._by_network(np.broadcast_to(played[..., np.newaxis], actions.shape))
        if self._table is None:
            rows = torch.from_numpy(self._by_network(observations, inner=1))
            place = np.broadcast_to(np.arange(taken.shape[1]), taken.shape)
        else:
            rows = self._all_rows()
            place = self._by_network(self._table.numbers(observations))
        size = rows.shape[1] * choices
        flat = (np.arange(len(taken))[:, np.newaxis] * size + place * choices + taken).ravel()
        shape = len(taken), rows.shape[1], choices
        counts, sums = (
            torch.from_numpy(np.bincount(flat, each.ravel(), len(taken) * size).reshape(shape).astype(np.float32))
            for each in (alive, followed * alive)
        )
        return rows, counts, sums

    def _all_rows(self) -> torch.Tensor:
        assert self._table is not None
        rows = torch.from_numpy(self._table.rows)
        return rows.expand(self._runs * self._rules.agents, *rows.shape)

    def _likely(self, rows: torch.Tensor) -> Amounts:
        with torch.no_grad():
            return np.asarray(torch.softmax(self.actors(rows), dim=-1).numpy(), np.float64)

    def _worth(self, rows: torch.Tensor) -> Amounts:
        with torch.no_grad():
            return np.asarray(self.critics(rows).numpy(), np.float64)

    def _looked_up(self, of_rows: Amounts, observations: Floats) -> Amounts:
        assert self._table is not None
        numbers = self._table.numbers(observations)
        between = (1,) * (numbers.ndim - 2)
        run = np.arange(self._runs).reshape(-1, *between, 1)
        network = run * self._rules.agents + np.arange(self._rules.agents)
        return np.asarray(of_rows[network, numbers])

    def _of_all(self, asked: Callable[[torch.Tensor], Amounts], observations: Floats) -> Amounts:
        """What networks say of observations (R, ..., N, inputs), in their places."""
        shape = observations.shape[1:-2]
        said = asked(torch.from_numpy(self._by_network(observations, inner=1)))
        said = said.reshape(self._runs, self._rules.agents, *shape, said.shape[-1])
        return np.moveaxis(said, 1, -2)

    def _by_network(self, values: NDArray[Number], inner: int = 0) -> NDArray[Number]:
        """(R, ..., N) to (G, samples), with so many axes after each that stay."""
        kept = values.shape[values.ndim - inner :]
        of_agents = np.moveaxis(values, values.ndim - 1 - inner, 1)
        return of_agents.reshape(self._runs * self._rules.agents, -1, *kept)
