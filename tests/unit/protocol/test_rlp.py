import random
import tracemalloc
from contextlib import suppress

import pytest
import rlp as reference

from chain_bandit.protocol import rlp
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.errors import BadEncoding
from chain_bandit.protocol.rlp import created_address


def value(chance: random.Random, depth: int = 4) -> object:
    if depth and chance.random() < 0.5:
        return [value(chance, depth - 1) for _ in range(chance.randint(0, 6))]
    return chance.randbytes(chance.choice((0, 1, 1, 2, 20, 55, 56, 57, 255, 256, 300)))


def test_encoding_is_that_of_the_reference_and_decodes_back() -> None:
    chance = random.Random(1)
    for _ in range(500):
        made = value(chance)
        assert rlp.encode(made) == reference.encode(made)
        assert rlp.decode(rlp.encode(made)) == made


def test_created_address_is_the_known_one() -> None:
    sender = bytes.fromhex("6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0")
    assert created_address(sender, 0).hex() == "cd234a471b72ba2f1ccf0a70fcaba648a5eecd8d"
    assert created_address(sender, 1).hex() == "343c43a37d37dff08ae8c4a11544c718abb4fcf8"


def test_created_address_is_the_hash_of_the_reference_encoding() -> None:
    chance = random.Random(3)
    for nonce in (0, 1, 0x7F, 0x80, 0xFF, 0x100, 2**64 - 1):
        sender = chance.randbytes(20)
        assert created_address(sender, nonce) == keccak(reference.encode([sender, nonce]))[12:]


def test_only_one_encoding_of_a_value_is_accepted() -> None:
    chance, accepted = random.Random(2), 0
    for _ in range(20_000):
        data = bytearray(rlp.encode(value(chance, 2))[:80])
        likely = (0, 0x7F, 0x80, 0x81, 0xB8, 0xC0, 0xF8, chance.randrange(256))
        data[chance.randrange(len(data))] = chance.choice(likely)
        with suppress(BadEncoding):
            assert rlp.encode(rlp.decode(bytes(data))) == data
            accepted += 1
    assert accepted > 100


@pytest.mark.parametrize(
    "data",
    [b"", b"\x81\x01", b"\xb8\x01\x01", b"\xb9\x00\x38" + bytes(56), b"\xb8", b"\x83ab", b"\xc3ab", b"ab",
     b"\xf8\x01\x01", b"\xbf" + b"\xff" * 8, b"\xff" + b"\xff" * 8, b"\xc1" * 8 + b"\xc0"],
)  # fmt: skip
def test_other_forms_are_refused(data: bytes) -> None:
    with pytest.raises(BadEncoding):
        rlp.decode(data)


def test_what_no_transaction_can_hold_is_refused_before_anything_is_made_of_it() -> None:
    nested = b"\xc0" * rlp.LONGEST
    longest = reference.encode(bytes(rlp.LONGEST - 5))
    assert len(longest) == rlp.LONGEST
    assert rlp.decode(longest) == bytes(rlp.LONGEST - 5)
    for data in (b"\xfb" + len(nested).to_bytes(4, "big") + nested, reference.encode(bytes(rlp.LONGEST - 4))):
        tracemalloc.start()
        try:
            with pytest.raises(BadEncoding, match="longer than"):
                rlp.decode(data)
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert most < 1 << 16


@pytest.mark.parametrize("item", [b"\xc0", b"\x82ab", b"\xc2\xc0\1"])
def test_more_items_than_fit_into_memory_are_refused_before_they_are_made(
    monkeypatch: pytest.MonkeyPatch, item: bytes
) -> None:
    """However they are nested: a sixteenth of what is taken, as watching memory slows the making of millions."""
    monkeypatch.setattr(rlp, "MOST_ITEMS", rlp.MOST_ITEMS >> 4)
    each = 3 if item[0] == 0xC2 else 1
    most = (rlp.MOST_ITEMS - 1) // each
    fits = reference.encode([reference.decode(item)] * most)
    assert rlp.encode(rlp.decode(fits)) == fits
    payload = item * 2 * most
    size = len(payload).to_bytes(3, "big")
    tracemalloc.start()
    try:
        with pytest.raises(BadEncoding, match="more than 65536 items"):
            rlp.decode(b"\xfa" + size + payload)
        _, taken = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken < 100 << 16
