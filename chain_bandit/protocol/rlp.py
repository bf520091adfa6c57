"""RLP, Ethereum's encoding of nested byte strings: strict, shallow, linear in its input whatever that is."""

from typing import Any

from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.errors import BadEncoding

DEPTH = 5
"""Lists within lists that any block, transaction or receipt needs, and one to spare."""

LONGEST = 1 << 25
"""Bytes that are decoded at once: as many as the longest line of an export holds. So a sender that fills a block, at
8 gas a byte of a log, cannot make an honest history unreadable."""

MOST_ITEMS = 1 << 20
"""Strings and lists within them, each of which takes 64 bytes of memory or more. Of the shortest logs, with four items
and 375 gas each, only a transaction of 98 million gas has as many."""


def encode(value: Any) -> bytes:
    """The encoding of bytes, or of a list or tuple of such values."""
    if isinstance(value, bytes):
        return value if len(value) == 1 and value[0] < 0x80 else _prefix(len(value), 0x80) + value
    payload = b"".join(map(encode, value))
    return _prefix(len(payload), 0xC0) + payload


def encode_number(value: int) -> bytes:
    """An unsigned integer as RLP has it: big-endian without leading zeros, not yet prefixed."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def created_address(sender: bytes, nonce: int) -> bytes:
    """The address of the contract that `sender` creates with its transaction `nonce`, 20 bytes."""
    return keccak(encode([sender, encode_number(nonce)]))[12:]


def _prefix(length: int, offset: int) -> bytes:
    if length < 56:
        return bytes([offset + length])
    size = encode_number(length)
    return bytes([offset + 55 + len(size)]) + size


def decode(data: bytes) -> Any:
    """The value whose only encoding is `data`: bytes, or a list. Raises `BadEncoding`."""
    if not data:
        raise BadEncoding("RLP: it ends too early")
    if len(data) > LONGEST:
        raise BadEncoding(f"RLP: longer than {LONGEST} bytes")
    (value,), end = _items(data, 0, len(data), DEPTH, [MOST_ITEMS], only=True)
    if end != len(data):
        raise BadEncoding("RLP: bytes are left over")
    return value


def _items(
    data: bytes, at: int, limit: int, depth: int, room: list[int], only: bool = False
) -> tuple[list[Any], int]:
    """The items from `at` up to `limit`, or the `only` one there, and where the last one ends; `room`: for how many."""
    if depth < 0:
        raise BadEncoding("RLP: lists are nested too deep")
    items: list[Any] = []
    while at < limit:
        room[0] -= 1
        if room[0] < 0:
            raise BadEncoding(f"RLP: more than {MOST_ITEMS} items")
        first, start, end = data[at], at, at + 1
        if first >= 0x80:
            short = first & 0x3F
            start, end = at + 1, at + 1 + short
            if short > 55:
                start += short - 55
                size = data[at + 1 : start]
                end = start + int.from_bytes(size, "big")
                if size[:1] in (b"", b"\0") or end - start < 56:
                    raise BadEncoding("RLP: a length is not in its shortest form")
            if end > limit:
                raise BadEncoding("RLP: it ends too early")
            if short == 1 and first < 0xC0 and data[start] < 0x80:
                raise BadEncoding("RLP: a small byte is not in its shortest form")
        items.append(data[start:end] if first < 0xC0 else _items(data, start, end, depth - 1, room)[0])
        at = end
        if only:
            break
    return items, at
