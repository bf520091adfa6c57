"""Option 1 of Aggregation (Theorem 1)."""

from chain_bandit.protocol.aggregation import candidates, tie_break, trimmed
from chain_bandit.protocol.errors import require
from chain_bandit.protocol.rule import Aggregation, Agreed, Estimate, State, Terms, mean_over


class Option1(Aggregation):
    """For every arm A_i, who has pulled it often enough, less its f largest and f smallest estimators."""

    name = "option-1"

    def estimate(self, terms: Terms, state: State, agreed: Agreed) -> Estimate:
        """Equal estimators stand in the order of keccak(seed_t, id)."""
        order = tie_break(agreed.seed, agreed.reports)
        return mean_over(agreed, [
            trimmed(agreed.column(arm), candidates(agreed.bits, arm), terms.liars, order) for arm in range(terms.arms)
        ])  # fmt: skip

    def check(self, terms: Terms) -> None:
        """M >= 3f + 1."""
        n, f = terms.participants, terms.liars
        require(n >= 3 * f + 1, "liars", "M >= 3f + 1 (Theorem 1, Option 1)", M=n, f=f)

    def check_honest(self, participants: int, liars: int, honest: int) -> None:
        """|H| >= 2M/3."""
        require(3 * honest >= 2 * participants, "honest", "|H| >= 2M/3 (Theorem 1, Option 1)", H=honest, M=participants)

    def explain(self, terms: Terms) -> str:
        """What is left out."""
        return "For every arm " + left_out(terms)


def left_out(terms: Terms) -> str:
    """What trimming comes to, in words."""
    return (
        f"the {terms.liars} highest and {terms.liars} lowest reports are left out, from any seats: an honest report "
        "is often among them, and a lie counts only where it is no extreme."
    )
