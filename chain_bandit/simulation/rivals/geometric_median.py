"""The point whose distances to all reports, as vectors of K means, have the least sum; by Weiszfeld's iteration.

Source: Pillutla, Kakade, Harchaoui, Robust aggregation for federated learning, 2019, arXiv 1912.13445, algorithm 2 (the
smoothed iteration). Left open: smoothing and iterations; 1e-9 and 30 here.
"""

import numpy as np

from chain_bandit.simulation.rivals.pooled import mean, worth
from chain_bandit.simulation.rivals.reports import Reports

ITERATIONS = 30
SMOOTHING = 1e-9


def geometric_median(reports: Reports, f: int) -> Reports:
    """Worth all reports; whoever reports nothing at all is left out."""
    there = (reports.pulls > 0).any(axis=-1)
    point = mean(reports, f).means
    for _ in range(ITERATIONS):
        distance = np.linalg.norm(reports.means - point[..., None, :], axis=-1)
        weight = there / np.maximum(distance, SMOOTHING)
        total = np.maximum(weight.sum(axis=-1, keepdims=True), 1)
        point = (weight[..., None] * reports.means).sum(axis=-2) / total
    return worth(point, there.sum(axis=-1, keepdims=True), reports)
