"""The one file format of a history: canonical JSON lines, plain or gzipped; read back as untrusted input.

Line 1 names format, chain, contract and first block; every further line is one block, with those bodies of a compact
game whose hashes its transactions record: one pass with one line in memory is enough. Only the canonical text is
accepted: each line is written again from what was read and must come out the same, byte for byte. What a line may hold
is counted before anything is made of it.
"""

import gzip
import os
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path
from typing import IO, cast

from chain_bandit.append_log import regular_file, whole_file
from chain_bandit.chain_history.blocks import FORMAT, LAST_BLOCK, OLDER, ContractOrigin, History, RawBlock
from chain_bandit.chain_history.bounded_memo import remembered
from chain_bandit.chain_history.errors import HistoryError, OtherFormat
from chain_bandit.protocol.digests import keccak

MAX_LINE = 1 << 26
"""Bytes of the longest block line that is read: a block of 30 million gas has far fewer."""

MOST_ITEMS = 1 << 16
"""Transactions, receipts and bodies in a line. Every transaction costs 21,000 gas, so that only a block of 688 million
has as many, with their receipts. The header's own gas would be no bound: a file can say any."""

CHUNK = 1 << 17
"""Bytes that are read at once: the reader of the library reads a sixteenth of it."""

MAX_RATIO, SLACK = 200, 1 << 20
"""A history is mostly hashes: whatever unpacks to more than this many times its size is refused."""

_NO_BLOCK = "there is no block, and a history has those from the contract's creation on"

_GZIP = b"\x1f\x8b"


class _Unreadable(ValueError):
    """Text that is not one canonical line."""


def origin_line(origin: ContractOrigin) -> bytes:
    """The first line."""
    return (
        f'{{"chain_id":{origin.chain_id},"contract":"0x{origin.contract.hex()}",'
        f'"first_block":{origin.first_block},"format":"{FORMAT}"}}\n'
    ).encode()


def block_line(block: RawBlock) -> bytes:
    """The line of one block."""
    bodies = sorted(set(block.bodies), key=keccak)
    return (
        f'{{"bodies":{_hexes(bodies)},"header":"0x{block.header.hex()}",'
        f'"receipts":{_hexes(block.receipts)},"transactions":{_hexes(block.transactions)}}}\n'
    ).encode()


def _hexes(items: Sequence[bytes]) -> str:
    return "[" + ",".join(f'"0x{item.hex()}"' for item in items) + "]"


def write(history: History, path: Path) -> None:
    """Write the history, gzipped when `path` ends in .gz; the file appears whole or not at all."""
    with whole_file(path) as file:
        if path.suffix == ".gz":
            with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed:
                _write_lines(history, cast("IO[bytes]", packed))
        else:
            _write_lines(history, file)


def _write_lines(history: History, file: IO[bytes]) -> None:
    file.write(origin_line(history.origin))
    for block in history.blocks:
        file.write(block_line(block))


def read(path: Path) -> History:
    """The history in a file. Its blocks are read anew, and checked, each time one goes through them.

    Raises:
        HistoryError: when the file, or its first line, cannot be read, or no line follows; later lines raise it when
            they are reached.
        OtherFormat: an older or a newer release wrote it.
    """
    with _lines(path) as lines:
        first = next(lines, b"")
        source = _origin(first)
        if next(lines, None) is None:
            raise HistoryError(2, _NO_BLOCK)
    return History(source, _FileBlocks(path, first))


@dataclass(frozen=True, slots=True)
class _FileBlocks:
    """The blocks of a file, one line in memory at a time."""

    path: Path
    first: bytes

    def __iter__(self) -> Iterator[RawBlock]:
        with _lines(self.path) as lines:
            if next(lines, None) != self.first:
                raise HistoryError(1, "the file changed while it was read")
            for number, line in enumerate(lines, 2):
                yield _block(number, line)


def skim(path: Path, parts: Sequence[bytes]) -> Iterator[RawBlock | None]:
    """The blocks of a file, unread (None) but for the first one and those in which any of these bytes stand."""
    sought = [part.hex().encode() for part in parts]
    with _lines(path) as lines:
        for number, line in enumerate(lines, 1):
            if number == 2 or (number > 2 and any(part in line for part in sought)):
                yield _block(number, line)
            elif number > 2:
                yield None


