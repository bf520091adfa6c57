"""MeaMed over arrays."""

import numpy as np

from chain_bandit.protocol.aggregation import trim_of
from chain_bandit.protocol.rule import Terms
from chain_bandit.simulation.arrays import Form, Found, Told

_ENDS = (np.min, 2**32), (np.max, -1)


def estimate(terms: Terms, told: Told) -> Found:
    """Twice a report and twice the median are below 2^34. Equal distances may lie on both sides."""
    seats = len(told.reports)
    size = seats - trim_of(seats, terms.liars)
    ranked = 2 * np.sort(told.reports, axis=0)
    doubled = ranked[(seats - 1) // 2 : seats // 2 + 1].sum(axis=0) // (2 - seats % 2)
    distances = told.ordered(np.abs(2 * told.reports - doubled))
    last = np.sort(distances, axis=0)[size - 1]  # of those that are kept
    near, edge = distances < last, distances == last
    left = size - near.sum(axis=0)
    split = edge.sum(axis=0) > left
    lowest, highest = (each(told.reports, axis=0, where=edge, initial=start) for each, start in _ENDS)
    part, all_near = ((told.reports * members).sum(axis=0) for members in (near, near | edge))
    total = np.where(split, part + left * lowest, all_near)
    apart = distances[told.suspects]
    return Found(
        total // size, size, (apart < last) | ((apart == last) & ~split), (apart == last) & split,
        split & (lowest < highest),
    )  # fmt: skip


FORM = Form(estimate, ordered=True)
