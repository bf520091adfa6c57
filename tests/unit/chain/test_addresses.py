"""Addresses against EIP-55's own examples and against eth-utils."""

import random

import pytest
from eth_utils.address import to_checksum_address

from chain_bandit.chain.addresses import checksummed

OF_THE_STANDARD = (
    "0x52908400098527886E0F7030069857D2E4169EE7", "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
    "0xde709f2102306220921060314715629080e2fb77", "0x27b1fdb04752bbc536007a920d24acb045561c26",
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB", "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
)  # fmt: skip


@pytest.mark.parametrize("spelled", OF_THE_STANDARD)
def test_examples_of_the_standard(spelled):
    assert checksummed(bytes.fromhex(spelled[2:])) == spelled


def test_as_eth_utils_spells_it():
    chance = random.Random(55)
    for address in (bytes(20), b"\xff" * 20, *(chance.randbytes(20) for _ in range(2000))):
        assert checksummed(address) == to_checksum_address(address)
