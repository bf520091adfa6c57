"""Arithmetic, comparison and displays of a foreign rule: charged by the size of what they make, exact, without floats.

Each function has the meaning of its operator where the bounds hold. What passes them raises `Halt` before it is made,
or after few operations on operands that were within them.
"""

import operator
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from fractions import Fraction
from itertools import chain, islice
from types import GeneratorType, MappingProxyType
from typing import Any, Final

from chain_bandit.foreign.language import MAX_BITS, MAX_DEPTH, MAX_KEYS, MAX_LENGTH
from chain_bandit.foreign.meter import Halt, Meter

SMALL: Final = 1 << 256
"""Integers below cost nothing beyond their operation."""
WORD: Final = 64
"""Bits of a larger one that cost one step."""
FRACTION: Final = 8
"""Steps of an operation on fractions, which is written in Python."""
SETS: Final = (set, frozenset)
TABLES: Final[Any] = (dict, *SETS)
"""What keeps its elements by their hashes."""
MAPPINGS: Final[Any] = (dict, MappingProxyType)
VIEWS: Final[tuple[type, ...]] = (type({}.keys()), type({}.values()), type({}.items()))
SIZED_TYPES: Final = (list, tuple, dict, str, bytes, range, MappingProxyType, *SETS, *VIEWS)
SIZED: Final[Any] = SIZED_TYPES
"""The same, for isinstance."""
LOOKED_UP: Final[Any] = (*MAPPINGS, *SETS, type({}.keys()), type({}.items()))
"""What finds an element by its hash."""
NUMBERS: Final = (int, Fraction)
FLOATS: Final = (float, complex)
FLAT: Final = frozenset({str, bytes, range})
_LISTED: Final = frozenset({list, tuple})
_PLAIN: Final = _LISTED | set(SETS)
MUTABLE: Final = frozenset({list, set, dict})
SCALARS: Final = frozenset({int, bool, type(None)})


def length(values: Any) -> int:
    """Of what is sized. Raises `Halt` above `MAX_LENGTH`, and of sets and mappings above `MAX_KEYS`."""
    try:
        size = len(values)
    except OverflowError:  # a range
        size = MAX_LENGTH + 1
    if size > MAX_LENGTH:
        raise Halt(f"makes or reads more than {MAX_LENGTH} elements at once")
    if size > MAX_KEYS and isinstance(values, TABLES):
        raise Halt(f"makes a set or mapping of more than {MAX_KEYS} elements; write one of lists or mappings")
    return size


def sized(values: Any) -> Any:
    """The same. Raises `Halt` above `MAX_LENGTH`."""
    if len(values) > MAX_LENGTH:
        length(values)
    return values


def ordered(values: Any) -> Any:
    """The same. Raises `Halt` for a set, whose order differs from process to process."""
    if isinstance(values, SETS):
        raise Halt("reads a set in an order that differs from process to process; write sorted(...), without a key")
    return values


def number(value: Any) -> Any:
    """The same. Raises `Halt` when it is no integer and no fraction."""
    if isinstance(value, NUMBERS):
        return value
    raise Halt("calculates with something that is neither an integer nor a fraction")


def weigh(value: Any, room: int, *, key: bool = False, ranked: bool = False) -> int:
    """How many elements there are in it, those of its elements included, shared ones as often as they are met.

    Counted until `room` is passed: hashing, comparing or writing the value takes time in proportion.

    Raises:
        Halt: it is nested too deeply for that, is to be a key and has a fraction in it, whose hash is slow, or is to be
            ranked and has a set in it.
    """
    if value.__class__ in _PLAIN:  # the plainest ones at once
        kinds = set(map(type, value))
        if kinds <= SCALARS:
            return length(value)
        size = sum(map(len, value)) if kinds <= _LISTED else room + 1
        if size <= room and SCALARS.issuperset(map(type, chain.from_iterable(value))):
            return length(value) + size
    weight, deep, levels = 0, False, [[value]]
    while levels and weight <= room:
        if not levels[-1]:
            levels.pop()
            continue
        each = levels[-1].pop()
        if each.__class__ is Fraction:
            if key:
                raise Halt("keeps a fraction as a key or in a set; write its numerator and denominator")
            weight += FRACTION + squared(each.numerator) + squared(each.denominator)
            continue
        if ranked:
            ordered(each)
        inner = _inner(each)
        weight += length(each) if isinstance(each, SIZED) else len(inner)
        if inner and len(levels) == MAX_DEPTH:
            deep = True
        else:
            levels.append(inner)
    if deep and weight <= room:
        raise Halt(f"compares, looks up or gives something nested more than {MAX_DEPTH} deep")
    return weight


