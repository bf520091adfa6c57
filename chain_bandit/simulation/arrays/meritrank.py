"""MeritRank over arrays."""

import numpy as np

from chain_bandit.protocol.reputation import FULL
from chain_bandit.protocol.rule import Terms
from chain_bandit.protocol.rules.meritrank import WHOLE
from chain_bandit.protocol.units import UNIT
from chain_bandit.simulation.arrays import SURE, Flags, Ints, Judged
from chain_bandit.simulation.likeness import accuracies, likeness, radii

CELLS = 2**18
"""Of the largest array, (replicates, seats, seats), about."""

_BITS = WHOLE.bit_length() - 1


def merits(terms: Terms, judged: Judged) -> tuple[Ints, Flags]:
    """Walks of a step are 2^30 at most together, so that the next one sums to 2^60, and all, times 10^9, to 2^62."""
    seats, _, replicates = judged.reports.shape
    size = max(1, CELLS // seats**2)
    parts = [_merits(terms, Judged(*(each[..., at : at + size] for each in judged)))
             for at in range(0, replicates, size)]  # fmt: skip
    return np.concatenate(parts, axis=-1), SURE


def _merits(terms: Terms, judged: Judged) -> Ints:
    reports, free, options = judged.reports, radii(judged.pulls), terms.options
    near = accuracies(reports, judged.means, free, terms.tolerance)
    first = np.ascontiguousarray(_shares(near, 0).T)
    into = np.ascontiguousarray(np.moveaxis(_shares(likeness(reports, free, terms.tolerance), 1), -1, 0))
    passed_on, seats = UNIT - options["transitivity_decay"], len(reports)
    there = np.ones((seats + 1, seats), np.int64)  # the last row: of walks that may pass every seat
    there[range(seats), range(seats)] = 0
    walks = first[:, np.newaxis] * there
    total = walks.copy()
    for _ in range(1, options["steps"]):
        arrived = walks @ into
        walks = ((arrived >> _BITS) * passed_on + ((arrived & (WHOLE - 1)) * passed_on >> _BITS)) // UNIT * there
        total += walks
    score = total[:, -1]
    through = (score[:, np.newaxis] - total[:, :-1]) * UNIT > (score * options["bridge"])[:, np.newaxis]
    through[:, range(seats), range(seats)] = False
    merit = np.where(through.any(axis=1), score * (UNIT - options["connectivity_decay"]) // UNIT, score)
    ranked: Ints = FULL * merit // np.maximum(merit.max(axis=1, keepdims=True), 1)
    return ranked.T


def _shares(values: Ints, axis: int) -> Ints:
    """Parts of `WHOLE` along an axis; of nothing none."""
    shares: Ints = WHOLE * values // np.maximum(values.sum(axis=axis, keepdims=True), 1)
    return shares


FORM = merits
