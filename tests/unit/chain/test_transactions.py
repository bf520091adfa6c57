"""chain/transactions.py: the bytes that eth_account signs."""

import random

import pytest
from eth_account import Account
from eth_utils.address import to_checksum_address

from chain_bandit.chain.transactions import Fee, TransactionSigner, TransactionTerms, terms


@pytest.mark.parametrize("seed", range(30))
def test_bytes_equal_those_of_eth_account(seed):
    rng = random.Random(seed)
    account = Account.from_key(rng.randbytes(32))
    to = rng.choice([None, rng.randbytes(20)])
    nonce, gas, value = rng.randrange(300), rng.randrange(10**7), rng.choice([0, 1, 10**20])
    tip, data = rng.choice([0, 7, 10**9]), rng.randbytes(rng.choice([0, 1, 40, 2000]))
    theirs = account.sign_transaction({
        "type": 2, "chainId": 131277322940537, "nonce": nonce, "maxFeePerGas": 10**10, "maxPriorityFeePerGas": tip,
        "gas": gas, "to": to_checksum_address(to) if to else "", "value": value, "data": data,
    })  # fmt: skip
    ours = TransactionSigner(account, 131277322940537).sign(nonce, Fee(10**10, tip), gas, to, value, data)
    assert ours == bytes(theirs.raw_transaction)
    assert terms(ours) == TransactionTerms(gas, to, value, data)


def test_bytes_equal_those_of_eth_account_where_a_signature_begins_with_zeros():
    account = Account.from_key(b"\x07" * 32)
    short = 0
    for nonce in range(300):
        fields = {"type": 2, "chainId": 7, "nonce": nonce, "maxFeePerGas": 9, "maxPriorityFeePerGas": 0, "gas": 21_000,
                  "to": account.address, "value": 0, "data": b""}  # fmt: skip
        theirs = account.sign_transaction(fields)
        short += min(theirs.r, theirs.s) < 2**248
        to = bytes.fromhex(account.address[2:])
        assert TransactionSigner(account, 7).sign(nonce, Fee(9, 0), 21_000, to, 0, b"") == theirs.raw_transaction
    assert short


def test_a_raised_fee_replaces_and_pays():
    assert Fee(100, 0).raised(10**9) == Fee(3 * 10**9, 10**9)
    assert Fee(10**12, 10**10).raised(1) == Fee(2 * 10**12, 2 * 10**10)
