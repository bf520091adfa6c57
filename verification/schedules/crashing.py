"""Crashing process of a schedule: a file that survives it, written or synced, and keys whose use is noted."""

from collections.abc import Callable
from random import Random
from typing import Any

from chain_bandit.append_log import AppendLog, Take
from chain_bandit.chain.node import Wallet
from chain_bandit.chain.transactions import Fee, TransactionSigner
from verification.schedules.hostile_node import CHAIN_ID
from verification.schedules.model_chain import SignedCall, identity_of


class Disk:
    """A file's lines across all restarts of the process.

    Attributes:
        durable: what survives a loss of power.
        cached: written and not synced: it survives the process alone.
        twice: whether something was signed that was there already.
    """

    def __init__(self) -> None:
        self.durable: list[str] = []
        self.cached: list[str] = []
        self.raws: set[str] = set()
        self.twice = False

    def lose_power(self, rng: Random) -> None:
        """Of what was not synced some first lines stay."""
        del self.cached[rng.randint(0, len(self.cached)) :]


class JournalFile(AppendLog):
    """The file as one process has it, like `AppendLogFile`."""

    def __init__(self, disk: Disk, touch: Callable[[], None]) -> None:
        self._disk, self._touch, self._pending = disk, touch, list[str]()

    def read(self, take: Take) -> None:
        """Hand over what is there."""
        for number, line in enumerate((*self._disk.durable, *self._disk.cached), 1):
            take(number, line.encode())

    def append(self, line: str) -> None:
        """Add a line to those that `sync` writes."""
        self._pending.append(line)

    def clear(self) -> None:
        """Empty the file."""
        for lines in (self._disk.durable, self._disk.cached, self._pending):
            lines.clear()

    def sync(self) -> None:
        """Write, then sync."""
        disk = self._disk
        self._touch()
        disk.cached += self._pending
        self._pending.clear()
        self._touch()
        for line in disk.cached:
            raw = line.rsplit('"', 2)[1]
            disk.twice = disk.twice or raw in disk.raws
            disk.raws.add(raw)
        disk.durable += disk.cached
        disk.cached.clear()


class TrueSigner(TransactionSigner):
    """Signs as a live game does, and records each transaction's content."""

    def __init__(self, wallet: Wallet, book: dict[str, SignedCall]) -> None:
        super().__init__(wallet, CHAIN_ID)
        self._account, self._book = wallet.address, book

    def sign(self, nonce: int, fee: Fee, gas: int, to: bytes | None, value: int, data: bytes) -> bytes:
        """The raw transaction."""
        assert to is not None
        raw = super().sign(nonce, fee, gas, to, value, data)
        key = "0x" + raw.hex()
        if key not in self._book:
            self._book[key] = SignedCall(self._account, nonce, fee, gas, to, value, data, identity_of(raw))
        return raw


class _IdealKey:
    """Whose signature is the digest."""

    def __init__(self, address: str) -> None:
        self._end = bytes.fromhex(address[2:]).rjust(32, b"\1") + b"\0"

    def sign_recoverable(self, digest: bytes, hasher: None) -> bytes:
        """Nothing that anybody verifies."""
        return digest + self._end


class IdealSigner(TrueSigner):
    """The same bytes but for the signature, which costs nothing."""

    def __init__(self, wallet: Wallet, book: dict[str, SignedCall]) -> None:
        super().__init__(wallet, book)
        self._key: Any = _IdealKey(wallet.address)
