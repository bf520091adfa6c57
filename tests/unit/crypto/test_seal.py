"""crypto/seal.py: RFC 8452 through the library, one length for all, and no record but the one that was sealed."""

import random

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

from chain_bandit.crypto.seal import seal
from chain_bandit.crypto.unseal import unseal
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.messages import commitment_salt
from chain_bandit.protocol.parameters import SEALED_BYTES
from chain_bandit.protocol.sealing import nonce, receipt_tag, receipt_tags
from chain_bandit.protocol.settlement import NOTHING, Pull
from chain_bandit.protocol.units import UNIT

KEY, GAME = keccak(b"key"), keccak(b"game")

RFC_8452 = [  # appendix C.2, AEAD_AES_256_GCM_SIV: key, nonce, plaintext, additional data, result
    ("01" + "00" * 31, "03" + "00" * 11, "", "", "07f5f4169bbf55a8400cd47ea6fd400f"),
    ("01" + "00" * 31, "03" + "00" * 11, "0100000000000000", "",
     "c2ef328e5c71c83b843122130f7364b761e0b97427e3df28"),
    ("01" + "00" * 31, "03" + "00" * 11, "010000000000000000000000", "",
     "9aab2aeb3faa0a34aea8e2b18ca50da9ae6559e48fd10f6e5c9ca17e"),
    ("01" + "00" * 31, "03" + "00" * 11, "0200000000000000", "01",
     "1de22967237a813291213f267e3b452f02d01ae33e4ec854"),
]  # fmt: skip


@pytest.mark.parametrize(("key", "once", "plain", "beside", "sealed"), RFC_8452)
def test_the_library_is_rfc_8452(key, once, plain, beside, sealed):
    made = AESGCMSIV(bytes.fromhex(key))
    arguments = bytes.fromhex(once), bytes.fromhex(plain), bytes.fromhex(beside) or None
    assert made.encrypt(*arguments).hex() == sealed


def test_a_record_is_its_pull_under_the_library_and_comes_back():
    once = nonce(GAME, 7, 3)
    for pull in (Pull(0, 0), Pull(253, UNIT), NOTHING, Pull(9, 123_456_789)):
        plain = bytes([pull.arm]) + pull.reward.to_bytes(4, "big")
        assert seal(KEY, once, pull) == AESGCMSIV(KEY).encrypt(once, plain, None)
        assert unseal(KEY, once, seal(KEY, once, pull)) == pull


def test_no_flipped_bit_and_no_other_length_opens():
    once = nonce(GAME, 7, 3)
    sealed = seal(KEY, once, Pull(2, UNIT))
    for bit in range(8 * SEALED_BYTES):
        changed = bytearray(sealed)
        changed[bit // 8] ^= 1 << bit % 8
        assert unseal(KEY, once, bytes(changed)) is None
    for size in range(2 * SEALED_BYTES):
        if size != SEALED_BYTES:
            assert unseal(KEY, once, (sealed * 2)[:size]) is None


def test_a_record_opens_for_its_key_game_round_and_seat_only():
    sealed = seal(KEY, nonce(GAME, 7, 3), Pull(2, UNIT))
    assert unseal(keccak(b"another"), nonce(GAME, 7, 3), sealed) is None
    for once in (nonce(GAME, 8, 3), nonce(GAME, 7, 4), nonce(keccak(b"another"), 7, 3)):
        assert unseal(KEY, once, sealed) is None


def test_records_have_one_length_and_differ_in_every_round_and_for_every_pull():
    pulls = [Pull(arm, reward) for arm in (*range(4), 255) for reward in (0, 1, UNIT)]
    made = [seal(KEY, nonce(GAME, t, 0), pull) for t in range(1, 200) for pull in pulls]
    assert {len(each) for each in made} == {SEALED_BYTES}
    assert len(set(made)) == len(made)


def test_random_bytes_open_to_nothing():
    chance = random.Random(1)
    assert all(unseal(KEY, chance.randbytes(12), chance.randbytes(SEALED_BYTES)) is None for _ in range(2000))


def test_a_tag_changes_with_everything_in_it():
    pull = Pull(0, UNIT)
    tags = {
        receipt_tag(KEY, GAME, 5, 3, pull), receipt_tag(GAME, KEY, 5, 3, pull), receipt_tag(KEY, GAME, 6, 3, pull),
        receipt_tag(KEY, GAME, 5, 4, pull), receipt_tag(KEY, GAME, 5, 3, Pull(1, UNIT)),
        receipt_tag(KEY, GAME, 5, 3, Pull(0, UNIT - 1)), receipt_tag(KEY, GAME, 5, 3, NOTHING),
    }  # fmt: skip
    assert len(tags) == 7
    assert {len(tag) for tag in tags} == {8}


def test_tags_of_a_round_are_one_a_seat():
    expected = keccak(KEY + GAME + b"receipt" + b"\0\0\0\x05" + b"\0\x01" + b"\x02" + b"\0\0\0\x09")[:8]
    tags = receipt_tags(KEY, GAME, 5, (NOTHING, Pull(2, 9)))
    assert tags == receipt_tag(KEY, GAME, 5, 0, NOTHING) + expected


def test_a_salt_changes_with_key_round_and_seat():
    salts = {commitment_salt(*each) for each in ((KEY, 5, 3), (GAME, 5, 3), (KEY, 6, 3), (KEY, 5, 4))}
    assert len(salts | {nonce(KEY, 5, 3), KEY, GAME}) == 7
