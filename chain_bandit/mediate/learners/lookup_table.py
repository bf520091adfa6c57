"""Lookup table of all observations of a small game: networks are evaluated on it once an epoch, not at every step."""

from dataclasses import dataclass
from functools import singledispatch
from itertools import product

import numpy as np

from chain_bandit.array_types import Ints
from chain_bandit.mediate.games.coin_game import CoinRules
from chain_bandit.mediate.games.dilemma import DilemmaRules
from chain_bandit.mediate.games.game import NOTHING, GameParameters, Marks


@dataclass(frozen=True, slots=True)
class LookupTable:
    """Every observation there is.

    Attributes:
        rows: (K, marks).
        weights: (inputs + 1,), which add up to the number of an observation's row; the last is that of `NOTHING`.
    """

    rows: Marks
    weights: Ints

    def numbers(self, observations: Marks) -> Ints:
        """The row of each; the last axis is summed over."""
        return np.asarray(self.weights[observations].sum(axis=-1))


@singledispatch
def table_of(rules: GameParameters) -> LookupTable | None:
    """The table of a game; None where it would be longer than what is seen in an epoch."""
    return None


@table_of.register
def _(rules: DilemmaRules) -> LookupTable:
    return LookupTable(np.array([[NOTHING], [0], [1]], np.int16), np.array([1, 2, 0]))


@table_of.register
def _(rules: CoinRules) -> LookupTable | None:
    if rules.agents > 2:
        return None
    cells = rules.width**2
    cell = np.arange(cells)
    rows = [(mine, cells + yours, (2 + stranger) * cells + coin)
            for mine, yours, coin, stranger in product(cell, cell, cell, (0, 1))]  # fmt: skip
    weights = np.concatenate([2 * cells**2 * cell, 2 * cells * cell, 2 * cell, 2 * cell + 1, [0]])
    return LookupTable(np.array(rows, np.int16), weights)
