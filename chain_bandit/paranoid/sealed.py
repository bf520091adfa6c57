"""Sealed records: AES-256-GCM-SIV over five bytes (RFC 8452), from single blocks of AES and a naive POLYVAL."""

from Crypto.Cipher import AES

FIELD = 1 << 128 | 1 << 127 | 1 << 126 | 1 << 121 | 1
"""x^128 + x^127 + x^126 + x^121 + 1."""
SHIFT = 1 << 127 | 1 << 124 | 1 << 121 | 1 << 114 | 1
"""x^-128 in that field."""


def opened(key: bytes, nonce: bytes, record: bytes) -> bytes | None:
    """What was sealed, at most 16 bytes; None when it was not sealed with this key and nonce."""
    hidden, tag = record[:-16], record[-16:]
    halves = [_block(key, number.to_bytes(4, "little") + nonce)[:8] for number in range(6)]
    authentication, encryption = b"".join(halves[:2]), b"".join(halves[2:])
    stream = _block(encryption, tag[:15] + bytes([tag[15] | 128]))
    plain = bytes(one ^ other for one, other in zip(hidden, stream, strict=False))
    lengths = bytes(8) + (8 * len(plain)).to_bytes(8, "little")
    hashed = _polyval(authentication, plain.ljust(16, b"\0") + lengths)
    mixed = bytes(one ^ other for one, other in zip(hashed, nonce + bytes(4), strict=True))
    return plain if _block(encryption, mixed[:15] + bytes([mixed[15] & 127])) == tag else None


def _block(key: bytes, data: bytes) -> bytes:
    return AES.new(key, AES.MODE_ECB).encrypt(data)


def _polyval(key: bytes, data: bytes) -> bytes:
    factor, total = _times(int.from_bytes(key, "little"), SHIFT), 0
    for at in range(0, len(data), 16):
        total = _times(total ^ int.from_bytes(data[at : at + 16], "little"), factor)
    return total.to_bytes(16, "little")


def _times(one: int, other: int) -> int:
    product = 0
    while other:
        product ^= one if other & 1 else 0
        one, other = one << 1, other >> 1
        one ^= FIELD if one >> 128 else 0
    return product
