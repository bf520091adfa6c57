"""The ideal functionality: a trusted function that gets the openings and returns the bits alone."""

from collections.abc import Mapping
from types import MappingProxyType

from chain_bandit.comparison.interface import ComparisonRound, Opening, is_sound
from chain_bandit.protocol.aggregation import enough_pulls
from chain_bandit.protocol.messages import commitment
from chain_bandit.protocol.proposal import Bits
from chain_bandit.protocol.units import Counts

MOST_OPENINGS = 4
"""Openings kept a seat and round; only one can match the commitment, so more are noise."""


class IdealComparison:
    """`Comparison` by trust: used in simulation and for all liveness and regret figures.

    Args:
        largest: no count is above it; openings above it are ignored.
    """

    def __init__(self, largest: int) -> None:
        self._largest = largest
        self._openings: dict[int, dict[bytes, Counts]] = {}

    def begin(self, reference: Counts, threshold: int, setting: ComparisonRound) -> None:
        """Forget the last round's openings."""
        self._reference, self._threshold = reference, threshold
        self._openings = {}
        self._last: tuple[Mapping[int, bytes], Mapping[int, Bits]] | None = None

    def on_opening(self, seat: int, opening: Opening) -> None:
        """Keep an opening; malformed ones and the fifth of a seat are ignored."""
        self._last = None
        mine = self._openings.setdefault(seat, {})
        if len(mine) < MOST_OPENINGS and is_sound(opening, len(self._reference), self._largest):
            mine[commitment(opening.counts, opening.salt)] = opening.counts

    def bits(self, commitments: Mapping[int, bytes]) -> Mapping[int, Bits]:
        """The bits of every seat whose opening matches its commitment."""
        if self._last is not None and self._last[0] == commitments:
            return self._last[1]  # honest validators ask the same question
        openings = {seat: self._openings.get(seat, {}).get(committed) for seat, committed in commitments.items()}
        answer = {
            seat: enough_pulls(counts, self._reference, self._threshold)
            for seat, counts in openings.items()
            if counts is not None
        }
        self._last = dict(commitments), MappingProxyType(answer)
        return self._last[1]

    def close(self) -> None:
        """Nothing is held."""
