"""Harvest (the paper's Appendix A): a commons dilemma, in which apples regrow only near apples.

Agents see and reach what is at most three cells away. They move, or tag those before them, which then sit out 25 steps.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chain_bandit.array_types import Singles
from chain_bandit.mediate.chance import shuffled
from chain_bandit.mediate.games.game import Chance, MarkovGame, Moment, Position
from chain_bandit.mediate.games.grid import DIRECTIONS, moved, place_of

SIGHT = 3
"""Chebyshev distance that agents see and reach."""

TAGGED = 25
"""Steps that a tagged agent sits out."""

WAYS: tuple[Position, ...] = ((0, 0), *DIRECTIONS)
"""Of the actions 0 to 4: stay, and move. Actions 5 to 8 tag in the four directions."""

GROUPS: tuple[Position, ...] = ((5, 2), (10, 2), (15, 2), (20, 2), (2, 6), (7, 6), (12, 6), (17, 6), (22, 6))
"""The middles of the plus-shaped groups of five apples."""

ASIDE = 2
"""How far to the side of its direction a tag reaches."""

NEAR = 2
"""The taxicab distance up to which apples let others grow."""

REGROWTH = (0.0, 0.01, 0.01, 0.05, 0.05, 0.1)
"""The chance of an apple where so many are near; the last for more of them too."""


@dataclass(frozen=True, slots=True)
class HarvestRules:
    """Counted are `apples` taken, `turns` of agents that were not tagged, and agents that were `tagged`.

    Attributes:
        penalty: of each such turn. The paper's text says 0.1, its code and its Table 1 say 0.01.
    """

    penalty: float = 0.01
    agents: int = 6
    width: int = 25
    height: int = 9
    groups: tuple[Position, ...] = GROUPS
    limit: int = 250
    discount: float = 0.99
    actions: int = 9
    idle: int | None = 0
    inputs: int = 4 * (2 * SIGHT + 1) ** 2
    counts: tuple[str, ...] = ("apples", "turns", "tagged")

    @property
    def welfare(self) -> tuple[float, float]:
        """An apple a turn at most."""
        turns = self.agents * self.limit
        return -math.inf, turns

    @property
    def orchard(self) -> tuple[Position, ...]:
        """The cells that have an apple at a reset."""
        near = ((0, 0), *DIRECTIONS)
        return tuple(sorted({(x + over, y + up) for x, y in self.groups for over, up in near}))

    @property
    def bare(self) -> tuple[Position, ...]:
        """All others, where agents begin."""
        every = (place_of(cell, self.height) for cell in range(self.width * self.height))
        return tuple(place for place in every if place not in self.orchard)

    @property
    def marks(self) -> int:
        """The agents, and of each cell in sight that it is off the grid or has an apple."""
        return self.agents + (2 * SIGHT + 1) ** 2

    @property
    def reset_draws(self) -> int:
        """The order of the bare cells, the first of which the agents get."""
        return len(self.bare)

    @property
    def step_draws(self) -> int:
        """The order of the agents; what grows in each cell."""
        return self.agents + self.width * self.height

    def game(self) -> MarkovGame:
        """One game, to be read."""
        return Harvest(self)


class Harvest:
    """One game.

    Attributes:
        places: where the agents are. They share cells.
        waits: steps that each still sits out.
        apples: the cells that have one.
    """

    def __init__(self, rules: HarvestRules) -> None:
        self.rules = rules
        self.places: list[Position] = []
        self.waits: list[int] = []
        self.apples: set[Position] = set()

    def reset(self, chance: Chance) -> tuple[Singles, ...]:
        """See `MarkovGame`."""
        bare, order = self.rules.bare, shuffled(np.array(chance)).tolist()
        self.places = [bare[at] for at in order[: self.rules.agents]]
        self.waits = [0] * self.rules.agents
        self.apples = set(self.rules.orchard)
        return self._observations()

    def step(self, actions: Sequence[int], chance: Chance) -> Moment:
        """See `MarkovGame`. The agents take their turns in an order of chance, then apples grow."""
        agents = self.rules.agents
        rewards, counts = [0.0] * agents, [0, 0, 0]
        neighbours = [frozenset[int]()] * agents
        for agent in shuffled(np.array(chance[:agents])).tolist():
            if not self.waits[agent]:
                neighbours[agent] = self._near(agent)
                apples, tagged = self._act(agent, actions[agent], neighbours[agent])
                rewards[agent] = apples - self.rules.penalty
                counts = [counts[0] + apples, counts[1] + 1, counts[2] + tagged]
            self.waits[agent] = max(self.waits[agent] - 1, 0)
        self._grow(chance[agents:])
        return Moment(self._observations(), tuple(rewards), tuple(neighbours), tuple(counts), not self.apples)

    def _near(self, agent: int) -> frozenset[int]:
        """Agents in reach before it acts, those that sit out too."""
        return frozenset(
            other
            for other in range(self.rules.agents)
            if other != agent and max(map(abs, self._offset(agent, other))) <= SIGHT
        )

    def _offset(self, agent: int, other: int) -> Position:
        (x, y), (its_x, its_y) = self.places[agent], self.places[other]
        return its_x - x, its_y - y

    def _act(self, agent: int, action: int, near: frozenset[int]) -> tuple[int, int]:
        """Apples taken and agents tagged in one turn."""
        if action >= len(WAYS):
            return 0, self._tag(agent, DIRECTIONS[action - len(WAYS)], near)
        place = moved(self.places[agent], WAYS[action], self.rules.width, self.rules.height)
        self.places[agent] = place
        takes = place in self.apples
        self.apples.discard(place)
        return int(takes), 0

    def _tag(self, agent: int, direction: Position, near: frozenset[int]) -> int:
        """Of those near, agents level with this one or before it, at most `ASIDE` to the side, and not tagged yet."""
        tagged = 0
        for other in near:
            (x, y), (ahead_x, ahead_y) = self._offset(agent, other), direction
            ahead, aside = x * ahead_x + y * ahead_y, x * ahead_y - y * ahead_x
            if ahead >= 0 and abs(aside) <= ASIDE and not self.waits[other]:
                self.waits[other] = TAGGED
                tagged += 1
        return tagged

    def _grow(self, chance: Chance) -> None:
        """Cell by cell, so that what has just grown counts for the cells after it."""
        for cell, luck in enumerate(chance):
            x, y = place = place_of(cell, self.rules.height)
            if place not in self.apples and luck < max(REGROWTH):
                near = len([1 for over, up in self.apples if abs(over - x) + abs(up - y) <= NEAR])
                if luck < REGROWTH[min(near, len(REGROWTH) - 1)]:
                    self.apples.add(place)

    def _observations(self) -> tuple[Singles, ...]:
        return tuple(map(self._observation, range(self.rules.agents)))

    def _observation(self, agent: int) -> Singles:
        """Four planes around the agent: itself, cells off the grid, apples, the others. Zeros while it sits out."""
        span = 2 * SIGHT + 1
        planes = np.zeros((4, span, span), np.float32)
        if self.waits[agent]:
            return planes.ravel()
        planes[0, SIGHT, SIGHT] = 1
        left, below = (centre - SIGHT for centre in self.places[agent])
        for over in range(span):
            for up in range(span):
                x, y = left + over, below + up
                planes[1, over, up] = not (0 <= x < self.rules.width and 0 <= y < self.rules.height)
                planes[2, over, up] = (x, y) in self.apples
        for other in range(self.rules.agents):
            over, up = self.places[other][0] - left, self.places[other][1] - below
            if other != agent and not self.waits[other] and 0 <= over < span and 0 <= up < span:
                planes[3, over, up] += 1
        return planes.ravel()
