"""Interface of a development chain to a game, and the accounts that act on it."""

from dataclasses import dataclass, field
from typing import Protocol

from coincurve import PublicKey

from chain_bandit.chain.addresses import checksummed
from chain_bandit.chain.transaction_policy import TransactionPolicy
from chain_bandit.chain.wire import Line
from chain_bandit.protocol.digests import keccak


class DevelopmentNode(Protocol):
    """A development chain: it can be told to let blocks pass."""

    chain_id: int

    @property
    def line(self) -> Line:
        """The way to it."""
        ...

    @property
    def delivery(self) -> TransactionPolicy:
        """How transactions come to it."""
        ...

    def mine(self, blocks: int) -> None:
        """Mine empty blocks."""
        ...


@dataclass(frozen=True, slots=True)
class Wallet:
    """An account with its key.

    Attributes:
        address: as JSON-RPC spells it, with its checksum.
        key: 32 bytes.
    """

    address: str
    key: bytes = field(repr=False)


def account(secret: bytes) -> Wallet:
    """The account of a 32-byte key."""
    public = PublicKey.from_valid_secret(secret).format(compressed=False)
    return Wallet(checksummed(keccak(public[1:])[12:]), secret)
