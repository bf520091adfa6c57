"""Bittensor's trust over arrays."""

import numpy as np

from chain_bandit.protocol.reputation import FULL
from chain_bandit.protocol.rule import Terms
from chain_bandit.protocol.rules.bittensor_trust import WHOLE
from chain_bandit.protocol.units import UNIT
from chain_bandit.simulation.arrays import Flags, Ints, Judged
from chain_bandit.simulation.likeness import likeness, radii

CLOSE = 1e-8
"""To an integer: an exponent of 50 at most makes a merit, of 65,535, wrong by less than 1e-9, besides its floors."""


def merits(terms: Terms, judged: Judged) -> tuple[Ints, Flags]:
    """Ranks are exact, of 2^8 stakes below 2^16 and scores below 2^33; the gate is by doubles, and where a merit comes
    near an integer, but that of the best, it is unsure.
    """
    stakes = judged.reputations
    rows = likeness(judged.reports, radii(judged.pulls), terms.tolerance)
    scores = WHOLE * rows // np.maximum(rows.sum(axis=1, keepdims=True), 1)
    if terms.options["clipped"]:
        scores = np.minimum(scores, _medians(scores, stakes))
    staked = np.maximum(stakes.sum(axis=0), 1)
    rank = np.einsum("fr,ftr->tr", stakes, scores)
    trust = np.einsum("fr,ftr->tr", stakes, (scores > 0).astype(np.int64))
    gate = 1 + np.exp(terms.options["temperature"] * (staked - 2 * trust) / (2 * staked))
    weights = rank * float(UNIT) / gate
    most = np.maximum(weights.max(axis=0), 1.0)
    shares = FULL * weights / most
    best = weights.argmax(axis=0), np.arange(len(staked))
    sure = (rank == 0) | ((rank == rank[best]) & (trust == trust[best]) & (rank > 0))
    near = np.abs(shares - np.rint(shares)) < CLOSE + 2 * FULL / most
    merit = np.where(sure, np.where(rank > 0, FULL, 0), np.floor(shares).astype(np.int64))
    return merit, (near & ~sure).any(axis=0) | ((rank > 0).any(axis=0) & (weights.max(axis=0) < 1))


def _medians(scores: Ints, stakes: Ints) -> Ints:
    """The highest score of each seat that more than half of the stakes give at least, (seats, replicates), or 0."""
    order = np.argsort(-scores, axis=0, kind="stable")
    ranked = np.take_along_axis(scores, order, axis=0)
    behind = np.take_along_axis(np.broadcast_to(stakes[:, np.newaxis], scores.shape), order, axis=0).cumsum(axis=0)
    enough = 2 * behind > stakes.sum(axis=0)
    first = enough.argmax(axis=0)[np.newaxis]
    return np.where(enough.any(axis=0), np.take_along_axis(ranked, first, axis=0)[0], 0)


FORM = merits
