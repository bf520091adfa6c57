"""Arithmetic, comparison and displays of a foreign rule: charged by the size of what they make, exact, without floats.

Each function has the meaning of its operator where the bounds hold. What passes them raises `Halt` before it is made,
or after few operations on operands that were within them.
"""

import operator
from collections.abc import Callable
from fractions import Fraction
from itertools import islice
from types import GeneratorType, MappingProxyType
from typing import Any, Final

from chain_bandit.foreign.language import MAX_BITS, MAX_LENGTH
from chain_bandit.foreign.meter import Halt, Meter

SMALL: Final = 1 << 64
WORD: Final = 64
"""Bits of an integer that cost one step."""
FRACTION: Final = 8
"""Steps of an operation on fractions, which is written in Python."""
SETS: Final = (set, frozenset)
VIEWS: Final[tuple[type, ...]] = (type({}.keys()), type({}.values()), type({}.items()))
SIZED: Final[Any] = (list, tuple, dict, str, bytes, range, MappingProxyType, *SETS, *VIEWS)
SCALARS: Final = frozenset({int, bool, Fraction, type(None)})


def length(values: Any) -> int:
    """Of what is sized. Raises `Halt` above `MAX_LENGTH`."""
    try:
        size = len(values)
    except OverflowError:  # a range
        size = MAX_LENGTH + 1
    if size > MAX_LENGTH:
        raise Halt(f"makes or reads more than {MAX_LENGTH} elements at once")
    return size


def sized(values: Any) -> Any:
    """The same. Raises `Halt` above `MAX_LENGTH`."""
    if len(values) > MAX_LENGTH:
        length(values)
    return values


def ordered(values: Any) -> Any:
    """The same. Raises `Halt` for a set, whose order differs from process to process."""
    if isinstance(values, SETS):
        raise Halt("reads a set in an order that differs from process to process; write sorted(...)")
    return values


def number(value: Any) -> Any:
    """The same. Raises `Halt` when it is no integer and no fraction."""
    if isinstance(value, int | Fraction):
        return value
    raise Halt("calculates with something that is neither an integer nor a fraction")


def _inner(values: Any) -> list[Any]:
    return [] if SCALARS.issuperset(map(type, values)) else [each for each in values if isinstance(each, SIZED)]


