"""One call of a run on its way to the chain: its signed versions, and the receipt that counts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeAlias

from chain_bandit.chain.transactions import Fee, TransactionSigner


class Order(Enum):
    """How a call stands to those of other accounts: a block may hold theirs in any order."""

    FREE = 0
    AFTER = 1
    """Goes out when all calls before it are in blocks."""
    ALONE = 2
    """And those after it go out when it is in a block itself: before it there is no contract, or no seat, to call."""


@dataclass(frozen=True, slots=True)
class Version:
    """Signed bytes, by their hash; versions of one call differ in fee, or in the nonce after the contract refused.

    Attributes:
        first: the first part of the call that it carries; others have done those before.
    """

    identity: str
    raw: str
    nonce: int
    fee: Fee
    first: int = 0


Events: TypeAlias = Sequence[tuple[bytes, bytes]]
"""First topic and data of each event of a transaction."""


def unread(events: Events) -> None:
    """Nothing that anybody asks for."""


@dataclass(frozen=True, slots=True)
class TransactionReceipt:
    """What a block says of a transaction.

    Attributes:
        said: what its events say, as the call's reader has them.
    """

    identity: str
    block: int
    block_hash: bytes
    succeeded: bool
    gas_used: int
    said: Any


@dataclass(eq=False, slots=True)
class Call:
    """A call that is to take effect once; the contract sees to that where several nonces were tried.

    Attributes:
        order: what it waits for, and what waits for it, over and above the order of an account's nonces.
        data: calldata; what its parts make up comes after it.
        parts: calldata of which any end is a call of its own.
        done: how many parts somebody else's transactions have had the effect of, by the state after a block.
        read: what its events say; it may find them garbled.
        first: the part that begins what is left to do.
        versions: what was signed, oldest first; nothing until its turn comes.
        receipts: by nonce; every nonce needs one, or those after it would never be mined.
        orphaned: hashes of blocks that held it and fell out of the chain.
        gas: used by each transaction of this call, by identity.
        outdone: number and hash of the block by whose state somebody else's transaction had the effect.
        accepted: the node took it at least once.
        sent, resend_at, delay: whether it went out, when it goes out again, and seconds between.
        next_since: the block and the time since which it is the next one of its account.
        refused, refused_since: the node's last words against it, and since when.
        taken: how often its nonce was found used by a transaction that is not ours.
    """

    index: int
    method: str
    account: str
    signer: TransactionSigner
    to: bytes | None
    value: int
    gas_limit: int
    data: bytes
    parts: Sequence[bytes]
    order: Order
    done: Callable[[str], int] | None
    read: Callable[[Events], Any]
    first: int = 0
    versions: list[Version] = field(default_factory=list)
    receipts: dict[int, TransactionReceipt] = field(default_factory=dict)
    orphaned: set[bytes] = field(default_factory=set)
    gas: dict[str, int] = field(default_factory=dict)
    outdone: tuple[int, bytes] | None = None
    accepted: bool = False
    sent: bool = False
    resend_at: float = 0.0
    delay: float = 0.0
    next_since: tuple[int, float] | None = None
    refused: str | None = None
    refused_since: float = 0.0
    taken: int = 0

    @property
    def receipt(self) -> TransactionReceipt | None:
        """The receipt that counts: one that succeeded, else that of the last nonce."""
        for receipt in self.receipts.values():
            if receipt.succeeded:
                return receipt
        return self.receipts.get(self.versions[-1].nonce) if self.versions else None

    @property
    def outside(self) -> list[Version]:
        """Versions whose nonce no block holds, by nonce."""
        return sorted(
            (version for version in self.versions if version.nonce not in self.receipts), key=lambda each: each.nonce
        )

    @property
    def to_send(self) -> list[Version]:
        """The newest version for each nonce that no block holds."""
        return list({version.nonce: version for version in self.outside}.values())

    @property
    def goes_anew(self) -> bool:
        """Whether it has a second nonce, since the contract refused it with the first."""
        return len({version.nonce for version in self.versions}) > 1

    @property
    def size(self) -> int:
        """Bytes that it sends, without what a signature adds."""
        return len(self.data) + sum(map(len, self.parts))

    def calldata(self, first: int) -> bytes:
        """The call from one of its parts on."""
        return self.data + b"".join(self.parts[first:])

    def sign(self, nonce: int, fee: Fee, first: int) -> bytes:
        """The raw transaction of the call from one of its parts on, with this nonce and fee."""
        return self.signer.sign(nonce, fee, self.gas_limit, self.to, self.value, self.calldata(first))

    def is_done(self, done: int) -> bool:
        """Whether others, which have done so many parts, have done all of it; else `first` is the part they left."""
        if done >= max(1, len(self.parts)):
            return True
        self.first = done
        return False

    @property
    def blocks(self) -> list[int]:
        """Numbers of the blocks that its state rests on."""
        return [receipt.block for receipt in self.receipts.values()] + ([self.outdone[0]] if self.outdone else [])

    @property
    def came_through(self) -> bool:
        """Whether it has had its effect, by a block that may yet fall out."""
        return self.outdone is not None or (self.receipt is not None and self.receipt.succeeded)

    def fell_out(self, nonce: int | None) -> None:
        """The block of a nonce, or of what others did, is no longer in the chain: the same bytes go out at once."""
        if nonce is not None:
            self.orphaned.add(self.receipts.pop(nonce).block_hash)
        self.outdone, self.refused, self.taken = None, None, 0
        self.resend_at, self.delay, self.next_since = 0.0, 0.0, None
