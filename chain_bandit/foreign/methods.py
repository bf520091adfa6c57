"""Methods of built-in types whose cost depends on sizes, as a foreign rule calls them."""

from collections.abc import Callable
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Final

from chain_bandit.foreign.functions import Functions
from chain_bandit.foreign.language import MAX_LENGTH
from chain_bandit.foreign.meter import Halt, Meter
from chain_bandit.foreign.operations import SETS, SIZED, Operations, length, ordered

_MOVED: Final = 64
"""Elements that a step moves when one is put in or taken out before them."""


class Methods:
    """Called as `__method__(name, value, ...)`; one of a class of the rule's own is called as it is."""

    def __init__(self, meter: Meter, operations: Operations, functions: Functions) -> None:
        self.meter, self._gather, self._kept = meter, operations.gather, operations.kept
        self._sorting = functions.sorting

    def inserted(self) -> dict[str, Callable[..., Any]]:
        """By the names under which `steps` inserts them."""
        return {f"__{name}__": getattr(self, name) for name in ("append", "delete", "from_bytes", "method")}

    def append(self, values: Any, value: Any) -> Any:
        """`values.append(value)`."""
        if isinstance(values, list):
            self.meter.charge(1)
            if len(values) >= MAX_LENGTH:
                raise Halt(f"makes or reads more than {MAX_LENGTH} elements at once")
        return values.append(value)

    def delete(self, values: Any, place: Any) -> None:
        """`del values[place]`."""
        self._move(values)
        del values[place]

    def from_bytes(self, data: Any, byteorder: Any = "big", *, signed: bool = False) -> Any:
        """`int.from_bytes`."""
        return self._kept(int.from_bytes(self._gather(ordered(data)), byteorder, signed=signed))

    def method(self, name: str, value: Any, *given: Any, **named: Any) -> Any:
        """`value.name(...)`."""
        if isinstance(value, SETS):
            given = self._of_set(name, value, given)
        elif isinstance(value, list | dict | MappingProxyType):
            given = self._of_sequence(name, value, given)
        elif isinstance(value, SIZED):
            self.meter.charge(length(value))
        elif isinstance(value, int) and name == "to_bytes":
            self.meter.charge(max((each for each in (*given, *named.values()) if type(each) is int), default=0))
        elif isinstance(value, Fraction):
            self.meter.charge(value.denominator.bit_length())
        answer = getattr(value, name)(*given, **named)
        if isinstance(value, SIZED):
            length(value)
        return answer

    def _of_set(self, name: str, value: Any, given: tuple[Any, ...]) -> tuple[Any, ...]:
        if name == "pop":
            raise Halt("takes an element of a set in an order that differs from process to process")
        if name == "remove":
            return given
        self.meter.charge(length(value))
        return tuple(map(self._gather, given))

    def _of_sequence(self, name: str, value: Any, given: tuple[Any, ...]) -> tuple[Any, ...]:
        if name in ("insert", "pop"):
            self._move(value)
        elif name == "extend":
            given = tuple(self._gather(ordered(each)) for each in given)
        elif name == "update":
            for each in given:
                self.meter.charge(length(ordered(each)))
        else:
            self.meter.charge(length(value))
        if name == "sort":
            self._sorting(value)
        return given

    def _move(self, values: Any) -> None:
        if isinstance(values, list):
            self.meter.charge(len(values) // _MOVED)
