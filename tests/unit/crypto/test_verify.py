"""crypto/verify.py: what is no signature, held against eth_account and the `ecdsa` package."""

import random
import tracemalloc
from hashlib import sha256

import pytest
from coincurve import PublicKey
from ecdsa import SECP256k1, SigningKey, VerifyingKey
from ecdsa.ellipticcurve import Point
from ecdsa.util import sigdecode_string
from eth_account import Account
from eth_account._utils.signing import to_eth_v
from eth_keys.datatypes import Signature

from chain_bandit.crypto import verify as module
from chain_bandit.crypto.keys import Signer, derive
from chain_bandit.crypto.secp256k1 import ORDER
from chain_bandit.crypto.verify import HALF_ORDER, Verifier, address_of, signer
from chain_bandit.protocol.digests import keccak

PARITY = 1 << 255
SIGNER = Signer(derive(1, "test"))
DIGEST = keccak(b"signed")
GOOD = SIGNER.sign(DIGEST)


def split(signature):
    tail = int.from_bytes(signature[32:], "big")
    return int.from_bytes(signature[:32], "big"), tail & (PARITY - 1), tail >> 255


def join(r, s, parity):
    return r.to_bytes(32, "big") + (parity << 255 | s).to_bytes(32, "big")


R, S, V = split(GOOD)

NO_SIGNATURES = {
    "empty": b"",
    "63 bytes": GOOD[:-1],
    "65 bytes, v appended": GOOD + bytes([27 + V]),
    "65 bytes, the ordinary form": R.to_bytes(32, "big") + S.to_bytes(32, "big") + bytes([27 + V]),
    "twice": GOOD + GOOD,
    "s of zero": join(R, 0, V),
    "s of zero, other parity": join(R, 0, 1 - V),
    "just above half the order": join(R, HALF_ORDER + 1, V),
    "r of zero": join(0, S, V),
    "r of the order": join(ORDER, S, V),
    "r above the order": join(ORDER + 1, S, V),
    "r of all ones": join(2**256 - 1, S, V),
    "zeroes": bytes(64),
    "ones": b"\xff" * 64,
    "an r that is no x of the curve": join(5, S, V),
}


@pytest.mark.parametrize("signature", NO_SIGNATURES.values(), ids=NO_SIGNATURES)
def test_signer_is_nobody_when_the_bytes_are_not_canonical(signature):
    assert signer(DIGEST, signature) is None
    assert not Verifier().is_signed_by(SIGNER.address, DIGEST, signature)


@pytest.mark.parametrize("parity", [0, 1])
def test_the_high_s_twin_is_never_its_signers(parity):
    """Its top bit reads as a parity and leaves another s: somebody else's at best (EIP-2098 has no room for it)."""
    high = ORDER - S
    for tail in (high, high & (PARITY - 1) | parity << 255):
        twin = R.to_bytes(32, "big") + tail.to_bytes(32, "big")
        assert signer(DIGEST, twin) != SIGNER.address
        assert not Verifier().is_signed_by(SIGNER.address, DIGEST, twin)


def test_the_high_s_twin_would_recover_the_signer_if_it_were_let_through():
    twin = R.to_bytes(32, "big") + (ORDER - S).to_bytes(32, "big") + bytes([1 - V])
    assert address_of(PublicKey.from_signature_and_message(twin, DIGEST, hasher=None)) == SIGNER.address


def test_another_address_comes_out_when_parity_digest_r_or_s_differ():
    others = [
        signer(DIGEST, join(R, S, 1 - V)),
        signer(keccak(b"other"), GOOD),
        signer(DIGEST, join(R, S - 1, V)),
        signer(DIGEST, SIGNER.sign(keccak(b"other"))),
    ]
    assert SIGNER.address not in others
    assert all(other is None or len(other) == 20 for other in others)