def is_record(value: Any) -> bool:
    """Whether it is of a class of the project that is neither a tuple nor a rule."""
    return not isinstance(value, SIZED) and is_dataclass(value)


def _inner(value: Any) -> list[Any]:
    """What is in it, but for what costs nothing."""
    if isinstance(value, MAPPINGS):
        value = chain(value, value.values())
    elif is_record(value):
        value = [getattr(value, field.name) for field in fields(value)]
    elif value.__class__ in FLAT or not isinstance(value, SIZED):
        return []
    return [each for each in value if each.__class__ not in SCALARS]


def squared(value: int) -> int:
    """What dividing or multiplying an integer of this size costs; nothing below `SMALL`."""
    if -SMALL < value < SMALL:
        return 0
    words = value.bit_length() // WORD
    return words * words // 16


class Operations:
    """The operators, charged to a meter."""

    def __init__(self, meter: Meter) -> None:
        self.meter, self.charge = meter, meter.charge

    def inserted(self) -> dict[str, Callable[..., Any]]:
        """By the names under which `steps` inserts them, which no source can contain."""
        two = {"sub": operator.sub, "bitor": operator.or_, "bitand": operator.and_, "bitxor": operator.xor}
        in_place = {
            "iadd": operator.iadd, "isub": operator.isub,
            "ibitor": operator.ior, "ibitand": operator.iand, "ibitxor": operator.ixor,
        }  # fmt: skip
        own = (
            self.kept, self.repeat, self.div, self.floordiv, self.mod, self.pow, self.lshift,
            self.made, self.sliced, self.text, self.operand, self.contains, self.spread, self.rows, self.key, self.put,
        )  # fmt: skip
        return {
            **{f"__{name}__": self._measured(call) for name, call in two.items()},
            **{f"__{name}__": self._in_place(call) for name, call in in_place.items()},
            **{f"__{call.__name__}__": call for call in own},
            "__ordered__": ordered,
            "__sized__": sized,
        }

    def kept(self, value: Any) -> Any:
        """What operators made, within the bounds and charged. Raises `Halt`."""
        if value.__class__ is int and -SMALL < value < SMALL:
            return value
        if isinstance(value, int):
            self._wide(value)
        elif isinstance(value, Fraction):
            words = (self._wide(value.numerator) + self._wide(value.denominator)) // WORD
            self.charge(FRACTION + words * words // 16)  # of common divisors
        elif isinstance(value, SIZED):
            self.charge(length(value))
        elif isinstance(value, FLOATS):
            raise Halt("makes a float")
        return value

    def _wide(self, value: int) -> int:
        bits = value.bit_length()
        if bits > MAX_BITS:
            raise Halt(f"makes an integer of more than {MAX_BITS} bits")
        if not -SMALL < value < SMALL:
            self.charge(bits // WORD)
        return bits

    def read(self, value: Any) -> Any:
        """A number that is divided, charged by its size, whatever comes of it."""
        if value.__class__ is Fraction or (isinstance(value, int) and not -SMALL < value < SMALL):
            self.charge(squared(value.numerator) + squared(value.denominator))
        return value

    def _measured(self, call: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        """Of numbers, or of sets and mappings, which are read to their end whatever comes of it."""

        def operation(left: Any, right: Any) -> Any:
            if left.__class__ is int and right.__class__ is int:
                made = call(left, right)
                return made if -SMALL < made < SMALL else self.kept(made)
            self._joined(left, right)
            return self.kept(call(left, right))

        return operation

    def _in_place(self, call: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        measured = self._measured(call)

        def operation(left: Any, right: Any) -> Any:
            if left.__class__ is int and right.__class__ is int:
                made = call(left, right)
                return made if -SMALL < made < SMALL else self.kept(made)
            if left.__class__ not in MUTABLE:
                return measured(left, right)
            if isinstance(left, list):
                right = self.spread(right)
            elif isinstance(left, dict) and not isinstance(right, MAPPINGS):
                raise Halt("joins a mapping and something that is none; write dict(...)")
            self._joined(right)
            made = call(left, right)
            length(made)
            return made

        return operation

    def _joined(self, *parts: Any) -> None:
        """Charge sets and mappings that are joined; the elements of a view are hashed, and those of what joins it."""
        viewed = any(isinstance(each, VIEWS) for each in parts)
        for each in parts:
            if isinstance(each, (*TABLES, *VIEWS)):
                self.charge(weigh(each, self.meter.room(), key=not isinstance(each, dict)))
            elif viewed:
                raise Halt("joins keys or items and something that is no set; write set(...)")

    def repeat(self, left: Any, right: Any) -> Any:
        """`*` of which one side is a display."""
        sequence, count = (right, left) if isinstance(left, int) else (left, right)
        if isinstance(count, int) and isinstance(sequence, SIZED) and len(sequence) * max(count, 0) > MAX_LENGTH:
            raise Halt(f"makes or reads more than {MAX_LENGTH} elements at once")
        return self.kept(left * right)

    def div(self, left: Any, right: Any) -> Any:
        """`/`, exact: a fraction."""
        return self.kept(Fraction(number(left)) / number(right))

    def floordiv(self, left: Any, right: Any) -> Any:
        """`//`."""
        if left.__class__ is int and -SMALL < left < SMALL and right.__class__ is int:
            return left // right
        return self.kept(self.read(left) // right)

    def mod(self, left: Any, right: Any) -> Any:
        """`%` of numbers."""
        if left.__class__ is int and -SMALL < left < SMALL and right.__class__ is int:
            return left % right
        return self.kept(self.read(number(left)) % number(right))

    def pow(self, base: Any, exponent: Any) -> Any:
        """`**` with a whole exponent, from 0 on for an integer. Raises `Halt`, also where Python gives a float."""
        if not isinstance(exponent, int) or (exponent < 0 and isinstance(base, int)):
            raise Halt("raises to a power that is not exact; the exponent is an integer, not negative")
        parts = (base.numerator, base.denominator) if isinstance(base, Fraction) else (number(base),)
        if max((part.bit_length() - 1) * abs(exponent) for part in parts) > MAX_BITS:
            raise Halt(f"makes an integer of more than {MAX_BITS} bits")
        return self.kept(base**exponent)

    def lshift(self, left: Any, right: Any) -> Any:
        """`<<`."""
        if isinstance(left, int) and isinstance(right, int) and left and left.bit_length() + right > MAX_BITS:
            raise Halt(f"makes an integer of more than {MAX_BITS} bits")
        return self.kept(left << right)

    def sliced(self, values: Any, *bounds: Any) -> Any:
        """`values[start:stop:step]`; later versions of Python take a slice for a key."""
        if isinstance(values, MAPPINGS):
            raise TypeError("a slice is no key")
        return self.made(values[slice(*bounds)])

    def made(self, value: Any) -> Any:
        """What is as long as the rule chose."""
        self.charge(length(value))
        return value

    def text(self, *parts: Any) -> str:
        """Text with numbers in it."""
        if not all(isinstance(part, (str, *NUMBERS)) for part in parts):
            raise Halt("writes something into text that is neither a number nor text")
        made = "".join(str(part) for part in parts)
        self.charge(length(made))
        return made

    def operand(self, value: Any) -> Any:
        """The left side of a comparison, which costs at most what this is long."""
        if value.__class__ is not int:
            self.charge(self.weight(value))
        return value

    def weight(self, value: Any) -> int:
        """The same, within the steps that are left."""
        return 0 if value.__class__ in SCALARS else weigh(value, self.meter.room())

    def key(self, value: Any) -> Any:
        """What is hashed, charged by all that is in it."""
        if value.__class__ not in SCALARS:
            self.charge(weigh(value, self.meter.room(), key=True))
        return value

    def put(self, value: Any, values: Any, place: Any) -> None:
        """`values[place] = value`."""
        if values.__class__ is dict:
            values[self.key(place)] = value
            if len(values) > MAX_KEYS:
                length(values)
        else:
            values[place] = value

    def contains(self, value: Any, values: Any) -> bool:
        """`value in values`."""
        if isinstance(values, LOOKED_UP):
            return self.key(value) in values
        if not (isinstance(values, range) and isinstance(value, int)):
            self.charge(length(values) * (1 + self.weight(value)))
        return value in values

    def rows(self, values: Any) -> list[Any]:
        """`*values` of which each is read in its order, one element of all of them a turn."""
        made = [ordered(each) for each in self.spread(values)]
        if len(made) > MAX_KEYS:
            raise Halt(f"reads more than {MAX_KEYS} sequences side by side")
        return made

    def spread(self, values: Any) -> Any:
        """`*values`, or what is unpacked."""
        return self.gather(ordered(values))

    def gather(self, values: Any) -> Any:
        """All elements. A generator of the rule has counted its turns; all else is charged by its length."""
        kind = type(values)
        if kind is list or kind is tuple:
            self.charge(length(values))
            return values
        if kind is GeneratorType:
            return sized(list(islice(values, MAX_LENGTH + 1)))
        if isinstance(values, SIZED):
            self.charge(length(values))
            return list(values)
        taken = list(islice(values, min(MAX_LENGTH, self.meter.room()) + 1))
        self.charge(length(taken))
        return taken
