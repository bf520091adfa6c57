"""Krum (Blanchard et al. 2017) as a file of another author."""

from chain_bandit.rule_api import Aggregation, Agreed, Estimate, State, Terms, mean_over, tie_break


class Krum(Aggregation):
    """The report with the least sum of squared distances to its nearest, all arms together."""

    name = "their-krum"

    def estimate(self, terms: Terms, state: State, agreed: Agreed) -> Estimate:
        passed = sorted(agreed.passed())
        apart = {seat: [] for seat in passed}
        for place, one in enumerate(passed):
            for other in passed[:place]:
                squared = sum(
                    (a - b) * (a - b) for a, b in zip(agreed.reports[one], agreed.reports[other], strict=True)
                )
                apart[one].append(squared)
                apart[other].append(squared)
        near, order = max(len(passed) - terms.liars - 2, 1), tie_break(agreed.seed, passed)
        ranked = sorted((sum(sorted(apart[seat])[:near]), agreed.reports[seat], order[seat], seat) for seat in passed)
        return mean_over(agreed, [frozenset(seat for *_, seat in ranked[:1])] * terms.arms)
