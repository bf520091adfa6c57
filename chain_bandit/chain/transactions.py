"""A transaction with a fee cap (EIP-1559): signed here, the same bytes whenever the same is signed."""

from dataclasses import dataclass

import rlp
from coincurve import PrivateKey
from eth_account.signers.local import LocalAccount

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
    """Signs for an account on one chain. The key is unpacked once: eth_account does so for every signature."""

    def __init__(self, account: LocalAccount, chain_id: int) -> None:
        self._key, self._chain_id = PrivateKey(bytes(account.key)), chain_id

    def sign(self, nonce: int, fee: Fee, gas: int, to: bytes | None, value: int, data: bytes) -> bytes:
        """The raw transaction; `to` is None for a deployment."""
        fields = b"".join(map(rlp.encode, (self._chain_id, nonce, fee.tip, fee.most, gas, to or b"", value, data, [])))
        signature = self._key.sign_recoverable(keccak(FEE_MARKET, _as_list(fields)), hasher=None)
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
        return FEE_MARKET + _as_list(fields + b"".join(map(rlp.encode, (signature[64], r, s))))


@dataclass(frozen=True, slots=True)
class Terms:
    """What a transaction does, whatever its nonce and fee."""

    gas: int
    to: bytes | None
    value: int
    data: bytes


def terms(raw: bytes) -> Terms:
    """What a transaction signed here does."""
    _, _, _, _, gas, to, value, data, *_ = rlp.decode(raw[1:])
    return Terms(int.from_bytes(gas), to or None, int.from_bytes(value), data)


def _as_list(items: bytes) -> bytes:
    """Encoded items as the list of them: the calldata, most of it, is encoded once."""
    return bytes(rlp.codec.length_prefix(len(items), 0xC0)) + items


def created_address(account: str, nonce: int) -> bytes:
    """Where an account's deployment with this nonce goes, 20 bytes."""
    return keccak(rlp.encode([bytes.fromhex(account[2:]), nonce]))[12:]
