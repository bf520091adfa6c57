"""Fed-MoM-UCB: clients pull for a while, then tell a server one mean each, of which it takes the median of group means.

Source: Demirel, Yildirim, Saday, Tekin, Federated multi-armed bandits under Byzantine attacks, 2022, arXiv 2205.04134.
Taken: UCB on the median of means over groups of clients, and that communication is rare and costs. Left open, since
only the abstract was at hand: the groups, 2f + 1 here, so that liars are in less than half; the rounds between
reports, 50 here; the width, here that of all pooled rules.
"""

import numpy as np

from chain_bandit.simulation.rivals.pooled import middle
from chain_bandit.simulation.rivals.reports import Reports

PULLS = 50


def median_of_means(reports: Reports, f: int) -> Reports:
    """The median over 2f + 1 groups of each group's mean; worth all reports."""
    groups = min(2 * f + 1, reports.means.shape[-2])
    heard = reports.pulls > 0
    member = np.arange(heard.shape[-2]) % groups == np.arange(groups)[:, None]
    size = member @ heard.astype(float)
    means = member @ np.where(heard, reports.means, 0) / np.maximum(size, 1)
    return Reports(middle(Reports(means, size)), reports.pulls[..., 0, :] * heard.sum(axis=-2))
