"""The delta-safe rule over arrays."""

import numpy as np

from chain_bandit.protocol.aggregation import radius
from chain_bandit.protocol.rule import Terms
from chain_bandit.simulation.arrays import NO, SURE, Form, Found, Ints, Told


def estimate(terms: Terms, told: Told) -> Found:
    """Of whom is near the median."""
    return within(told, radius(terms.options["delta"]))


def within(told: Told, radius: int | Ints) -> Found:
    """Of whom is no farther than a radius from the lower median. Sums: of 2^10 reports below 2^32."""
    ranked = np.sort(told.reports, axis=0)
    median = ranked[(len(ranked) - 1) // 2]
    near = np.abs(ranked - median) <= radius
    size = near.sum(axis=0)
    kept = np.abs(told.reports[told.suspects] - median) <= radius
    return Found((ranked * near).sum(axis=0) // size, size, kept, NO, SURE)


FORM = Form(estimate)
