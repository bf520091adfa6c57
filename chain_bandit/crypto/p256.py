"""P-256 for ECVRF, by the `ecdsa` package: the suite whose RFC vectors test the shared implementation.

No live key is on this curve. `ecdsa` is plain Python and takes a time that depends on the secret, so `VectorSecret` is
for vectors, tests and measurements only.
"""

from ecdsa import NIST256p
from ecdsa.ellipticcurve import INFINITY, PointJacobi
from ecdsa.errors import MalformedPointError

from chain_bandit.crypto.vrf import POINT_BYTES, Suite

FIELD = int(NIST256p.curve.p())
ORDER = int(NIST256p.order)
_BASE = NIST256p.generator


class P256:
    """The curve on public values."""

    order = ORDER

    def decode(self, encoding: bytes) -> PointJacobi | None:
        """The point of these 33 bytes, or None."""
        # The library would take an x above the field's prime: a second encoding of the same point.
        if len(encoding) != POINT_BYTES or int.from_bytes(encoding[1:], "big") >= FIELD:
            return None
        try:
            return PointJacobi.from_bytes(NIST256p.curve, encoding, valid_encodings=("compressed",), order=ORDER)
        except MalformedPointError:
            return None

    def from_base(self, s: int, c: int, key: PointJacobi) -> bytes | None:
        """s*B - c*key."""
        return self.difference(s, _BASE, c, key)

    def difference(self, s: int, point: PointJacobi, c: int, other: PointJacobi) -> bytes | None:
        """s*point - c*other, both in one pass."""
        result = point.mul_add(s, other, -c % ORDER)
        return None if result == INFINITY else _encode(result)


def _encode(point: PointJacobi) -> bytes:
    # Scaled first, or the library inverts once for x and once more for y.
    return bytes(point.scale().to_bytes("compressed"))


class VectorSecret:
    """A scalar of which no secrecy is asked; `vrf_keys.Secret` says what it does. ValueError unless 0 < scalar < q."""

    def __init__(self, scalar: bytes) -> None:
        self.scalar = scalar
        self._number = int.from_bytes(scalar, "big")
        if not 0 < self._number < ORDER:
            raise ValueError("a scalar is not 0 and below the order")
        self.base = _encode(_BASE * self._number)

    def times(self, point: PointJacobi) -> bytes:
        """x*point."""
        return _encode(point * self._number)

    def response(self, c: bytes, nonce: "VectorSecret") -> bytes:
        """nonce + c*x modulo q."""
        return ((nonce._number + int.from_bytes(c, "big") * self._number) % ORDER).to_bytes(32, "big")


P256_TAI = Suite(b"\x01", P256())
"""ECVRF-P256-SHA256-TAI (section 5.5)."""
