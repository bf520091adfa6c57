"""The Nash solution over arrays."""

import numpy as np

from chain_bandit.protocol.rule import Terms
from chain_bandit.protocol.units import UNIT
from chain_bandit.simulation.arrays import Form, Found, Told, everybody

CLOSE = 2.0**-49
"""Parts of the sum of all sizes of terms that a sum of terms may be off: each is, by 2^-51 of itself."""


def estimate(terms: Terms, told: Told) -> Found:
    """By halving: whether one unit more raises the product is the sign of a sum of logarithms.

    A factor is 1 less a distance, n units: a step nearer makes it n + 1, one away n - 1. One step moves the sum by a
    term over 10^9, so that it is seldom too near to 0. No factors are made of reports above `UNIT`.
    """
    reports = told.reports
    low, high = reports.min(axis=0), reports.max(axis=0)
    unsure = high > UNIT
    with np.errstate(divide="ignore", invalid="ignore"):
        while (low < high).any():
            half = (low + high) // 2
            away = half >= reports
            factor = UNIT - np.abs(reports - half)
            logs = np.log1p(np.where(away, -1.0, 1.0) / factor)
            slope = logs.sum(axis=0)
            unsure |= (low < high) & ~(np.abs(slope) > CLOSE * np.abs(logs).sum(axis=0))
            low, high = np.where(slope > 0, np.minimum(half + 1, high), low), np.where(slope > 0, high, half)
    return everybody(told, low, unsure)


FORM = Form(estimate, whole=True)
