"""Huber's estimator over arrays."""

import numpy as np

from chain_bandit.protocol.rule import Terms
from chain_bandit.protocol.units import UNIT
from chain_bandit.simulation.arrays import Form, Found, Told, everybody


def estimate(terms: Terms, told: Told) -> Found:
    """By halving. A clip times a deviation is below 2^64; 2^10 terms are below 2^35 each."""
    reports, middle = told.reports, (len(told.reports) - 1) // 2
    ranked = np.sort(reports, axis=0)
    deviations = np.sort(np.abs(reports - ranked[middle]), axis=0)[middle].astype(np.uint64)
    k = np.maximum(deviations * np.uint64(terms.options["clip"]) // np.uint64(UNIT), np.uint64(1)).astype(np.int64)
    low, high = ranked[0].copy(), ranked[-1].copy()
    while (low < high).any():
        half = (low + high) // 2
        above = np.clip(ranked - half, -k, k).sum(axis=0) > 0
        low, high = np.where(above, np.minimum(half + 1, high), low), np.where(above, high, half)
    return everybody(told, low)


FORM = Form(estimate, whole=True)
