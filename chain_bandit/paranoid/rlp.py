"""RLP, Ethereum's encoding of nested byte strings (Yellow Paper, appendix B)."""

from typing import Any

from chain_bandit.paranoid.words import Broken, Reader, number, uint

DEEPEST = 6
"""Lists in lists: a log's topics in a receipt are three."""


def minimal(value: int) -> bytes:
    """An integer without leading zeros, as RLP holds it."""
    return uint(value, (value.bit_length() + 7) // 8)


def encode(value: Any) -> bytes:
    """The encoding of bytes, or of a list of such values."""
    if isinstance(value, bytes):
        return value if len(value) == 1 and value[0] < 128 else _head(len(value), 128) + value
    payload = b"".join(encode(item) for item in value)
    return _head(len(payload), 192) + payload


def _head(length: int, offset: int) -> bytes:
    if length <= 55:
        return bytes([offset + length])
    size = minimal(length)
    return bytes([offset + 55 + len(size)]) + size


def decode(data: bytes) -> Any:
    """The value of an encoding. Raises `Broken` unless it is the only encoding of that value."""
    reader = Reader(data)
    value = _item(reader, 0)
    if reader.left or encode(value) != data:
        raise Broken("RLP: not the one encoding of its value")
    return value


def decode_list(data: bytes) -> list[Any]:
    """The list of an encoding."""
    value = decode(data)
    if not isinstance(value, list):
        raise Broken("RLP: a list was expected")
    return value


def _item(reader: Reader, depth: int) -> Any:
    first = reader.uint(1)
    if first < 128:
        return bytes([first])
    length = first - (192 if first >= 192 else 128)
    if length > 55:
        length = number(reader.take(length - 55))
    payload = reader.take(length)
    if first < 192:
        return payload
    if depth == DEEPEST:
        raise Broken("RLP: lists are nested too deep")
    inner, items = Reader(payload), []
    while inner.left:
        items.append(_item(inner, depth + 1))
    return items