def parse(data: bytes) -> History:
    """The history in the plain text `data`. Raises `HistoryError`."""
    lines = [line + b"\n" for line in data.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    if not lines[-1]:
        lines.pop()
    source = _origin(lines[0] if lines else b"")
    if not lines[1:]:
        raise HistoryError(2, _NO_BLOCK)
    return History(source, tuple(_block(number, line) for number, line in enumerate(lines[1:], 2)))


@contextmanager
def _lines(path: Path) -> Iterator[Iterator[bytes]]:
    with ExitStack() as stack:
        try:
            raw = stack.enter_context(regular_file(path))  # it is read several times, as no pipe can be
        except OSError as error:
            raise HistoryError(1, f"the file {path} cannot be opened: {error.strerror}") from error
        magic = raw.read(2)
        raw.seek(0)
        if magic == _GZIP:
            limit = MAX_RATIO * os.fstat(raw.fileno()).st_size + SLACK
            with gzip.GzipFile(fileobj=raw, mode="rb") as unpacked:
                yield _read_lines(unpacked, limit)
        else:
            yield _read_lines(cast(BufferedIOBase, raw), None)


def _read_lines(file: BufferedIOBase, limit: int | None) -> Iterator[bytes]:
    number, size, total, begun = 1, 0, 0, list[bytes]()
    while True:
        try:
            chunk = file.read1(CHUNK)
        except (OSError, EOFError, zlib.error) as error:
            raise HistoryError(number, f"the file is cut off or damaged ({error})") from error
        at = 0
        while at < len(chunk):
            end = chunk.find(b"\n", at) + 1
            begun.append(chunk[at : end or len(chunk)])
            at, size, total = end or len(chunk), size + len(begun[-1]), total + len(begun[-1])
            if size > MAX_LINE:
                raise HistoryError(number, f"longer than {MAX_LINE} bytes")
            if limit is not None and total > limit:
                raise HistoryError(number, f"unpacks to more than {MAX_RATIO} times its size, as no history does")
            if end:
                yield b"".join(begun)
                number, size = number + 1, 0
                begun.clear()
        if not chunk:
            if begun:
                yield b"".join(begun)
            return


_ORIGIN = re.compile(
    rb'\{"chain_id":(0|[1-9]\d{0,77}),"contract":"0x([0-9a-f]{40})","first_block":(0|[1-9]\d{0,77}),'
    rb'"format":"' + FORMAT.encode() + rb'"\}\n'
)

_FORMAT = re.compile(rb'\{[^\n]*"format":"(chain-bandit-history/[1-9]\d{0,5})"[^\n]*\}\n')
"""A first line of this or another format, whatever else it may say."""


def parse_origin(line: bytes) -> ContractOrigin:
    """What the first line says, newline included. Raises `ValueError`."""
    found = _ORIGIN.fullmatch(line)
    if found is None:
        raise _Unreadable(f"not the first line of a history in format {FORMAT}")
    origin = ContractOrigin(int(found[1]), bytes.fromhex(found[2].decode()), int(found[3]))
    if origin.chain_id >= 2**256 or origin.first_block > LAST_BLOCK:
        raise _Unreadable("chain_id has more than 256 bits, or first_block more than 62")
    return origin


@remembered(256)
def parse_block(line: bytes) -> RawBlock:
    """The block of one canonical line, newline included. Raises `ValueError`."""
    if line.count(b",") > MOST_ITEMS:
        raise _Unreadable(f"more than {MOST_ITEMS} transactions, receipts and bodies")
    block = _taken_apart(line)
    if block is None or block_line(block) != line:
        raise _Unreadable("not one block in canonical form")
    return block


def _taken_apart(line: bytes) -> RawBlock | None:
    """The block of a line that is taken for canonical; None, or any block, where it is not."""
    try:
        bodies, rest = line.decode()[len(_BODIES) : -len(_END)].split('],"header":"0x', 1)
        header, rest = rest.split('","receipts":[', 1)
        receipts, transactions = rest.split('],"transactions":[', 1)
        return RawBlock(bytes.fromhex(header), _each(transactions), _each(receipts), _each(bodies))
    except ValueError:
        return None


_BODIES, _END = '{"bodies":[', "]}\n"


def _each(items: str) -> tuple[bytes, ...]:
    return tuple(bytes.fromhex(item) for item in items[3:-1].split('","0x')) if items else ()


def _origin(line: bytes) -> ContractOrigin:
    if not line:
        raise HistoryError(1, "the file is empty")
    if (named := _FORMAT.fullmatch(line)) and (name := named[1].decode()) != FORMAT:
        raise OtherFormat(name, OLDER.get(name))
    try:
        return parse_origin(line)
    except _Unreadable as error:
        raise HistoryError(1, str(error)) from error


def _block(number: int, line: bytes) -> RawBlock:
    try:
        return parse_block(line)
    except _Unreadable as error:
        raise HistoryError(number, str(error)) from error
