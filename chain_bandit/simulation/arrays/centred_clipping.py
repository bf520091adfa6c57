"""Centred clipping over arrays."""

import numpy as np

from chain_bandit.protocol.rule import Terms
from chain_bandit.protocol.units import UNIT
from chain_bandit.simulation.arrays import Form, Found, Told, everybody

CLOSE = 2.0**-14
"""To an integer, or to the radius: sums of n steps below 2^32 are to 2^-18 n, their means and lengths to 2^-17."""


def estimate(terms: Terms, told: Told) -> Found:
    """Steps that are not clipped are added up exactly, below 2^42; clipped ones by doubles, and where the mean comes
    near an integer, or a step to the radius, it is unsure.
    """
    reports, radius = told.reports, terms.options["radius"]
    centre = told.in_force
    if centre is None:
        centre = np.sort(reports, axis=0)[(len(reports) - 1) // 2]
    centre = np.minimum(centre, UNIT)
    unsure = np.zeros(reports.shape[2], np.bool_)
    for _ in range(terms.options["iterations"]):
        steps = reports - centre
        lengths = np.sqrt(np.square(steps.astype(np.float64)).sum(axis=1))
        whole = lengths <= radius
        exact = (steps * whole[:, np.newaxis]).sum(axis=0)
        shares = np.where(whole, 0, radius / np.maximum(lengths, 1))
        clipped = (steps * shares[:, np.newaxis]).sum(axis=0)
        moved = (exact + clipped) / len(reports)
        some = ~whole.all(axis=0)
        unsure |= some & (np.abs(moved - np.rint(moved)) < CLOSE).any(axis=0)
        unsure |= (np.abs(lengths - radius) < CLOSE).any(axis=0)
        centre = centre + np.where(some, np.floor(moved).astype(np.int64), exact // len(reports))
    return everybody(told, centre, unsure)


FORM = Form(estimate, by_arm=False, whole=True)
