"""Methods of built-in types whose cost depends on sizes, as a foreign rule calls them."""

from collections.abc import Callable
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Final

from chain_bandit.foreign.functions import Functions
from chain_bandit.foreign.language import MAX_LENGTH
from chain_bandit.foreign.meter import Halt, Meter
from chain_bandit.foreign.operations import SETS, SIZED, SIZED_TYPES, Operations, length, ordered

_MOVED: Final = 64
"""Elements that a step moves when one is put in or taken out before them."""


class Methods:
    """Called as `__method__(name, value, ...)`; one of a class of the rule's own is called as it is."""

    def __init__(self, meter: Meter, operations: Operations, functions: Functions) -> None:
        self.charge, self._gather, self._kept = meter.charge, operations.gather, operations.kept
        self._sorting = functions.sorting
        self._charged: dict[type, Any] = {
            **dict.fromkeys(SIZED_TYPES, self._of_others),
            **dict.fromkeys(SETS, self._of_set),
            **dict.fromkeys((list, dict, MappingProxyType), self._of_sequence),
            **dict.fromkeys((int, bool), self._of_integer),
            Fraction: self._of_fraction,
        }

    def inserted(self) -> dict[str, Callable[..., Any]]:
        """By the names under which `steps` inserts them."""
        return {f"__{name}__": getattr(self, name) for name in ("append", "delete", "from_bytes", "method")}

    def append(self, values: Any, value: Any) -> Any:
        """`values.append(value)`."""
        if isinstance(values, list):
            self.charge(1)
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
        charged = self._charged.get(type(value))
        if charged is None:
            return getattr(value, name)(*given, **named)
        answer = getattr(value, name)(*charged(name, value, given, named), **named)
        if isinstance(value, SIZED):
            length(value)
        return answer

    def _of_integer(self, name: str, value: Any, given: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
        if name == "to_bytes":
            self.charge(max((each for each in (*given, *named.values()) if type(each) is int), default=0))
        return given

    def _of_fraction(self, name: str, value: Any, given: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
        self.charge(value.denominator.bit_length())
        return given

    def _of_others(self, name: str, value: Any, given: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
        self.charge(length(value))
        return given

    def _of_set(self, name: str, value: Any, given: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
        if name == "pop":
            raise Halt("takes an element of a set in an order that differs from process to process")
        if name == "remove":
            return given
        self.charge(length(value))
        return tuple(map(self._gather, given))

    def _of_sequence(self, name: str, value: Any, given: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
        if name in ("insert", "pop"):
            self._move(value)
        elif name == "extend":
            given = tuple(self._gather(ordered(each)) for each in given)
        elif name == "update":
            for each in given:
                self.charge(length(ordered(each)))
        else:
            self.charge(length(value))
        if name == "sort":
            self._sorting(value)
        return given

    def _move(self, values: Any) -> None:
        if isinstance(values, list):
            self.charge(len(values) // _MOVED)
