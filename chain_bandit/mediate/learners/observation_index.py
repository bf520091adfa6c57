"""Observation index of an epoch: rows to evaluate the networks on, and the row of each step's observation.

Where little can be seen, rows are a table of all of it, of which networks are asked once an epoch. Else each
observation is a row of its own.
"""

from typing import Protocol

import numpy as np

from chain_bandit.array_types import Ints
from chain_bandit.mediate.games.game import NOTHING, Marks
from chain_bandit.mediate.learners.lookup_table import LookupTable


class ObservationIndex(Protocol):
    """Of G networks, in the T steps of E episodes and after the last."""

    @property
    def rows(self) -> Marks:
        """(G, K, marks)."""
        ...

    @property
    def places(self) -> Ints:
        """The row of each observation, (G, T + 1, E)."""
        ...

    def see(self, step: int, observations: Marks) -> tuple[Marks, Ints]:
        """Keep what is seen before a step, (G, E, marks): rows that have it, and which of them it is, (G, E)."""
        ...


class Tabled:
    """See `ObservationIndex`."""

    def __init__(self, table: LookupTable, rows: Marks, steps: int, episodes: int) -> None:
        """`rows` are the table's for each network: of one array, networks are asked once."""
        self.rows, self._table = rows, table
        self.places = np.zeros((len(rows), steps + 1, episodes), np.int64)

    def see(self, step: int, observations: Marks) -> tuple[Marks, Ints]:
        """See `ObservationIndex`."""
        self.places[:, step] = self._table.numbers(observations)
        return self.rows, self.places[:, step]


class Listed:
    """See `ObservationIndex`."""

    def __init__(self, networks: int, steps: int, episodes: int, marks: int) -> None:
        self._seen = np.full((networks, steps + 1, episodes, marks), NOTHING, np.int16)
        self.rows = self._seen.reshape(networks, -1, marks)
        numbers = np.arange((steps + 1) * episodes).reshape(steps + 1, episodes)
        self.places = np.broadcast_to(numbers, (networks, *numbers.shape))

    def see(self, step: int, observations: Marks) -> tuple[Marks, Ints]:
        """See `ObservationIndex`."""
        self._seen[:, step] = observations
        return self._seen[:, step], self.places[:, 0]
