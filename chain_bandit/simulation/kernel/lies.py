"""Attacks of `chain_bandit.attacks`, compiled: the same lies by number, held equal by a test."""

from enum import IntEnum
from typing import Any

import numpy as np

from chain_bandit.attacks import parametric
from chain_bandit.attacks.attack import MILLION
from chain_bandit.attacks.parametric import Numbers
from chain_bandit.protocol.units import UNIT
from chain_bandit.simulation.kernel.compiled import compiled, inlined
from chain_bandit.simulation.kernel.roots import isqrt, radius


class Lie(IntEnum):
    """A change of a report, by the module of its attack. What its numbers are stands beside it: `Attack.numbers`."""

    CONSTANT_LIE = 0
    """a: the estimator of every arm in units, b: the arm that gets UNIT - a, or -1."""
    SIGN_FLIP = 1
    WORSE_HALF = 2
    COPYCAT = 3
    OFFSET = 4
    """a: the distance in units."""
    SLEEPER = 5
    """a: the first round in which it is told."""
    ON_OFF = 6
    """a: the rounds of honesty, and of lies, in turn."""
    INFLATED_COUNTS = 7
    """a: the arm that gets UNIT, b: how many times its pulls are claimed; its bits are those of its pulls."""
    WITHIN_RANGE = 8
    SWAP = 9
    INNER_PRODUCT = 10
    """a: epsilon in millionths."""
    SYBIL = 11
    A_LITTLE_IS_ENOUGH = 12
    """a: z in millionths."""
    MIMIC = 13
    RADIUS = 14
    """a: the share in millionths, b: the favoured arm, or -1."""
    PARAMETRIC = 15
    """`chain_bandit.attacks.parametric.Numbers`; which comparison bits it leaves: `claimed`."""


(
    _CONSTANT, _FLIP, _WORSE, _COPY, _OFFSET, _UPSIDE, _ON_OFF, INFLATED,
    _RANGE, _SWAP, _INNER, _CLONES, _LITTLE, _MIMIC, _RADIUS, FAMILY,
) = (int(lie) for lie in Lie)  # fmt: skip

_WAKES, _SLEEPS, _PERIOD, _TARGET, CLAIMS = (
    Numbers._fields.index(name) for name in ("wakes", "sleeps", "period", "target", "claims")
)
_BEST_ALONE = parametric.CLAIMS.index("best")

LOWEST, HIGHEST, AVERAGE, SPREAD, MEDIAN, FIRST_HONEST, LEAST, MOST = range(8)
"""By arm, of the honest reports in a block: the mean, below 0 until there is a block; standard deviation, lower median,
and the first seat's; between which a report of all colluders has its value in B."""


def read_by(lie: int, numbers: Any) -> int:
    """How many of these rows a lie reads, from the first on: what no lie of a game reads is not computed."""
    if lie < Lie.A_LITTLE_IS_ENOUGH:
        return 0 if lie < Lie.WITHIN_RANGE else SPREAD
    return MOST + 1 if lie == Lie.PARAMETRIC and Numbers(*numbers).within else LEAST


