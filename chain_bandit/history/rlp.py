"""RLP, Ethereum's encoding of nested byte strings: strict, shallow, linear in its input whatever that is."""

from typing import Any

from chain_bandit.history.errors import BadEncoding

DEPTH = 5
"""Lists within lists that any block, transaction or receipt needs, and one to spare."""


def encode(value: Any) -> bytes:
    """The encoding of bytes, or of a list or tuple of such values."""
    if isinstance(value, bytes):
        return value if len(value) == 1 and value[0] < 0x80 else _prefix(len(value), 0x80) + value
    payload = b"".join(map(encode, value))
    return _prefix(len(payload), 0xC0) + payload


def encode_number(value: int) -> bytes:
    """An unsigned integer as RLP has it: big-endian without leading zeros, not yet prefixed."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def _prefix(length: int, offset: int) -> bytes:
    if length < 56:
        return bytes([offset + length])
    size = encode_number(length)
    return bytes([offset + 55 + len(size)]) + size


def decode(data: bytes) -> Any:
    """The value whose only encoding is `data`: bytes, or a list. Raises `BadEncoding`."""
    value, end = _item(data, 0, len(data), DEPTH)
    if end != len(data):
        raise BadEncoding("RLP: bytes are left over")
    return value


def _item(data: bytes, at: int, limit: int, depth: int) -> tuple[Any, int]:
    """The item that starts at `at`, and where it ends."""
    if at >= limit:
        raise BadEncoding("RLP: it ends too early")
    first = data[at]
    if first < 0x80:
        return data[at : at + 1], at + 1
    is_list, short = first >= 0xC0, first - (0xC0 if first >= 0xC0 else 0x80)
    start = at + 1
    if short < 56:
        end = start + short
    else:
        start += short - 55
        size = data[at + 1 : start]
        end = start + int.from_bytes(size, "big")
        if size[:1] in (b"", b"\0") or end - start < 56:
            raise BadEncoding("RLP: a length is not in its shortest form")
    if end > limit:
        raise BadEncoding("RLP: it ends too early")
    if is_list:
        return _items(data, start, end, depth - 1), end
    if short == 1 and data[start] < 0x80:
        raise BadEncoding("RLP: a small byte is not in its shortest form")
    return data[start:end], end


def _items(data: bytes, at: int, end: int, depth: int) -> list[Any]:
    if depth < 0:
        raise BadEncoding("RLP: lists are nested too deep")
    items = []
    while at < end:
        item, at = _item(data, at, end, depth)
        items.append(item)
    return items
