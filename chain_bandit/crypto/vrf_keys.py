"""VRF keys: the proving half of ECVRF (RFC 9381), apart from `crypto.vrf` so that a mere verifier holds no secret.

A VRF key is a key of its own, never the one that signs statements (protocol.md: Validators).
"""

import hmac
from hashlib import sha256
from typing import Protocol, Self, TypeVar

from coincurve import PublicKey
from coincurve._libsecp256k1 import ffi, lib

from chain_bandit.crypto.keys import scalar
from chain_bandit.crypto.secp256k1 import SECP256K1_TAI
from chain_bandit.crypto.vrf import POINT_BYTES, SCALAR_BYTES, Point, Suite, challenge, encode_to_curve, output

Multiplied = TypeVar("Multiplied", contravariant=True)


class Secret(Protocol[Multiplied]):
    """A secret scalar x of some curve, 0 < x < q, and what a proof does with it. Points come out encoded.

    Attributes:
        scalar: x, 32 bytes.
        base: x*B; of a key it is the public key.
    """

    scalar: bytes
    base: bytes

    def __init__(self, scalar: bytes) -> None: ...

    def times(self, point: Multiplied) -> bytes:
        """x*point."""
        ...

    def response(self, c: bytes, nonce: Self) -> bytes:
        """nonce + c*x modulo q, 32 bytes."""
        ...


def nonce(order: int, secret: bytes, message: bytes) -> bytes:
    """k below a 256-bit order, a function of both: RFC 6979, section 3.2, with SHA-256 (RFC 9381, section 5.4.2.1)."""
    hashed = int.from_bytes(sha256(message).digest(), "big") % order
    seed = secret + hashed.to_bytes(32, "big")
    key, value = bytes(32), b"\1" * 32
    for separator in (b"\0", b"\1"):
        key = _hmac(key, value + separator + seed)
        value = _hmac(key, value)
    value = _hmac(key, value)
    while not 0 < int.from_bytes(value, "big") < order:
        key = _hmac(key, value + b"\0")
        value = _hmac(key, _hmac(key, value))
    return value


def _hmac(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")


def prove(suite: Suite[Point], secret: Secret[Point], alpha: bytes) -> tuple[bytes, bytes]:
    """(hash, proof) of a key on `alpha`, the same each time (section 5.1). The proof is Gamma, c, s."""
    point, h = encode_to_curve(suite, secret.base, alpha)
    gamma = secret.times(point)
    k = type(secret)(nonce(suite.curve.order, secret.scalar, h))
    c = challenge(suite, (secret.base, h, gamma, k.base, k.times(point)))
    return output(suite, gamma), gamma + c + secret.response(c, k)


@ffi.callback("int(unsigned char *, const unsigned char *, const unsigned char *, void *)")  # type: ignore[untyped-decorator]
def _compressed(encoding: "ffi.CData", x: "ffi.CData", y: "ffi.CData", _: "ffi.CData") -> int:
    """What libsecp256k1 is to make of a Diffie-Hellman point: its encoding instead of a hash."""
    encoding[0] = 2 | y[31] & 1
    ffi.memmove(encoding + 1, x, 32)
    return 1


class Secp256k1Secret:
    """A secret scalar on secp256k1, whose arithmetic is all done by libsecp256k1 in constant time.

    coincurve's `PublicKey.multiply` takes a time that depends on the scalar, so the library's Diffie-Hellman multiplies
    instead; and its `PrivateKey` would make two public keys with every sum and product.
    """

    def __init__(self, scalar: bytes) -> None:
        """`scalar` is 32 bytes. Raises ValueError unless 0 < scalar < q."""
        if len(scalar) != SCALAR_BYTES:
            raise ValueError(f"a scalar is {SCALAR_BYTES} bytes, not {len(scalar)}")
        self.scalar = scalar
        key = PublicKey.from_valid_secret(scalar)
        self._context = key.context.ctx
        self.base = key.format()

    def times(self, point: PublicKey) -> bytes:
        """x*point. Raises RuntimeError when the callback was cut short, as by an interrupt, which cffi swallows."""
        encoding = ffi.new(f"unsigned char[{POINT_BYTES}]")
        if not lib.secp256k1_ecdh(self._context, encoding, point.public_key, self.scalar, _compressed, ffi.NULL):
            raise RuntimeError("a multiplication was interrupted")
        return bytes(ffi.buffer(encoding))

    def response(self, c: bytes, nonce: "Secp256k1Secret") -> bytes:
        """nonce + c*x. Raises ValueError when c or the sum is 0, which for a hash has chance 2^-128."""
        s = ffi.new("unsigned char[32]", self.scalar)
        if not (
            lib.secp256k1_ec_seckey_tweak_mul(self._context, s, c.rjust(SCALAR_BYTES, b"\0"))
            and lib.secp256k1_ec_seckey_tweak_add(self._context, s, nonce.scalar)
        ):
            raise ValueError("a challenge or a response of 0 proves nothing")
        return bytes(ffi.buffer(s))


class VrfKey:
    """One VRF key on secp256k1, of any 32 secret bytes."""

    def __init__(self, secret: bytes) -> None:
        self._secret = Secp256k1Secret(scalar(secret))
        self.public_key = self._secret.base

    def prove(self, alpha: bytes) -> tuple[bytes, bytes]:
        """(32-byte hash, 81-byte proof) on `alpha`, which `crypto.vrf.verify` takes under `SECP256K1_TAI`."""
        return prove(SECP256K1_TAI, self._secret, alpha)
