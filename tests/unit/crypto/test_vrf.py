"""crypto/vrf.py and crypto/vrf_keys.py: the RFC's vectors, a second implementation, and everything that is no proof."""

import json
import random
from hashlib import sha256
from pathlib import Path

import pytest
from coincurve._libsecp256k1 import ffi
from ecdsa.rfc6979 import generate_k

from chain_bandit.crypto import p256, secp256k1, vrf
from chain_bandit.crypto import verify as crypto_verify
from chain_bandit.crypto.keys import derive, scalar
from chain_bandit.crypto.p256 import P256_TAI, VectorSecret
from chain_bandit.crypto.secp256k1 import SECP256K1_TAI
from chain_bandit.crypto.verify import Verifier, drawn_hash
from chain_bandit.crypto.vrf import encode_to_curve, verify
from chain_bandit.crypto.vrf_keys import Secp256k1Secret, VrfKey, nonce, prove
from chain_bandit.protocol.parameters import PROOF_BYTES
from tests.unit.crypto.plain_ecvrf import P256, SECP256K1

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "ecvrf.json").read_text(encoding="utf-8"))
RFC = VECTORS["ECVRF-P256-SHA256-TAI"]["vectors"]
OTHERS = VECTORS["ECVRF-SECP256K1-SHA256-TAI, suite string 0xFE"]

CURVES = {"P-256": (P256_TAI, VectorSecret, P256), "secp256k1": (SECP256K1_TAI, Secp256k1Secret, SECP256K1)}
on_both = pytest.mark.parametrize(("suite", "secret", "plain"), CURVES.values(), ids=CURVES)
bytes_of = bytes.fromhex


def number(value):
    return value.to_bytes(32, "big")


def real_proof(suite, secret, x=12345, alpha=b"round"):
    """(public key, alpha, hash, proof)."""
    key = secret(number(x))
    return key.base, alpha, *prove(suite, key, alpha)


# Nothing but a proof is taken.


