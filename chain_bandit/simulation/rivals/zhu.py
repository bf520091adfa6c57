"""Zhu's resilient UCB: a consistency filter on pulls, then a trimmed mean around one's own.

Source: Zhu, Koppel, Velasquez, Liu, Byzantine-resilient decentralized multi-armed bandits, 2023, arXiv 2310.07320,
algorithm 1, read beside the formulas of the authors' public experiment. Taken: filter, trimming, width, kappa = 1.5.
In that experiment the liar's false means never reach the trimming, which sees zeros; here they do.
"""

import numpy as np

from chain_bandit.simulation.rivals.audience import Aggregate
from chain_bandit.simulation.rivals.reports import Reports

KAPPA = 1.5


def resilient(kappa: float = KAPPA, pooled: bool = False) -> Aggregate:
    """z + sqrt(2 g ln t / n), with z and g from agents with at least n / kappa pulls, if they are more than 2f.

    z: the mean of one's own and of theirs less the f largest and the f smallest; g = (4 e^2 + kappa e + kappa) / 4, e
    one over how many that are. Else z is one's own and g = 1.

    Args:
        pooled: g is one over the reports in z instead, as with all pooled rules here.
    """

    def aggregate(reports: Reports, f: int) -> Reports:
        own, pulls = reports.means[..., 0, :], reports.pulls[..., 0, :]
        others, theirs = reports.means[..., 1:, :], reports.pulls[..., 1:, :]
        consistent = (kappa * theirs >= pulls[..., None, :]) & (theirs > 0)
        count = consistent.sum(axis=-2)
        ranked = np.sort(np.where(consistent, others, np.inf), axis=-2)
        rank = np.arange(others.shape[-2])[:, None]
        stays = (rank >= f) & (rank < (count - f)[..., None, :])
        enough = count > 2 * f
        share = 1 / np.where(enough, count - 2 * f + 1, 1)
        g = share if pooled else np.where(enough, (4 * share**2 + kappa * share + kappa) / 4, 1)
        return Reports(np.where(enough, (np.where(stays, ranked, 0).sum(axis=-2) + own) * share, own), pulls / g)

    return aggregate
