"""Reports that say no more of the local estimators than a step allows."""

from types import MappingProxyType

from chain_bandit.protocol.rule import Disclosure, Option, Own, Terms
from chain_bandit.protocol.units import UNIT, Means


class Rounded(Disclosure):
    """The nearest multiple of `step` units, the lower one of two, none above a whole reward.

    Every reward moves an estimator by at most 1 / n: from n > 1 / step pulls on most single rewards leave no trace.
    """

    name = "rounded"
    options = MappingProxyType({"step": Option(UNIT // 100, 1, UNIT, scale=UNIT)})

    def encode(self, terms: Terms, own: Own) -> Means:
        """Each by itself."""
        step = terms.options["step"]
        return tuple(min((2 * mean + step - 1) // (2 * step), UNIT // step) * step for mean in own.means)

    def is_valid(self, terms: Terms, values: Means) -> bool:
        """Multiples of the step."""
        return super().is_valid(terms, values) and all(value % terms.options["step"] == 0 for value in values)

    def explain(self, terms: Terms) -> str:
        """How much of an estimator is told."""
        return f"Reports say estimators to the nearest multiple of {terms.options['step'] / UNIT:g}."
