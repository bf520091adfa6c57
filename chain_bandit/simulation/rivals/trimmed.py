"""The mean without the f largest and the f smallest reports of each arm; chain_bandit's own Option 1 without a chain.

Source: Yin, Chen, Ramchandran, Bartlett, Byzantine-robust distributed learning, 2018, arXiv 1803.01498, section 3.
"""

import numpy as np

from chain_bandit.simulation.rivals.pooled import worth
from chain_bandit.simulation.rivals.reports import Reports


def trimmed(reports: Reports, f: int) -> Reports:
    """Worth the reports that stay; nothing where 2f or fewer were heard."""
    heard = reports.pulls > 0
    count = heard.sum(axis=-2)
    ranked = np.sort(np.where(heard, reports.means, np.inf), axis=-2)
    rank = np.arange(ranked.shape[-2])[:, None]
    kept = np.maximum(count - 2 * f, 0)
    stays = (rank >= f) & (rank < (count - f)[..., None, :])
    return worth(np.where(stays, ranked, 0).sum(axis=-2) / np.maximum(kept, 1), kept, reports)
