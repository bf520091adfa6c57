"""secp256k1 for ECVRF, by coincurve: the curve of every live key."""

from coincurve import PublicKey

from chain_bandit.crypto.vrf import POINT_BYTES, Suite

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


class Secp256k1:
    """The curve on public values; nothing here takes a constant time."""

    order = ORDER

    def decode(self, encoding: bytes) -> PublicKey | None:
        """The point of these 33 bytes, or None."""
        if len(encoding) != POINT_BYTES:
            return None
        try:
            return PublicKey(encoding)
        except ValueError:  # another first byte, x not below the field's prime, or no point of that x
            return None

    def from_base(self, s: int, c: int, key: PublicKey) -> bytes | None:
        """s*B - c*key."""
        try:
            return _sum(PublicKey.from_secret(_bytes(s)), key.multiply(_bytes(ORDER - c)))
        except ValueError:  # a scalar of 0, or infinity
            return None

    def difference(self, s: int, point: PublicKey, c: int, other: PublicKey) -> bytes | None:
        """s*point - c*other."""
        try:
            return _sum(point.multiply(_bytes(s)), other.multiply(_bytes(ORDER - c)))
        except ValueError:
            return None


def _bytes(scalar: int) -> bytes:
    return scalar.to_bytes(32, "big")


def _sum(one: PublicKey, other: PublicKey) -> bytes:
    return PublicKey.combine_keys([one, other]).format()


SECP256K1_TAI = Suite(b"\xfe", Secp256k1())
"""The RFC has no suite on this curve; 0xFE is a private string, the one that others use for secp256k1 and SHA-256."""
