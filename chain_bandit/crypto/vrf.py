"""Verifiable random functions: ECVRF after RFC 9381, with try-and-increment, over any curve of cofactor 1.

A proof is 81 bytes: 33 Gamma, 16 c, 32 s; its hash, the output, is 32 bytes. This is the verifying half, which needs no
key; `crypto.vrf_keys` proves. Section numbers are those of the RFC.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Generic, Protocol, TypeVar

Point = TypeVar("Point")

POINT_BYTES = 33
CHALLENGE_BYTES = 16
SCALAR_BYTES = 32
PROOF_BYTES = POINT_BYTES + CHALLENGE_BYTES + SCALAR_BYTES


class Curve(Protocol[Point]):
    """A group of prime order q with base point B, by some library's arithmetic on public values.

    An encoding of a point is its one compressed form, 33 bytes (SEC 1, section 2.3.3); the point at infinity has none.
    """

    order: int

    def decode(self, encoding: bytes) -> Point | None:
        """The point of these bytes, or None for any but the encoding of a point of the curve."""
        ...

    def from_base(self, s: int, c: int, key: Point) -> bytes | None:
        """The encoding of s*B - c*key; None for infinity, and where a library takes no scalar 0. 0 <= s, c < q."""
        ...

    def difference(self, s: int, point: Point, c: int, other: Point) -> bytes | None:
        """The encoding of s*point - c*other, None as above."""
        ...


@dataclass(frozen=True, slots=True)
class Suite(Generic[Point]):
    """What section 5.5 leaves open: the byte that keeps suites apart, and the curve. The hash is always SHA-256."""

    string: bytes
    curve: Curve[Point]


def encode_to_curve(suite: Suite[Point], public_key: bytes, alpha: bytes) -> tuple[Point, bytes]:
    """H, and its encoding: the first counter whose hash is the x of a point (section 5.4.1.1, salt PK_string)."""
    counter = 0
    while True:
        tried = suite.string + b"\1" + public_key + alpha + counter.to_bytes(1, "big") + b"\0"
        encoding = b"\2" + sha256(tried).digest()
        point = suite.curve.decode(encoding)
        if point is not None:
            return point, encoding
        counter += 1


def challenge(suite: Suite[Point], points: Iterable[bytes]) -> bytes:
    """c of the encodings of Y, H, Gamma, U, V (section 5.4.3)."""
    return sha256(suite.string + b"\2" + b"".join(points) + b"\0").digest()[:CHALLENGE_BYTES]


def output(suite: Suite[Point], gamma: bytes) -> bytes:
    """The 32-byte hash of a valid proof with this Gamma (section 5.2). Of an unverified one it means nothing."""
    return sha256(suite.string + b"\3" + gamma + b"\0").digest()


def verify(suite: Suite[Point], public_key: bytes, alpha: bytes, proof: bytes) -> bytes | None:
    """The hash that `proof` shows to be the only one of `public_key` on `alpha`, or None (section 5.3, key validated).

    Any bytes may be given. None too for s = 0, c = 0 or U or V at infinity: the RFC would go on to compare the
    challenge, which a hash meets there with chance 2^-128.
    """
    if len(proof) != PROOF_BYTES:
        return None
    gamma, c, s = proof[:POINT_BYTES], proof[POINT_BYTES:-SCALAR_BYTES], int.from_bytes(proof[-SCALAR_BYTES:], "big")
    curve = suite.curve
    # Where the order is prime, every point that has an encoding is a valid key (section 5.4.5).
    key, gamma_point = curve.decode(public_key), curve.decode(gamma)
    if key is None or gamma_point is None or s >= curve.order:
        return None
    point, h = encode_to_curve(suite, public_key, alpha)
    c_number = int.from_bytes(c, "big")
    u = curve.from_base(s, c_number, key)
    v = curve.difference(s, point, c_number, gamma_point)
    if u is None or v is None or challenge(suite, (public_key, h, gamma, u, v)) != c:
        return None
    return output(suite, gamma)
