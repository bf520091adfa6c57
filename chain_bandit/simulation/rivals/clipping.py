"""Centred clipping: the mean of steps from a centre to each report, none longer than a radius.

Source: Karimireddy, He, Jaggi, Learning from history for Byzantine robust optimization, 2021, arXiv 2012.10333,
section 4. Left open: the radius, 0.1 here, and the iterations, 3 here. The source begins at the last round's result;
here at the median, since a bandit's reports do not drift.
"""

import numpy as np

from chain_bandit.simulation.rivals.median import middle
from chain_bandit.simulation.rivals.pooled import worth
from chain_bandit.simulation.rivals.reports import Reports

RADIUS = 0.1
ITERATIONS = 3


def clipping(reports: Reports, f: int) -> Reports:
    """Worth all reports; whoever reports nothing at all is left out."""
    there = (reports.pulls > 0).any(axis=-1)
    count = there.sum(axis=-1, keepdims=True)
    centre = middle(reports)
    for _ in range(ITERATIONS):
        steps = reports.means - centre[..., None, :]
        length = np.linalg.norm(steps, axis=-1)
        share = there * np.minimum(1, RADIUS / np.maximum(length, RADIUS))
        centre = centre + (steps * share[..., None]).sum(axis=-2) / np.maximum(count, 1)
    return worth(centre, count, reports)
