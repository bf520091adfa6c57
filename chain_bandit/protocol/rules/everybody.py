"""Everybody validates, as in Theorem 1."""

from chain_bandit.protocol.rule import Agreed, Selected, Selection, Standing, State, Terms


class Everybody(Selection):
    """Every seat that is not on the block list."""

    name = "everybody"
    is_computed = True

    def select(self, terms: Terms, state: State, agreed: Agreed | None, standing: Standing) -> Selected:
        """All of them."""
        return Selected(standing.eligible)

    def explain(self, terms: Terms) -> str:
        """The validators, in words."""
        return "every seat validates it"
