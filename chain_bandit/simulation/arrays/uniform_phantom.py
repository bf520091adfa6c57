"""Uniform Phantom over arrays."""

import numpy as np

from chain_bandit.protocol.rule import Terms
from chain_bandit.protocol.units import UNIT
from chain_bandit.simulation.arrays import Form, Found, Told, everybody


def estimate(terms: Terms, told: Told) -> Found:
    """The n-th of 2n - 1 values. The last phantom is (n - 1) 10^9 / n, below 2^10 2^30 before it is divided."""
    seats = len(told.reports)
    phantoms = np.arange(1, seats) * UNIT // seats
    spread = np.broadcast_to(phantoms.reshape(-1, *(1,) * (told.reports.ndim - 1)), (seats - 1, *told.pulls.shape))
    return everybody(told, np.sort(np.concatenate([told.reports, spread]), axis=0)[seats - 1])


FORM = Form(estimate, whole=True)
