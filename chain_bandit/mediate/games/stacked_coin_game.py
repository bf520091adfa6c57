"""Many games of `coin_game.py` at once, compiled. Cells go by number, as in `grid.py`."""

import numpy as np

from chain_bandit.array_types import Floats, Ints
from chain_bandit.mediate.chance import Uniforms, picks, shuffled
from chain_bandit.mediate.games.coin_game import WAYS, CoinRules
from chain_bandit.mediate.games.game import Marks, Moments, all_pairs
from chain_bandit.mediate.games.grid import moves
from chain_bandit.simulation.kernel.compiled import compiled


class CoinGameStack:
    """See `Stack`.

    Attributes:
        cells: where the agents are, (B, N).
        coin: where the coin is, (B,).
        colour: whose it is, (B,).
    """

    def __init__(self, rules: CoinRules) -> None:
        self._agents, self._area, self._scale = rules.agents, rules.width**2, rules.scale
        self._moves = moves(WAYS, rules.width, rules.width)
        self.cells = np.zeros((0, rules.agents), np.int64)
        self.coin, self.colour = np.zeros((2, 0), np.int64)

    def reset(self, chance: Uniforms) -> Marks:
        """See `Stack`."""
        order = shuffled(chance[:, :-1])
        self.cells, self.coin = order[:, : self._agents].copy(), order[:, self._agents].copy()
        self.colour = picks(chance[:, -1], self._agents)
        return self._observations()

    def step(self, actions: Ints, chance: Uniforms) -> Moments:
        """See `Stack`."""
        games = len(actions)
        rewards, counts = np.zeros((games, self._agents)), np.zeros((games, 2), np.int64)
        _step(actions, chance, self._scale, self._moves, self.cells, self.coin, self.colour, rewards, counts)
        return Moments(
            observations=self._observations(),
            rewards=rewards,
            neighbours=all_pairs(games, self._agents),
            counts=counts,
            over=np.zeros(games, np.bool_),
        )

    def _observations(self) -> Marks:
        seen = np.empty((*self.cells.shape, self._agents + 1), np.int16)
        _look(self.cells, self.coin, self.colour, self._area, seen)
        return seen


@compiled
def _step(
    actions: Ints, chance: Uniforms, scale: float, moves: Ints, cells: Ints, coin: Ints, colour: Ints, rewards: Floats,
    counts: Ints,
) -> None:  # fmt: skip
    """Writes into everything from `cells` on."""
    games, agents = cells.shape
    for game in range(games):
        strangers = 0
        for agent in range(agents):
            cell = moves[actions[game, agent], cells[game, agent]]
            cells[game, agent] = cell
            if cell == coin[game]:
                counts[game, 0] += 1
                counts[game, 1] += agent == colour[game]
                strangers += agent != colour[game]
        for agent in range(agents):
            lost = 2 * strangers if agent == colour[game] else 0
            rewards[game, agent] = scale * ((cells[game, agent] == coin[game]) - lost)
        if counts[game, 0] > 0:
            cell = int(chance[game, 0] * (moves.shape[1] - 1))  # any but the old one
            coin[game] = cell + (cell >= coin[game])
            colour[game] = int(chance[game, 1] * agents)


@compiled
def _look(cells: Ints, coin: Ints, colour: Ints, area: int, seen: Marks) -> None:
    """Writes what each agent sees, in four planes: itself, the others, the coin if it is its own, the coin if not."""
    games, agents = cells.shape
    for game in range(games):
        for agent in range(agents):
            count = 1
            seen[game, agent, 0] = cells[game, agent]
            for other in range(agents):
                if other != agent:
                    seen[game, agent, count] = area + cells[game, other]
                    count += 1
            seen[game, agent, count] = (2 if agent == colour[game] else 3) * area + coin[game]
