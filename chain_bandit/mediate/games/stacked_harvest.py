"""Many games of `harvest.py` at once, compiled. Cells go by number, as in `grid.py`."""

import numpy as np

from chain_bandit.array_types import Flags, Floats, Ints
from chain_bandit.mediate.chance import Uniforms, shuffled
from chain_bandit.mediate.games.game import NOTHING, Marks, Moments
from chain_bandit.mediate.games.grid import DIRECTIONS, cell_of, moves
from chain_bandit.mediate.games.harvest import ASIDE, NEAR, REGROWTH, SIGHT, TAGGED, WAYS, HarvestRules
from chain_bandit.simulation.kernel.compiled import compiled

_SPAN = 2 * SIGHT + 1
_IN_SIGHT = _SPAN**2
_MIDDLE = _IN_SIGHT // 2
"""Where oneself is in what one sees."""

_WAYS = len(WAYS)
_MOST = 2 * NEAR * (NEAR + 1)
_CHANCE = np.array([*REGROWTH, *[REGROWTH[-1]] * (_MOST + 1 - len(REGROWTH))])
"""That an apple grows, by how many are near."""


class HarvestStack:
    """See `Stack`. A game that is over is one in which nobody acts; nothing grows there since no apple is left.

    Attributes:
        cells: where the agents are, (B, N).
        waits: steps that each still sits out, (B, N).
        apples: (B, cells + 1); the last is no cell, and never has one.
        over: (B,)
    """

    def __init__(self, rules: HarvestRules) -> None:
        self._agents, self._area, self._penalty = rules.agents, rules.width * rules.height, rules.penalty
        self._marks = rules.marks
        self._orchard = np.array([cell_of(place, rules.height) for place in rules.orchard])
        self._bare = np.array([cell_of(place, rules.height) for place in rules.bare])
        self._moves = moves(WAYS, rules.width, rules.height)
        self._reach, self._before = _fields(rules.width, rules.height)
        self._near, self._seen = _nearby(rules.width, rules.height)
        self.cells, self.waits = np.zeros((2, 0, rules.agents), np.int64)
        self.apples: Flags = np.zeros((0, self._area + 1), np.bool_)
        self.over: Flags = np.zeros(0, np.bool_)

    def reset(self, chance: Uniforms) -> Marks:
        """See `Stack`."""
        games = len(chance)
        self.cells = self._bare[shuffled(chance)[:, : self._agents]]
        self.waits = np.zeros((games, self._agents), np.int64)
        self.apples = np.zeros((games, self._area + 1), np.bool_)
        self.apples[:, self._orchard] = True
        self.over = np.zeros(games, np.bool_)
        return self._observations()

    def step(self, actions: Ints, chance: Uniforms) -> Moments:
        """See `Stack`."""
        games = len(actions)
        rewards = np.zeros((games, self._agents))
        neighbours = np.zeros((games, self._agents, self._agents), np.bool_)
        counts = np.zeros((games, 3), np.int64)
        _turns(
            shuffled(chance[:, : self._agents]), actions, self.over, self._penalty, self._moves, self._reach,
            self._before, self.cells, self.waits, self.apples, rewards, neighbours, counts,
        )  # fmt: skip
        self._grow(chance[:, self._agents :])
        seen = self._observations()  # that of the last step is still shown
        self.over = np.logical_not(self.apples.any(axis=1))
        return Moments(seen, rewards, neighbours, counts, self.over.copy())

    def _grow(self, chance: Uniforms) -> None:
        _grow(chance, self._near, _CHANCE, self.apples)

    def _observations(self) -> Marks:
        seen = np.full((*self.cells.shape, self._marks), NOTHING, np.int16)
        _look(self.cells, self.waits, self.apples, self.over, self._seen, seen)
        return seen


