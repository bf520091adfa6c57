"""The one report, as a vector of K means, that lies closest to its S - f - 2 nearest.

Source: Blanchard, El Mhamdi, Guerraoui, Stainer, Machine learning with adversaries, 2017, arXiv 1703.02757, section 4.
"""

import numpy as np

from chain_bandit.simulation.rivals.pooled import worth
from chain_bandit.simulation.rivals.reports import Reports


def krum(reports: Reports, f: int) -> Reports:
    """Worth one report; whoever reports nothing at all is left out."""
    there = np.asarray((reports.pulls > 0).any(axis=-1))
    apart = np.square(reports.means[..., :, None, :] - reports.means[..., None, :, :]).sum(axis=-1)
    senders = apart.shape[-1]
    apart = np.where(there[..., None, :] & ~np.eye(senders, dtype=bool), apart, np.inf)
    nearest = np.sort(apart, axis=-1)
    wanted = np.maximum(there.sum(axis=-1) - f - 2, 1)[..., None, None]
    score = np.where(np.arange(senders) < wanted, nearest, 0).sum(axis=-1)
    chosen = np.where(there, score, np.inf).argmin(axis=-1)[..., None, None]
    return worth(np.take_along_axis(reports.means, chosen, axis=-2)[..., 0, :], np.ones(1), reports)
