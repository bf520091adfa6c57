"""The one hash function: Ethereum's keccak-256."""

from sha3 import keccak_256

ZERO = bytes(32)


def keccak(*parts: bytes) -> bytes:
    """keccak-256 of the concatenated parts, 32 bytes. Callers fix every part's length."""
    digest: bytes = keccak_256(b"".join(parts)).digest()
    return digest


def uint(value: int, size: int) -> bytes:
    """Big-endian unsigned integer of `size` bytes; OverflowError when it does not fit."""
    return value.to_bytes(size, "big")


def word(value: int) -> bytes:
    """One ABI word: 32 bytes, big-endian."""
    return value.to_bytes(32, "big")
