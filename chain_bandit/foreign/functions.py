"""Built-in functions, methods and `math` of a foreign rule: those of Python, charged by the size they handle."""

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import wraps
from types import GeneratorType
from typing import Any

from chain_bandit.foreign.language import MAX_BITS, MAX_LENGTH
from chain_bandit.foreign.meter import Halt, Meter
from chain_bandit.foreign.operations import SCALARS, SETS, SIZED, Operations, length, number, ordered

_NONE: Any = object()
_NUMBERS = frozenset({int, bool})


class Functions:
    """What the names of a rule stand for."""

    def __init__(self, meter: Meter, operations: Operations) -> None:
        self.meter, self.operations = meter, operations
        self._gather = operations.gather

    def builtins(self) -> dict[str, Any]:
        """By their names in the source; a constructor by its name between underscores, as `steps` inserts it."""
        plain = {call.__name__: call for call in (abs, bool, isinstance, len, range)}
        charged = (
            "all", "any", "divmod", "enumerate", "map", "max", "min", "pow", "reversed", "round", "sorted", "sum",
            "zip",
        )  # fmt: skip
        made = ("dict", "frozenset", "int", "list", "set", "tuple")
        inserted = ("method", "append", "from_bytes", "called", "fraction")
        return {
            **plain,
            **{name: getattr(self, name) for name in charged},
            **{kind.__name__: kind for kind in (dict, frozenset, int, list, set, tuple)},
            **{f"__{name}__": getattr(self, f"make_{name}") for name in made},
            **{f"__{name}__": getattr(self, name) for name in inserted},
        }

    def mathematics(self) -> dict[str, Callable[..., Any]]:
        """The names of `math`."""
        return {
            "comb": self.comb, "gcd": math.gcd, "isqrt": math.isqrt,
            "lcm": self.lcm, "perm": self.perm, "prod": self.prod,
        }  # fmt: skip

    # Those that read

    def sum(self, values: Any, start: Any = 0) -> Any:
        """Of numbers."""
        terms = self._gather(values)
        if set(map(type, terms)) <= _NUMBERS:
            return self.operations.kept(sum(terms, number(start)))
        total = number(start)
        for term in terms:
            total = self.operations.kept(total + number(term))
        return total

    def prod(self, values: Any, *, start: Any = 1) -> Any:
        """Of numbers."""
        total = number(start)
        for factor in self._gather(ordered(values)):
            total = self.operations.mul(total, factor)
        return total

    def min(self, *values: Any, key: Any = None, default: Any = _NONE) -> Any:
        """The first of the smallest."""
        return self._extreme(min, values, key, default)

    def max(self, *values: Any, key: Any = None, default: Any = _NONE) -> Any:
        """The first of the largest."""
        return self._extreme(max, values, key, default)

    def _extreme(self, call: Any, values: tuple[Any, ...], key: Any, default: Any) -> Any:
        given = {} if default is _NONE else {"default": default}
        among = values if len(values) != 1 else self._gather(self._in_order(values[0], key))
        self._compared(among)
        best = call(among, key=key, **given) if len(values) == 1 else call(*among, key=key, **given)
        return self.operations.kept(best) if isinstance(best, int | Fraction) else best

    def sorted(self, values: Any, *, key: Any = None, reverse: bool = False) -> list[Any]:
        """A new list, equal elements in the order in which they came."""
        elements = self._gather(self._in_order(values, key))
        self._sorting(elements)
        return sorted(elements, key=key, reverse=reverse)

    def _in_order(self, values: Any, key: Any) -> Any:
        if key is not None or (isinstance(values, SETS) and any(isinstance(each, frozenset) for each in values)):
            return ordered(values)
        return values

    def _sorting(self, elements: Any) -> None:
        self.meter.charge(len(elements) * len(elements).bit_length() // 8)
        self._compared(elements)

    def _compared(self, elements: Any) -> None:
        if not set(map(type, elements)) <= SCALARS:
            self.meter.charge(self.operations.weight(elements))

    def any(self, values: Any) -> bool:
        """Whether one is true."""
        return any(self._turns(values))

    def all(self, values: Any) -> bool:
        """Whether all are true."""
        return all(self._turns(values))

    def _turns(self, values: Any) -> Any:
        if isinstance(values, GeneratorType):
            return values
        if isinstance(values, SIZED):
            self.meter.charge(length(values))
            return values
        return self._counted(values)

    def _counted(self, values: Any) -> Iterator[Any]:
        for value in values:
            self.meter.charge(1)
            yield value

    def divmod(self, left: Any, right: Any) -> tuple[Any, Any]:
        """Quotient and remainder."""
        quotient, rest = divmod(number(left), number(right))
        return self.operations.kept(quotient), self.operations.kept(rest)

    def pow(self, base: Any, exponent: Any, modulus: Any = None) -> Any:
        """A power, or one modulo an integer."""
        if modulus is None:
            return self.operations.pow(base, exponent)
        if not all(isinstance(each, int) for each in (base, exponent, modulus)):
            raise Halt("takes a power modulo something that is no integer")
        self.meter.charge(exponent.bit_length() * (1 + modulus.bit_length() // 64))
        return pow(base, exponent, modulus)

    def round(self, value: Any) -> Any:
        """To the nearest integer, a half to the even one."""
        return round(number(value))

    # Those that give iterators

    def enumerate(self, values: Any, start: int = 0) -> Any:
        """Pairs of a number and an element."""
        return enumerate(ordered(values), start)

    def zip(self, *values: Any, strict: bool = False) -> Any:
        """Elements side by side."""
        return zip(*map(ordered, values), strict=strict)

    def map(self, call: Any, *values: Any) -> Any:
        """A function of each element."""
        return map(call, *map(ordered, values))

    def reversed(self, values: Any) -> Any:
        """From the end."""
        return reversed(ordered(values))

    # Constructors

    def make_int(self, value: Any = 0) -> Any:
        """Of a number, towards zero."""
        return int(number(value))

    def make_list(self, values: Any = ()) -> list[Any]:
        """A new list."""
        return list(self._gather(ordered(values)))

    def make_tuple(self, values: Any = ()) -> tuple[Any, ...]:
        """A tuple."""
        return tuple(self._gather(ordered(values)))

    def make_set(self, values: Any = ()) -> Any:
        """A new set."""
        return set(self._gather(values))

    def make_frozenset(self, values: Any = ()) -> Any:
        """A set that stays as it is."""
        return frozenset(self._gather(values))

    def make_dict(self, values: Any = (), **named: Any) -> dict[Any, Any]:
        """A new mapping, of another or of pairs."""
        if isinstance(values, SIZED) and hasattr(values, "keys"):
            self.meter.charge(length(values))
            return dict(values, **named)
        return dict(self._gather(ordered(values)), **named)

    def fraction(self, numerator: Any = 0, denominator: Any = 1) -> Any:
        """Of integers and fractions: text would make floats and powers of ten."""
        return self.operations.kept(Fraction(number(numerator), number(denominator)))

    # Of math

    def lcm(self, *integers: Any) -> Any:
        """The least common multiple."""
        common = 1
        for each in integers:
            common = self.operations.kept(math.lcm(common, each))
        return common

    def comb(self, of: Any, chosen: Any) -> Any:
        """How many ways there are to choose."""
        if isinstance(of, int) and isinstance(chosen, int) and 0 <= chosen <= of:
            self._product(of, min(chosen, of - chosen), divided=True)
        return self.operations.kept(math.comb(of, chosen))

    def perm(self, of: Any, chosen: Any = None) -> Any:
        """How many ways there are to choose in order."""
        if isinstance(of, int) and (chosen is None or (isinstance(chosen, int) and 0 <= chosen <= of)):
            self._product(of, of if chosen is None else chosen, divided=False)
        return self.operations.kept(math.perm(of, chosen))

    def _product(self, of: int, count: int, *, divided: bool) -> None:
        """That a product which grows with each of its factors stays within the bounds. Raises `Halt`."""
        self.meter.charge(count)
        made = 1
        for taken in range(count):
            made *= of - taken
            if divided:
                made //= taken + 1
            if made.bit_length() > MAX_BITS:
                raise Halt(f"makes an integer of more than {MAX_BITS} bits")

    # Calls of the rule's own, and of ours

    def ours(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """A function of the project, charged by the size of what it is given and makes."""

        @wraps(call)
        def charged(*given: Any, **named: Any) -> Any:
            self.meter.charge(1 + self.operations.weight((*given, *named.values())))
            return self.operations.kept(call(*given, **named))

        return charged

    def called(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """A lambda, of which each call is a step and a level."""

        def counted(*given: Any, **named: Any) -> Any:
            self.meter.enter()
            try:
                return call(*given, **named)
            finally:
                self.meter.leave()

        return counted

    def append(self, values: Any, value: Any) -> Any:
        """`values.append(value)`."""
        if isinstance(values, list):
            self.meter.charge(1)
            if len(values) >= MAX_LENGTH:
                raise Halt(f"makes or reads more than {MAX_LENGTH} elements at once")
        return values.append(value)

    def from_bytes(self, data: Any, byteorder: Any = "big", *, signed: bool = False) -> Any:
        """`int.from_bytes`."""
        return self.operations.kept(int.from_bytes(self._gather(data), byteorder, signed=signed))

    def method(self, name: str, value: Any, *given: Any, **named: Any) -> Any:
        """A method of a built-in type whose cost depends on sizes, or one of the rule's own of that name."""
        if isinstance(value, int):
            if name == "to_bytes" and given and isinstance(given[0], int):
                self.meter.charge(max(0, given[0]))
        elif isinstance(value, SETS):
            if name == "pop":
                raise Halt("takes an element of a set in an order that differs from process to process")
            self.meter.charge(length(value))
            given = tuple(map(self._gather, given)) if name != "remove" else given
        elif isinstance(value, list) and name == "sort":
            self._sorting(value)
            self.meter.charge(length(value))
        elif (isinstance(value, list) and name == "pop" and not given) or (isinstance(value, dict) and name == "pop"):
            pass
        elif isinstance(value, dict) and name == "update" and given and not hasattr(given[0], "keys"):
            given = (self._gather(ordered(given[0])), *given[1:])
        elif isinstance(value, SIZED):
            self.meter.charge(length(value))
            if name in ("extend", "update"):
                given = tuple(self._gather(ordered(each)) if name == "extend" else each for each in given)
        answer = getattr(value, name)(*given, **named)
        if isinstance(value, list | dict):
            length(value)
        return answer
