"""One call of a run on its way to the chain: its signed versions, and the receipt that counts."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from chain_bandit.chain.transactions import Fee, TransactionSigner


@dataclass(frozen=True, slots=True)
class Version:
    """Signed bytes, by their hash; versions of one call differ in fee, or in the nonce after a refusal."""

    identity: str
    raw: str
    nonce: int
    fee: Fee


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a block says of a transaction."""

    identity: str
    block: int
    block_hash: bytes
    succeeded: bool
    gas_used: int
    fields: Any


@dataclass(eq=False, slots=True)
class Call:
    """A call that is to take effect once.

    Attributes:
        barrier: waits until all calls before it are in blocks.
        done: whether somebody else's transaction has had the effect, by the state after a block.
        versions: what was signed, oldest first; those with the last one's nonce can still be mined.
        receipt: of the version that was mined.
        gas: used by each transaction of this call, by identity.
        outdone: somebody else's transaction had the effect.
        accepted: the node took it at least once.
        sent, resend_at, delay: whether it went out, when it goes out again, and seconds between.
        next_since: the block since which it is the next one of its account.
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
    barrier: bool
    done: Callable[[str], bool] | None
    versions: list[Version] = field(default_factory=list)
    receipt: Receipt | None = None
    gas: dict[str, int] = field(default_factory=dict)
    outdone: bool = False
    accepted: bool = False
    sent: bool = False
    resend_at: float = 0.0
    delay: float = 0.0
    next_since: int | None = None
    refused: str | None = None
    refused_since: float = 0.0
    taken: int = 0

    @property
    def nonce(self) -> int:
        """The nonce that it goes by now."""
        return self.versions[-1].nonce

    @property
    def identities(self) -> list[str]:
        """Hashes of the versions that can be mined."""
        return [version.identity for version in self.versions if version.nonce == self.nonce]

    def sign(self, nonce: int, fee: Fee) -> bytes:
        """The raw transaction with this nonce and fee."""
        return self.signer.sign(nonce, fee, self.gas_limit, self.to, self.value, self.data)

    def fell_out(self) -> None:
        """Its block is no longer in the chain: the same bytes go out at once."""
        self.receipt, self.outdone, self.refused, self.taken = None, False, None, 0
        self.resend_at, self.delay, self.next_since = 0.0, 0.0, None
