"""crypto/keys.py: derivation and deterministic signing."""

import pytest

from chain_bandit.crypto.keys import Signer, derive
from chain_bandit.crypto.secp256k1 import ORDER
from chain_bandit.crypto.verify import HALF_ORDER, signer
from chain_bandit.protocol.digests import keccak


@pytest.mark.parametrize(("seed", "index"), [(-1, 0), (2**256, 0), (0, -1), (0, 2**32)])
def test_derive_raises_when_seed_or_index_does_not_fit(seed, index):
    with pytest.raises(OverflowError):
        derive(seed, "x", index)


def test_derived_secrets_differ_in_seed_label_and_index():
    secrets = {derive(s, label, i) for s in (0, 1) for label in ("a", "b", "ab", "") for i in (0, 1)}
    assert len(secrets) == 16


def test_the_same_message_has_the_same_signature_and_no_two_messages_share_r():
    key = Signer(derive(5, "x"))
    digests = [keccak(bytes([i])) for i in range(64)]
    signatures = [key.sign(digest) for digest in digests]
    assert signatures == [Signer(derive(5, "x")).sign(digest) for digest in digests]
    assert len({signature[:32] for signature in signatures}) == 64


def test_signatures_are_64_bytes_with_low_s_and_use_both_parities():
    key = Signer(derive(6, "x"))
    parities = set()
    for i in range(64):
        digest = keccak(bytes([i]))
        signature = key.sign(digest)
        tail = int.from_bytes(signature[32:], "big")
        parities.add(tail >> 255)
        assert len(signature) == 64
        assert 0 < tail & ((1 << 255) - 1) <= HALF_ORDER
        assert signer(digest, signature) == key.address
    assert parities == {0, 1}


@pytest.mark.parametrize("secret", [bytes(32), b"\xff" * 32, ORDER.to_bytes(32, "big"), b"\1" * 32])
def test_every_secret_gives_a_valid_key(secret):
    key = Signer(secret)
    assert 0 < int.from_bytes(key.secret, "big") < ORDER
    assert signer(keccak(b"x"), key.sign(keccak(b"x"))) == key.address


def test_every_signature_is_measured():
    seconds = []
    key = Signer(derive(7, "x"), seconds.append)
    key.sign(keccak(b"x"))
    key.sign(keccak(b"x"))
    assert len(seconds) == 2
    assert min(seconds) > 0
