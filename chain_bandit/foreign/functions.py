"""Built-in functions and `math` of a foreign rule: those of Python, charged by the size of what they read or make."""

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import wraps
from types import FunctionType, GeneratorType, GenericAlias
from typing import Any, Final

from chain_bandit.foreign.language import MAX_BITS, MAX_KEYS, MODULE
from chain_bandit.foreign.meter import Halt, Meter
from chain_bandit.foreign.operations import (
    MAPPINGS,
    NUMBERS,
    SCALARS,
    SETS,
    SIZED,
    SMALL,
    WORD,
    Operations,
    is_record,
    length,
    number,
    ordered,
    weigh,
)

_ABSENT: Final[Any] = object()
_INTEGERS: Final = frozenset({int, bool})
_FREE: Final = (abs, bool, enumerate, isinstance, len, map, range, reversed, zip)
_CHARGED: Final = ("all", "any", "divmod", "max", "min", "pow", "round", "sorted", "sum")
_TYPES: Final = (dict, frozenset, int, list, set, tuple)
_MAKERS: Final = frozenset({"nothing"})
"""Functions of the project that make as many elements as an integer says."""
_MADE: Final = ("dict", "frozenset", "max", "min", "set", "sorted", "sum")


class Functions:
    """What the names of a rule stand for."""

    def __init__(self, meter: Meter, operations: Operations) -> None:
        self.meter, self._charge = meter, meter.charge
        self._gather, self._kept, self._weight = operations.gather, operations.kept, operations.weight
        self._operations = operations

    def builtins(self) -> dict[str, Any]:
        """By their names in the source, and by those that `steps` inserts for constructors and comprehensions."""
        return {
            **{each.__name__: each for each in (*_FREE, *_TYPES)},
            **{name: getattr(self, name) for name in _CHARGED},
            **{f"__{kind.__name__}__": getattr(self, f"make_{kind.__name__}") for kind in _TYPES},
            **{f"__{name}_made__": getattr(self, f"{name}_made") for name in _MADE},
            **{f"__{name}__": getattr(self, name) for name in ("called", "fraction", "joined", "own")},
        }

    def mathematics(self) -> dict[str, Callable[..., Any]]:
        """The names of `math`."""
        calls = (self.comb, self.gcd, self.isqrt, self.lcm, self.perm, self.prod)
        return {call.__name__: call for call in calls}

    # Those that read; the forms for comprehensions, of which each turn is a step already, charge no reading

    def sum(self, values: Any, start: Any = 0) -> Any:
        """Of numbers."""
        return self.sum_made(self._gather(values), start)

    def sum_made(self, terms: Any, start: Any = 0) -> Any:
        """Of a comprehension."""
        if _INTEGERS.issuperset(map(type, terms)) and start.__class__ is int:
            made = sum(terms, start)
            return made if -SMALL < made < SMALL else self._kept(made)
        total = number(start)
        for term in terms:
            total = self._kept(total + number(term))
        return total

    def prod(self, values: Any, *, start: Any = 1) -> Any:
        """Of numbers."""
        total = number(start)
        for factor in self._gather(ordered(values)):
            total = self._kept(total * number(factor))
        return total

    def min(self, *values: Any, key: Any = None, default: Any = _ABSENT) -> Any:
        """The first of the smallest."""
        return self.min_made(self._among(values, key), key, default)

    def min_made(self, values: Any, key: Any = None, default: Any = _ABSENT) -> Any:
        """Of a comprehension."""
        return self._extreme(min, values, key, default)

    def max(self, *values: Any, key: Any = None, default: Any = _ABSENT) -> Any:
        """The first of the largest."""
        return self.max_made(self._among(values, key), key, default)

    def max_made(self, values: Any, key: Any = None, default: Any = _ABSENT) -> Any:
        """Of a comprehension."""
        return self._extreme(max, values, key, default)

    def _among(self, values: tuple[Any, ...], key: Any) -> Any:
        return values if len(values) != 1 else self._gathered(values[0], key)

    def _extreme(self, call: Any, among: Any, key: Any, default: Any) -> Any:
        if key is None or not among:
            best = call(self._compared(among), default=default)
        else:
            best = among[call(range(len(among)), key=self._keyed(key, among))]
        if best is _ABSENT:
            raise ValueError("the largest or smallest of nothing")
        return self._kept(best) if isinstance(best, NUMBERS) else best

    def sorted(self, values: Any, *, key: Any = None, reverse: bool = False) -> list[Any]:
        """A new list, equal elements in the order in which they came."""
        return self.sorted_made(self._gathered(values, key), key, reverse)

    def sorted_made(self, elements: Any, key: Any = None, reverse: bool = False) -> list[Any]:
        """Of a comprehension: some n log n comparisons, an eighth of a step each."""
        self._charge(len(elements) * len(elements).bit_length() // 8)
        if key is None:
            return sorted(self._compared(elements), reverse=reverse)
        places = sorted(range(len(elements)), key=self._keyed(key, elements), reverse=reverse)
        return list(map(elements.__getitem__, places))

    def _keyed(self, key: Any, elements: Any) -> Callable[[int], Any]:
        keys: list[Any] = self._compared(list(map(key, elements)))
        return keys.__getitem__

    def _gathered(self, values: Any, key: Any) -> Any:
        """Of a set in ascending order, which is no other in another process; a key could make them equal."""
        if key is None and isinstance(values, SETS):
            return sorted(self._compared(self._gather(values)))
        return self._gather(ordered(values))

    def _compared(self, elements: Any) -> Any:
        """The same, charged by all that is in them. Sets, of which neither may be the smaller one, have no order."""
        if not SCALARS.issuperset(map(type, elements)):
            self._charge(weigh(elements, self.meter.room(), ranked=True))
        return elements

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
            self._charge(length(values))
            return values
        return self._counted(values)

    def _counted(self, values: Any) -> Iterator[Any]:
        for value in values:
            self._charge(1)
            yield value

    def divmod(self, left: Any, right: Any) -> tuple[Any, Any]:
        """Quotient and remainder."""
        return self._operations.floordiv(left, right), self._operations.mod(left, right)

    def pow(self, base: Any, exponent: Any, modulus: Any = None) -> Any:
        """A power, or one modulo an integer."""
        if modulus is None:
            return self._operations.pow(base, exponent)
        if not all(isinstance(each, int) for each in (base, exponent, modulus)):
            raise Halt("takes a power modulo something that is no integer")
        words = modulus.bit_length() // WORD
        self._charge(exponent.bit_length() * (1 + words * words // 16))
        return pow(base, exponent, modulus)

    def round(self, value: Any) -> Any:
        """To the nearest integer, a half to the even one."""
        return round(self._operations.read(number(value)))

    # Constructors

    def make_int(self, value: Any = 0) -> Any:
        """Of a number, towards zero."""
        return int(self._operations.read(number(value)))

    def make_list(self, values: Any = ()) -> list[Any]:
        """A new list."""
        return list(self._gather(ordered(values)))

    def make_tuple(self, values: Any = ()) -> tuple[Any, ...]:
        """A tuple."""
        return tuple(self._gather(ordered(values)))

    def make_set(self, values: Any = ()) -> set[Any]:
        """A new set."""
        return self.set_made(self._gather(values))

    def set_made(self, elements: Any) -> set[Any]:
        """Of a comprehension or display."""
        made: set[Any] = set()
        for few in self._keys(elements, elements):
            made.update(few)
            length(made)
        return made

    def make_frozenset(self, values: Any = ()) -> frozenset[Any]:
        """A set that stays as it is."""
        return frozenset(self.make_set(values))

    def frozenset_made(self, elements: Any) -> frozenset[Any]:
        """Of a comprehension."""
        return frozenset(self.set_made(elements))

    def make_dict(self, values: Any = (), **named: Any) -> dict[Any, Any]:
        """A new mapping, of another or of pairs."""
        if isinstance(values, MAPPINGS):
            self._charge(length(values))
            return {**values, **named}
        return self.dict_made(self._gather(ordered(values)), **named)

    def dict_made(self, pairs: Any, **named: Any) -> dict[Any, Any]:
        """Of a comprehension or display of pairs."""
        pairs = [(key, value) for key, value in map(ordered, pairs)]
        made: dict[Any, Any] = {}
        for few in self._keys([key for key, _ in pairs], pairs):
            made.update(few)
            length(made)
        return {**made, **named}

    def joined(self, *mappings: Any) -> dict[Any, Any]:
        """A display of mappings."""
        made: dict[Any, Any] = {}
        for each in mappings:
            self._charge(length(each))
            made |= each
            length(made)
        return made

    def _keys(self, keys: Any, elements: Any) -> Iterator[Any]:
        """Elements by keys that are charged, so few at a time that what is made of them can be too large by as many."""
        if not _INTEGERS.issuperset(map(type, keys)):
            for key in keys:
                self._operations.key(key)
        return (elements[start : start + MAX_KEYS] for start in range(0, len(elements), MAX_KEYS))

    def fraction(self, numerator: Any = 0, denominator: Any = 1) -> Any:
        """Of integers and fractions: text would make floats and powers of ten."""
        return self._kept(Fraction(number(numerator), number(denominator)))

    # Of math

    def isqrt(self, value: Any) -> int:
        """The root of an integer, rounded down."""
        return math.isqrt(self._operations.read(value))

    def gcd(self, *integers: Any) -> Any:
        """The greatest common divisor."""
        common = 0
        for each in integers:
            common = math.gcd(common, self._operations.read(each))
        return common

    def lcm(self, *integers: Any) -> Any:
        """The least common multiple."""
        common = 1
        for each in integers:
            common = self._kept(math.lcm(common, self._operations.read(each)))
        return common

    def comb(self, of: Any, chosen: Any) -> Any:
        """How many ways there are to choose."""
        if isinstance(of, int) and isinstance(chosen, int) and 0 <= chosen <= of:
            self._product(of, min(chosen, of - chosen), divided=True)
        return self._kept(math.comb(of, chosen))

    def perm(self, of: Any, chosen: Any = None) -> Any:
        """How many ways there are to choose in order."""
        if isinstance(of, int) and (chosen is None or (isinstance(chosen, int) and 0 <= chosen <= of)):
            self._product(of, of if chosen is None else chosen, divided=False)
        return self._kept(math.perm(of, chosen))

    def _product(self, of: int, count: int, *, divided: bool) -> None:
        """That a product which grows with each of its factors stays within the bounds. Raises `Halt`."""
        made = 1
        for taken in range(count):
            self._charge(1 + of.bit_length() // WORD)
            made *= of - taken
            if divided:
                made //= taken + 1
            if made.bit_length() > MAX_BITS:
                raise Halt(f"makes an integer of more than {MAX_BITS} bits")

    # Calls of the rule's own, and of the project's

    def called(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """A lambda of which each call is a step and a level."""

        def counted(*given: Any, **named: Any) -> Any:
            self.meter.enter()
            try:
                return call(*given, **named)
            finally:
                self.meter.leave()

        return counted

    def ours(self, call: Any) -> Any:
        """The same, but a function of the project is charged by the size of what it is given and makes."""
        if isinstance(call, GenericAlias):  # of a tuple
            return self.make_tuple
        if not isinstance(call, FunctionType):
            return call

        @wraps(call)
        def charged(*given: Any, **named: Any) -> Any:
            if any(
                isinstance(each, FunctionType) or type(each).__module__ == MODULE for each in (*given, *named.values())
            ):
                raise Halt("gives a function of the project something of the rule's own")
            return self.asked(call, given, named)

        return charged

    def asked(self, call: Any, given: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """What a function or method of the project gives."""
        shown = [each for each in (*given, *named.values()) if not is_record(each)]
        self._charge(1 + self._weight(shown))
        for each in shown:
            if isinstance(each, int):
                self._charge(each.bit_length() // WORD)
                if not -SMALL < each < SMALL:
                    raise Halt("gives a function of the project an integer of more than 256 bits")
            if isinstance(each, SETS) and not _INTEGERS.issuperset(map(type, each)):
                ordered(each)  # that of integers is the same in every process
            if isinstance(each, bytes) and len(each) > WORD:
                raise Halt(f"gives a function of the project more than {WORD} bytes")
        if getattr(call, "__name__", "") in _MAKERS:
            self._charge(sum(abs(each) for each in shown if isinstance(each, int)) // WORD)
        return self._kept(call(*given, **named))

    def own(self, value: Any, name: str) -> Any:
        """An attribute with a leading underscore, which a class of the rule's file defines. Raises `Halt`."""
        kind = value if isinstance(value, type) else type(value)
        if not any(name in vars(each) for each in kind.__mro__ if each.__module__ == MODULE):
            raise Halt(f"uses the attribute {name!r}, which no class of its file defines")
        return getattr(value, name)
