"""Chain head as last read by a node, on disk across restarts: reorganisations and other chains are detected.

A pure machine (`Head.on_answer`) and the driver that asks the node for it (`HeadWatch`).
"""

import json
import re
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from chain_bandit.append_log import LogUnwritable, regular_file
from chain_bandit.chain.answers import as_hex, as_int, field, hash_of
from chain_bandit.chain.errors import ForeignChain, NodeUnreachable
from chain_bandit.chain.notice import Notice
from chain_bandit.chain.rpc import BEHIND, Rpc
from chain_bandit.chain.wire import Refused
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.errors import ChainBanditError

LOOK = 1.0
"""Seconds from one look at the chain's head to the next."""

PATIENCE = 120.0
"""Seconds for which a chain may lack what was read from it."""

REPLACED = 30.0
"""Seconds after which records that a reorganisation took out are not waited for: the node starts anew without them."""

_HASH = re.compile("0x[0-9a-f]{64}")

Block = tuple[int, str]
"""Height and hash, hexadecimal with 0x."""


class ChainWentBack(ChainBanditError):
    """A chain that no longer has what was read from it."""

    exit_code = 6

    def __init__(self, url: str, why: str, seconds: float) -> None:
        super().__init__(
            f"the chain at {url} went back: {why}, for {seconds:.0f} s; start its node from its newest state, or name "
            "another node with --rpc"
        )
        self.url, self.why = url, why


class Reorganised(ChainBanditError):
    """A chain that has other records in place of those that were read; a node that starts anew reads these."""

    exit_code = 7

    def __init__(self, why: str) -> None:
        super().__init__(f"the chain was reorganised: {why}; start the node again, it goes on from the chain")
        self.why = why


class Head:
    """The last block that counts, held against every answer.

    Args:
        genesis: the hash of block 0.
        confirmations: blocks that make a block count, its own included.
        kept: what an earlier process has read.
        lacks: why the branch of a block lacks what was read, once blocks are others; None where it has all of it.

    Attributes:
        genesis: the hash of block 0.
        kept: the last block that counts.
        seen: the latest block, and those above it that were seen since.
        reorganisations: how often another block was in the place of one of these.
        trouble: why the chain is not as it was; None while it is.
        is_replaced: whether that is another block in the place of the one that counted last, not a shorter chain.
    """

    def __init__(
        self, url: str, genesis: str, confirmations: int = 1, kept: Block | None = None,
        lacks: Callable[[Block], str | None] = lambda latest: None, patience: float = PATIENCE,
    ) -> None:  # fmt: skip
        self.kept = kept
        self._url, self.genesis, self._confirmations, self._lacks = url, genesis, confirmations, lacks
        self._patience, self._since = patience, 0.0
        self._replaced: tuple[Block, Block] | None = None
        self.seen: list[Block] = [] if kept is None else [kept]
        self.reorganisations = 0
        self._unconfirmed: deque[Block] = deque()
        self.trouble: str | None = None
        self.is_replaced = False

    def on_answer(
        self, genesis: str, at_kept: Block | None, at_seen: Sequence[Block | None], latest: Block, now: float
    ) -> None:  # fmt: skip
        """Take in block 0, the blocks at the heights of the one that counted last and of those seen, and the latest.

        Raises:
            ForeignChain: another chain answers, and goes on to.
            ChainWentBack: patience is at its end.
            Reorganised: the chain has gone on without what was read from it.
        """
        foreign = genesis != self.genesis
        if not foreign:
            found = list(zip(self.seen, at_seen, strict=True))
            replaced = [(block, there) for block, there in found if there is not None and there != block]
            if replaced:
                self.reorganisations, self._replaced = self.reorganisations + 1, replaced[-1]
            self.seen = [block for block, there in found if there is None]  # the chain is shorter, or lags
            self.seen += [latest] * (latest not in self.seen)
        why = f"another chain answers, of genesis {genesis}" if foreign else self._missing(at_kept, latest)
        if why is None:
            self.trouble = None
            self._count(latest)
            return
        self._since = now if self.trouble is None else self._since
        self.trouble, self.is_replaced = why, at_kept is not None and not foreign
        if foreign and now - self._since >= BEHIND:
            raise ForeignChain("genesis_hash", self.genesis, genesis)
        if self.is_replaced and now - self._since >= REPLACED:
            raise Reorganised(why)
        if now - self._since >= self._patience:
            raise ChainWentBack(self._url, why, self._patience)

    def on_seen(self, block: Block | None, is_read: bool = False) -> None:
        """Take in a block that was seen since the last look, or that events were read of: it may be replaced by now.

        Events may be read of a branch that no look ever saw, of a block below all that were seen.
        """
        if block is None:
            return
        if is_read and (self.kept is None or block[0] > self.kept[0]):
            self.kept = block
        if block not in self.seen and (is_read or block[0] > max((number for number, _ in self.seen), default=-1)):
            self.seen.append(block)

    def _missing(self, at_kept: Block | None, latest: Block) -> str | None:
        if self.kept is None:
            return None
        number, digest = self.kept
        if at_kept is None:
            return f"it is at block {latest[0]}, and block {number} ({digest}) was read from it"
        if at_kept[1] != digest:
            self._replaced = self.kept, at_kept
        if self._replaced is None or (why := self._lacking(latest)) is None:
            self._replaced = None
            return None
        (number, was), (_, now) = self._replaced
        return f"block {number} is {now} and was {was}, and {why}"

    def _lacking(self, latest: Block) -> str | None:
        try:
            return self._lacks(latest)
        except NodeUnreachable as error:  # it may answer for another branch by now, which says nothing of this one
            return str(error)

    def _count(self, latest: Block) -> None:
        """Those of the blocks seen that have their confirmations."""
        if not self._unconfirmed or self._unconfirmed[-1] != latest:
            self._unconfirmed.append(latest)
        while self._unconfirmed and self._unconfirmed[0][0] <= latest[0] - self._confirmations + 1:
            self.kept = self._unconfirmed.popleft()


