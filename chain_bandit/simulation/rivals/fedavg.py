"""The mean weighted by pulls, which a liar may claim any number of.

Source: McMahan et al., Communication-efficient learning of deep networks, 2017, arXiv 1602.05629, algorithm 1, with
means for models; on a graph it is the "one-hop weighted pooling" of SwarmGov-R.
"""

import numpy as np

from chain_bandit.simulation.rivals.reports import Reports


def fedavg(reports: Reports, f: int) -> Reports:
    """All samples that are claimed, in one pool."""
    samples = reports.pulls.sum(axis=-2)
    return Reports((reports.means * reports.pulls).sum(axis=-2) / np.maximum(samples, 1), samples)
