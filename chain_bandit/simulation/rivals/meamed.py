"""The mean of the S - f reports of each arm that are nearest to their median.

Source: Xie, Koyejo, Gupta, Generalized Byzantine-tolerant SGD, 2018, arXiv 1802.10116, "mean around median".
"""

import numpy as np

from chain_bandit.simulation.rivals.median import middle
from chain_bandit.simulation.rivals.pooled import worth
from chain_bandit.simulation.rivals.reports import Reports


def meamed(reports: Reports, f: int) -> Reports:
    """Worth the reports that stay."""
    heard = reports.pulls > 0
    kept = np.maximum(heard.sum(axis=-2) - f, 0)
    distance = np.where(heard, np.abs(reports.means - middle(reports)[..., None, :]), np.inf)
    nearest = np.take_along_axis(reports.means, distance.argsort(axis=-2, kind="stable"), axis=-2)
    stays = np.arange(nearest.shape[-2])[:, None] < kept[..., None, :]
    return worth(np.where(stays, nearest, 0).sum(axis=-2) / np.maximum(kept, 1), kept, reports)
