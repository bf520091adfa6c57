"""Huber's estimator of known scale, one step from the median (docs/robust.md)."""

from types import MappingProxyType

from chain_bandit.protocol.aggregation import radius
from chain_bandit.protocol.rule import EVERY_ARM, Aggregation, Agreed, Estimate, Option, State, Terms, nothing
from chain_bandit.protocol.units import UNIT


class HuberOneStep(Aggregation):
    """For every arm the median of F, moved by the mean deviation from it, each deviation clipped to +- r.

    r is `clip` standard deviations of an honest report, which are at most 1/2 over the square root of the arm's pulls;
    the median of an even number is the middle of the two in the middle, floored. B: the seats that are not
    clipped, and those of the median; a clipped report still moves the estimator, by r / |F|. Work: K |F| log |F|.

    Source: Huber, Robust estimation of a location parameter, 1964; in one step from the median as Bickel, One-step
    Huber estimates in the linear model, 1975.
    """

    name = "huber-one-step"
    options = MappingProxyType({"clip": Option(5 * UNIT // 4, 1, scale=UNIT)})
    is_mean = False

    def estimate(self, terms: Terms, state: State, agreed: Agreed) -> Estimate:
        """In units, floored, by the pulls n_ref of the open round."""
        passed, clip = agreed.passed(), terms.options["clip"]
        if not passed:
            return nothing(terms.arms)
        means, sets = [], []
        for arm in range(terms.arms):
            reports, r = {seat: agreed.reports[seat][arm] for seat in passed}, radius(clip, agreed.pulls[arm])
            ranked = sorted(reports.values())
            lower, upper = ranked[(len(ranked) - 1) // 2], ranked[len(ranked) // 2]
            median, near = (lower + upper) // 2, max(r, (upper - lower + 1) // 2)
            moved = sum(max(-r, min(report - median, r)) for report in ranked)
            means.append(median + moved // len(ranked))
            sets.append(frozenset(seat for seat, report in reports.items() if abs(report - median) <= near))
        return Estimate(tuple(means), tuple(sets))

    def worth(self, terms: Terms, counted: int, passed: int) -> int:
        """|F|: clipped seats count too."""
        return passed

    def explain(self, terms: Terms) -> str:
        """How far a report pulls."""
        return EVERY_ARM + (
            "the median, moved by the mean of all deviations from it, of which none counts for more than "
            f"{terms.options['clip'] / 2 / UNIT:g} over the square root of the arm's pulls."
        )
