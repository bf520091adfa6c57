"""Uniform Phantom (Freeman, Pennock, Peters, Wortman Vaughan, Truthful aggregation of budget proposals, 2021)."""

from chain_bandit.protocol.rule import EVERY_ARM, Aggregation, Agreed, Estimate, State, Terms, nothing
from chain_bandit.protocol.units import UNIT


class UniformPhantom(Aggregation):
    """For every arm the median of the n reports of F and of n - 1 phantoms at 1/n, 2/n, ... (n - 1)/n, floored.

    The only rule that is truthful, unanimous and proportional (Aziz, Lam, Lee, Walsh, Strategyproof and proportionally
    fair facility location, 2021): no seat moves the estimator nearer to its own report by another. Everybody in F
    has influence. Work: K sorts of 2 |F|.
    """

    name = "uniform-phantom"
    is_mean = False

    def estimate(self, terms: Terms, state: State, agreed: Agreed) -> Estimate:
        """The n-th of 2n - 1 values; no order of equal ones matters."""
        passed = agreed.passed()
        if not passed:
            return nothing(terms.arms)
        count = len(passed)
        phantoms = [rank * UNIT // count for rank in range(1, count)]
        columns = ([agreed.reports[seat][arm] for seat in passed] for arm in range(terms.arms))
        return Estimate(tuple(sorted(column + phantoms)[count - 1] for column in columns), (passed,) * terms.arms)

    def explain(self, terms: Terms) -> str:
        """What it is."""
        return EVERY_ARM + (
            "the median of the reports and of one fewer values that stand evenly between 0 and 1: no false report "
            "brings the estimator nearer to what its author has seen."
        )
