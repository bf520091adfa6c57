"""Primitives of the second implementation, against libraries and published vectors that it does not use."""

import json
import random
from pathlib import Path

import numpy as np
import pytest
import rlp as rlp_library
import sha3
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from eth_keys.datatypes import PrivateKey
from trie import HexaryTrie

from chain_bandit.paranoid import rlp
from chain_bandit.paranoid.curve import ORDER, proven, signer
from chain_bandit.paranoid.draws import philox
from chain_bandit.paranoid.sealed import opened
from chain_bandit.paranoid.statements import separator, statement
from chain_bandit.paranoid.trie import root
from chain_bandit.paranoid.words import Broken, Reader, keccak, uint

VECTORS = Path(__file__).parents[2] / "vectors"
CHANCE = random.Random(8)


@pytest.mark.parametrize("size", [0, 1, 135, 136, 137, 1000])
def test_keccak_is_that_of_another_library(size: int) -> None:
    data = CHANCE.randbytes(size)
    assert keccak(data[:7], data[7:]) == sha3.keccak_256(data).digest()


@pytest.mark.parametrize("value", [b"", b"\0", b"\x7f", b"\x80", b"a" * 55, b"a" * 56, [], [b"a", [b"", [b"b" * 300]]]])
def test_rlp_is_that_of_the_library(value: object) -> None:
    encoded = rlp_library.encode(value)
    assert rlp.encode(value) == encoded
    assert rlp.decode(encoded) == value


@pytest.mark.parametrize("data", ["", "8100", "b80161", "c180ff", "c3", "bf" + "ff" * 8, "c2" * 200, "f800"])
def test_rlp_refuses_what_is_no_encoding(data: str) -> None:
    with pytest.raises(Broken):
        rlp.decode(bytes.fromhex(data))


@pytest.mark.parametrize("count", [0, 1, 2, 17, 129, 300])
def test_root_is_that_of_the_library(count: int) -> None:
    items = [CHANCE.randbytes(CHANCE.randrange(1, 90)) for _ in range(count)]
    trie = HexaryTrie({})
    for place, item in enumerate(items):
        trie[rlp_library.encode(place)] = item
    assert root(items) == trie.root_hash


@pytest.mark.parametrize("secret", [1, 2, ORDER - 1, 0xC0FFEE])
def test_signer_is_who_signed(secret: int) -> None:
    key, digest = PrivateKey(uint(secret, 32)), CHANCE.randbytes(32)
    made = key.sign_msg_hash(digest)
    compact = uint(made.r, 32) + uint(made.v << 255 | made.s, 32)
    assert signer(digest, compact) == key.public_key.to_canonical_address()
    assert signer(CHANCE.randbytes(32), compact) != key.public_key.to_canonical_address()
    high = uint(made.r, 32) + uint((1 - made.v) << 255 | ORDER - made.s, 32) if ORDER - made.s < 2**255 else b""
    assert signer(digest, high) is None
    assert signer(digest, compact[:-1]) is None
    assert signer(digest, bytes(64)) is None


def test_proofs_of_draws_are_those_of_the_published_vectors() -> None:
    suite = json.loads((VECTORS / "ecvrf.json").read_text())["ECVRF-SECP256K1-SHA256-TAI, suite string 0xFE"]
    for vector in suite["verified"]:
        public, seed, proof = (bytes.fromhex(vector[name]) for name in ("PK", "alpha", "pi"))
        output = proven(public, seed, proof)
        assert output is not None
        assert output.hex() == vector["beta"]
        for at in (0, 1, 33, 48, 49, 80):
            assert proven(public, seed, proof[:at] + bytes([proof[at] ^ 1]) + proof[at + 1 :]) is None
        assert proven(public, seed + b"x", proof) is None
        assert proven(public, seed, b"") is None


def test_philox_is_that_of_numpy() -> None:
    for _ in range(50):
        key, counter = [CHANCE.getrandbits(64) for _ in range(2)], [CHANCE.getrandbits(64) for _ in range(4)]
        counter[0] = CHANCE.getrandbits(32) + 1
        before = [counter[0] - 1, *counter[1:]]  # numpy counts up before it draws
        drawn = np.random.Philox(counter=np.array(before, np.uint64), key=np.array(key, np.uint64)).random_raw(4)
        assert philox((key[0], key[1]), (counter[0], counter[1], counter[2], counter[3])) == tuple(map(int, drawn))


def test_sealed_records_are_those_of_another_library() -> None:
    for size in (1, 5, 16):
        key, nonce, plain = CHANCE.randbytes(32), CHANCE.randbytes(12), CHANCE.randbytes(size)
        record = AESGCMSIV(key).encrypt(nonce, plain, None)
        assert opened(key, nonce, record) == plain
        assert opened(key, bytes(12), record) is None
        assert opened(key, nonce, record[:-1] + bytes([record[-1] ^ 1])) is None
        assert opened(key, nonce, bytes([record[0] ^ 1]) + record[1:]) is None


def test_statements_are_those_of_the_vectors() -> None:
    def raw(text: str) -> bytes:
        return bytes.fromhex(text[2:])

    for vector in json.loads((VECTORS / "statement.json").read_text())["statements"]:
        domain = separator(vector["chain_id"], raw(vector["contract"]), raw(vector["game"]))
        slot = [vector[name] for name in ("phase", "role", "instance")]
        made = statement(domain, vector["round"], raw(vector["parent"]), *slot, raw(vector["content"]))
        assert made.hex() == vector["digest"][2:]


def test_reader_refuses_to_read_beyond_the_end() -> None:
    reader = Reader(b"abc")
    assert (reader.uint(1), reader.left) == (97, 2)
    with pytest.raises(Broken, match="3 bytes were expected, 2 are left"):
        reader.take(3)
