"""SwarmGov-R's robust rules: a median or a trimmed mean that is worth as many samples as it has sources.

Source: the SwarmGov-R project's robust aggregation design and its report, 2026. Taken: the two rules with
`trim_count` 1, the width, ties by lot. Its mean is `fedavg` with ties by lot. A mean of thousands of samples is given
the width of one of three: that, not the median, is why it explores for ever on sparse graphs.
"""

import numpy as np

from chain_bandit.simulation.rivals.pooled import middle
from chain_bandit.simulation.rivals.reports import Reports

TRIM = 1


def source_median(reports: Reports, f: int) -> Reports:
    """The median of the sources, worth their number."""
    return Reports(middle(reports), (reports.pulls > 0).sum(axis=-2).astype(float))


def source_trimmed(reports: Reports, f: int) -> Reports:
    """The mean of the sources less the highest and the lowest, worth how many stay; the median where none would."""
    heard = reports.pulls > 0
    count = heard.sum(axis=-2)
    ranked = np.sort(np.where(heard, reports.means, np.inf), axis=-2)
    rank = np.arange(ranked.shape[-2])[:, None]
    kept = count - 2 * TRIM
    stays = (rank >= TRIM) & (rank < (count - TRIM)[..., None, :])
    means = np.where(stays, ranked, 0).sum(axis=-2) / np.maximum(kept, 1)
    fallback = source_median(reports, f)
    return Reports(np.where(kept > 0, means, fallback.means), np.where(kept > 0, kept, fallback.pulls))
