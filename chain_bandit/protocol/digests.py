"""The one hash function: Ethereum's keccak-256."""

import struct
from collections.abc import Sequence

from sha3 import keccak_256

ZERO = bytes(32)


def keccak(*parts: bytes) -> bytes:
    """keccak-256 of the concatenated parts, 32 bytes. Callers fix every part's length."""
    digest: bytes = keccak_256(b"".join(parts)).digest()
    return digest


def uint(value: int, size: int) -> bytes:
    """Big-endian unsigned integer of `size` bytes; OverflowError when it does not fit."""
    return value.to_bytes(size, "big")


_CODES = {1: "B", 2: "H", 4: "I", 8: "Q"}


def uints(values: Sequence[int], size: int) -> bytes:
    """Big-endian unsigned integers of 1, 2, 4 or 8 bytes each; OverflowError when one does not fit."""
    try:
        return struct.pack(f">{len(values)}{_CODES[size]}", *values)
    except struct.error as error:
        raise OverflowError(str(error)) from error


def read_uints(data: bytes, size: int) -> tuple[int, ...]:
    """The integers that `uints` wrote."""
    return struct.unpack(f">{len(data) // size}{_CODES[size]}", data)


def word(value: int) -> bytes:
    """One ABI word: 32 bytes, big-endian."""
    return value.to_bytes(32, "big")
