"""Option 2 of Aggregation (Theorems 2 and 4)."""

from chain_bandit.protocol.aggregation import tie_break, trim_of, trimmed
from chain_bandit.protocol.rule import EVERY_ARM, Aggregation, Agreed, Estimate, State, Terms, mean_over
from chain_bandit.protocol.rules.option_1 import left_out


class Option2(Aggregation):
    """The filter F, who has pulled every arm often enough, less its g largest and g smallest estimators of the arm."""

    name = "option-2"

    def estimate(self, terms: Terms, state: State, agreed: Agreed) -> Estimate:
        """Equal estimators stand in the order of keccak(seed_t, id)."""
        order, passed = tie_break(agreed.seed, agreed.reports), agreed.passed()
        trim = trim_of(len(passed), terms.liars)
        return mean_over(agreed, [trimmed(agreed.column(arm), passed, trim, order) for arm in range(terms.arms)])

    def explain(self, terms: Terms) -> str:
        """What is left out."""
        return EVERY_ARM + left_out(terms)