@on_both
def test_no_single_bit_of_proof_key_or_message_can_be_changed(suite, secret, plain):
    key, alpha, hash_, proof = real_proof(suite, secret)
    assert verify(suite, key, alpha, proof) == hash_
    given = [key, alpha, proof]
    flips = 0
    for place, data in enumerate(given):
        for bit in range(8 * len(data)):
            changed = bytearray(data)
            changed[bit // 8] ^= 1 << bit % 8
            assert verify(suite, *given[:place], bytes(changed), *given[place + 1 :]) is None
            flips += 1
    assert flips == 8 * (33 + 5 + 81)


@on_both
def test_verify_is_none_when_a_length_is_wrong(suite, secret, plain):
    key, alpha, _, proof = real_proof(suite, secret)
    for wrong in (b"", proof[:-1], proof + b"\0", proof[:33], proof + proof, bytes(81), b"\xff" * 81):
        assert verify(suite, key, alpha, wrong) is None
    for wrong in (b"", key[:-1], key + b"\0", key[1:], bytes(33), b"\xff" * 33, bytes(65)):
        assert verify(suite, wrong, alpha, proof) is None


def encodings_of_nothing(plain):
    """33 bytes, or another form of a point, that encode no point in its one form."""
    p = plain.curve.curve.p()
    off = next(x for x in range(1, 99) if plain.string_to_point(b"\2" + number(x)) is None)
    on = next(x for x in range(1, 99) if plain.string_to_point(b"\2" + number(x)) is not None)
    y = plain.string_to_point(b"\2" + number(on)).y()
    long = number(on) + number(y)
    return {
        "off the curve": b"\2" + number(off),
        "infinity": b"\0",
        "infinity, padded": bytes(33),
        "x of the prime": b"\2" + number(p),
        "a second encoding, x plus the prime": b"\2" + number(on + p),
        "x of all ones": b"\3" + b"\xff" * 32,
        "uncompressed": b"\4" + long,
        "uncompressed, cut": (b"\4" + long)[:33],
        "hybrid": bytes([6 + y % 2]) + long,
        "raw": long,
        "first byte 1": b"\1" + number(on),
        "first byte 5": b"\5" + number(on),
    }


@on_both
def test_what_encodes_no_point_is_neither_key_nor_gamma(suite, secret, plain):
    key, alpha, _, proof = real_proof(suite, secret)
    for name, wrong in encodings_of_nothing(plain).items():
        assert suite.curve.decode(wrong) is None, name
        assert verify(suite, wrong, alpha, proof) is None, name
        assert verify(suite, key, alpha, wrong + proof[33:]) is None, name


@on_both
def test_verify_is_none_when_s_is_not_below_the_order(suite, secret, plain):
    key, alpha, _, proof = real_proof(suite, secret)
    for s in (plain.q, plain.q + 1, 2**256 - 1):
        assert verify(suite, key, alpha, proof[:49] + number(s)) is None
    assert verify(suite, key, alpha, proof[:49] + number(plain.q - 1)) is None


@on_both
def test_a_true_proof_with_the_order_added_to_s_is_none(suite, secret, plain, monkeypatch):
    # s + q fits in 32 bytes for one s in 2^32 (P-256) or 2^128 (secp256k1); a challenge of 1 makes s small at will.
    one = number(1)[16:]
    monkeypatch.setattr("chain_bandit.crypto.vrf.challenge", lambda suite, points: one)
    key, k = secret(number(5)), secret(number(7))
    point, _ = encode_to_curve(suite, key.base, b"a")
    assert key.response(one, k) == number(12)
    assert verify(suite, key.base, b"a", key.times(point) + one + number(12)) is not None
    assert verify(suite, key.base, b"a", key.times(point) + one + number(12 + plain.q)) is None


@on_both
def test_verify_is_none_when_s_or_c_is_0_or_a_point_is_at_infinity(suite, secret, plain):
    key = secret(number(1))
    _, h = encode_to_curve(suite, key.base, b"a")
    cancel = number(77)
    for c, s in ((bytes(16), bytes(32)), (bytes(16), cancel), (cancel[16:], bytes(32)), (cancel[16:], cancel)):
        assert verify(suite, key.base, b"a", h + c + s) is None
    assert suite.curve.from_base(77, 77, suite.curve.decode(key.base)) is None


@on_both
def test_another_gamma_of_the_key_holder_is_none(suite, secret, plain):
    key, alpha, _, proof = real_proof(suite, secret)
    for other in (key, real_proof(suite, secret, alpha=b"other")[3][:33], bytes([proof[0] ^ 1]) + proof[1:33]):
        assert verify(suite, key, alpha, other + proof[33:]) is None


@on_both
def test_a_forged_proof_needs_the_one_gamma(suite, secret, plain):
    """Who holds x may choose k; with another Gamma no k gives a proof: the hash is unique."""
    x, alpha = 999, b"round"
    Y = plain.B * x
    PK = plain.point_to_string(Y)
    H, _ = plain.encode_to_curve_try_and_increment(PK, alpha)
    hashes = set()
    for k in range(2, 12):
        for Gamma in (H * x, H * (x + 1)):
            c = plain.challenge_generation(Y, H, Gamma, plain.B * k, H * k)
            proof = plain.point_to_string(Gamma) + c.to_bytes(16, "big") + number((k + c * x) % plain.q)
            hashes.add(verify(suite, PK, alpha, proof))
    assert hashes == {None, prove(suite, secret(number(x)), alpha)[0]}


@on_both
def test_random_bytes_are_none(suite, secret, plain):
    chance = random.Random(20)
    key, alpha, _, proof = real_proof(suite, secret)
    for _ in range(300):
        assert verify(suite, chance.randbytes(33), alpha, proof) is None
        assert verify(suite, bytes([2]) + chance.randbytes(32), alpha, proof) is None
        assert verify(suite, key, alpha, bytes([2]) + chance.randbytes(80)) is None
        assert verify(suite, key, alpha, chance.randbytes(chance.randrange(100))) is None


def test_a_proof_of_one_suite_is_none_in_the_other():
    for (suite, secret, _), (other, _, _) in (tuple(CURVES.values()), tuple(CURVES.values())[::-1]):
        key, alpha, _, proof = real_proof(suite, secret)
        assert verify(other, key, alpha, proof) is None


# Proofs, and their hashes.


@pytest.mark.parametrize("vector", RFC, ids=["example 10", "example 11", "example 12"])
def test_the_rfcs_vectors_come_out_to_the_byte(vector):
    key, alpha = VectorSecret(bytes_of(vector["SK"])), bytes_of(vector["alpha"])
    point, h = encode_to_curve(P256_TAI, key.base, alpha)
    k = VectorSecret(nonce(p256.ORDER, key.scalar, h))
    assert (key.base.hex(), h.hex(), k.scalar.hex()) == (vector["PK"], vector["H"], vector["k"])
    assert (k.base.hex(), k.times(point).hex()) == (vector["U"], vector["V"])
    assert P256.encode_to_curve_try_and_increment(key.base, alpha)[1] == vector["ctr"]
    assert prove(P256_TAI, key, alpha) == (bytes_of(vector["beta"]), bytes_of(vector["pi"]))
    assert verify(P256_TAI, key.base, alpha, bytes_of(vector["pi"])) == bytes_of(vector["beta"])
    assert P256.prove(int(vector["SK"], 16), alpha) == (bytes_of(vector["beta"]), bytes_of(vector["pi"]))


def test_the_private_suite_agrees_with_others():
    for vector in OTHERS["proved"]:
        key, alpha = Secp256k1Secret(bytes_of(vector["SK"])), bytes_of(vector["alpha"])
        assert prove(SECP256K1_TAI, key, alpha)[1].hex() == vector["pi"]
    for vector in OTHERS["verified"]:
        key, alpha, proof = (bytes_of(vector[name]) for name in ("PK", "alpha", "pi"))
        assert encode_to_curve(SECP256K1_TAI, key, alpha)[1].hex() == vector["H"]
        assert verify(SECP256K1_TAI, key, alpha, proof).hex() == vector["beta"]
    assert (len(OTHERS["proved"]), len(OTHERS["verified"])) == (1, 1)


def check_against_the_plain_implementation(suite, secret, plain, proofs, every):
    """Real proofs, all verified; of one in `every`, both directions between the two implementations."""
    chance = random.Random(9381)
    outputs = set()
    for index in range(proofs):
        x, alpha = chance.randrange(1, plain.q), chance.randbytes(chance.choice((0, 1, 32, 32, 32, 100)))
        key = secret(number(x))
        hash_, proof = prove(suite, key, alpha)
        assert verify(suite, key.base, alpha, proof) == hash_
        if index % every == 0:
            assert (key.base, (hash_, proof)) == (plain.public_key(x), plain.prove(x, alpha))
            assert plain.verify(key.base, alpha, proof) == hash_
        outputs.add(hash_)
    assert len(outputs) == proofs


@on_both
def test_300_real_proofs_equal_the_plain_implementations(suite, secret, plain):
    check_against_the_plain_implementation(suite, secret, plain, 300, every=1)


@pytest.mark.deep
@pytest.mark.timeout(1800)
@on_both
def test_10000_real_proofs_equal_the_plain_implementations(suite, secret, plain):
    check_against_the_plain_implementation(suite, secret, plain, 10_000, every=10)


@on_both
def test_the_smallest_and_the_largest_key_prove_messages_of_any_length(suite, secret, plain):
    for x in (1, 2, plain.q - 1):
        for alpha in (b"", b"\0", bytes(100_000)):
            key = secret(number(x))
            assert prove(suite, key, alpha) == plain.prove(x, alpha)
            assert verify(suite, key.base, alpha, prove(suite, key, alpha)[1]) == prove(suite, key, alpha)[0]


# The proving half.


@pytest.mark.parametrize("order", [p256.ORDER, secp256k1.ORDER, 2**255 + 95, 2**255 + 2**253 + 1])
def test_nonces_are_those_of_rfc_6979_however_often_they_are_drawn_again(order):
    chance = random.Random(order)
    for _ in range(40):
        secret, message = chance.randrange(1, order), chance.randbytes(33)
        expected = generate_k(order, secret, sha256, sha256(message).digest())
        assert int.from_bytes(nonce(order, number(secret), message), "big") == expected


def test_the_nonce_of_rfc_6979_appendix_a_2_5():
    secret = bytes_of("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721")
    expected = "a6e3c57dd01abe90086538398355dd4c3b17aa873382b0f24d6129493d8aad60"
    assert nonce(p256.ORDER, secret, b"sample").hex() == expected


@on_both
def test_a_secret_multiplies_and_responds_like_plain_numbers(suite, secret, plain):
    chance = random.Random(31)
    for _ in range(20):
        x, k, c = chance.randrange(1, plain.q), chance.randrange(1, plain.q), chance.randbytes(16)
        point = plain.B * chance.randrange(1, plain.q)
        decoded = suite.curve.decode(plain.point_to_string(point))
        assert secret(number(x)).base == plain.public_key(x)
        assert secret(number(x)).times(decoded) == plain.point_to_string(point * x)
        expected = (k + int.from_bytes(c, "big") * x) % plain.q
        assert secret(number(x)).response(c, secret(number(k))) == number(expected)


@on_both
def test_a_secret_is_refused_when_it_is_no_scalar(suite, secret, plain):
    for wrong in (0, plain.q, plain.q + 1, 2**256 - 1):
        with pytest.raises(ValueError, match=r"scalar|secret"):
            secret(number(wrong))


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_live_secret_is_refused_when_its_length_is_wrong(length):
    with pytest.raises(ValueError, match="32 bytes"):
        Secp256k1Secret(b"\1" * length)


def test_a_live_response_is_refused_when_challenge_or_response_is_0():
    key = Secp256k1Secret(number(5))
    with pytest.raises(ValueError, match="proves nothing"):
        key.response(bytes(16), key)
    with pytest.raises(ValueError, match="proves nothing"):
        key.response(number(3)[16:], Secp256k1Secret(number(secp256k1.ORDER - 15)))


def test_a_proof_is_not_made_of_an_interrupted_multiplication(monkeypatch):
    @ffi.callback("int(unsigned char *, const unsigned char *, const unsigned char *, void *)", onerror=lambda *_: None)
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("chain_bandit.crypto.vrf_keys._compressed", interrupted)
    with pytest.raises(RuntimeError, match="interrupted"):
        VrfKey(bytes(32)).prove(b"seed")


def test_a_vrf_key_proves_the_same_each_time_and_verifies():
    key = VrfKey(derive(1, "vrf", 4))
    hash_, proof = key.prove(b"seed")
    assert (hash_, proof) == VrfKey(derive(1, "vrf", 4)).prove(b"seed")
    assert (len(key.public_key), len(hash_), len(proof)) == (33, 32, 81)
    assert verify(SECP256K1_TAI, key.public_key, b"seed", proof) == hash_
    assert (hash_, proof) == SECP256K1.prove(int.from_bytes(scalar(derive(1, "vrf", 4)), "big"), b"seed")


@pytest.mark.parametrize("secret", [bytes(32), b"\xff" * 32, secp256k1.ORDER.to_bytes(32, "big"), b"\1" * 32])
def test_every_32_bytes_are_a_vrf_key(secret):
    key = VrfKey(secret)
    assert verify(SECP256K1_TAI, key.public_key, b"", key.prove(b"")[1]) is not None


def test_a_verifier_remembers_proofs_and_forgets_them(monkeypatch):
    assert PROOF_BYTES == vrf.PROOF_BYTES
    key, seed, asked = VrfKey(b"\1" * 32), bytes(32), []
    output, proof = key.prove(seed)
    monkeypatch.setattr(crypto_verify, "drawn_hash", lambda *all_: asked.append(all_) or drawn_hash(*all_))
    verifier = Verifier()
    for _ in range(3):
        assert verifier.drawn_hash(key.public_key, seed, proof) == output
        for other in ((bytes(33), seed, proof), (key.public_key, b"\1" * 32, proof), (key.public_key, seed, proof[1:])):
            assert verifier.drawn_hash(*other) is None
        assert verifier.drawn_hash(key.public_key, seed, b"") is None
    assert len(asked) == 3  # what has not a proof's length is none
    verifier.forget()
    assert verifier.drawn_hash(key.public_key, seed, proof) == output
    assert len(asked) == 4
