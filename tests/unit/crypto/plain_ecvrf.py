"""ECVRF with try-and-increment once more, from the text of RFC 9381 alone: numbers and the `ecdsa` package's points.

It shares no line with `chain_bandit.crypto`, knows no constant time, and takes either curve. Names are the RFC's.
"""

from dataclasses import dataclass
from hashlib import sha256

from ecdsa import NIST256p, SECP256k1
from ecdsa.curves import Curve
from ecdsa.ellipticcurve import INFINITY, PointJacobi
from ecdsa.rfc6979 import generate_k


@dataclass(frozen=True)
class Plain:
    suite_string: int
    curve: Curve

    @property
    def q(self):
        return self.curve.order

    @property
    def B(self):
        return self.curve.generator

    def string_to_point(self, octets):
        """SEC 1, section 2.3.4, compressed points only; None for "INVALID"."""
        p, a, b = self.curve.curve.p(), self.curve.curve.a(), self.curve.curve.b()
        if len(octets) != 33 or octets[0] not in (2, 3):
            return None
        x = int.from_bytes(octets[1:], "big")
        square = (x * x * x + a * x + b) % p
        y = pow(square, (p + 1) // 4, p)
        if x >= p or y * y % p != square:
            return None
        return PointJacobi(self.curve.curve, x, y if y % 2 == octets[0] % 2 else p - y, 1, self.q)

    def point_to_string(self, point):
        if point == INFINITY:
            return b"\0"
        return bytes([2 + point.y() % 2]) + int(point.x()).to_bytes(32, "big")

    def hash(self, front, *parts):
        return sha256(bytes([self.suite_string, front]) + b"".join(parts) + b"\0").digest()

    def encode_to_curve_try_and_increment(self, salt, alpha):
        """(H, ctr)."""
        for ctr in range(256):
            point = self.string_to_point(b"\2" + self.hash(1, salt, alpha, bytes([ctr])))
            if point is not None:
                return point, ctr
        raise AssertionError("no counter gave a point")

    def nonce_generation(self, x, h_string):
        return generate_k(self.q, x, sha256, sha256(h_string).digest())

    def challenge_generation(self, *points):
        return int.from_bytes(self.hash(2, *map(self.point_to_string, points))[:16], "big")

    def public_key(self, x):
        return self.point_to_string(self.B * x)

    def prove(self, x, alpha):
        """(beta, pi)."""
        Y = self.B * x
        H, _ = self.encode_to_curve_try_and_increment(self.point_to_string(Y), alpha)
        Gamma = H * x
        k = self.nonce_generation(x, self.point_to_string(H))
        c = self.challenge_generation(Y, H, Gamma, self.B * k, H * k)
        s = (k + c * x) % self.q
        pi = self.point_to_string(Gamma) + c.to_bytes(16, "big") + s.to_bytes(32, "big")
        return self.proof_to_hash(Gamma), pi

    def proof_to_hash(self, Gamma):
        return self.hash(3, self.point_to_string(Gamma))

    def verify(self, PK, alpha, pi):
        """beta, or None for "INVALID"."""
        Y = self.string_to_point(PK)
        Gamma = self.string_to_point(pi[:33])
        c, s = int.from_bytes(pi[33:49], "big"), int.from_bytes(pi[49:], "big")
        if Y is None or Gamma is None or len(pi) != 81 or s >= self.q:
            return None
        H, _ = self.encode_to_curve_try_and_increment(PK, alpha)
        U = self.B * s + Y * (self.q - c)
        V = H * s + Gamma * (self.q - c)
        return self.proof_to_hash(Gamma) if self.challenge_generation(Y, H, Gamma, U, V) == c else None


P256 = Plain(0x01, NIST256p)
SECP256K1 = Plain(0xFE, SECP256k1)
