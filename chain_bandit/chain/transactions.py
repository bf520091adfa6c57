"""A transaction with a fee cap (EIP-1559): signed here, the same bytes whenever the same is signed."""

from dataclasses import dataclass

import rlp
from eth_account.signers.local import LocalAccount
from eth_keys.datatypes import PrivateKey

from chain_bandit.protocol.digests import keccak

FEE_MARKET = b"\x02"
"""The type byte of such a transaction."""


@dataclass(frozen=True, slots=True)
class Fee:
    """Wei a unit of gas: the most in all, and how much of it goes to the miner."""

    most: int
    tip: int

    def raised(self, base: int) -> "Fee":
        """A fee that replaces this one (nodes want a tenth more) and pays for the base fee of the day twice over."""
        tip = max(2 * self.tip, 10**9)
        return Fee(max(2 * self.most, 2 * base + tip), tip)


class TransactionSigner:
    """Signs for an account on one chain."""

    def __init__(self, account: LocalAccount, chain_id: int) -> None:
        self._key, self._chain_id = PrivateKey(bytes(account.key)), chain_id

    def sign(self, nonce: int, fee: Fee, gas: int, to: bytes | None, value: int, data: bytes) -> bytes:
        """The raw transaction; `to` is None for a deployment."""
        fields = [self._chain_id, nonce, fee.tip, fee.most, gas, to or b"", value, data, []]
        v, r, s = self._key.sign_msg_hash(keccak(FEE_MARKET, rlp.encode(fields))).vrs
        return FEE_MARKET + bytes(rlp.encode([*fields, v, r, s]))


def created_address(account: str, nonce: int) -> bytes:
    """Where an account's deployment with this nonce goes, 20 bytes."""
    return keccak(rlp.encode([bytes.fromhex(account[2:]), nonce]))[12:]
