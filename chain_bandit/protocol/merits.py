"""Reputation by merit: a score of every seat in each block, remembered as accuracies are (protocol.md: Reputation)."""

from typing import ClassVar

from chain_bandit.protocol.reputation import Reputations, after_block, below
from chain_bandit.protocol.rule import Agreed, Estimate, Option, Reputation, State, Terms, Weights
from chain_bandit.protocol.units import UNIT


class ByMerit(Reputation):
    """A rule of reputation that says what each block is worth to a seat; it takes the option `LEAST`."""

    LEAST: ClassVar = {"least": Option(0, 0, UNIT, scale=UNIT)}

    def merits(self, terms: Terms, agreed: Agreed, estimate: Estimate) -> Reputations:
        """What the reputations move towards: of the best seat 1, of one that does not report 0."""
        raise NotImplementedError

    def weigh(self, terms: Terms, state: State, agreed: Agreed, estimate: Estimate) -> Weights:
        """Every reputation an eighth of the way to its merit in this block."""
        return Weights(after_block(agreed.reputations, self.merits(terms, agreed, estimate)))

    def leaves_out(self, terms: Terms) -> bool:
        """With no least nobody."""
        return terms.options["least"] > 0

    def left_out(self, terms: Terms, reputations: Reputations) -> frozenset[int]:
        """Seats with less reputation than the option `least`."""
        return below(reputations, terms.options["least"])