@compiled
def _turns(
    order: Ints, actions: Ints, over: Flags, penalty: float, moves: Ints, reach: Flags, before: Flags, cells: Ints,
    waits: Ints, apples: Flags, rewards: Floats, neighbours: Flags, counts: Ints,
) -> None:  # fmt: skip
    """The agents take their turns in their order; writes into everything from `cells` on."""
    games, agents = order.shape
    for game in range(games):
        if over[game]:
            continue
        for turn in range(agents):
            agent = order[game, turn]
            if waits[game, agent] > 0:
                waits[game, agent] -= 1
                continue
            action, cell = actions[game, agent], cells[game, agent]
            rewards[game, agent] = -penalty
            counts[game, 1] += 1
            for other in range(agents):
                its = cells[game, other]
                if other != agent and reach[cell, its]:
                    neighbours[game, agent, other] = True
                    if action >= _WAYS and before[action - _WAYS, cell, its] and waits[game, other] == 0:
                        waits[game, other] = TAGGED
                        counts[game, 2] += 1
            if action < _WAYS:
                cell = moves[action, cell]
                cells[game, agent] = cell
                if apples[game, cell]:
                    apples[game, cell] = False
                    rewards[game, agent] = 1.0 - penalty
                    counts[game, 0] += 1


@compiled
def _grow(luck: Uniforms, near: Ints, chances: Floats, apples: Flags) -> None:
    """Cell by cell, so that what has just grown counts for the cells after it."""
    for game in range(len(luck)):
        for cell in range(luck.shape[1]):
            if luck[game, cell] < chances[-1] and not apples[game, cell]:
                count = 0
                for other in near[cell]:
                    count += apples[game, other]
                apples[game, cell] = luck[game, cell] < chances[count]


@compiled
def _look(cells: Ints, waits: Ints, apples: Flags, over: Flags, sights: Ints, seen: Marks) -> None:
    """Writes what each agent sees, in four planes: itself, cells off the grid, apples, the others."""
    games, agents = cells.shape
    nowhere = apples.shape[1] - 1
    for game in range(games):
        for agent in range(agents):
            if over[game] or waits[game, agent] > 0:
                continue
            cell, count = cells[game, agent], 1
            seen[game, agent, 0] = _MIDDLE
            for at in range(_IN_SIGHT):
                there = sights[cell, at]
                if there == nowhere or apples[game, there]:
                    seen[game, agent, count] = at + (_IN_SIGHT if there == nowhere else 2 * _IN_SIGHT)
                    count += 1
            for other in range(agents):
                if other != agent and waits[game, other] == 0:
                    for at in range(_IN_SIGHT):
                        if sights[cell, at] == cells[game, other]:
                            seen[game, agent, count] = at + 3 * _IN_SIGHT
                            count += 1


def _fields(width: int, height: int) -> tuple[Flags, Flags]:
    """Whom one reaches from where, (cells, cells), and whom a tag of each direction could hit, (4, cells, cells)."""
    x, y = np.divmod(np.arange(width * height), height)
    x, y = x - x[:, np.newaxis], y - y[:, np.newaxis]
    over, up = np.array(DIRECTIONS).T[:, :, np.newaxis, np.newaxis]
    before = (x * over + y * up >= 0) & (abs(x * up - y * over) <= ASIDE)
    return np.maximum(abs(x), abs(y)) <= SIGHT, before


def _nearby(width: int, height: int) -> tuple[Ints, Ints]:
    """The cells near each, (cells, 12), and seen from it, (cells, 49); `cells` stands for those off the grid."""
    area = width * height
    number = np.full((width + 2 * SIGHT, height + 2 * SIGHT), area)
    number[SIGHT:-SIGHT, SIGHT:-SIGHT] = np.arange(area).reshape(width, height)
    windows = np.lib.stride_tricks.sliding_window_view(number, (_SPAN, _SPAN)).reshape(area, _SPAN, _SPAN)
    over, up = np.indices((_SPAN, _SPAN)) - SIGHT
    distance = abs(over) + abs(up)
    return windows[:, (distance > 0) & (distance <= NEAR)], windows.reshape(area, -1)
