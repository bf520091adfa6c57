"""Random Rank over arrays."""

import numpy as np

from chain_bandit.protocol.rule import Terms, chance
from chain_bandit.simulation.arrays import Form, Found, Told, one_of


def estimate(terms: Terms, told: Told) -> Found:
    """The report at a rank that each round draws for each arm."""
    (seats, arms), seeds = told.reports.shape[:2], told.seeds()
    ranks = np.array([[seats * chance(seed, arm) >> 256 for seed in seeds] for arm in range(arms)])
    return one_of(told, np.sort(told.ordered(told.reports), axis=0), ranks)


FORM = Form(estimate, by_arm=False, ordered=True)
