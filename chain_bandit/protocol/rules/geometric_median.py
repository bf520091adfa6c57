"""The geometric median (Pillutla, Kakade, Harchaoui, Robust aggregation for federated learning, 2022, algorithm 2)."""

from math import isqrt
from operator import mul, sub
from types import MappingProxyType

from chain_bandit.protocol.rule import EVERY_ARM, Aggregation, Agreed, Estimate, Option, State, Terms, nothing
from chain_bandit.protocol.units import UNIT

FINE = 1 << 32
"""Parts of a unit between iterations, since a step away from a report begins with a small part of a unit."""

WHOLE = 1 << 128
"""The weight of a report at the distance of one part."""


class GeometricMedian(Aggregation):
    """The point whose distances to the reports of F, vectors of all arms, have the least sum.

    By the smoothed iteration of Weiszfeld: the mean with weights 1 / max(nu, distance), `iterations` times, beginning
    at the mean. Everybody in F has influence. Work: iterations |F| K products, twice.
    """

    name = "geometric-median"
    options = MappingProxyType({"nu": Option(UNIT // 10**6, 1, scale=UNIT), "iterations": Option(32, 1, 64)})
    is_mean = False

    def estimate(self, terms: Terms, state: State, agreed: Agreed) -> Estimate:
        """To the nearest unit."""
        passed, least = agreed.passed(), terms.options["nu"] * FINE
        if not passed:
            return nothing(terms.arms)
        rows = [tuple(value * FINE for value in agreed.reports[seat]) for seat in sorted(passed)]
        columns = tuple(zip(*rows, strict=True))
        point = [sum(column) // len(rows) for column in columns]
        for _ in range(terms.options["iterations"]):
            apart = [isqrt(sum(gap * gap for gap in map(sub, row, point))) for row in rows]
            weights = [WHOLE // max(distance, least) for distance in apart]
            total = sum(weights)
            point = [sum(map(mul, weights, column)) // total for column in columns]
        return Estimate(tuple((value + FINE // 2) // FINE for value in point), (passed,) * terms.arms)

    def explain(self, terms: Terms) -> str:
        """Which point it is."""
        return EVERY_ARM + "the point with the least sum of distances to the reports, all arms together."
