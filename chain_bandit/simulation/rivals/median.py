"""The median of the reports of each arm.

Source: Yin, Chen, Ramchandran, Bartlett, 2018, arXiv 1803.01498, definition 1. Left open by a rule for gradients: what
a median is worth; here as many samples as all reports have, by which the width is somewhat too narrow.
"""

import numpy as np

from chain_bandit.simulation.arena import Floats
from chain_bandit.simulation.rivals.pooled import worth
from chain_bandit.simulation.rivals.reports import Reports


def middle(reports: Reports) -> Floats:
    """The median of what was heard, by arm; 0 of nothing."""
    heard = reports.pulls > 0
    count = heard.sum(axis=-2)
    ranked = np.sort(np.where(heard, reports.means, np.inf), axis=-2)
    ranks = np.stack([(count - 1) // 2, count // 2], axis=-2).clip(0, ranked.shape[-2] - 1)
    return np.where(count > 0, np.take_along_axis(ranked, ranks, axis=-2).mean(axis=-2), 0)


def median(reports: Reports, f: int) -> Reports:
    """See above."""
    return worth(middle(reports), (reports.pulls > 0).sum(axis=-2), reports)
