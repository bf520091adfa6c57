"""Resumable download of a history from a node: kept beside its final path as it comes in, resumed after a stop."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from chain_bandit.append_log import AppendLogFile, Unfit, require_file
from chain_bandit.chain.answers import NodeReader
from chain_bandit.chain_history import files
from chain_bandit.chain_history.blocks import ContractOrigin
from chain_bandit.chain_history.bodies import Bodies, with_bodies
from chain_bandit.chain_history.collect import block_hash, fetch_blocks, origin
from chain_bandit.chain_history.errors import HistoryError
from chain_bandit.chain_history.evm import decode_header, ordered_root
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.errors import BadEncoding

SYNC_EVERY = 1 << 20
"""Bytes that a loss of power may take; what only ends the process takes none."""

BlocksObserver = Callable[[int, int], None]
"""Told how many blocks of how many are there."""


def partial_of(path: Path) -> Path:
    """Where what has come in of a history waits for the rest."""
    return path.with_name(f".{path.name}.partial")


def grow(
    rpc: NodeReader, contract: bytes, first: int, last: int, path: Path, bodies: Bodies,
    observe: BlocksObserver = lambda done, total: None, keep: bool = False,
) -> None:  # fmt: skip
    """Bring blocks `first` to `last` into the file `path`, which appears whole or not at all; one block is in memory.

    What came in before a stop is not asked for again, as far as it is a chain that ends with a block that the node has:
    behind the first line that does not fit, nothing is kept. With `keep` it stays there for a later call too.

    Raises:
        NodeDisagrees: the node's answers do not add up, with each other or with what came in before.
        HistoryError: what waits beside the file is of another history.
        LogLocked: another process is at it.
    """
    require_file(path)
    with closing(AppendLogFile(partial_of(path))) as lines:
        kept = _Kept(lines, origin(rpc, contract, first), first)
        if kept.next > last + 1 or (kept.next > first and block_hash(rpc, kept.next - 1) != kept.head):
            kept.begin()  # the chain was reorganised, or less is wanted now
        try:
            for block in fetch_blocks(rpc, kept.next, last, kept.head):
                observe(kept.next - first, last - first + 1)
                kept.add(files.block_line(block), block.header)
        finally:
            lines.sync()
        files.write(with_bodies(files.read(partial_of(path)), bodies), path)
        if not keep:
            partial_of(path).unlink()


class _Kept:
    """Lines of the history so far: blocks each of which has its roots and names the one before it, so that all of
    them are the node's where the last one is.

    Attributes:
        next: the number of the first block that is not there.
        head: the hash of the last one that is; None where none is.
    """

    def __init__(self, lines: AppendLogFile, source: ContractOrigin, first: int) -> None:
        self._lines, self._origin, self._first = lines, files.origin_line(source), first
        self.next, self._begun, self._unsynced = first, False, 0
        self.head: bytes | None = None
        lines.read(self._take)
        if not self._begun:
            self.begin()

    def begin(self) -> None:
        """Forget all blocks."""
        self._lines.clear()
        self._lines.append(self._origin[:-1].decode())
        self.next, self.head = self._first, None

    def add(self, line: bytes, header: bytes) -> None:
        """Keep one more block."""
        self._lines.append(line[:-1].decode())
        self._lines.write()
        self.next, self.head = self.next + 1, keccak(header)
        self._unsynced += len(line)
        if self._unsynced > SYNC_EVERY:
            self._lines.sync()
            self._unsynced = 0

    def _take(self, number: int, line: bytes) -> None:
        if number > 1:
            self._take_block(line + b"\n")
        elif line + b"\n" != self._origin:
            try:
                files.parse_origin(line + b"\n")
            except ValueError as error:
                raise Unfit from error
            begun = f"{self._lines.path} holds the beginning of another contract's, chain's or first block's"
            raise HistoryError(1, f"{begun}; name another file, or remove it")
        self._begun = True

    def _take_block(self, line: bytes) -> None:
        try:
            block = files.parse_block(line)
            header = decode_header(block.header)
        except (ValueError, BadEncoding) as error:
            raise Unfit from error
        roots = ordered_root(block.transactions), ordered_root(block.receipts)
        if (
            roots != (header.transactions_root, header.receipts_root)
            or self.head not in (None, header.parent)
            or block.bodies  # they are joined when all is here
        ):
            raise Unfit
        self.next, self.head = self.next + 1, header.digest
