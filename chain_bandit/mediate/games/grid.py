"""Moves on a grid that ends at its borders, of one agent and as a table."""

import numpy as np

from chain_bandit.array_types import Ints
from chain_bandit.mediate.games.game import Position

DIRECTIONS: tuple[Position, ...] = ((0, 1), (0, -1), (-1, 0), (1, 0))
"""Up, down, left, right: the actions in their order."""

STAYING: Position = (0, 0)


def moved(place: Position, direction: Position, width: int, height: int) -> Position:
    """One step on; an agent that would leave the grid stays."""
    x, y = place[0] + direction[0], place[1] + direction[1]
    return (x, y) if 0 <= x < width and 0 <= y < height else place


def cell_of(place: Position, height: int) -> int:
    """A cell's number: columns from the left, each from below."""
    return place[0] * height + place[1]


def place_of(cell: int, height: int) -> Position:
    """The cell with that number."""
    return divmod(cell, height)


def moves(directions: tuple[Position, ...], width: int, height: int) -> Ints:
    """Where each direction leads from each cell, by number: (directions, cells)."""
    places = [place_of(cell, height) for cell in range(width * height)]
    led = [[cell_of(moved(place, way, width, height), height) for place in places] for way in directions]
    return np.array(led, np.int64)
