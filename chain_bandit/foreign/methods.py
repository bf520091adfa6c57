"""Methods of built-in types and of the project's objects, as a foreign rule calls them."""

from collections.abc import Callable
from fractions import Fraction
from functools import partial
from typing import Any, Final

from chain_bandit.foreign.functions import Functions
from chain_bandit.foreign.language import MAX_LENGTH, MODULE
from chain_bandit.foreign.meter import Halt, Meter
from chain_bandit.foreign.operations import MAPPINGS, SETS, SIZED, VIEWS, WORD, Operations, length, ordered
from chain_bandit.protocol.rule import Agreed

_MOVED: Final = 64
"""Elements that a step moves when one is put in or taken out before them."""
_SEARCHES: Final = frozenset({"count", "index", "remove"})
_MANY: Final = frozenset({
    "union", "update", "intersection", "intersection_update", "difference", "difference_update",
})  # fmt: skip
"""Methods of sets that take any number of others."""
_SIZED: Final[Any] = (tuple, str, bytes, range)
_SETS: Final[Any] = (*SETS, *VIEWS)
_CHANGED: Final[Any] = (list, *MAPPINGS)


class Methods:
    """Called as `__method__(name, value, ...)`; one of a class of the rule's own is called as it is."""

    def __init__(self, meter: Meter, operations: Operations, functions: Functions) -> None:
        self.charge, self._gather, self._kept = meter.charge, operations.gather, operations.kept
        self._key, self._weight, self._functions = operations.key, operations.weight, functions

    def inserted(self) -> dict[str, Callable[..., Any]]:
        """By the names under which `steps` inserts them."""
        own = (self.add, self.append, self.delete, self.from_bytes, self.get, self.getter, self.method)
        return {f"__{call.__name__}__": call for call in own}

    def append(self, values: Any, value: Any) -> Any:
        """`values.append(value)`."""
        if isinstance(values, list):
            self.charge(1)
            if len(values) >= MAX_LENGTH:
                raise Halt(f"makes or reads more than {MAX_LENGTH} elements at once")
        return values.append(value)

    def add(self, values: Any, value: Any) -> Any:
        """`values.add(value)`."""
        if not isinstance(values, set):
            return self.method("add", values, value)
        values.add(self._key(value))
        length(values)
        return None

    def get(self, values: Any, *given: Any) -> Any:
        """`values.get(...)`."""
        if not isinstance(values, MAPPINGS):
            return self.method("get", values, *given)
        return values.get(*map(self._key, given[:1]), *given[1:])

    def getter(self, values: Any) -> Any:
        """`values.get`, to be called later."""
        return partial(self.get, values) if isinstance(values, MAPPINGS) else values.get

    def delete(self, values: Any, place: Any) -> None:
        """`del values[place]`."""
        self._move(values)
        del values[self._key(place)]

    def from_bytes(self, data: Any, byteorder: Any = "big", *, signed: bool = False) -> Any:
        """`int.from_bytes`."""
        return self._kept(int.from_bytes(self._gather(ordered(data)), byteorder, signed=signed))

    def method(self, name: str, value: Any, *given: Any, **named: Any) -> Any:
        """`value.name(...)`."""
        if name == "sort" and isinstance(value, list):
            value[:] = self._functions.sorted_made(value, *given, **named)
            return None
        if isinstance(value, _CHANGED):
            given = self._of_sequence(name, value, given)
        elif isinstance(value, _SETS):
            return self._of_set(name, value, given)
        elif isinstance(value, _SIZED) and name in _SEARCHES:
            self.charge(length(value) * (1 + self._weight(given)))
        elif isinstance(value, Fraction):
            self.charge(value.denominator.bit_length())
        elif isinstance(value, int):
            if name == "to_bytes":
                self.charge(max((each for each in (*given, *named.values()) if type(each) is int), default=0))
        else:
            return self._of_object(getattr(value, name), value, given, named)
        answer = getattr(value, name)(*given, **named)
        if isinstance(value, SIZED):
            length(value)
        return answer

    def _of_object(self, call: Any, value: Any, given: tuple[Any, ...], named: dict[str, Any]) -> Any:
        if getattr(call, "__module__", "") == MODULE:
            return call(*given, **named)
        if isinstance(value, Agreed):
            self.charge(len(value.reports) * len(value.pulls) // WORD)
        return self._functions.asked(call, given, named)

    def _of_set(self, name: str, value: Any, given: tuple[Any, ...]) -> Any:
        """One other set at a time, of which none is too large."""
        if name == "pop":
            raise Halt("takes an element of a set in an order that differs from process to process")
        if name in ("add", "discard", "remove"):
            getattr(value, name)(*map(self._key, given))
            length(value)
            return None
        answer, *others = [
            each if isinstance(each, SETS) else self._functions.make_set(each) for each in (value, *given)
        ]
        for some in [[each] for each in others] if name in _MANY and others else [others]:
            self.charge(length(answer) + sum(map(length, some)))
            made = getattr(answer, name)(*some)
            answer = answer if name.endswith("update") else made
        if isinstance(answer, SETS):
            length(answer)
        return None if name.endswith("update") else answer

    def _of_sequence(self, name: str, value: Any, given: tuple[Any, ...]) -> tuple[Any, ...]:
        if name in ("insert", "pop"):
            self._move(value)
        if name in ("get", "pop", "setdefault") and isinstance(value, dict):
            return (self._key(given[0]), *given[1:]) if given else given
        if name == "extend":
            return tuple(self._gather(ordered(each)) for each in given)
        if name == "update":
            return tuple(self._functions.make_dict(each) for each in given)
        if name in _SEARCHES:
            self.charge(length(value) * (1 + self._weight(given)))
        elif name not in ("insert", "pop"):
            self.charge(length(value))
        return given

    def _move(self, values: Any) -> None:
        if isinstance(values, list):
            self.charge(len(values) // _MOVED)