class Operations:
    """The operators, charged to a meter."""

    def __init__(self, meter: Meter) -> None:
        self.meter = meter

    def inserted(self) -> dict[str, Callable[..., Any]]:
        """By the names under which `steps` inserts them, which no source can contain."""
        two = {
            "add": operator.add, "sub": operator.sub,
            "bitor": operator.or_, "bitand": operator.and_, "bitxor": operator.xor,
        }  # fmt: skip
        in_place = {
            "iadd": operator.iadd, "isub": operator.isub,
            "ibitor": operator.ior, "ibitand": operator.iand, "ibitxor": operator.ixor,
        }  # fmt: skip
        own = (
            self.mul, self.repeat, self.div, self.floordiv, self.mod, self.pow, self.lshift,
            self.made, self.operand, self.contains, self.spread, self.rows,
        )  # fmt: skip
        return {
            **{f"__{name}__": self._measured(call) for name, call in two.items()},
            **{f"__{name}__": self._in_place(call) for name, call in in_place.items()},
            **{f"__{call.__name__}__": call for call in own},
            "__ordered__": ordered,
            "__sized__": sized,
        }

    def kept(self, value: Any) -> Any:
        """What an operation made, within the bounds and charged. Raises `Halt`."""
        if isinstance(value, int):
            if not -SMALL < value < SMALL:
                self._wide(value)
        elif isinstance(value, Fraction):
            words = (self._wide(value.numerator) + self._wide(value.denominator)) // WORD
            self.meter.charge(FRACTION + words * words // 16)  # of common divisors
        elif isinstance(value, float | complex):
            raise Halt("makes a float")
        elif isinstance(value, SIZED):
            self.meter.charge(length(value))
        return value

    def _wide(self, value: int) -> int:
        bits = value.bit_length()
        if bits > MAX_BITS:
            raise Halt(f"makes an integer of more than {MAX_BITS} bits")
        if bits > WORD:
            self.meter.charge(bits // WORD)
        return bits

    def read(self, value: Any) -> Any:
        """A number that is divided, charged by its size, whatever comes of it."""
        if isinstance(value, int) and not -SMALL < value < SMALL:
            words = value.bit_length() // WORD
            self.meter.charge(words * words // 16)
        return value

    def _measured(self, call: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        kept = self.kept

        def operation(left: Any, right: Any) -> Any:
            made = call(left, right)
            if made.__class__ is int and -SMALL < made < SMALL:
                return made
            return kept(made)

        return operation

    def _in_place(self, call: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        measured = self._measured(call)

        def operation(left: Any, right: Any) -> Any:
            if not isinstance(left, list | set | dict):
                return measured(left, right)
            read = self.spread(right) if isinstance(left, list) else right
            self.meter.charge(length(read))
            made = call(left, read)
            length(made)
            return made

        return operation

    def mul(self, left: Any, right: Any) -> Any:
        """`*` of numbers. Raises `Halt` for the repetition of a sequence, but for that of a display."""
        if not (isinstance(left, int | Fraction) and isinstance(right, int | Fraction)):
            raise Halt("multiplies something that is no number; a sequence is repeated as [value] * count")
        made = left * right
        if made.__class__ is int and -SMALL < made < SMALL:
            return made
        return self.kept(made)

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
        made = self.read(left) // right
        if made.__class__ is int and -SMALL < made < SMALL:
            return made
        return self.kept(made)

    def mod(self, left: Any, right: Any) -> Any:
        """`%` of numbers."""
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

    def made(self, value: Any) -> Any:
        """A slice, a comprehension or a long display."""
        self.meter.charge(length(value))
        return value

    def operand(self, value: Any) -> Any:
        """The left side of a comparison, which costs at most what this is long."""
        if value.__class__ is not int:
            self.meter.charge(self.weight(value))
        return value

    def weight(self, value: Any) -> int:
        """How many elements there are in it, those of its elements included. Raises `Halt` past what is left."""
        if value.__class__ in SCALARS or not isinstance(value, SIZED):
            return 0
        weight, pending, room = 0, [value], self.meter.room() + 1
        while pending and weight <= room:
            each = pending.pop()
            weight += length(each)
            if isinstance(each, (dict, MappingProxyType)):
                pending += _inner(each.values())
            if not isinstance(each, (str, bytes, range)):
                pending += _inner(each)
        return weight

    def contains(self, value: Any, values: Any) -> bool:
        """`value in values`."""
        searched = not isinstance(values, (dict, MappingProxyType, SETS))  # the others are looked up
        if searched and not (isinstance(values, range) and isinstance(value, int)):
            self.meter.charge(length(values))
        self.meter.charge(self.weight(value))
        return value in values

    def rows(self, values: Any) -> list[Any]:
        """`*values` of which each is read in its order."""
        return [ordered(each) for each in self.spread(values)]

    def spread(self, values: Any) -> Any:
        """`*values`, or what is unpacked."""
        return self.gather(ordered(values))

    def gather(self, values: Any) -> Any:
        """All elements. A generator of the rule has counted its turns; all else is charged by its length."""
        kind = type(values)
        if kind is GeneratorType:
            taken = list(islice(values, MAX_LENGTH + 1))
            return taken if len(taken) <= MAX_LENGTH else length(taken)
        if isinstance(values, SIZED):
            self.meter.charge(length(values))
            return values if kind is list or kind is tuple else list(values)
        taken = list(islice(values, min(MAX_LENGTH, self.meter.room()) + 1))
        self.meter.charge(length(taken))
        return taken
