"""Krum (Blanchard, El Mhamdi, Guerraoui, Stainer, Machine learning with adversaries, NeurIPS 2017, section 4)."""

from operator import mul, sub

from chain_bandit.protocol.aggregation import tie_break
from chain_bandit.protocol.errors import require
from chain_bandit.protocol.rule import EVERY_ARM, Aggregation, Agreed, Estimate, State, Terms, mean_over


class Krum(Aggregation):
    """The report, as a vector of all arms, with the least sum of squared distances to its |F| - f - 2 nearest in F.

    Where fewer than f + 3 have passed, to its one nearest. Of equal sums it is the lower report, arm by arm, and of
    equal reports the first by keccak(seed_t, id), where the paper has the smallest id. The estimators are those of one
    participant, and count for one report. Work: |F|^2 K / 2 products.
    """

    name = "krum"

    def estimate(self, terms: Terms, state: State, agreed: Agreed) -> Estimate:
        """The same set of one seat for every arm."""
        passed = sorted(agreed.passed())
        apart: dict[int, list[int]] = {seat: [] for seat in passed}
        for place, one in enumerate(passed):
            for other in passed[:place]:
                gaps = tuple(map(sub, agreed.reports[one], agreed.reports[other]))
                squared = sum(map(mul, gaps, gaps))
                apart[one].append(squared)
                apart[other].append(squared)
        near, order = max(len(passed) - terms.liars - 2, 1), tie_break(agreed.seed, passed)
        ranked = sorted((sum(sorted(apart[seat])[:near]), agreed.reports[seat], order[seat], seat) for seat in passed)
        return mean_over(agreed, [frozenset(seat for *_, seat in ranked[:1])] * terms.arms)

    def check(self, terms: Terms) -> None:
        """M >= 2f + 3."""
        n, f = terms.participants, terms.liars
        require(n >= 2 * f + 3, "liars", "M >= 2f + 3 (Krum)", M=n, f=f)

    def explain(self, terms: Terms) -> str:
        """Which report it is."""
        return EVERY_ARM + "the one report that lies closest, all arms together, to the others nearest to it."
