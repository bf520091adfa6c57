"""MPC session: one attempt of a set of parties at some seats' bits, with the statements that they sign."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from chain_bandit.protocol.blocks import mask
from chain_bandit.protocol.digests import keccak, uint
from chain_bandit.protocol.messages import Phase, Role, Slot
from chain_bandit.protocol.proposal import Bits
from chain_bandit.protocol.sharing import ELEMENT_BYTES, is_one_polynomial

_OPENED, _BITS = keccak(b"chain_bandit.comparison.opened"), keccak(b"chain_bandit.comparison.bits")

Probes = Mapping[int, int]
"""A party's statement before the comparison: the seats whose share opens, each with `protocol.sharing.probe`."""


@dataclass(frozen=True)
class MpcSession:
    """Parties of a session, and the commitments whose bits they compute.

    Attributes:
        attempt: 0 for the first set of parties of the round.
        parties: their seats; the place in it is the party's index.
        asked: the agreed commitment of each seat.
    """

    slot: Slot
    attempt: int
    parties: tuple[int, ...]
    asked: Mapping[int, bytes]

    def place(self, index: int) -> int:
        """Where a dealing has the share of a party in this attempt."""
        return self.attempt * len(self.parties) + index

    def opened_digest(self, index: int, probes: Probes) -> bytes:
        """What a party signs before the comparison."""
        rows = (uint(seat, 2) + uint(probes[seat], ELEMENT_BYTES) for seat in sorted(probes))
        return self._digest(index, _OPENED, *rows)

    def bits_digest(self, index: int, bits: Mapping[int, Bits]) -> bytes:
        """What a party signs after it."""
        masks = {seat: mask(arm for arm, bit in enumerate(row) if bit) for seat, row in bits.items()}
        return self._digest(index, _BITS, *(uint(seat, 2) + uint(masks[seat], 32) for seat in sorted(masks)))

    def admitted(self, said: Sequence[Probes]) -> tuple[int, ...]:
        """The seats whose bits are computed: every party opened its share, and the shares fit together."""
        common = sorted(set(self.asked).intersection(*said))
        return tuple(seat for seat in common if is_one_polynomial([probes[seat] for probes in said]))

    def _digest(self, index: int, *content: bytes) -> bytes:
        return self.slot.digest(Phase.COMPARISON, Role.PARTY, self.parties[index], keccak(self._question, *content))

    @cached_property
    def _question(self) -> bytes:
        asked = (uint(seat, 2) + self.asked[seat] for seat in sorted(self.asked))
        return keccak(uint(self.attempt, 1), *(uint(seat, 2) for seat in self.parties), *asked)
