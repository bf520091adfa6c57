"""The reputation of the paper's section 3: how near a report comes to what was validated (protocol.md: Reputation)."""

from chain_bandit.protocol.reputation import accuracies, radii
from chain_bandit.protocol.rule import Agreed, Estimate, Reputation, State, Terms, Weights


class Accuracy(Reputation):
    """The accuracy of every report, beyond what chance explains; of a seat that does not report, 0."""

    name = "accuracy"
    is_computed = True

    def weigh(self, terms: Terms, state: State, agreed: Agreed, estimate: Estimate) -> Weights:
        """By the distance of a report to the estimators of its own block."""
        free = radii(agreed.pulls)
        return Weights(accuracies(terms.participants, agreed.reports, estimate.means, free, terms.tolerance))

    def explain(self, terms: Terms) -> str:
        """What moves a reputation."""
        return (
            "how near the seat's report came to the global estimators, beyond what chance explains: 1 for near enough, "
            "0 for none or far off"
        )
