"""The aggregation `jury`: a rule with randomness."""

from chain_bandit.rule_api import Aggregation, Agreed, Estimate, State, Terms, chance, mean_over


class Jury(Aggregation):
    """For every arm the middle one of three participants of F, whom the seed of the round draws."""

    name = "jury"
    draws = True

    def estimate(self, terms: Terms, state: State, agreed: Agreed) -> Estimate:
        """Of fewer than three everybody is of the jury; of two the lower report counts."""
        sets = []
        for arm in range(terms.arms):
            drawn = sorted((chance(agreed.seed, arm, seat), seat) for seat in sorted(agreed.passed()))[:3]
            ranked = sorted((agreed.reports[seat][arm], at, seat) for at, seat in drawn)
            sets.append(frozenset(seat for _, _, seat in ranked[(len(ranked) - 1) // 2 :][:1]))
        return mean_over(agreed, sets)
