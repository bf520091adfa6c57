"""Random Rank (Aziz, Lam, Suzuki, Walsh, NeurIPS 2022): a dictator by a rank that chance draws."""

from chain_bandit.protocol.aggregation import tie_break
from chain_bandit.protocol.rule import EVERY_ARM, Aggregation, Agreed, Estimate, State, Terms, chance, mean_over


class RandomRank(Aggregation):
    """For every arm the report of F at a rank that is drawn uniformly from seed_t: in expectation their mean.

    Truthful whatever is drawn, since no report moves the rank. Liars know seed_t, and so the rank, since the opening;
    they cannot choose it, and one that stays away moves it by one at most, since a share of |F| is drawn. Of equal
    reports keccak(seed_t, id) decides whose it is. At a rank that is drawn an estimator varies as one report does, and
    counts for one. Work: K sorts of |F|.
    """

    name = "random-rank"
    draws = True

    def estimate(self, terms: Terms, state: State, agreed: Agreed) -> Estimate:
        """A set of one seat an arm."""
        passed, order, sets = agreed.passed(), tie_break(agreed.seed, agreed.reports), []
        for arm in range(terms.arms):
            rank = len(passed) * chance(agreed.seed, arm) >> 256
            ranked = sorted((agreed.reports[seat][arm], order[seat], seat) for seat in passed)
            sets.append(frozenset(seat for *_, seat in ranked[rank:][:1]))
        return mean_over(agreed, sets)

    def explain(self, terms: Terms) -> str:
        """Which report it is."""
        return EVERY_ARM + "the report at a rank that the round's seed draws, the same one however high or low it is."
