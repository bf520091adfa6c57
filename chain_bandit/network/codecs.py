"""Codecs of the parts of a frame: what a message may hold, each of one type, strictly read.

What `read` refuses raises `TypeError` or `ValueError`; a frame with such a part is malformed.
"""

from collections.abc import Callable
from enum import IntEnum
from typing import Any, NamedTuple

from chain_bandit.actors.messages import COMPARISON
from chain_bandit.protocol.blocks import SIGNATURE_BYTES


class PartCodec(NamedTuple):
    """How a part is packed, and how it is read: raises `TypeError` or `ValueError` for what `pack` cannot give."""

    pack: Callable[[Any], Any]
    read: Callable[[Any], Any]


def items(value: Any) -> tuple[Any, ...]:
    """Returns a list of a frame, as a tuple. Raises `TypeError`."""
    if type(value) is not tuple:
        raise TypeError("a list is due")
    return value


def number(value: Any) -> int:
    """Returns a number below 2³². Raises `TypeError`."""
    if type(value) is not int or not 0 <= value < 2**32:
        raise TypeError("a number is due")
    return value


def _units(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 2**64:
        raise TypeError("an amount is due")
    return value


def blob(value: Any) -> bytes:
    """Returns bytes. Raises `TypeError`."""
    if type(value) is not bytes:
        raise TypeError("bytes are due")
    return value


def signature(value: Any) -> bytes:
    """Returns the 64 bytes of a signature. Raises `TypeError` or `ValueError`."""
    if len(blob(value)) != SIGNATURE_BYTES:
        raise ValueError("a signature has 64 bytes")
    return bytes(value)


def _flag(value: Any) -> bool:
    if type(value) is not bool:
        raise TypeError("true or false is due")
    return value


def _mask(value: Any) -> int:
    if len(blob(value)) != 32:
        raise ValueError("a mask has 32 bytes")
    return int.from_bytes(value, "big")


def _few(value: Any) -> int:
    if len(blob(value)) > 32 or value[:1] == b"\0":
        raise ValueError("a short mask has up to 32 bytes, the first of them not zero")
    return int.from_bytes(value, "big")


def _as_it_is(value: Any) -> Any:
    return value


NUMBER = PartCodec(_as_it_is, number)
UNITS = PartCodec(_as_it_is, _units)
BYTES = PartCodec(_as_it_is, blob)
SIGNATURE = PartCodec(_as_it_is, signature)
FLAG = PartCodec(_as_it_is, _flag)
NODE = PartCodec(lambda value: value - COMPARISON, lambda got: number(got) + COMPARISON)
TEXT = PartCodec(str.encode, lambda got: blob(got).decode())
MASK = PartCodec(lambda value: value.to_bytes(32, "big"), _mask)
FEW = PartCodec(lambda value: value.to_bytes(-(-value.bit_length() // 8), "big"), _few)


def rows(of: PartCodec) -> PartCodec:
    """Codec of a list of parts of one type."""
    return PartCodec(lambda values: [of.pack(value) for value in values], lambda got: tuple(map(of.read, items(got))))


def pair(one: PartCodec, other: PartCodec) -> PartCodec:
    """Codec of two parts."""

    def read(got: Any) -> tuple[Any, Any]:
        first, second = items(got)
        return one.read(first), other.read(second)

    return PartCodec(lambda pair: [one.pack(pair[0]), other.pack(pair[1])], read)


def table(key: PartCodec, value: PartCodec) -> PartCodec:
    """Codec of a mapping; no key stands twice in it."""

    listed = rows(pair(key, value))

    def read(got: Any) -> dict[Any, Any]:
        found = listed.read(got)
        table = dict(found)
        if len(table) != len(found):
            raise ValueError("a key twice")
        return table

    return PartCodec(lambda table: listed.pack(table.items()), read)


def record(make: Callable[..., Any], **fields: PartCodec) -> PartCodec:
    """Codec of an object by its attributes, in this order."""

    def read(got: Any) -> Any:
        return make(*(form.read(part) for form, part in zip(fields.values(), items(got), strict=True)))

    return PartCodec(lambda value: [form.pack(getattr(value, name)) for name, form in fields.items()], read)


def choice(of: type[IntEnum]) -> PartCodec:
    """Codec of a member of an enumeration."""
    return PartCodec(int, lambda got: of(number(got)))