class HeadWatch:
    """Polls a node for its head, reports what is wrong, and keeps the last block in a file.

    Args:
        on_reorganised: called when other blocks are in place of some that were seen.
        calm: seconds from one look to the next at least, where they are more than `LOOK`.
        read: blocks that events were read of since it was called last.
    """

    def __init__(
        self, rpc: Rpc, path: Path, head: Head, on_reorganised: Callable[[], None] = lambda: None,
        calm: Callable[[], float] = lambda: LOOK, read: Callable[[], Sequence[Block]] = tuple,
    ) -> None:  # fmt: skip
        self._rpc, self._path, self._head, self._clock = rpc, path, head, rpc.clock
        self._on_reorganised, self._calm, self._read = on_reorganised, calm, read
        self._next = 0.0
        self._notice = Notice(rpc.notice.what, rpc.notice.say)

    def look(self, at_once: bool = False) -> bool:
        """Whether the chain has all that was read from it, as far as the last look says. Raises as `Head` does."""
        now = self._clock.now()
        if now >= self._next or at_once:
            self._next = now + max(LOOK, self._calm())
            head, kept, before = self._head, self._head.kept, self._head.reorganisations
            sent = self._rpc.head
            for block in self._read():
                head.on_seen(block, is_read=True)
            head.on_seen(sent and (sent[0], as_hex(sent[1])))  # which the node's own transactions are in, or below
            if head.trouble is None and head.seen and not at_once:
                latest, (tip, *others) = self._rpc.latest(), head.seen
                if set(others) <= {latest}:  # else one of them may be of another branch
                    if latest == tip:  # so is all below it
                        return True
                    if (latest[0] - 1, self._rpc.parent) == tip:
                        head.on_answer(head.genesis, head.kept, [tip, *others], latest, now)
                        self._keep(kept)
                        return True
            heights = [hex(number) for number, _ in (head.kept or (0, ""), *head.seen)]
            asked = [("eth_getBlockByNumber", [which, False]) for which in ("0x0", "latest", *heights)]
            genesis, newest, at_kept, *at_seen = self._rpc.exchange(asked, _block)
            told = isinstance(genesis, tuple) and isinstance(newest, tuple)
            if told and not any(isinstance(each, Refused) for each in (at_kept, *at_seen)):
                head.on_answer(genesis[1], at_kept, at_seen, newest, now)
            if head.reorganisations > before:
                self._on_reorganised()
            if self._head.trouble is not None:
                self._notice.waiting(self._head.trouble)
            else:
                self._notice.over()
            self._keep(kept)
        return self._head.trouble is None

    def _keep(self, before: Block | None) -> None:
        """Write the last block that counts, if it is another than before."""
        if self._head.kept not in (None, before):
            self._write()

    @property
    def trouble(self) -> str | None:
        """Why the chain is not as it was read, as of the last look; None while it is."""
        return self._head.trouble

    @property
    def is_replaced(self) -> bool:
        """Whether that is another block in the place of one that counted, so that a node may start anew from it."""
        return self._head.is_replaced

    @property
    def reorganisations(self) -> int:
        """How often the chain was reorganised since this process looks."""
        return self._head.reorganisations

    def wait(self) -> None:
        """Return when the chain has all that was read from it. Raises as `Head` does."""
        while not self.look():
            self._clock.sleep(LOOK / 10)

    def _write(self) -> None:
        """An older one after a loss of power is as good: the block was read all the same."""
        partial = self._path.with_name(f"{self._path.name}.partial")
        try:
            assert self._head.kept is not None
            number, digest = self._head.kept
            partial.write_text(json.dumps([number, digest, _check(number, digest)]), encoding="ascii")
            partial.replace(self._path)
        except OSError as error:
            raise LogUnwritable(self._path, error.strerror or str(error)) from error


def read_head(path: Path) -> Block | None:
    """The head that the previous process read last; None where none is kept, or something else than it wrote."""
    try:
        with regular_file(path) as file:
            number, digest, check = json.loads(file.read(1024))
        known = type(number) is int and number >= 0 and _HASH.fullmatch(digest) and check == _check(number, digest)
        return (number, digest) if known else None
    except (OSError, ValueError, TypeError, OverflowError, RecursionError):
        return None


def _check(number: int, digest: str) -> str:
    """Shows that a file is as it was written; it is no signature."""
    return keccak(f"{number} {digest}".encode()).hex()[:16]


def _block(block: Any) -> Block | None:
    return None if block is None else (as_int(field(block, "number")), hash_of(block))
