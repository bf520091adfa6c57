"""Keccak-256 and big-endian integers. The hash is that of a library which nothing else here hashes with."""

from Crypto.Hash import keccak as library


class Broken(ValueError):
    """Bytes that are not what the specification says; its text tells of what."""


class OtherVersion(Exception):
    """A game in another format, or with rules that are not in this version: nothing can be said of it."""


def keccak(*parts: bytes) -> bytes:
    """The hash of the parts, one after the other."""
    return library.new(digest_bits=256, data=b"".join(parts)).digest()


def uint(value: int, size: int) -> bytes:
    """An unsigned integer in so many bytes."""
    return value.to_bytes(size, "big")


def number(data: bytes) -> int:
    """The unsigned integer that bytes are."""
    return int.from_bytes(data, "big")


class Reader:
    """Bytes, read from the front."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    @property
    def left(self) -> int:
        """How many bytes have not been read."""
        return len(self.data) - self.at

    def take(self, size: int) -> bytes:
        """The next bytes. Raises `Broken` when there are fewer."""
        if self.left < size:
            raise Broken(f"{size} bytes were expected, {self.left} are left")
        self.at += size
        return self.data[self.at - size : self.at]

    def uint(self, size: int) -> int:
        """The next bytes as an unsigned integer."""
        return number(self.take(size))
