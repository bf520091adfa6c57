"""Huber's one-step estimator over arrays."""

import numpy as np

from chain_bandit.protocol.rule import Terms
from chain_bandit.roots import isqrt
from chain_bandit.simulation.arrays import NO, SURE, Form, Found, Told


def estimate(terms: Terms, told: Told) -> Found:
    """A clip below 2^32 has a square below 2^64, over 4; 2^10 deviations are below 2^33 each."""
    reports, seats = told.reports, len(told.reports)
    r = isqrt(max(terms.options["clip"] ** 2 - 1, 0) // 4 // np.maximum(told.pulls, 1))
    ranked = np.sort(reports, axis=0)
    lower, upper = ranked[(seats - 1) // 2], ranked[seats // 2]
    median, near = (lower + upper) // 2, np.maximum(r, (upper - lower + 1) // 2)
    moved = np.clip(ranked - median, -r, r).sum(axis=0) // seats
    size = (np.abs(ranked - median) <= near).sum(axis=0)
    return Found(median + moved, size, np.abs(reports[told.suspects] - median) <= near, NO, SURE)


FORM = Form(estimate)
