"""A history in memory: where it comes from, and its blocks as raw bytes."""

from collections.abc import Iterable
from dataclasses import dataclass

FORMAT = "chain-bandit-history/3"
OLDER = {"chain-bandit-history/1": "0.1.0 up to commit c9bb523", "chain-bandit-history/2": "0.1.0"}
"""Formats of games that this version does not audit, and the release that does."""

LAST_BLOCK = 2**62 - 1
"""The highest number of a history's first block: its own and those of all blocks after it are 64-bit integers, signed
or not, wherever they are written."""


@dataclass(frozen=True, slots=True)
class ContractOrigin:
    """Which chain, which contract (20 bytes), and the block that created it."""

    chain_id: int
    contract: bytes
    first_block: int


@dataclass(frozen=True, slots=True)
class RawBlock:
    """One block: RLP header, and every transaction and receipt in consensus encoding.

    Attributes:
        bodies: of a compact game, the bodies whose hashes the block's transactions record, as far as they are known.
            The chain does not have them: each is found, and proven, by its keccak.
    """

    header: bytes
    transactions: tuple[bytes, ...]
    receipts: tuple[bytes, ...]
    bodies: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class History:
    """All blocks from the contract's creation to the head. `blocks` can be gone through more than once."""

    origin: ContractOrigin
    blocks: Iterable[RawBlock]
