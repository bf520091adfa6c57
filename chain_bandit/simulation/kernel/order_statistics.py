"""Order statistics of an arm's honest reports, for colluders, compiled: a test holds them to `chain_bandit.attacks`."""

from typing import Any

import numpy as np

from chain_bandit.protocol.units import UNIT
from chain_bandit.simulation.kernel.compiled import compiled
from chain_bandit.simulation.kernel.lies import AVERAGE, FIRST_HONEST, LEAST, MEDIAN, MOST, SPREAD
from chain_bandit.simulation.kernel.roots import isqrt
from chain_bandit.simulation.kernel.selection import divide, kept_by


@compiled
def measure(
    rules: Any, honest: Any, column: Any, rows: Any, arm: Any, pulls: Any, known: Any, buffer: Any
) -> None:
    """Fill an arm's rows from `SPREAD` on, as many of all as are `known`, more than `SPREAD`; `AVERAGE` is there.

    Args:
        honest: whether each seat is.
        column: the estimator of each seat.
        buffer: room for one value a seat; overwritten.
    """
    count, squares, first = 0, np.int64(0), np.int64(0)
    for seat in range(column.size):
        if honest[seat]:
            first = first if count else column[seat]
            buffer[count] = column[seat]
            count += 1
    for at in range(count):
        squares += (buffer[at] - rows[AVERAGE, arm]) ** 2 // count
    middle = (count - 1) // 2
    divide(buffer, 0, count - 1, middle)
    median = buffer[middle]
    rows[SPREAD, arm], rows[MEDIAN, arm], rows[FIRST_HONEST, arm] = isqrt(squares), median, first
    if known > LEAST:
        rows[LEAST, arm] = median - _reach(rules, honest, column, pulls, median, -1, buffer)
        rows[MOST, arm] = median + _reach(rules, honest, column, pulls, median, 1, buffer)


@compiled
def _reach(rules: Any, honest: Any, column: Any, pulls: Any, median: Any, sign: Any, buffer: Any) -> Any:
    """How far from the median all colluders may report and have their value in B, by halving."""
    near, far = np.int64(0), 1 + (UNIT - median if sign > 0 else median)
    while far - near > 1:
        half = (near + far) // 2
        told = median + sign * half
        for seat in range(column.size):
            buffer[seat] = column[seat] if honest[seat] else told
        kept = kept_by(rules, buffer, column.size, pulls, False)
        if kept.lowest <= told <= kept.highest:
            near = half
        else:
            far = half
    return near
