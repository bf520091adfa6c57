"""What goes into the secure comparison and comes out of it, whoever computes it: a trusted function, or an MPC."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from chain_bandit.protocol.proposal import Bits
from chain_bandit.protocol.units import Counts


@dataclass(frozen=True, slots=True)
class Opening:
    """A participant's private input: its pull counts and the salt that opens its commitment of this round."""

    counts: Counts
    salt: bytes


class Comparison(Protocol):
    """Computes the comparison bits, a round at a time: `begin`, openings, then questions.

    Every validator may ask, in any order and repeatedly: the same question has the same answer. A seat whose
    commitment nobody opened is missing from the answer: its report counts as withheld.
    """

    def begin(self, reference: Counts, threshold: int) -> None:
        """Open a round: n_ref of each arm, and k."""
        ...

    def on_opening(self, seat: int, opening: Opening) -> None:
        """Take in a participant's private input. It may be hostile: it is ignored, never raised on."""
        ...

    def bits(self, commitments: Mapping[int, bytes]) -> Mapping[int, Bits]:
        """The bits of every seat whose opening matches what its agreed report committed to."""
        ...
