"""Sparse first layer of the learners' networks, and their activation function (ELU), compiled.

An observation is the list of the inputs that count (`Marks`), few of many. So a first layer is the sum of as many rows
of its weights, in place of a product with all of them, and its gradient adds slopes up where those rows came from.
"""

import numpy as np

from chain_bandit.array_types import Singles
from chain_bandit.mediate.games.game import Marks
from chain_bandit.simulation.kernel.compiled import compiled

_ONE, _TWO, _LEAST = np.float32(1), np.float32(2), np.float32(-20)
_HALF, _THIRD, _FOURTH, _FIFTH, _PART = (np.float32(1 / each) for each in (2, 3, 4, 5, 32))


@compiled
def add_up(rows: Marks, weights: Singles, bias: Singles, sums: Singles) -> None:
    """Writes the bias and the weights of all marks into sums: (G, B, K), (G, inputs, H), (G, 1, H), (G, B, H)."""
    for network in range(rows.shape[0]):
        for row in range(rows.shape[1]):
            for at in range(sums.shape[2]):
                sums[network, row, at] = bias[network, 0, at]
            for mark in rows[network, row]:
                if mark < 0:
                    break
                for at in range(sums.shape[2]):
                    sums[network, row, at] += weights[network, mark, at]


@compiled
def give_back(rows: Marks, slopes: Singles, gradients: Singles) -> None:
    """Adds to gradients of the weights, (G, inputs, H), slopes by the sums, (G, B, H)."""
    for network in range(rows.shape[0]):
        for row in range(rows.shape[1]):
            for mark in rows[network, row]:
                if mark < 0:
                    break
                for at in range(slopes.shape[2]):
                    gradients[network, mark, at] += slopes[network, row, at]


@compiled
def bend(values: Singles) -> None:
    """The exponential linear unit of each, in place: e^x - 1 below 0, to three units in the last place of 1.

    With m = e^y - 1 the same of 2 y is m (2 + m); five times from x / 32, of which a few terms of the series do. Below
    -20 it is -1 to the last place. This takes a third of the time of what calls an exponential.
    """
    for at in range(len(values)):
        value = values[at]
        part = (_LEAST if value < _LEAST else value) * _PART
        m = part * (_ONE + part * _HALF * (_ONE + part * _THIRD * (_ONE + part * _FOURTH * (_ONE + part * _FIFTH))))
        m *= _TWO + m
        m *= _TWO + m
        m *= _TWO + m
        m *= _TWO + m
        m *= _TWO + m
        values[at] = value if value > 0 else m


@compiled
def through(bent: Singles, slopes: Singles) -> None:
    """Slopes by what units were given from those by what they came to, in place: 1 above 0, e^x = unit + 1 below."""
    for at in range(len(bent)):
        slopes[at] *= min(bent[at] + _ONE, _ONE)
