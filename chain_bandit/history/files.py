"""The one file format of a history: canonical JSON lines, plain or gzipped; read back with suspicion.

Line 1 names format, chain, contract and first block; every further line is one block, with those bodies of a compact
game whose hashes its transactions record: one pass with one line in memory is enough. Only the canonical text is
accepted: each line is written again from what was read and must come out the same, byte for byte.
"""

import gzip
import json
import os
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path
from typing import IO, cast

from chain_bandit.history.blocks import FORMAT, History, Origin, RawBlock
from chain_bandit.history.errors import HistoryError
from chain_bandit.history.remembered import remembered
from chain_bandit.protocol.digests import keccak

MAX_LINE = 1 << 26
"""Bytes of the longest block line that is read: a block of 30 million gas has far fewer."""

CHUNK = 1 << 17
"""Bytes that are read at once: the reader of the library reads a sixteenth of it."""

MAX_RATIO, SLACK = 200, 1 << 20
"""A history is mostly hashes: whatever unpacks to more than this many times its size is refused."""

_GZIP = b"\x1f\x8b"


class _Unreadable(ValueError):
    """Text that is not one canonical line."""


def origin_line(origin: Origin) -> bytes:
    """The first line."""
    return _line(
        {
            "chain_id": origin.chain_id,
            "contract": "0x" + origin.contract.hex(),
            "first_block": origin.first_block,
            "format": FORMAT,
        }
    )


def block_line(block: RawBlock) -> bytes:
    """The line of one block."""
    bodies = sorted(set(block.bodies), key=keccak)
    return (
        f'{{"bodies":{_hexes(bodies)},"header":"0x{block.header.hex()}",'
        f'"receipts":{_hexes(block.receipts)},"transactions":{_hexes(block.transactions)}}}\n'
    ).encode()


def _hexes(items: Sequence[bytes]) -> str:
    return "[" + ",".join(f'"0x{item.hex()}"' for item in items) + "]"


def _line(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=True, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def write(history: History, path: Path) -> None:
    """Write the history, gzipped when `path` ends in .gz; the file appears whole or not at all."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("xb") as raw:
            if path.suffix == ".gz":
                with gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed:
                    _write_lines(history, cast("IO[bytes]", packed))
            else:
                _write_lines(history, raw)
            raw.flush()
            os.fsync(raw.fileno())
        os.replace(partial, path)
    finally:
        with suppress(FileNotFoundError):
            partial.unlink()


def _write_lines(history: History, file: IO[bytes]) -> None:
    file.write(origin_line(history.origin))
    for block in history.blocks:
        file.write(block_line(block))


def read(path: Path) -> History:
    """The history in a file. Its blocks are read anew, and checked, each time one goes through them.

    Raises:
        HistoryError: when the file, or its first line, cannot be read; later lines raise it when they are reached.
    """
    with _lines(path) as lines:
        first = next(lines, None)
    if first is None:
        raise HistoryError(1, "the file is empty")
    return History(_origin(first), _FileBlocks(path, first))


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
    if not lines:
        raise HistoryError(1, "the file is empty")
    return History(_origin(lines[0]), tuple(_block(number, line) for number, line in enumerate(lines[1:], 2)))


@contextmanager
def _lines(path: Path) -> Iterator[Iterator[bytes]]:
    try:
        raw = path.open("rb")
    except OSError as error:
        raise HistoryError(1, f"the file cannot be opened: {error.strerror}") from error
    with raw:
        magic = raw.read(2)
        raw.seek(0)
        if magic == _GZIP:
            limit = MAX_RATIO * os.fstat(raw.fileno()).st_size + SLACK
            with gzip.GzipFile(fileobj=raw, mode="rb") as unpacked:
                yield _read_lines(unpacked, limit)
        else:
            yield _read_lines(raw, None)


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


def _load(line: bytes, keys: frozenset[str]) -> dict[str, object]:
    """The JSON object in a line, with exactly `keys`."""
    if line.count(b"{") > 1 or line.count(b"[") > 3:  # nested without end, it would overflow the parser's stack
        raise _Unreadable("not one object with its lists")
    try:
        value = json.loads(line)
    except ValueError as error:
        raise _Unreadable("not JSON") from error
    if not isinstance(value, dict) or value.keys() != keys:
        raise _Unreadable(f"expected an object with {', '.join(sorted(keys))}")
    return value


def _parse_origin(line: bytes) -> Origin:
    value = _load(line, frozenset(("chain_id", "contract", "first_block", "format")))
    if value["format"] != FORMAT:
        raise _Unreadable(f"expected format {FORMAT}")
    chain_id, first = value["chain_id"], value["first_block"]
    if type(chain_id) is not int or type(first) is not int or not (0 <= chain_id < 2**256 and 0 <= first < 2**64):
        raise _Unreadable("chain_id and first_block are not unsigned integers")
    origin = Origin(chain_id, _unhex(value["contract"], "contract"), first)
    if len(origin.contract) != 20 or origin_line(origin) != line:
        raise _Unreadable("not in canonical form")
    return origin


@remembered(256)
def parse_block(line: bytes) -> RawBlock:
    """The block of one canonical line, newline included. Raises `ValueError`."""
    block = _taken_apart(line)
    if block is not None and block_line(block) == line:
        return block
    value = _load(line, frozenset(("bodies", "header", "receipts", "transactions")))
    block = RawBlock(
        _unhex(value["header"], "header"),
        _unhex_all(value["transactions"], "transactions"),
        _unhex_all(value["receipts"], "receipts"),
        _unhex_all(value["bodies"], "bodies"),
    )
    if block_line(block) != line:
        raise _Unreadable("not in canonical form")
    return block


def _taken_apart(line: bytes) -> RawBlock | None:
    """The block of a line that is taken for canonical, faster than JSON has it; None, or any block, where it is not."""
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


def _origin(line: bytes) -> Origin:
    try:
        return _parse_origin(line)
    except _Unreadable as error:
        raise HistoryError(1, str(error)) from error


def _block(number: int, line: bytes) -> RawBlock:
    try:
        return parse_block(line)
    except _Unreadable as error:
        raise HistoryError(number, str(error)) from error


def _unhex_all(value: object, what: str) -> tuple[bytes, ...]:
    if not isinstance(value, list):
        raise _Unreadable(f"{what} is not a list")
    return tuple(_unhex(item, what) for item in value)


def _unhex(value: object, what: str) -> bytes:
    if not isinstance(value, str) or not value.startswith("0x"):
        raise _Unreadable(f"{what} is not hexadecimal with 0x")
    try:
        return bytes.fromhex(value[2:])
    except ValueError as error:
        raise _Unreadable(f"{what} is not hexadecimal with 0x") from error
