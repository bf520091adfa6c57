"""What the attacks of `chain_bandit.attacks` report, compiled: the same lies by number, held equal by a test."""

from enum import IntEnum
from typing import Any

import numpy as np

from chain_bandit.protocol.units import UNIT
from chain_bandit.simulation.kernel.compiled import compiled


class Lie(IntEnum):
    """A change of a report. What `a` and `b` are stands beside it; `lasting` lies never change once told."""

    CONSTANT = 0
    """a: the estimator of every arm in units, b: the arm that gets UNIT - a, or -1."""
    SIGN_FLIP = 1
    WORSE_HALF = 2
    WITHIN_RANGE = 3
    COPYCAT = 4
    OFFSET = 5
    """a: the distance in units."""
    UPSIDE_DOWN = 6
    """a: the first round in which it is told."""


_CONSTANT, _FLIP, _WORSE, _RANGE, _COPY, _OFFSET, _UPSIDE = (int(lie) for lie in Lie)


@compiled
def tell(report: Any, lie: Any, a: Any, b: Any, t: Any, in_force: Any, lowest: Any, highest: Any, totals: Any) -> None:
    """Turn a report into a lie, in place.

    Args:
        report: of every arm, in units.
        in_force: the global estimators; the first is negative until there are some.
        lowest, highest, totals: over the honest reports of the last block that the liar has read, by arm; the first
            total is negative until it has read one.
    """
    arms = report.size
    if lie == _CONSTANT:
        for arm in range(arms):
            report[arm] = UNIT - a if arm == b else a
    elif lie == _FLIP:
        total = np.int64(0)
        for arm in range(arms):
            total += report[arm]
        for arm in range(arms):
            report[arm] = min(max(2 * (total // arms) - report[arm], 0), UNIT)
    elif lie == _WORSE:
        _turn_order(report)
    elif lie == _RANGE and totals[0] >= 0:
        worst = 0
        for arm in range(arms):
            report[arm] = lowest[arm]
            worst = arm if totals[arm] < totals[worst] else worst
        report[worst] = highest[worst]
    elif lie == _COPY and in_force[0] >= 0:
        for arm in range(arms):
            report[arm] = in_force[arm]
    elif lie == _OFFSET:
        best = 0
        for arm in range(arms):
            best = arm if report[arm] > report[best] else best
        for arm in range(arms):
            report[arm] = max(report[arm] - a, 0) if arm == best else min(report[arm] + a, UNIT)
    elif lie == _UPSIDE and t >= a:
        for arm in range(arms):
            report[arm] = UNIT - report[arm]


_PRAISED = 1 << 32
"""A bit above every estimator."""


@compiled
def _turn_order(report: Any) -> None:
    """`UNIT` for the worse half of the arms, of equal ones the lower index is worse, 0 for the rest."""
    arms = report.size
    for _ in range(arms // 2):
        worst = -1
        for arm in range(arms):
            if report[arm] < _PRAISED and (worst < 0 or report[arm] < report[worst]):
                worst = arm
        report[worst] += _PRAISED
    for arm in range(arms):
        report[arm] = UNIT if report[arm] >= _PRAISED else 0
