"""All that can be seen in small games, by number: networks are asked once an epoch of it, not at every step."""

from dataclasses import dataclass
from functools import singledispatch
from itertools import product

import numpy as np
from numpy.typing import NDArray

from chain_bandit.mediate.games.coin_game import CoinRules
from chain_bandit.mediate.games.dilemma import DilemmaRules
from chain_bandit.mediate.games.game import Floats, Ints, Rules


@dataclass(frozen=True, slots=True)
class Table:
    """Every observation there is.

    Attributes:
        rows: (K, inputs).
        weights: (inputs,), with which an observation adds up to its row's number.
    """

    rows: Floats
    weights: NDArray[np.float32]

    def numbers(self, observations: Floats) -> Ints:
        """The row of each; the last axis is summed over."""
        return (observations @ self.weights).astype(np.int64)


@singledispatch
def table_of(rules: Rules) -> Table | None:
    """The table of a game; None where it would be longer than what is seen in an epoch."""
    return None


@table_of.register
def _(rules: DilemmaRules) -> Table:
    return Table(np.array([[0, 0], [1, 0], [0, 1]], np.float32), np.array([1, 2], np.float32))


@table_of.register
def _(rules: CoinRules) -> Table | None:
    if rules.agents > 2:
        return None
    cells = rules.width**2
    rows = np.zeros((2 * cells**3, 4, cells), np.float32)
    for number, (mine, yours, coin, stranger) in enumerate(product(range(cells), range(cells), range(cells), (0, 1))):
        rows[number, 0, mine] = rows[number, 1, yours] = rows[number, 2 + stranger, coin] = 1
    cell = np.arange(cells)
    weights = np.concatenate([2 * cells**2 * cell, 2 * cells * cell, 2 * cell, 2 * cell + 1])
    return Table(rows.reshape(len(rows), -1), weights.astype(np.float32))
