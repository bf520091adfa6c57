"""Verification of signatures, by the same rule as the contract's, and of VRF proofs of draws.

A signature is canonical: 64 bytes after EIP-2098, r then (parity << 255 | s), s in the lower half of the order.
Anything else is no signature. A signature is never an identifier: evidence compares contents.
"""

from collections.abc import Callable
from time import perf_counter
from typing import Any

from coincurve import PublicKey

from chain_bandit.crypto.secp256k1 import ORDER, SECP256K1_TAI
from chain_bandit.crypto.vrf import PROOF_BYTES, verify
from chain_bandit.protocol.blocks import SIGNATURE_BYTES
from chain_bandit.protocol.digests import keccak

HALF_ORDER = ORDER // 2
_PARITY = 1 << 255


def address_of(public_key: PublicKey) -> bytes:
    """The 20-byte Ethereum address of a public key."""
    return keccak(public_key.format(compressed=False)[1:])[12:]


def signer(digest: bytes, signature: bytes) -> bytes | None:
    """The address that signed the 32-byte `digest`, or None for anything but a canonical, valid signature."""
    if len(signature) != SIGNATURE_BYTES:
        return None
    tail = int.from_bytes(signature[32:], "big")
    s = tail & (_PARITY - 1)
    if not 0 < s <= HALF_ORDER:
        return None
    recoverable = signature[:32] + s.to_bytes(32, "big") + (b"\1" if tail & _PARITY else b"\0")
    try:
        key = PublicKey.from_signature_and_message(recoverable, digest, hasher=None)
    except ValueError:  # r or s out of range, or no point of that x
        return None
    return address_of(key)


def drawn_hash(public_key: bytes, seed: bytes, proof: bytes) -> bytes | None:
    """The VRF hash of a registered key on a round's seed that the proof shows, or None; any bytes may be given."""
    return verify(SECP256K1_TAI, public_key, seed, proof)


MOST_KEPT = 1 << 14
"""Verdicts of a kind kept at once, of a few hundred bytes each: a round of 64 honest seats makes some thousands."""


class Verifier:
    """Checks signatures and proofs of draws, each distinct one once: verdicts are kept until `forget`.

    A flood of distinct ones makes verdicts be forgotten sooner, and takes no more memory.
    """

    def __init__(self, on_verified: Callable[[float], None] = lambda seconds: None) -> None:
        self._signers: dict[tuple[bytes, bytes], bytes | None] = {}
        self._hashes: dict[tuple[bytes, bytes, bytes], bytes | None] = {}
        self._on_verified = on_verified

    def is_signed_by(self, address: bytes, digest: bytes, signature: bytes) -> bool:
        """True when `signature` is canonical and `address` made it over `digest`."""
        key = (digest, signature)
        try:
            made = self._signers[key]
        except KeyError:
            if len(signature) != SIGNATURE_BYTES:
                return False
            start = perf_counter()
            _make_room(self._signers)
            made = self._signers[key] = signer(digest, signature)
            self._on_verified(perf_counter() - start)
        return made == address

    def drawn_hash(self, public_key: bytes, seed: bytes, proof: bytes) -> bytes | None:
        """`drawn_hash`, remembered."""
        key = (public_key, seed, proof)
        if key not in self._hashes:
            if len(proof) != PROOF_BYTES:
                return None
            start = perf_counter()
            _make_room(self._hashes)
            self._hashes[key] = drawn_hash(public_key, seed, proof)
            self._on_verified(perf_counter() - start)
        return self._hashes[key]

    def forget(self) -> None:
        """Drop what is remembered: after a round nothing of it comes back, so memory stays flat."""
        self._signers.clear()
        self._hashes.clear()


def _make_room(verdicts: dict[Any, Any]) -> None:
    if len(verdicts) >= MOST_KEPT:
        verdicts.clear()
