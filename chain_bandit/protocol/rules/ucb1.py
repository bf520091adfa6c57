"""The policy of the paper, Algorithm 1: UCB1 (Auer, Cesa-Bianchi, Fischer, 2002) with C1 for 2."""

from chain_bandit.protocol.arms import ucb_arm, width_table
from chain_bandit.protocol.rule import Learnt, Policy, Terms


class Ucb1(Policy):
    """The highest mean + sqrt(C1 ln t / (n w)), of w reports behind a mean; the lowest arm of equals."""

    name = "ucb1"

    def arm(self, terms: Terms, learnt: Learnt) -> int:
        """In units; an arm that was never pulled goes first."""
        p, q = terms.c1
        widths = [width_table(learnt.round, p, q * max(reports, 1)) for reports in learnt.worth]
        return ucb_arm(learnt.means, learnt.pulls, widths)

    def explain(self, terms: Terms) -> str:
        """What is added to an estimator."""
        return (
            "Everybody who follows the rules pulls the arm with the highest upper confidence bound (UCB1): its "
            "estimator and a width that falls with its pulls."
        )
