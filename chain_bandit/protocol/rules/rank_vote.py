"""Rank voting (Mozaffari, Shejwalkar, Houmansadr, FRL: federated rank learning, 2023, algorithm 1)."""

from bisect import bisect_left, bisect_right

from chain_bandit.protocol.aggregation import lower_median, worth_of_median
from chain_bandit.protocol.rule import EVERY_ARM, Aggregation, Agreed, Estimate, State, Terms, nothing


class RankVote(Aggregation):
    """Every report of F ranks the arms; the arms stand in the order of their summed ranks.

    FRL has a network's weights to order, which stay as they are; here the values that are ordered so are the lower
    medians of the arms. Equal estimators of a report share their ranks. Equal sums stand in the order of the arms'
    medians, then of the arms. A report moves the sum of an arm by K - 1 at most. Work: |F| sorts of K, K sorts of |F|.
    """

    name = "rank-vote"
    version = 2
    is_mean = False

    def estimate(self, terms: Terms, state: State, agreed: Agreed) -> Estimate:
        """Everybody in F has influence on every arm."""
        passed = agreed.passed()
        if not passed:
            return nothing(terms.arms)
        rows = [agreed.reports[seat] for seat in passed]
        ladders = [sorted(row) for row in rows]
        votes = [
            sum(bisect_left(ladder, row[arm]) + bisect_right(ladder, row[arm])  # twice a rank, of equals their mean
                for row, ladder in zip(rows, ladders, strict=True))
            for arm in range(terms.arms)
        ]  # fmt: skip
        medians = list(map(lower_median, zip(*rows, strict=True)))
        order = sorted(range(terms.arms), key=lambda arm: (votes[arm], medians[arm]))
        values = dict(zip(order, sorted(medians), strict=True))
        return Estimate(tuple(values[arm] for arm in range(terms.arms)), (passed,) * terms.arms)

    def worth(self, terms: Terms, counted: int, passed: int) -> int:
        """That of a median of F: its values are medians, whatever the order."""
        return worth_of_median(passed)

    def explain(self, terms: Terms) -> str:
        """What is voted on."""
        return EVERY_ARM + (
            "each report is one vote on the order of the arms; the order with the most votes is given the medians. "
            "They count for 2/\N{GREEK SMALL LETTER PI} of the reports in the width of the confidence bound."
        )
