"""The geometric median over arrays."""

import numpy as np

from chain_bandit.protocol.rule import Terms
from chain_bandit.simulation.arrays import Form, Found, Told, everybody

ULP = 2.0**-52


def estimate(terms: Terms, told: Told) -> Found:
    """By doubles that carry how far they may be off, and unsure where that decides which unit is nearest.

    The rule's own point is within a few of its 2^-32 parts of a unit of the exact one. From a point that is off by e, a
    distance is off by e, so its weight w = 1 / max(nu, distance) by e w of itself, and the next point, a mean with
    these weights, by e sum(w^2 d) / sum w, d being how far reports are from that one.
    """
    reports, least = told.reports.astype(np.float64), float(terms.options["nu"])
    size = float(reports.max(initial=1.0))
    point = reports.mean(axis=0)
    rounded = size * ULP * (len(reports) + len(point) + 16) * len(point) ** 0.5 + 2.0**-28  # of one iteration
    error = np.full(reports.shape[2], rounded)
    gaps = reports - point
    apart = np.sqrt(np.einsum("sar,sar->sr", gaps, gaps))
    for _ in range(terms.options["iterations"]):
        weights = 1 / np.maximum(apart, least)
        total = weights.sum(axis=0)
        point = point + np.einsum("sr,sar->ar", weights, gaps) / total
        gaps = reports - point
        apart = np.sqrt(np.einsum("sar,sar->sr", gaps, gaps))
        grown = np.einsum("sr,sr,sr->r", weights, weights, apart + error) / total
        with np.errstate(over="ignore"):  # an error without end is one that is unsure
            error = error * grown * (1 + 4 * error / least) + rounded
    nearest = np.floor(point + 0.5)
    unsure = (np.abs(point + 0.5 - np.rint(point + 0.5)) <= error).any(axis=0) | ~(error < least / 4)
    return everybody(told, nearest.astype(np.int64), unsure)


FORM = Form(estimate, by_arm=False, whole=True)
