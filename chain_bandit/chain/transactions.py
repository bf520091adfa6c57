"""A transaction with a fee cap (EIP-1559): signed here, the same bytes whenever the same is signed."""

from dataclasses import dataclass

from coincurve import PrivateKey

from chain_bandit.chain.node import Wallet
from chain_bandit.protocol import rlp
from chain_bandit.protocol.digests import keccak

FEE_MARKET = b"\x02"
"""The type byte of such a transaction."""

RAISED_TIP = 10**9
"""Wei of the first raise: later calls begin with no more."""


@dataclass(frozen=True, slots=True)
class Fee:
    """Wei a unit of gas: the most in all, and how much of it goes to the miner."""

    most: int
    tip: int

    @staticmethod
    def opening(base: int) -> "Fee":
        """At first up to ten times the base fee found: few runs fill enough blocks to raise it that far.

        One wei of it is a tip: many nodes take nothing without.
        """
        return Fee(10 * base + 1, 1)

    def raised(self, base: int) -> "Fee":
        """A fee that replaces this one (nodes want a tenth more) and pays for the base fee of the day twice over."""
        tip = max(2 * self.tip, RAISED_TIP)
        return Fee(max(2 * self.most, 2 * base + tip), tip)

    def within(self, most: int, tip: int) -> "Fee":
        """No more than that of each: nodes may say what they like of a base fee, or keep transactions back."""
        return Fee(min(self.most, most), min(self.tip, tip))


class TransactionSigner:
    """Signs for an account on one chain. The key is unpacked once: eth_account does so for every signature."""

    def __init__(self, account: Wallet, chain_id: int) -> None:
        self._key, self._chain_id = PrivateKey(bytes(account.key)), chain_id

    def sign(self, nonce: int, fee: Fee, gas: int, to: bytes | None, value: int, data: bytes) -> bytes:
        """The raw transaction; `to` is None for a deployment."""
        numbers = map(rlp.encode_number, (self._chain_id, nonce, fee.tip, fee.most, gas))
        fields = [*numbers, to or b"", rlp.encode_number(value), data, []]
        signature = self._key.sign_recoverable(keccak(FEE_MARKET, rlp.encode(fields)), hasher=None)
        parts = (signature[64:], signature[:32], signature[32:64])
        return FEE_MARKET + rlp.encode([*fields, *(part.lstrip(b"\0") for part in parts)])


@dataclass(frozen=True, slots=True)
class TransactionTerms:
    """What a transaction does, whatever its nonce and fee."""

    gas: int
    to: bytes | None
    value: int
    data: bytes


def terms(raw: bytes) -> TransactionTerms:
    """What a transaction signed here does."""
    _, _, _, _, gas, to, value, data, *_ = rlp.decode(raw[1:])
    return TransactionTerms(int.from_bytes(gas), to or None, int.from_bytes(value), data)
