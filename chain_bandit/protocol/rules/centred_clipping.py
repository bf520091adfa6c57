"""Centred clipping (Karimireddy, He, Jaggi, Learning from history for Byzantine robust optimization, ICML 2021, 4)."""

from math import isqrt
from operator import mul, sub
from types import MappingProxyType

from chain_bandit.protocol.aggregation import lower_median
from chain_bandit.protocol.rule import EVERY_ARM, Aggregation, Agreed, Estimate, Option, State, Terms, nothing
from chain_bandit.protocol.units import UNIT

WHOLE = 1 << 64
"""What a step that is not clipped counts."""


class CentredClipping(Aggregation):
    """From the estimators in force, the mean of the steps to each report of F, none longer than a radius.

    A step is a vector of all arms: v + mean((x - v) min(1, radius / |x - v|)), as often as `iterations` says, once in
    the paper. Before the first approved block v is the lower median arm by arm. Everybody in F has influence, none
    more than a radius over |F|. Work: iterations |F| K products.
    """

    name = "centred-clipping"
    options = MappingProxyType({"radius": Option(UNIT // 10, 1, scale=UNIT), "iterations": Option(1, 1, 16)})
    is_mean = False

    def estimate(self, terms: Terms, state: State, agreed: Agreed) -> Estimate:
        """Floored to units in every iteration."""
        passed, radius = agreed.passed(), terms.options["radius"]
        if not passed:
            return nothing(terms.arms)
        rows = [agreed.reports[seat] for seat in passed]
        centre = [min(mean, UNIT) for mean in agreed.means or map(lower_median, zip(*rows, strict=True))]
        for _ in range(terms.options["iterations"]):
            steps = [tuple(map(sub, row, centre)) for row in rows]
            squares = [sum(map(mul, step, step)) for step in steps]
            shares = [min(WHOLE, isqrt((radius * WHOLE) ** 2 // max(square, 1))) for square in squares]
            moved = [sum(map(mul, shares, gaps)) // (len(rows) * WHOLE) for gaps in zip(*steps, strict=True)]
            centre = [value + move for value, move in zip(centre, moved, strict=True)]
        return Estimate(tuple(centre), (passed,) * terms.arms)

    def explain(self, terms: Terms) -> str:
        """How far a report moves it."""
        return EVERY_ARM + (
            "each report moves the last estimators towards itself, none by more than "
            f"{terms.options['radius'] / UNIT:g} over their number."
        )
