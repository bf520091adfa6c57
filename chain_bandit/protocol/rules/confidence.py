"""The confidence rule, beyond the paper (docs/exclusion.md)."""

from types import MappingProxyType

from chain_bandit.protocol.aggregation import radius, within
from chain_bandit.protocol.rule import EVERY_ARM, Aggregation, Agreed, Estimate, Option, State, Terms, mean_over
from chain_bandit.protocol.units import UNIT


class Confidence(Aggregation):
    """Who of F is within delta / 2, over the square root of the arm's pulls, of its median estimator of the arm.

    By default delta is 2.5 standard deviations of an honest report, which are at most 1/2 over that root.
    """

    name = "confidence"
    options = MappingProxyType({"delta": Option(5 * UNIT // 2, 1, scale=UNIT)})

    def estimate(self, terms: Terms, state: State, agreed: Agreed) -> Estimate:
        """By the pulls n_ref of the open round, on which the reports of honest participants rest."""
        passed, delta = agreed.passed(), terms.options["delta"]
        return mean_over(agreed, [
            within(agreed.column(arm), passed, radius(delta, agreed.pulls[arm])) for arm in range(terms.arms)
        ])  # fmt: skip

    def explain(self, terms: Terms) -> str:
        """Seats that are near enough."""
        return EVERY_ARM + (
            f"the reports nearer than {terms.options['delta'] / 2 / UNIT:g} to their median, over the square root of "
            "its pulls."
        )
