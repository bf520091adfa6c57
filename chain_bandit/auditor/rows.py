"""The rows of all rounds, packed: as objects those of 10^5 rounds would take a hundred megabytes."""

import marshal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import overload


@dataclass(frozen=True, slots=True)
class RoundRow:
    """One record.

    Attributes:
        rewards: by seat in units, None where no pull was settled.
        costly: None where not known.
        gas: the record's share of its transaction's.
        signers: of its certificate; nobody for a block that a later one of its transaction vouches for.
        validators: the round's committee less its block list.
        blocked: the round's block list.
        reputations: of every seat after the record.
        length: how often the arm was pulled.
    """

    round: int
    kind: str
    arm: int | None
    means: tuple[int, ...] | None
    reporters: tuple[int, ...]
    selected: tuple[tuple[int, ...], ...]
    costly: bool | None
    rewards: tuple[int | None, ...] | None
    gas: int
    block: int
    signers: tuple[int, ...] = ()
    validators: tuple[int, ...] = ()
    blocked: tuple[int, ...] = ()
    reputations: tuple[int, ...] = ()
    length: int = 1


_VALUES = attrgetter(*(each.name for each in fields(RoundRow)))


class Rows(Sequence[RoundRow]):
    """A list of rows, each unpacked when it is asked for."""

    def __init__(self) -> None:
        self._packed: list[bytes] = []

    def append(self, row: RoundRow) -> None:
        """Add a row."""
        self._packed.append(marshal.dumps(_VALUES(row), 2))

    def __setitem__(self, index: int, row: RoundRow) -> None:
        """Put another row in the place of one."""
        self._packed[index] = marshal.dumps(_VALUES(row), 2)

    @overload
    def __getitem__(self, index: int) -> RoundRow: ...
    @overload
    def __getitem__(self, index: slice) -> list[RoundRow]: ...
    def __getitem__(self, index: int | slice) -> RoundRow | list[RoundRow]:
        """A row, or some."""
        if isinstance(index, slice):
            return [RoundRow(*marshal.loads(packed)) for packed in self._packed[index]]
        return RoundRow(*marshal.loads(self._packed[index]))

    def __iter__(self) -> Iterator[RoundRow]:
        """Every row."""
        return (RoundRow(*marshal.loads(packed)) for packed in self._packed)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._packed)

    def __eq__(self, other: object) -> bool:
        """Whether another sequence holds the same rows."""
        return isinstance(other, Sequence) and list(self) == list(other)
