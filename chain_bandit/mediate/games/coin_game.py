"""CoinGame-N (the paper's Appendix A): agents of a colour each, and a coin of the colour of one of them.

An agent that steps on the coin gets 1; each agent of another colour that does costs the agent of the coin's colour 2.
So its owner together with one other agent gets -1.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chain_bandit.array_types import Singles
from chain_bandit.mediate.chance import pick, shuffled
from chain_bandit.mediate.games.game import Chance, MarkovGame, Moment, Position, everybody_else
from chain_bandit.mediate.games.grid import DIRECTIONS, STAYING, cell_of, moved, place_of

WAYS: tuple[Position, ...] = (*DIRECTIONS, STAYING)
"""Agents have the first four actions; the last is of those that give (`gifting.py`)."""


@dataclass(frozen=True, slots=True)
class CoinRules:
    """The grid is width x width. Counted are the agents on coins (`coins`), and the owners among them (`own`).

    Attributes:
        scale: what a coin is worth; 0.1 in the Rescaled Coin Game.
    """

    agents: int
    width: int
    scale: float = 1.0
    limit: int = 150
    discount: float = 0.95
    actions: int = 4
    idle: int | None = 4
    step_draws: int = 2
    counts: tuple[str, ...] = ("coins", "own")
    welfare: tuple[float, float] = -math.inf, math.inf

    @property
    def inputs(self) -> int:
        """Four planes of the grid."""
        return 4 * self.width**2

    @property
    def marks(self) -> int:
        """The agents and the coin."""
        return self.agents + 1

    @property
    def reset_draws(self) -> int:
        """The order of all cells, the first of which the agents and the coin get; the coin's colour."""
        return self.width**2 + 1

    def game(self) -> MarkovGame:
        """One game, to be read."""
        return CoinGame(self)


class CoinGame:
    """One game. Agents may share a cell, and see neither the others' identities nor which of them owns the coin."""

    def __init__(self, rules: CoinRules) -> None:
        self.rules = rules
        self.places: list[Position] = []
        self.coin: Position = 0, 0
        self.colour = 0

    def reset(self, chance: Chance) -> tuple[Singles, ...]:
        """See `MarkovGame`."""
        *cells, colour = chance
        order = shuffled(np.array(cells)).tolist()
        *self.places, self.coin = (place_of(cell, self.rules.width) for cell in order[: self.rules.agents + 1])
        self.colour = pick(colour, self.rules.agents)
        return self._observations()

    def step(self, actions: Sequence[int], chance: Chance) -> Moment:
        """See `MarkovGame`."""
        agents, width = self.rules.agents, self.rules.width
        self.places = [
            moved(place, WAYS[action], width, width) for place, action in zip(self.places, actions, strict=True)
        ]
        takers = [agent for agent in range(agents) if self.places[agent] == self.coin]
        strangers = len([agent for agent in takers if agent != self.colour])
        coins = [int(agent in takers) - 2 * strangers * int(agent == self.colour) for agent in range(agents)]
        counts = len(takers), int(self.colour in takers)
        if takers:
            self._new_coin(*chance)
        rewards = tuple(self.rules.scale * coin for coin in coins)
        return Moment(self._observations(), rewards, everybody_else(agents), counts, over=False)

    def _new_coin(self, where: float, whose: float) -> None:
        """On any cell but the old one, under an agent perhaps, which may take it by not leaving."""
        width = self.rules.width
        cell = pick(where, width**2 - 1)
        self.coin = place_of(cell + (cell >= cell_of(self.coin, width)), width)
        self.colour = pick(whose, self.rules.agents)

    def _observations(self) -> tuple[Singles, ...]:
        return tuple(map(self._observation, range(self.rules.agents)))

    def _observation(self, agent: int) -> Singles:
        """Four planes: oneself, how many others, the coin if it is one's own, the coin if not."""
        planes = np.zeros((4, self.rules.width, self.rules.width), np.float32)
        for each, place in enumerate(self.places):
            planes[0 if each == agent else 1][place] += 1
        planes[2 if self.colour == agent else 3][self.coin] = 1
        return planes.ravel()
