"""The mean of the reports that are near their median; chain_bandit's own exclusion (docs/exclusion.md) without a chain.

An honest mean of n rewards has a standard deviation of at most 1 / (2 sqrt(n)): who is `delta` of these or more from
the lower median is left out of the arm.
"""

import numpy as np

from chain_bandit.simulation.rivals.pooled import worth
from chain_bandit.simulation.rivals.reports import Reports

DELTA = 2.5
"""As a scenario has it by default."""


def confidence(reports: Reports, f: int) -> Reports:
    """Worth the reports that stay."""
    heard = reports.pulls > 0
    ranked = np.sort(np.where(heard, reports.means, np.inf), axis=-2)
    rank = np.maximum(heard.sum(axis=-2, keepdims=True) - 1, 0) // 2
    apart = np.abs(reports.means - np.take_along_axis(ranked, rank, axis=-2))
    stays = heard & (apart < DELTA / 2 / np.sqrt(np.maximum(reports.pulls[..., :1, :], 1)))
    kept = stays.sum(axis=-2)
    return worth(np.where(stays, reports.means, 0).sum(axis=-2) / np.maximum(kept, 1), kept, reports)