@compiled
def tell(report: Any, lie: Any, numbers: Any, t: Any, in_force: Any, pulls: Any, known: Any, index: Any) -> None:
    """Turn a report into a lie, in place.

    Args:
        report: of every arm, in units.
        numbers: what the lie reads, `a` and `b` first.
        in_force: the global estimators; the first is negative until there are some.
        pulls: n_ref by arm.
        known: the rows above by liar and arm, of the last block that each has read.
        index: the liar.
    """
    arms, a, b = report.size, numbers[0], numbers[1]
    if lie == _CONSTANT:
        for arm in range(arms):
            report[arm] = UNIT - a if arm == b else a
    elif lie == _FLIP:
        total = np.int64(0)
        for arm in range(arms):
            total += report[arm]
        for arm in range(arms):
            report[arm] = _clipped(2 * (total // arms) - report[arm])
    elif lie == _WORSE:
        _turn_order(report)
    elif lie == _COPY and in_force[0] >= 0:
        for arm in range(arms):
            report[arm] = in_force[arm]
    elif lie == _OFFSET:
        best = best_of(report, -1)
        for arm in range(arms):
            report[arm] = _clipped(report[arm] + (-a if arm == best else a))
    elif (lie == _UPSIDE and t >= a) or (lie == _ON_OFF and t // a % 2):
        for arm in range(arms):
            report[arm] = UNIT - report[arm]
    elif lie == INFLATED:
        report[a] = UNIT
    elif lie == FAMILY and known[AVERAGE, index, 0] >= 0:
        _tell_of_family(report, numbers, t, pulls, known, index)
    elif lie >= _RANGE and known[AVERAGE, index, 0] >= 0:
        _tell_of_others(report, lie, a, b, pulls, known, index)


@compiled
def _tell_of_others(report: Any, lie: Any, a: Any, b: Any, pulls: Any, known: Any, index: Any) -> None:
    """A lie made of the honest reports in the last block."""
    arms = report.size
    for arm in range(arms):
        report[arm] = known[AVERAGE, index, arm]
    best = best_of(report, -1)
    second, worst, total = best_of(report, best), 0, np.int64(0)
    for arm in range(arms):
        worst = arm if report[arm] < report[worst] else worst
        total += report[arm]
    if lie == _RANGE:
        for arm in range(arms):
            report[arm] = known[HIGHEST if arm == worst else LOWEST, index, arm]
    elif lie == _SWAP:
        report[best], report[second] = report[second], report[best]
        for arm in range(arms):
            report[arm] = min(max(report[arm], known[LOWEST, index, arm]), known[HIGHEST, index, arm])
    elif lie == _INNER:
        for arm in range(arms):
            report[arm] = _clipped(total // arms - a * (report[arm] - total // arms) // MILLION)
    elif lie == _CLONES:
        _turn_order(report)
    elif lie == _LITTLE:
        for arm in range(arms):
            off = a * known[SPREAD, index, arm] // MILLION
            report[arm] = _clipped(report[arm] + (-off if arm == best else off))
    elif lie == _MIMIC:
        for arm in range(arms):
            report[arm] = known[FIRST_HONEST, index, arm]
    elif lie == _RADIUS:
        favoured = b if b >= 0 else second
        damned = second if favoured == best else best
        for arm in range(arms):
            off = a * radius(pulls[arm]) // MILLION
            sign = 1 if arm == favoured else -1 if arm == damned else 0
            report[arm] = _clipped(known[MEDIAN, index, arm] + sign * off)


@compiled
def _tell_of_family(report: Any, numbers: Any, t: Any, pulls: Any, known: Any, index: Any) -> None:
    """`chain_bandit.attacks.parametric`."""
    best_off, second_off, others_off, closest, farthest, within, _, _, _, fewest, most, _, _ = numbers
    if not _lies_in(numbers, t):
        return
    mean, best = known[AVERAGE, index], _first(numbers, known, index)
    second = best_of(mean, best)
    gap, unit = abs(mean[best] - mean[second]), isqrt(UNIT * UNIT // (4 * pulls[best]))
    if not closest * unit // MILLION <= gap <= farthest * unit // MILLION:
        return
    for arm in range(report.size):
        far = best_off if arm == best else second_off if arm == second else others_off
        if far and fewest <= pulls[arm] <= most:
            off, median = abs(far) * isqrt(UNIT * UNIT // (4 * pulls[arm])) // MILLION, known[MEDIAN, index, arm]
            if within:
                reach = median - known[LEAST, index, arm] if far < 0 else known[MOST, index, arm] - median
                off = min(off, reach * within // MILLION)
            report[arm] = _clipped(median + (-off if far < 0 else off))


@inlined
def _lies_in(numbers: Any, t: Any) -> Any:
    wakes, sleeps, period = numbers[_WAKES], numbers[_SLEEPS], numbers[_PERIOD]
    return wakes <= t <= sleeps and not (period and t // period % 2)


@inlined
def _first(numbers: Any, known: Any, index: Any) -> Any:
    return numbers[_TARGET] if numbers[_TARGET] >= 0 else best_of(known[AVERAGE, index], -1)


@compiled
def claimed(numbers: Any, t: Any, known: Any, index: Any, arm: Any) -> Any:
    """Whether the pulls of an arm are committed to as they are."""
    if not numbers[CLAIMS] or not _lies_in(numbers, t) or known[AVERAGE, index, 0] < 0:
        return True
    return (arm == _first(numbers, known, index)) == (numbers[CLAIMS] == _BEST_ALONE)


@inlined
def _clipped(value: Any) -> Any:
    return min(max(value, 0), UNIT)


@inlined
def best_of(report: Any, other: Any) -> Any:
    """The best arm, of equals the first, but `other`."""
    best = 1 if other == 0 and report.size > 1 else 0
    for arm in range(report.size):
        best = arm if report[arm] > report[best] and arm != other else best
    return best


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
