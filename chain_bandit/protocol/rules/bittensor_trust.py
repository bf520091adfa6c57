"""Bittensor's trust and consensus (Rao, Steeves et al., BitTensor: a peer-to-peer intelligence market, 2021)."""

from collections.abc import Sequence
from decimal import Context, Decimal
from types import MappingProxyType

from chain_bandit.protocol.merits import ByMerit
from chain_bandit.protocol.reputation import FULL, Reputations, likeness, radii
from chain_bandit.protocol.rule import Agreed, Estimate, Option, Terms
from chain_bandit.protocol.units import UNIT

WHOLE = 1 << 32
"""What a seat gives to all others together."""


class BittensorTrust(ByMerit):
    """Rank times consensus: what others give a seat by their reputations, and whether more than half of these do.

    A seat scores another by the accuracy of its report beside its own, in shares of all that it scores; stakes are
    reputations. Trust T is the share of stakes that give anything, consensus 1 / (1 + exp(-temperature (T - 1/2))). In
    the paper one unit from the honest opens that gate for a cabal; so scores are clipped at their median by stakes
    first, as Bittensor does today: what less than half give is nothing. Work: of n reporters n sorts and n^2 K / 2
    distances.
    """

    name = "bittensor-trust"
    options = MappingProxyType({
        "temperature": Option(10, 1, 100), "clipped": Option(1, 0, 1), **ByMerit.LEAST,
    })  # fmt: skip

    def merits(self, terms: Terms, agreed: Agreed, estimate: Estimate) -> Reputations:
        """The best seat has 1, every other one its part of that; one that does not report has 0."""
        seats, free = sorted(agreed.reports), radii(agreed.pulls)
        stakes, weights = [agreed.reputations[seat] for seat in seats], [0] * terms.participants
        staked, exact = max(sum(stakes), 1), Context(prec=40)
        rows = likeness([agreed.reports[seat] for seat in seats], free, terms.tolerance)
        scores = [[WHOLE * score // max(sum(row), 1) for score in row] for row in rows]
        for to, given in zip(seats, zip(*scores, strict=True), strict=True):
            most = _median(given, stakes) if terms.options["clipped"] else WHOLE
            rank = sum(stake * min(score, most) for stake, score in zip(stakes, given, strict=True))
            trust = sum(stake for stake, score in zip(stakes, given, strict=True) if min(score, most))
            beyond = exact.divide(terms.options["temperature"] * (staked - 2 * trust), Decimal(2 * staked))
            weights[to] = int(exact.divide(Decimal(rank * UNIT), 1 + beyond.exp(exact)))
        most = max(1, *weights)
        return tuple(FULL * weight // most for weight in weights)

    def explain(self, terms: Terms) -> str:
        """What moves a reputation."""
        return (
            "how near other reports come to the seat's, weighted by the reputations behind them, times a gate that "
            "opens where more than half of all reputation gives it anything"
        )


def _median(given: Sequence[int], stakes: Sequence[int]) -> int:
    """The highest score that more than half of the stakes give at least; 0 where none is."""
    behind, whole = 0, sum(stakes)
    for score, stake in sorted(zip(given, stakes, strict=True), reverse=True):
        behind += stake
        if 2 * behind > whole:
            return score
    return 0
