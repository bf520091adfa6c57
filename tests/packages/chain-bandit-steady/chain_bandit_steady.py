"""The aggregation `steady`: a rule with state."""

from chain_bandit.rule_api import Aggregation, Agreed, Estimate, Option, State, Terms, nothing


class Steady(Aggregation):
    """Exponential smoothing of medians: what it answered last counts `weight` times as much as the new lower medians.

    Its state is its last answer, of every arm. No mean over a set: F has influence on it.
    """

    name = "steady"
    is_mean = False
    keeps_state = True
    options = {"weight": Option(default=1, least=0, most=100)}  # noqa: RUF012

    def estimate(self, terms: Terms, state: State, agreed: Agreed) -> Estimate:
        """Nothing, and the state as it was, where nobody is in F."""
        passed, weight, means = agreed.passed(), terms.options["weight"], []
        if not passed:
            return nothing(terms.arms, state)
        for arm in range(terms.arms):
            ranked = sorted(agreed.reports[seat][arm] for seat in sorted(passed))
            median = ranked[(len(ranked) - 1) // 2]
            means.append((weight * state[arm] + median) // (weight + 1) if state else median)
        return Estimate(tuple(means), (passed,) * terms.arms, tuple(means))
