"""A trimmed mean of single rewards: everybody tells its last arm and reward, a share of the highest and lowest is cut.

Source: Dubey, Pentland, Private and Byzantine-proof cooperative decision-making, 2020, arXiv 2205.14174. Taken: UCB on
a robust mean of all rewards received, trimmed by the share that may be false. Left open, since only its abstract was at
hand: the estimator's exact form and the width's constants. The source's liars lie by chance, reward by reward.
"""

import numpy as np

from chain_bandit.simulation.rivals.reports import Reports


def rewards_trimmed(reports: Reports, f: int) -> Reports:
    """Of n rewards received for an arm, the f / S share at each end is cut: of 0s and 1s only how many stay matters."""
    samples = reports.pulls.sum(axis=-2)
    ones = (reports.means * reports.pulls).sum(axis=-2)
    cut = np.minimum(f / reports.pulls.shape[-2], 0.5 - 1e-9) * samples
    stay = np.maximum(samples - 2 * cut, 1e-300)
    return Reports(np.clip(ones - cut, 0, stay) / stay, stay * (samples > 0))
