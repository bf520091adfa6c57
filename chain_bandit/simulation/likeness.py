"""Accuracies of many replicates at once: `protocol.reputation`, to the unit."""

import numpy as np

from chain_bandit.array_types import Ints
from chain_bandit.protocol.reputation import FREE, FULL
from chain_bandit.protocol.units import UNIT
from chain_bandit.roots import isqrt


def radii(pulls: Ints) -> Ints:
    """Of n_ref, as `protocol.reputation.radii`."""
    return np.where(pulls > 0, isqrt(UNIT * UNIT // np.maximum(pulls, 1)), FREE)


def accuracies(reports: Ints, validated: Ints, free: Ints, tolerance: int) -> Ints:
    """How near reports below 2^32 come to what is validated, (..., replicates).

    Args:
        reports: (..., arms, replicates).
        validated, free: estimators and radii, as reports or what spreads to them.
    """
    beyond = np.abs(reports - validated)
    beyond -= free
    np.maximum(beyond, 0, out=beyond)
    apart = beyond.sum(axis=-2) // reports.shape[-2]
    accuracy: Ints = FULL * np.maximum(tolerance - apart, 0) // tolerance
    return accuracy


def likeness(reports: Ints, free: Ints, tolerance: int) -> Ints:
    """Of every report beside any other one, (seats, seats, replicates); beside itself 0."""
    seats, _, replicates = reports.shape
    alike = np.zeros((seats, seats, replicates), np.int64)
    for place in range(1, seats):
        alike[place, :place] = alike[:place, place] = accuracies(reports[:place], reports[place], free, tolerance)
    return alike
