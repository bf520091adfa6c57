"""The median, arm by arm (Yin et al., Byzantine-robust distributed learning)."""

from chain_bandit.protocol.aggregation import tie_break, worth_of_median
from chain_bandit.protocol.rule import EVERY_ARM, Aggregation, Agreed, Estimate, State, Terms, mean_over


class Median(Aggregation):
    """The lower median of F, and whose report it is; equal reports stand in the order of keccak(seed_t, id).

    B is one report, but where that one stands is known by all of F.
    """

    name = "median"

    def estimate(self, terms: Terms, state: State, agreed: Agreed) -> Estimate:
        """A set of one seat an arm."""
        passed, order, sets = agreed.passed(), tie_break(agreed.seed, agreed.reports), []
        for arm in range(terms.arms):
            ranked = sorted((agreed.reports[seat][arm], order[seat], seat) for seat in passed)
            sets.append(frozenset(seat for *_, seat in ranked[max(len(ranked) - 1, 0) // 2 :][:1]))
        return mean_over(agreed, sets)

    def worth(self, terms: Terms, counted: int, passed: int) -> int:
        """That of a median of F."""
        return worth_of_median(passed)

    def explain(self, terms: Terms) -> str:
        """Which report it is, and what it counts for."""
        return EVERY_ARM + (
            "the report in the middle, the lower one of two. It counts for 2/\N{GREEK SMALL LETTER PI} of them in the "
            "width of the confidence bound, as a median is that much worse than a mean."
        )
