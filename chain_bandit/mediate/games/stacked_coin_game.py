"""Many games of `coin_game.py` at once. Cells go by number, as in `grid.py`."""

import numpy as np

from chain_bandit.mediate.chance import Uniforms, picks, shuffled
from chain_bandit.mediate.games.coin_game import WAYS, CoinRules
from chain_bandit.mediate.games.game import Floats, Ints, Moments, all_pairs
from chain_bandit.mediate.games.grid import moves


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

    def reset(self, chance: Uniforms) -> Floats:
        """See `Stack`."""
        order = shuffled(chance[:, :-1])
        self.cells, self.coin = order[:, : self._agents], order[:, self._agents]
        self.colour = picks(chance[:, -1], self._agents)
        return self._observations()

    def step(self, actions: Ints, chance: Uniforms) -> Moments:
        """See `Stack`."""
        self.cells = self._moves[actions, self.cells]
        on_it = self.cells == self.coin[:, np.newaxis]
        owns = np.arange(self._agents) == self.colour[:, np.newaxis]
        strangers = (on_it & ~owns).sum(axis=1, keepdims=True)
        takers, own = on_it.sum(axis=1), (on_it & owns).sum(axis=1)

        cell, taken = picks(chance[:, 0], self._area - 1), takers > 0
        self.coin = np.where(taken, cell + (cell >= self.coin), self.coin)
        self.colour = np.where(taken, picks(chance[:, 1], self._agents), self.colour)
        return Moments(
            observations=self._observations(),
            rewards=self._scale * (on_it - 2 * strangers * owns),
            neighbours=all_pairs(len(actions), self._agents),
            counts=np.stack([takers, own], axis=1),
            over=np.zeros(len(actions), np.bool_),
        )

    def _observations(self) -> Floats:
        games, agents = self.cells.shape
        each, agent = np.arange(games)[:, np.newaxis], np.arange(agents)
        planes = np.zeros((games, agents, 4, self._area), np.float32)
        planes[each, agent, 0, self.cells] = 1
        planes[:, :, 1] = planes[:, :, 0].sum(axis=1, keepdims=True) - planes[:, :, 0]
        planes[each, agent, np.where(agent == self.colour[:, np.newaxis], 2, 3), self.coin[:, np.newaxis]] = 1
        return planes.reshape(games, agents, -1)
