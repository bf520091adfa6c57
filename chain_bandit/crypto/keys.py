"""Private keys: derived from a scenario's seed, signing deterministically (RFC 6979)."""

from collections.abc import Callable
from time import perf_counter

from coincurve import PrivateKey

from chain_bandit.crypto.secp256k1 import ORDER
from chain_bandit.crypto.verify import address_of
from chain_bandit.protocol.digests import keccak, uint
from chain_bandit.protocol.messages import Phase, Role, Slot


def derive(seed: int, label: str, index: int = 0) -> bytes:
    """32 secret bytes of a scenario: keccak(seed, label, index). For development games only: the seed is public."""
    return keccak(uint(seed, 32), uint(len(label), 2), label.encode(), uint(index, 4))


def scalar(secret: bytes) -> bytes:
    """The secret key of any 32 secret bytes: a number from 1 to the order less 1, 32 bytes."""
    return (int.from_bytes(secret, "big") % (ORDER - 1) + 1).to_bytes(32, "big")


def source(key: bytes) -> bytes:
    """What a `Signer` is made of that signs with a key of its own, such as a keystore's; 32 bytes.

    Raises `ValueError` for what is no key.
    """
    number = int.from_bytes(key, "big")
    if not 0 < number < ORDER:
        raise ValueError("no secret key of secp256k1")
    return (number - 1).to_bytes(32, "big")


class Signer:
    """One secp256k1 key. `sign` gives the canonical 64 bytes that `crypto.verify` accepts.

    Attributes:
        source: what it was made of; a `Signer` of that is the same one.
        secret: the key itself.
    """

    def __init__(self, secret: bytes, on_signed: Callable[[float], None] = lambda seconds: None) -> None:
        self.source, self.secret = secret, scalar(secret)
        self._key = PrivateKey(self.secret)
        self._on_signed = on_signed
        self.address = address_of(self._key.public_key)

    def state(self, slot: Slot, phase: Phase, role: Role, instance: int, content: bytes) -> bytes:
        """Sign a statement: the one content that this key signs in a slot, where relays go by `sign`."""
        return self.sign(slot.digest(phase, role, instance, content))

    def salt(self, slot: Slot) -> bytes:
        """32 bytes of a round, one's own, which nobody else can tell before they are disclosed."""
        return keccak(b"salt", self.secret, slot.separator, uint(slot.round, 4), slot.parent)

    def sign(self, digest: bytes) -> bytes:
        """r then (parity << 255 | s) over the 32-byte digest; the nonce follows from key and digest."""
        start = perf_counter()
        signature = self._key.sign_recoverable(digest, hasher=None)
        compact = signature[:64] if not signature[64] else _with_parity(signature)
        self._on_signed(perf_counter() - start)
        return compact


def _with_parity(signature: bytes) -> bytes:
    return signature[:32] + bytes([signature[32] | 0x80]) + signature[33:64]
