"""The Nash solution (Lam, Aziz, Walsh, Nash welfare and facility location, 2023, section 4)."""

from collections.abc import Sequence
from math import prod

from chain_bandit.protocol.rule import EVERY_ARM, Aggregation, Agreed, Estimate, State, Terms, nothing
from chain_bandit.protocol.units import UNIT


class NashMean(Aggregation):
    """For every arm the place y that makes the product of 1 - |x - y| over the reports x of F largest.

    Of reports that are all 0 or 1 it is their mean; between others the product is log-concave, so that halving finds
    its top: the lowest unit from which one more does not raise it. Everybody in F has influence. Work: K times 60
    products of |F| factors.
    """

    name = "nash-mean"
    is_mean = False

    def estimate(self, terms: Terms, state: State, agreed: Agreed) -> Estimate:
        """In units, exactly."""
        passed = agreed.passed()
        if not passed:
            return nothing(terms.arms)
        columns = [[agreed.reports[seat][arm] for seat in passed] for arm in range(terms.arms)]
        return Estimate(tuple(map(_highest, columns)), (passed,) * terms.arms)

    def explain(self, terms: Terms) -> str:
        """Which place it is."""
        return EVERY_ARM + "the value to which the product of the reports' nearnesses, 1 less the distance, is largest."


def _highest(values: Sequence[int]) -> int:
    low, high = min(values), max(values)
    while low < high:
        middle = (low + high) // 2
        if _welfare(values, middle + 1) > _welfare(values, middle):
            low = middle + 1
        else:
            high = middle
    return low


def _welfare(values: Sequence[int], place: int) -> int:
    return prod(UNIT - abs(value - place) for value in values)
