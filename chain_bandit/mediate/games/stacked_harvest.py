"""Many games of `harvest.py` at once. Cells go by number, as in `grid.py`."""

import numpy as np

from chain_bandit.mediate.chance import Uniforms, shuffled
from chain_bandit.mediate.games.game import Flags, Floats, Ints, Moments
from chain_bandit.mediate.games.grid import DIRECTIONS, cell_of, moves
from chain_bandit.mediate.games.harvest import ASIDE, NEAR, REGROWTH, SIGHT, TAGGED, WAYS, HarvestRules

_SPAN = 2 * SIGHT + 1
_MOST = 2 * NEAR * (NEAR + 1)
_ONESELF = np.eye(1, _SPAN**2, _SPAN**2 // 2, np.float32)[0]
"""Where oneself is in what one sees."""

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
        self._orchard = np.array([cell_of(place, rules.height) for place in rules.orchard])
        self._bare = np.array([cell_of(place, rules.height) for place in rules.bare])
        self._moves = moves(WAYS, rules.width, rules.height)
        self._reach, self._before = _fields(rules.width, rules.height)
        self._near, self._seen = _nearby(rules.width, rules.height)
        self.cells, self.waits = np.zeros((2, 0, rules.agents), np.int64)
        self.apples: Flags = np.zeros((0, self._area + 1), np.bool_)
        self.over: Flags = np.zeros(0, np.bool_)
        self._each: Ints = np.arange(0)

    def reset(self, chance: Uniforms) -> Floats:
        """See `Stack`."""
        games = len(chance)
        self._each = np.arange(games)
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
        for agent in shuffled(chance[:, : self._agents]).T:  # whose turn it is in each game
            self._turn(agent, actions, rewards, neighbours, counts)
        self._grow(chance[:, self._agents :])
        seen = self._observations()  # that of the last step is still shown
        self.over = np.logical_not(self.apples.any(axis=1))
        return Moments(seen, rewards, neighbours, counts, self.over.copy())

    def _turn(self, agent: Ints, actions: Ints, rewards: Uniforms, neighbours: Flags, counts: Ints) -> None:
        each = self._each
        acts = (self.waits[each, agent] == 0) & ~self.over
        cell, action = self.cells[each, agent], actions[each, agent]
        near = self._reach[cell[:, np.newaxis], self.cells] & acts[:, np.newaxis]
        near[each, agent] = False
        neighbours[each, agent] = near

        tags = action >= len(WAYS)
        (tagging,) = np.nonzero(acts & tags)
        if len(tagging):
            way, where = action[tagging] - len(WAYS), cell[tagging]
            before = self._before[way[:, np.newaxis], where[:, np.newaxis], self.cells[tagging]]
            hit = near[tagging] & before & (self.waits[tagging] == 0)
            self.waits[tagging] = np.where(hit, TAGGED, self.waits[tagging])
            counts[tagging, 2] += hit.sum(axis=1)

        goes = acts & ~tags
        cell = self._moves[np.where(goes, action, 0), cell]
        takes = self.apples[each, cell] & goes
        self.cells[each, agent] = cell
        self.apples[each, cell] &= ~takes
        rewards[each, agent] = np.where(acts, takes - self._penalty, 0.0)
        counts[:, 0] += takes
        counts[:, 1] += acts
        self.waits[each, agent] = np.maximum(self.waits[each, agent] - 1, 0)

    def _grow(self, chance: Uniforms) -> None:
        """What a cell after cell scan grows.

        A cell grows with what stood near before and what has grown near in cells before it. More apples never hinder,
        so starting from what stood, each pass over all cells at once only adds, until one adds nothing: then every
        cell agrees with those before it, which is what the scan leaves.
        """
        game, cell = np.nonzero((chance < _CHANCE[-1]) & ~self.apples[:, :-1])
        near, luck = self._near[cell], chance[game, cell]  # (candidates, 12), (candidates,)
        earlier = near < cell[:, np.newaxis]
        stood = self.apples[game[:, np.newaxis], near].sum(axis=1)
        grown = np.zeros_like(self.apples)
        while True:
            added = (grown[game[:, np.newaxis], near] & earlier).sum(axis=1)
            grows = luck < _CHANCE[stood + added]
            if np.array_equal(grown[game, cell], grows):
                break
            grown[game, cell] = grows
        self.apples |= grown

    def _observations(self) -> Floats:
        games, agents = self.cells.shape
        each = self._each[:, np.newaxis]
        awake = (self.waits == 0) & ~self.over[:, np.newaxis]
        cells = self._area + 1
        flat = (each * cells + self.cells)[awake]
        there = np.bincount(flat, minlength=games * cells).reshape(games, cells)
        seen = self._seen[self.cells]
        what = (self.apples + 2 * there).ravel()[each[:, :, np.newaxis] * cells + seen]  # both at once
        planes = np.empty((games, agents, 4, _SPAN**2), np.float32)
        planes[:, :, 0] = _ONESELF
        planes[:, :, 1] = seen == self._area
        planes[:, :, 2] = what & 1
        planes[:, :, 3] = what >> 1
        planes[:, :, 3] -= _ONESELF
        planes[~awake] = 0
        return planes.reshape(games, agents, -1)


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
