"""MeaMed, the mean around the median (Xie, Koyejo, Gupta, Generalized Byzantine-tolerant SGD, 2018, section 4)."""

from chain_bandit.protocol.aggregation import tie_break, trim_of
from chain_bandit.protocol.rule import EVERY_ARM, Aggregation, Agreed, Estimate, State, Terms, mean_over


class MeaMed(Aggregation):
    """For every arm the |F| - f reports of F that are nearest to their median, which of an even number is halfway.

    Where no more than 2f have passed, as many are left as Option 2 trims on one side. Equal distances, which may lie
    on both sides, stand in the order of keccak(seed_t, id). Work: K sorts of |F|.
    """

    name = "meamed"

    def estimate(self, terms: Terms, state: State, agreed: Agreed) -> Estimate:
        """A set an arm."""
        passed, order, sets = agreed.passed(), tie_break(agreed.seed, agreed.reports), []
        count = len(passed)
        for arm in range(terms.arms):
            column = {seat: 2 * agreed.reports[seat][arm] for seat in passed}
            doubled = sum(sorted(column.values())[(count - 1) // 2 : count // 2 + 1]) // (2 - count % 2)
            ranked = sorted(passed, key=lambda seat: (abs(column[seat] - doubled), order[seat]))
            sets.append(frozenset(ranked[: count - trim_of(count, terms.liars)]))
        return mean_over(agreed, sets)

    def explain(self, terms: Terms) -> str:
        """Seats left out."""
        return EVERY_ARM + f"the reports nearest to their median, all but {terms.liars}."
