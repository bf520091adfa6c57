"""Huber's M-estimator of location (Huber, Robust estimation of a location parameter, 1964)."""

from collections.abc import Sequence
from types import MappingProxyType

from chain_bandit.protocol.aggregation import lower_median
from chain_bandit.protocol.rule import EVERY_ARM, Aggregation, Agreed, Estimate, Option, State, Terms, nothing
from chain_bandit.protocol.units import UNIT


class Huber(Aggregation):
    """For every arm the value from which the deviations of the reports of F, clipped to +- k, sum to 0.

    k is `clip` median absolute deviations, by default two: 1.345 standard deviations of a normal law, for 95 % of the
    mean's efficiency. The sum falls as the value rises, so that 30 halvings find the lowest unit at which it is not
    above 0. Everybody in F has influence. Work: 30 K |F| additions.
    """

    name = "huber"
    options = MappingProxyType({"clip": Option(2 * UNIT, 1, scale=UNIT)})
    is_mean = False

    def estimate(self, terms: Terms, state: State, agreed: Agreed) -> Estimate:
        """In units; medians are lower ones, k is one unit at least."""
        passed, clip = agreed.passed(), terms.options["clip"]
        if not passed:
            return nothing(terms.arms)
        columns = [[agreed.reports[seat][arm] for seat in passed] for arm in range(terms.arms)]
        return Estimate(tuple(_balance(column, clip) for column in columns), (passed,) * terms.arms)

    def explain(self, terms: Terms) -> str:
        """How far a report pulls."""
        return EVERY_ARM + (
            "a mean in which no report pulls harder than one at "
            f"{terms.options['clip'] / UNIT:g} median absolute deviations."
        )


def _balance(values: Sequence[int], clip: int) -> int:
    median = lower_median(values)
    k = max(clip * lower_median(abs(value - median) for value in values) // UNIT, 1)
    low, high = min(values), max(values)
    while low < high:
        middle = (low + high) // 2
        if sum(max(-k, min(value - middle, k)) for value in values) > 0:
            low = middle + 1
        else:
            high = middle
    return low
