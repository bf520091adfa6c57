"""Interface of the secure comparison: inputs and outputs, of a trusted function or an MPC."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from chain_bandit.protocol.errors import ChainBanditError
from chain_bandit.protocol.messages import Slot
from chain_bandit.protocol.proposal import Bits
from chain_bandit.protocol.units import Counts


@dataclass(frozen=True, slots=True)
class Opening:
    """A participant's private input: its pull counts and the salt that opens its commitment of this round."""

    counts: Counts
    salt: bytes


def is_sound(opening: object, arms: int, largest: int) -> bool:
    """Whether it is an opening with 32 bytes of salt, and a tuple with a count from 0 to `largest` for every arm."""
    return (
        type(opening) is Opening
        and type(opening.salt) is bytes
        and len(opening.salt) == 32
        and type(opening.counts) is tuple
        and len(opening.counts) == arms
        and all(type(n) is int and 0 <= n <= largest for n in opening.counts)
    )


@dataclass(frozen=True, slots=True)
class ComparisonRound:
    """The round that bits are computed in.

    Attributes:
        slot: in which the parties that compute them sign.
        seed: seed_t.
        validators: the seats that may compute them.
    """

    slot: Slot
    seed: bytes
    validators: tuple[int, ...]


class ComparisonAborted(ChainBanditError):
    """No set of parties came to an end: the round has no bits, and is skipped."""

    exit_code = 11

    def __init__(self, round_: int, failures: Sequence[str]) -> None:
        super().__init__(f"round {round_} has no comparison bits: {'; '.join(failures)}")
        self.round, self.failures = round_, tuple(failures)


class Comparison(Protocol):
    """Computes the comparison bits, a round at a time: `begin`, openings, then questions.

    Every validator may ask, in any order and repeatedly: the same question has the same answer. A seat whose
    commitment nobody opened is missing from the answer: its report counts as withheld.
    """

    def begin(self, reference: Counts, threshold: int, setting: ComparisonRound) -> None:
        """Open a round: n_ref of each arm, k, and which round it is."""
        ...

    def on_opening(self, seat: int, opening: Opening) -> None:
        """Take in a participant's private input. It may be hostile: it is ignored, never raised on."""
        ...

    def bits(self, commitments: Mapping[int, bytes]) -> Mapping[int, Bits]:
        """The bits of every seat whose opening matches what its agreed report committed to.

        Raises:
            ComparisonAborted: nobody could compute them; the round is skipped.
        """
        ...

    def close(self) -> None:
        """Let go of whatever computes them, processes for one."""
        ...
