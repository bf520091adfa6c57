"""Random Rank over arrays."""

import numpy as np

from chain_bandit.array_types import Ints, Words
from chain_bandit.protocol.rule import Terms
from chain_bandit.simulation.arrays import Form, Found, Told, one_of

_HALF, _LOW = np.uint64(32), np.uint64(2**32 - 1)


def estimate(terms: Terms, told: Told) -> Found:
    """The report at a rank that each round draws for each arm, by `protocol.rule.chance`."""
    seats, arms = told.reports.shape[:2]
    ranks = share(told.chance(arms), seats).T
    return one_of(told, np.sort(told.ordered(told.reports), axis=0), ranks)


def share(words: Words, seats: int) -> Ints:
    """floor(seats * h / 2^256) of hashes, (..., 4): by halves of 32 bits, whose products are below 2^42."""
    carried = np.zeros(words.shape[:-1], np.uint64)
    for word in np.moveaxis(words, -1, 0)[::-1]:
        for half in (word & _LOW, word >> _HALF):
            carried = (half * np.uint64(seats) + carried) >> _HALF
    return carried.astype(np.int64)


FORM = Form(estimate, by_arm=False, ordered=True)
