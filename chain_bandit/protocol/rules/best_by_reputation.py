"""The best by reputation (Theorem 7)."""

from chain_bandit.protocol.blocks import mask, seats
from chain_bandit.protocol.committee import best, size
from chain_bandit.protocol.rule import Agreed, Selected, Selection, Standing, State, Terms


class BestByReputation(Selection):
    """The N best, twice as many after each skip in a row; equals stand in the order of keccak(seed_t, id)."""

    name = "best-by-reputation"
    is_computed = True

    def select(self, terms: Terms, state: State, agreed: Agreed | None, standing: Standing) -> Selected:
        """By the reputations after the record, whatever it is."""
        count = size(terms.participants, standing.validators, standing.skips)
        chosen = best(standing.reputations, mask(standing.eligible), count, standing.seed)
        return Selected(frozenset(seats(chosen)))
