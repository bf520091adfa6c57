"""What the attacks report, for many replicates at once: `simulation.kernel.lies` as arrays, held equal by a test.

Arms are the last axis but one of every array, replicates the last.
"""

import numpy as np

from chain_bandit.attacks.attack import MILLION
from chain_bandit.protocol.units import UNIT
from chain_bandit.simulation.batch_numbers import isqrt
from chain_bandit.simulation.kernel.lies import AVERAGE, FIRST_HONEST, HIGHEST, LOWEST, MEDIAN, SPREAD, Lie
from chain_bandit.simulation.kernel.numbers import Ints

TOLD = frozenset(Lie) - {Lie.OPTIMISER}
"""The lies that have a form here."""


def tell(
    report: Ints, lie: int, a: int, b: int, t: int, in_force: Ints | None, pulls: Ints, known: Ints | None
) -> Ints:
    """A report turned into a lie.

    Args:
        report: in units, (liars, arms, replicates).
        lie, a, b: see `Lie`.
        in_force: the global estimators, once there are some.
        pulls: n_ref.
        known: rows of the honest reports in the last block, once there was one: (rows, arms, replicates).

    Returns:
        The same shape, or without the axis of liars where all of them say the same.
    """
    told = report
    match lie:
        case Lie.CONSTANT_LIE:
            told = np.where(_each(report) == b, UNIT - a, np.full_like(report, a))
        case Lie.SIGN_FLIP:
            told = _clipped(2 * (report.sum(axis=-2, keepdims=True) // report.shape[-2]) - report)
        case Lie.WORSE_HALF:
            told = _turned(report)
        case Lie.COPYCAT if in_force is not None:
            told = in_force
        case Lie.OFFSET:
            told = _clipped(report + np.where(_each(report) == _best(report), -a, a))
        case Lie.SLEEPER if t >= a:
            told = UNIT - report
        case Lie.ON_OFF if t // a % 2:
            told = UNIT - report
        case Lie.INFLATED_COUNTS:
            told = np.where(_each(report) == a, UNIT, report)
        case _ if lie >= Lie.WITHIN_RANGE and known is not None:
            told = _of_others(lie, a, b, pulls, known)
    return told


def _of_others(lie: int, a: int, b: int, pulls: Ints, known: Ints) -> Ints:
    """A lie made of the honest reports in the last block: all colluders tell the same."""
    mean = known[AVERAGE]
    arm, best = _each(mean), _best(mean)
    second = _best(np.where(arm == best, -1, mean))
    told: Ints = mean
    match lie:
        case Lie.WITHIN_RANGE:
            told = np.where(arm == mean.argmin(axis=-2, keepdims=True), known[HIGHEST], known[LOWEST])
        case Lie.SWAP:
            other = np.where(arm == best, second, np.where(arm == second, best, arm))
            swapped = np.take_along_axis(mean, other, axis=-2)
            told = np.minimum(np.maximum(swapped, known[LOWEST]), known[HIGHEST])
        case Lie.INNER_PRODUCT:
            middle = mean.sum(axis=-2, keepdims=True) // mean.shape[-2]
            told = _clipped(middle - a * (mean - middle) // MILLION)
        case Lie.SYBIL:
            told = _turned(mean)
        case Lie.A_LITTLE_IS_ENOUGH:
            off = a * known[SPREAD] // MILLION
            told = _clipped(mean + np.where(arm == best, -off, off))
        case Lie.MIMIC:
            told = known[FIRST_HONEST]
        case Lie.RADIUS:
            favoured = np.full_like(best, b) if b >= 0 else second
            damned = np.where(favoured == best, second, best)
            off = a * isqrt(UNIT * UNIT // pulls) // MILLION
            told = _clipped(known[MEDIAN] + np.where(arm == favoured, off, np.where(arm == damned, -off, 0)))
    return told


def learnt(honest: Ints, rows: int) -> Ints:
    """As many of `kernel.lies`' rows of the honest estimators as lies read: (rows, replicates).

    Args:
        honest: of one arm a replicate, by ascending seat: (seats, replicates).
    """
    count, average = len(honest), honest.sum(axis=0) // len(honest)
    known = [honest.min(axis=0), honest.max(axis=0), average]  # LOWEST, HIGHEST, AVERAGE
    if rows > SPREAD:
        squares = ((honest - average) ** 2 // count).sum(axis=0)
        known += [isqrt(squares), np.sort(honest, axis=0)[(count - 1) // 2], honest[0]]
    return np.stack(known)


def _each(report: Ints) -> Ints:
    return np.arange(report.shape[-2])[:, np.newaxis]


def _best(report: Ints) -> Ints:
    """The best arm, of equals the first."""
    best: Ints = report.argmax(axis=-2, keepdims=True)
    return best


def _clipped(report: Ints) -> Ints:
    return np.minimum(np.maximum(report, 0), UNIT)


def _turned(report: Ints) -> Ints:
    """`UNIT` for the worse half of the arms, of equal ones the lower index is worse, 0 for the rest."""
    order, told = report.argsort(axis=-2, kind="stable"), np.zeros_like(report)
    np.put_along_axis(told, order[..., : report.shape[-2] // 2, :], UNIT, axis=-2)
    return told
