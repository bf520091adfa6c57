"""Bodies of a compact game: kept on disk, found by their hash, joined to a history as it streams."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType

from chain_bandit.append_log import regular_file
from chain_bandit.chain_history.blocks import History, RawBlock
from chain_bandit.chain_history.errors import HistoryError
from chain_bandit.chain_history.records import PACKED, ContractCall, calls_in
from chain_bandit.chain_history.setup import constructed
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.errors import BadEncoding, Malformed
from chain_bandit.protocol.parameters import BodyMode, Parameters
from chain_bandit.protocol.submission import decode

PATH = "/body/"
"""Where a node serves the body of a hash."""

KEPT = "bodies.jsonl"
"""A node's file of all bodies that it knows: each line is a JSON string of one in hexadecimal."""

MOST_BYTES = 1 << 26
"""Of a line."""


class Bodies(AbstractContextManager["Bodies"]):
    """Bodies by hash. They lie in a file without a name; in memory is only where each of them begins.

    Args:
        elsewhere: gives a body of a hash that is not known here, if it can.
    """

    def __init__(self, elsewhere: Callable[[bytes], bytes | None] = lambda digest: None) -> None:
        self._elsewhere = elsewhere
        self._file = TemporaryFile()  # noqa: SIM115 - `__exit__` closes it
        self._places: dict[bytes, tuple[int, int]] = {}

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Forget them all."""
        self._file.close()

    def add(self, body: bytes) -> None:
        """Keep a body."""
        digest = keccak(body)
        if digest not in self._places:
            self._places[digest] = self._file.seek(0, 2), len(body)
            self._file.write(body)

    def get(self, digest: bytes) -> bytes | None:
        """The body of a hash, None when it is not known."""
        if digest not in self._places:
            body = self._elsewhere(digest)
            if body is None:
                return None
            self.add(body)
        at, size = self._places[digest]
        self._file.seek(at)
        return self._file.read(size)

    def add_file(self, path: Path) -> None:
        """Keep every body of a node's file. Raises `HistoryError`."""
        for body in _lines(path):
            self.add(body)

    def add_all(self, history: History) -> None:
        """Keep every body that an exported history has."""
        for block in history.blocks:
            for body in block.bodies:
                self.add(body)


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with regular_file(path) as file:
            for number in count(1):
                line = file.readline(MOST_BYTES)
                if not line.endswith(b"\n"):
                    return  # the end, or a line that its node is at
                try:
                    yield body_of(line)
                except (ValueError, TypeError, RecursionError) as error:
                    raise HistoryError(number, "is no body in hexadecimal") from error
    except OSError as error:
        raise HistoryError(0, f"{path} cannot be read ({error.strerror})") from error


def body_of(line: bytes) -> bytes:
    """Of a line of a node's file. Raises `ValueError`, `TypeError`, `RecursionError`."""
    return bytes.fromhex(json.loads(line))


def with_bodies(history: History, bodies: Bodies) -> History:
    """The history with every body that its blocks ask for and that is known."""
    return History(history.origin, _Joined(history, bodies))


@dataclass(frozen=True, slots=True)
class _Joined:
    history: History
    bodies: Bodies

    def __iter__(self) -> Iterator[RawBlock]:
        parameters = None
        for block in self.history.blocks:
            with suppress(BadEncoding):  # the auditor says so
                calls = calls_in(block, self.history.origin.contract)
                parameters = parameters or next(filter(None, map(constructed, calls)), None)
                if parameters is not None:
                    block = replace(block, bodies=tuple(self._asked_for(calls, parameters)))
            yield block

    def _asked_for(self, calls: tuple[ContractCall, ...], parameters: Parameters) -> Iterator[bytes]:
        for digest in sorted({digest for call in calls for digest in body_digests(call, parameters)}):
            body = self.bodies.get(digest)
            if body is not None:
                yield body


def body_digests(call: ContractCall, parameters: Parameters) -> tuple[bytes, ...]:
    """The hashes of the bodies that a call records and that lie beside the chain."""
    if parameters.body_mode != BodyMode.COMPACT or call.method != PACKED or not call.succeeded or not call.arguments:
        return ()
    try:
        return tuple(block.body for block in decode(parameters, call.arguments[0]))
    except Malformed:
        return ()
