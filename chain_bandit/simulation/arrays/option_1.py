"""Option 1 over arrays."""

import numpy as np

from chain_bandit.protocol.rule import Terms
from chain_bandit.simulation.arrays import NO, SURE, YES, Form, Found, Told


def estimate(terms: Terms, told: Told) -> Found:
    """Without the f highest and lowest reports."""
    return trimmed(told, terms.liars)


def trimmed(told: Told, trim: int) -> Found:
    """Without so many at each end. Sums: of 2^10 reports below 2^32."""
    reports = told.ordered(told.reports)
    ranked, suspected = np.sort(reports, axis=0), reports[told.suspects]
    left = ranked[trim : len(ranked) - trim]
    if not trim or not len(left):
        return Found(told.reports.sum(axis=0) // len(ranked), len(ranked), YES, NO, SURE if len(left) else YES)
    kept = (ranked[trim - 1] < suspected) & (suspected < ranked[-trim])
    tied = (left[0] <= suspected) & (suspected <= left[-1]) & ~kept  # equal to one that is cut, and to one that is left
    return Found(told.plain(left).sum(axis=0) // len(left), len(left), kept, tied, SURE)


FORM = Form(estimate, ordered=True)
