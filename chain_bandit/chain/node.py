"""What a game needs of a development chain, and the accounts that act on it."""

from typing import Protocol

from eth_account import Account
from eth_account.signers.local import LocalAccount
from web3 import Web3


class Node(Protocol):
    """A development chain: it can be told to let blocks pass."""

    web3: Web3
    chain_id: int

    def mine(self, blocks: int) -> None:
        """Mine empty blocks."""
        ...


Wallet = LocalAccount
"""An account with its key."""


def account(secret: bytes) -> Wallet:
    """The account of a 32-byte key."""
    made: Wallet = Account.from_key(secret)
    return made
