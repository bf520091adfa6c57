"""protocol/units.py and protocol/digests.py, held against eth_hash and eth_abi."""

import random
from fractions import Fraction

import pytest
from eth_abi.abi import encode
from eth_hash.auto import keccak as outside_keccak

from chain_bandit.protocol.digests import ZERO, keccak, uint, word
from chain_bandit.protocol.errors import AssumptionBroken, Malformed
from chain_bandit.protocol.units import BOUND, INFINITY, UNIT, added, is_estimate, sample_mean, sample_means


@pytest.mark.parametrize("value", [-1, UNIT + 1, 2**32, 0.5, 1.0, float("nan"), True, False, None, "1", b"\1"])
def test_is_estimate_refuses_anything_but_an_integer_from_zero_to_one_unit(value):
    assert not is_estimate(value)


@pytest.mark.parametrize("value", [0, 1, UNIT - 1, UNIT])
def test_is_estimate_takes_both_ends_and_what_lies_between(value):
    assert is_estimate(value)


@pytest.mark.parametrize(("value", "size"), [(256, 1), (-1, 4), (2**32, 4)])
def test_uint_raises_when_the_value_does_not_fit(value, size):
    with pytest.raises(OverflowError):
        uint(value, size)


def test_word_raises_when_the_value_exceeds_256_bits():
    with pytest.raises(OverflowError):
        word(2**256)


def test_keccak_equals_eth_hash_however_the_bytes_are_cut():
    rng = random.Random(1)
    for length in (0, 1, 31, 32, 135, 136, 137, 1000):
        data = rng.randbytes(length)
        cut = rng.randint(0, length)
        assert keccak(data[:cut], data[cut:]) == outside_keccak(data)
    assert bytes(32) == ZERO


def test_uint_and_word_equal_the_abi_encoding():
    for value in (0, 1, 255, 2**32 - 1, 2**256 - 1):
        assert word(value) == encode(["uint256"], [value])
    assert uint(2**32 - 1, 4) == encode(["uint32"], [2**32 - 1])[28:]


def test_sample_mean_is_the_floored_fraction_and_zero_when_nothing_was_pulled():
    assert sample_mean(0, 0) == 0
    rng = random.Random(2)
    for _ in range(500):
        count = rng.randint(1, 10**6)
        total = rng.randint(0, count * UNIT)
        assert sample_mean(total, count) == Fraction(total, count).__floor__() <= UNIT
    assert sample_means((10, 7, 0), (3, 2, 0)) == (3, 3, 0)


def test_added_changes_one_place_only():
    assert added((1, 2, 3), 0, 5) == (6, 2, 3)
    assert added((1, 2, 3), 2, -1) == (1, 2, 2)


def test_the_sentinel_fails_the_bound():
    assert UNIT < BOUND < INFINITY == 2**32 - 1


def test_errors_carry_their_data():
    malformed = Malformed("header", "3 bytes", 4)
    assert (malformed.what, malformed.expected, malformed.got) == ("header", "3 bytes", 4)
    assert str(malformed) == "malformed header: expected 3 bytes, got 4"
    broken = AssumptionBroken("liars", "M >= 3f + 1", "M = 3, f = 1")
    assert (broken.name, broken.inequality, broken.values, broken.exit_code) == (
        "liars", "M >= 3f + 1", "M = 3, f = 1", 3,
    )  # fmt: skip
