"""The delta-safe rule (Theorems 6 and 7)."""

from decimal import Context, Decimal
from types import MappingProxyType

from chain_bandit.protocol.aggregation import radius, within
from chain_bandit.protocol.rule import EVERY_ARM, Aggregation, Agreed, Estimate, Option, State, Terms, mean_over
from chain_bandit.protocol.units import UNIT


class DeltaSafe(Aggregation):
    """Who of F is within delta / 2 of its median estimator of the arm."""

    name = "delta-safe"
    options = MappingProxyType({"delta": Option(None, 1, scale=UNIT)})

    def estimate(self, terms: Terms, state: State, agreed: Agreed) -> Estimate:
        """Nobody is left out for its place alone."""
        passed, near = agreed.passed(), radius(terms.options["delta"])
        return mean_over(agreed, [within(agreed.column(arm), passed, near) for arm in range(terms.arms)])

    def least_burn_in(self, terms: Terms) -> int:
        """See `burn_in`."""
        return burn_in(terms.participants, terms.arms, terms.horizon, terms.options["delta"])

    def explain(self, terms: Terms) -> str:
        """Seats that are near enough."""
        return EVERY_ARM + f"the reports nearer than {terms.options['delta'] / 2 / UNIT:g} to their median."


def burn_in(participants: int, arms: int, horizon: int, delta: int) -> int:
    """K * ceil(8 ln(M K T) / delta^2), the least L with sqrt(ln(M K T) / 2n) <= delta / 4, n = L / K.

    Source: protocol.md: Aggregation.

    Args:
        delta: in units.
    """
    exact = Context(prec=40)
    sweeps = exact.divide(8 * Decimal(participants * arms * horizon).ln(exact), (Decimal(delta) / UNIT) ** 2)
    return arms * int(sweeps.to_integral_value("ROUND_CEILING", exact))