def test_no_single_bit_flip_of_a_signature_leaves_the_signer():
    flips = 0
    for bit in range(512):
        flipped = bytearray(GOOD)
        flipped[bit // 8] ^= 1 << bit % 8
        assert signer(DIGEST, bytes(flipped)) != SIGNER.address
        flips += 1
    assert flips == 512


def test_the_largest_low_s_and_the_smallest_are_taken():
    for s in (1, HALF_ORDER):
        assert signer(DIGEST, join(R, s, V)) is not None


def test_signatures_verify_and_recover_with_the_ecdsa_package():
    rng = random.Random(13)
    for index in range(20):
        key = Signer(derive(2, "test", index))
        digest = rng.randbytes(32)
        r, s, parity = split(key.sign(digest))
        raw = r.to_bytes(32, "big") + s.to_bytes(32, "big")
        public = SigningKey.from_string(key.secret, SECP256k1).verifying_key
        assert public.verify_digest(raw, digest, sigdecode=sigdecode_string)
        assert keccak(public.to_string())[12:] == key.address
        recovered = VerifyingKey.from_public_key_recovery_with_digest(
            raw, digest, SECP256k1, hashfunc=None, sigdecode=sigdecode_string
        )
        assert public.to_string() in [candidate.to_string() for candidate in recovered]
        assert recover_by_the_textbook(digest, r, s, parity) == public.to_string()
        assert 0 < s <= HALF_ORDER
        assert signer(digest, key.sign(digest)) == key.address


def recover_by_the_textbook(digest, r, s, parity):
    """The public key as 64 bytes: r^-1 (s R - z G), R the point of x = r whose y has the parity."""
    p = SECP256k1.curve.p()
    y = pow(r**3 + 7, (p + 1) // 4, p)
    point = Point(SECP256k1.curve, r, y if y % 2 == parity else p - y, ORDER)
    z = int.from_bytes(digest, "big")
    key = pow(r, -1, ORDER) * (s * point + (ORDER - z % ORDER) * SECP256k1.generator)
    return key.x().to_bytes(32, "big") + key.y().to_bytes(32, "big")


def test_signatures_of_the_ecdsa_package_are_taken_with_one_of_two_parities():
    for index in range(10):
        key = SigningKey.from_string(derive(3, "outside", index), SECP256k1)
        address = keccak(key.verifying_key.to_string())[12:]
        r, s = key.sign_digest_deterministic(DIGEST, hashfunc=sha256, sigencode=lambda r, s, order: (r, s))
        low = min(s, ORDER - s)
        assert [signer(DIGEST, join(r, low, parity)) == address for parity in (0, 1)].count(True) == 1
        if s != low:
            assert signer(DIGEST, r.to_bytes(32, "big") + s.to_bytes(32, "big")) != address


def test_signatures_equal_eth_accounts_bit_for_bit():
    for index in range(20):
        secret = derive(4, "same", index)
        key, digest = Signer(secret), keccak(bytes([index]))
        outside = Account.unsafe_sign_hash(digest, key.secret)
        assert key.sign(digest) == join(outside.r, outside.s, outside.v - 27)
        assert Account.from_key(key.secret).address.lower() == "0x" + key.address.hex()
        r, s, parity = split(key.sign(digest))
        assert to_eth_v(parity) == outside.v
        recovered = Signature(vrs=(parity, r, s)).recover_public_key_from_msg_hash(digest)
        assert recovered.to_canonical_address() == signer(digest, key.sign(digest)) == key.address


def test_a_verdict_is_computed_once_for_each_distinct_signature_until_forgotten():
    computed = []
    verifier = Verifier(computed.append)
    other = Signer(derive(1, "other"))
    for _ in range(3):
        assert verifier.is_signed_by(SIGNER.address, DIGEST, GOOD)
        assert not verifier.is_signed_by(other.address, DIGEST, GOOD)
        assert not verifier.is_signed_by(SIGNER.address, DIGEST, bytes(64))
    assert len(computed) == 2
    verifier.forget()
    assert verifier.is_signed_by(SIGNER.address, DIGEST, GOOD)
    assert len(computed) == 3


@pytest.mark.parametrize(("many", "size"), [(5000, 64), (200, 20_000)])
def test_whoever_makes_up_signatures_and_proofs_takes_no_more_memory_for_it(monkeypatch, many, size):
    """A peer may send ever new ones for as long as a round is open."""
    monkeypatch.setattr(module, "MOST_KEPT", 500)
    verifier = Verifier()
    tracemalloc.start()
    try:
        for index in range(many):
            made_up = index.to_bytes(4, "big") + bytes(size - 4)
            assert not verifier.is_signed_by(SIGNER.address, DIGEST, made_up)
            assert verifier.drawn_hash(bytes(33), DIGEST, made_up + bytes(17)) is None
        assert tracemalloc.get_traced_memory()[0] < 700_000
    finally:
        tracemalloc.stop()
    assert verifier.is_signed_by(SIGNER.address, DIGEST, GOOD)


def test_nobody_is_never_an_address():
    assert not Verifier().is_signed_by(bytes(20), DIGEST, bytes(64))
