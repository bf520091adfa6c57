"""Rank voting over arrays."""

import numpy as np

from chain_bandit.protocol.rule import Terms
from chain_bandit.simulation.arrays import Form, Found, Told, everybody

_PLACES = 1 << 32
"""Above every report."""


def estimate(terms: Terms, told: Told) -> Found:
    """Twice the sum of an arm's ranks is at most 2^21; with the median behind it below 2^54."""
    reports = told.reports
    votes = np.zeros(reports.shape[1:], np.int64)
    for arm in range(reports.shape[1]):
        votes[arm] = ((reports < reports[:, arm, np.newaxis]).sum(axis=(0, 1))
                      + (reports <= reports[:, arm, np.newaxis]).sum(axis=(0, 1)))  # fmt: skip
    medians = np.sort(reports, axis=0)[(len(reports) - 1) // 2]
    order, means = (votes * _PLACES + medians).argsort(axis=0, kind="stable"), np.empty_like(medians)
    np.put_along_axis(means, order, np.sort(medians, axis=0), axis=0)
    return everybody(told, means)


FORM = Form(estimate, by_arm=False, whole=True)
