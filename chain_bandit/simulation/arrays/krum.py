"""Krum over arrays."""

import numpy as np

from chain_bandit.protocol.rule import Terms
from chain_bandit.simulation.arrays import Flags, Form, Found, Ints, Told

MOST = 2**62 - 1
"""Of a squared distance: what is more, two rewards and more, is cut."""

_HALF = 32
_LOW = 2**_HALF - 1


def estimate(terms: Terms, told: Told) -> Found:
    """A square, of 2^31 at most, and a sum that was cut are below 2^63 together; sums of distances are in two halves,
    each below 2^42. Where the least score has a distance that was cut it is unsure.
    """
    reports = told.reports
    seats, arms, replicates = reports.shape
    near = max(seats - terms.liars - 2, 1)
    apart = np.zeros((seats, seats, replicates), np.int64)
    for arm in range(arms):
        gaps = np.minimum(np.abs(reports[:, np.newaxis, arm] - reports[:, arm]), 2**31)
        apart = np.minimum(apart + gaps * gaps, MOST)
    nearest = np.sort(apart, axis=1)[:, 1 : near + 1]  # the first is the distance to itself
    low = (nearest & _LOW).sum(axis=1)
    scores = (nearest >> _HALF).sum(axis=1) + (low >> _HALF), low & _LOW
    cut = (nearest == MOST).any(axis=1)
    best: Flags = np.ones_like(cut)
    for half in scores:
        best = _lowest(half, best)
    unsure: Flags = np.any(best & cut, axis=0)
    for arm in range(arms):  # of equal scores the lower report
        best = _lowest(reports[:, arm], best)
    chosen = reports[best.argmax(axis=0), :, np.arange(replicates)].T
    whose = told.ordered(np.where(best, 0, 1)[:, np.newaxis])
    first = whose == whose.min(axis=0)
    alone, there = first.sum(axis=0) == 1, first[told.suspects]
    return Found(chosen, 1, there & alone, there & ~alone, unsure)


def _lowest(values: Ints, among: Flags) -> Flags:
    """Which of some seats have the lowest value."""
    left = np.where(among, values, 2**62)
    lowest: Flags = among & (left == left.min(axis=0))
    return lowest


FORM = Form(estimate, by_arm=False, ordered=True)
