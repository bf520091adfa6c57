"""secp256k1 by the library `ecdsa`: signers of statements, and the hash of a VRF proof."""

from functools import lru_cache
from hashlib import sha256
from typing import Any

from ecdsa.curves import SECP256k1
from ecdsa.ellipticcurve import INFINITY, PointJacobi

from chain_bandit.paranoid.words import keccak, number, uint

CURVE, BASE = SECP256k1.curve, SECP256k1.generator
FIELD, ORDER = CURVE.p(), int(SECP256k1.order)
SUITE = b"\xfe"
"""Of the verifiable random function: RFC 9381 by try-and-increment, on this curve."""


def signer(digest: bytes, signature: bytes) -> bytes | None:
    """The address whose key made 64 bytes of signature (EIP-2098, low s); None when nobody's did."""
    if len(signature) != 64:
        return None
    r, tail = number(signature[:32]), number(signature[32:])
    return recovered(digest, tail >> 255, r, tail % 2**255)


@lru_cache(1 << 14)  # two milliseconds each, and audits of one game ask again
def recovered(digest: bytes, parity: int, r: int, s: int) -> bytes | None:
    """The address of (r, s) over the digest, where the nonce's point has an odd y if `parity` is 1."""
    point = _point(r, parity) if 0 < r < ORDER and 0 < s <= ORDER // 2 else None
    if point is None:
        return None
    inverse = pow(r, -1, ORDER)
    key = BASE.mul_add(-number(digest) * inverse % ORDER, point, s * inverse % ORDER)
    if key == INFINITY:
        return None
    return keccak(uint(int(key.x()), 32), uint(int(key.y()), 32))[12:]


def proven(public: bytes, seed: bytes, proof: bytes) -> bytes | None:
    """The 32 bytes that a valid proof gives for a seed under a compressed public key; None for any other proof.

    RFC 9381, sections 5.3 and 5.4; proofs with c = 0 or s = 0 are refused.
    """
    key, gamma = _decoded(public), _decoded(proof[:33])
    c, s = number(proof[33:49]), number(proof[49:])
    if key is None or gamma is None or len(proof) != 81 or not (c and 0 < s < ORDER):
        return None
    point = _hashed_to_curve(public, seed)
    u = BASE.mul_add(s, key, -c % ORDER)
    v = point.mul_add(s, gamma, -c % ORDER)
    if INFINITY in (u, v):
        return None
    parts = public + _encoded(point) + _encoded(gamma) + _encoded(u) + _encoded(v)
    if number(sha256(SUITE + b"\2" + parts + b"\0").digest()[:16]) != c:
        return None
    return sha256(SUITE + b"\3" + _encoded(gamma) + b"\0").digest()


def _hashed_to_curve(public: bytes, seed: bytes) -> Any:
    for attempt in range(256):
        x = number(sha256(SUITE + b"\1" + public + seed + bytes([attempt]) + b"\0").digest())
        point = _point(x, 0)
        if point is not None:
            return point
    raise AssertionError("256 hashes in a row were no x of the curve: one in 2**256")


def _decoded(data: bytes) -> Any:
    if len(data) != 33 or data[0] not in (2, 3):
        return None
    return _point(number(data[1:]), data[0] - 2)


def _encoded(point: Any) -> bytes:
    return bytes([2 + int(point.y()) % 2]) + uint(int(point.x()), 32)


def _point(x: int, parity: int) -> Any:
    """The point with this x and this parity of y; None when x is no x of the curve."""
    square = (x**3 + 7) % FIELD
    y = pow(square, (FIELD + 1) // 4, FIELD)
    if x >= FIELD or y * y % FIELD != square:
        return None
    return PointJacobi(CURVE, x, y if y % 2 == parity else FIELD - y, 1, ORDER)
