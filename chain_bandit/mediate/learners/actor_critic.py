"""Independent actor-critics of many runs at once: one update an epoch, from all that each agent saw in it.

What an agent saw is a list of rows with, for each action, how often it was taken there and what followed from it. A
row is a step of an episode, or an entry of a table of all that can be seen: the gradients are the same.
"""

from collections.abc import Sequence

import numpy as np

from chain_bandit.array_types import Flags, Floats, Ints, Singles
from chain_bandit.mediate.chance import Use, generator
from chain_bandit.mediate.games.game import GameParameters, Marks
from chain_bandit.mediate.learners.lookup_table import table_of
from chain_bandit.mediate.learners.networks import Networks, torch
from chain_bandit.mediate.learners.observation_index import Listed, ObservationIndex, Tabled


class ActorCritics:
    """R runs of N agents, G = R N of either network. Arrays begin with (G, E) or (G, T, E): steps, episodes."""

    def __init__(self, rules: GameParameters, seed: int, runs: Sequence[int], giving: bool = False) -> None:
        """Networks follow from the seed and each run's number.

        Args:
            giving: whether there is an action more than the game's, which may be barred.
        """
        self.actions = rules.actions + giving
        self._rules, self._networks = rules, len(runs) * rules.agents
        of_agents = [chance for run in runs for chance in [generator(seed, run, 0, Use.NETWORKS)] * rules.agents]
        self.actors = Networks(rules.inputs, self.actions, of_agents)
        self.critics = Networks(rules.inputs, 1, of_agents)
        self._table = table_of(rules)
        if self._table is not None:
            rows = self._table.rows
            self._rows = np.broadcast_to(rows, (self._networks, *rows.shape))

    def begin(self, episodes: int) -> ObservationIndex:
        """To see an epoch with."""
        if self._table is None:
            return Listed(self._networks, self._rules.limit, episodes, self._rules.marks)
        return Tabled(self._table, self._rows, self._rules.limit, episodes)

    def chances(self, index: ObservationIndex, step: int, observations: Marks, barred: Flags | None = None) -> Floats:
        """How likely each action is by what is seen before a step: (G, E, marks) to (G, E, actions).

        Args:
            barred: where the last action may not be taken, (G, E).
        """
        rows, places = index.see(step, observations)
        said = torch.from_numpy(_at(places, self.actors(rows)))
        if barred is not None:
            said[..., -1].masked_fill_(torch.from_numpy(barred), -torch.inf)
        return np.asarray(torch.softmax(said, dim=-1).numpy(), np.float64)

    def values(self, index: ObservationIndex) -> Floats:
        """V of everything that was seen: (G, T + 1, E)."""
        return _at(index.places, self.critics(index.rows))[..., 0].astype(np.float64)

    def learn(
        self, index: ObservationIndex, actions: Ints, returns: Floats, played: Flags, barred: Flags | None = None
    ) -> None:
        """One update of every critic, then one of every actor by what its critic then says (advantages not normalised).

        Args:
            actions, returns: (G, T, E).
            played: (G, T, E), false after the end of an episode.
            barred: where the last action could not be taken, (G, T, E).
        """
        rows = index.rows
        counts, sums = self._counted(index, actions, returns, played)
        seen, gained = counts.sum(dim=-1, keepdim=True), sums.sum(dim=-1, keepdim=True)
        share = 2 / seen.sum(dim=1, keepdim=True)
        self.critics.descend(rows, lambda said, part: (seen[part] * said - gained[part]) * share[part])
        worth = self.critics(rows)
        advantages = sums - counts * worth
        bound: torch.Tensor | None = None
        if barred is not None:  # where the policy is another, of the other actions
            counts, sums = self._counted(index, actions, returns, played & barred)
            bound = (sums - counts * worth).sum(dim=-1, keepdim=True)

        def slopes(said: torch.Tensor, part: slice) -> torch.Tensor:
            likely = torch.softmax(said, dim=-1)
            by_said = likely * advantages[part].sum(dim=-1, keepdim=True) - advantages[part]
            if bound is not None:
                by_said -= likely * bound[part]
                by_said[..., :-1] += torch.softmax(said[..., :-1], dim=-1) * bound[part]
            return by_said

        self.actors.descend(rows, slopes)

    def _counted(
        self, index: ObservationIndex, actions: Ints, returns: Floats, played: Flags
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """How often each action was taken at each row, and the sum of its returns, (G, K, actions)."""
        shape = *index.rows.shape[:2], self.actions
        network = np.arange(self._networks)[:, np.newaxis, np.newaxis]
        flat = ((network * shape[1] + index.places[:, :-1]) * shape[2] + actions).ravel()
        counts, sums = (
            np.bincount(flat, each.ravel(), np.prod(shape)).reshape(shape).astype(np.float32)
            for each in (played, returns * played)
        )
        return torch.from_numpy(counts), torch.from_numpy(sums)


def _at(places: Ints, said: torch.Tensor) -> Singles:
    """What was said of the rows (G, K, outputs) at places (G, ...)."""
    network = np.arange(len(places)).reshape(-1, *(1,) * (places.ndim - 1))
    return np.asarray(said.numpy()[network, places])
