"""Sortition: chance draws the validators, and nobody knows before whom (Algorithm 2)."""

from chain_bandit.protocol import committee
from chain_bandit.protocol.rule import Agreed, Selected, Selection, Standing, State, Terms


class Sortition(Selection):
    """Who has proven that its verifiable random function draws it, in one of as many trials as it weighs."""

    name = "sortition"
    draws = True

    def select(self, terms: Terms, state: State, agreed: Agreed | None, standing: Standing) -> Selected:
        """By the proofs in the reports of the block."""
        proven = agreed.outputs.items() if agreed else ()
        return Selected(frozenset(
            seat for seat, output in proven
            if seat in standing.eligible and committee.validator_drawn(standing.odds, standing.weights[seat], output)
        ))  # fmt: skip
