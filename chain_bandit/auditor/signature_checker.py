"""Signature checker, an audit's second process: it reads the same file in step, and checks what needs no game.

Of each block it checks what makes it a link of the chain, then the signatures that it is told stand there. Where all of
it holds it returns what it saw; else it ends without a result.
"""

import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from chain_bandit.auditor.chain import Survey, survey
from chain_bandit.auditor.report import Checks
from chain_bandit.chain_history import files
from chain_bandit.chain_history.blocks import History, RawBlock
from chain_bandit.crypto.verify import signer
from chain_bandit.protocol.digests import keccak, uint
from chain_bandit.protocol.errors import ChainBanditError

DIGEST, SIGNATURE, ADDRESS = 32, 64, 20
RECORD = DIGEST + SIGNATURE + ADDRESS
"""Bytes of what is to be checked: a digest, a signature of it, and whose that should be."""

PLACE = 8
"""Bytes before the records of a message: how many blocks were replayed when it was sent."""

TOGETHER = 32
"""Records of a message, of the last one fewer. It is shorter than the 4,096 bytes that a pipe takes whole or not."""


class Untrue(ChainBanditError):
    """A signature that is not whose it should be."""


def message(replayed: int, records: bytes) -> bytes:
    """Records that stand in the first `replayed` blocks."""
    return uint(replayed, PLACE) + records


def hold(records: bytes) -> bool:
    """Whether every signature is whose it should be."""
    for at in range(0, len(records), RECORD):
        digest, signature = records[at : at + DIGEST], records[at + DIGEST : at + DIGEST + SIGNATURE]
        if signer(digest, signature) != records[at + DIGEST + SIGNATURE : at + RECORD]:
            return False
    return True


def seen(found: Survey) -> bytes:
    """32 bytes that stand for a sound chain, and for all that it opens."""
    keys = b"".join(uint(seat, 2) + key for seat, key in sorted(found.seal_keys.items()))
    marks = b"".join(uint(each, 8) for each in found.settlements)
    acquitted = b"".join(uint(seat, 2) for seat in sorted(found.acquitted))
    parts = found.head, uint(found.number, PLACE), found.environment, found.pulls, marks, keys, acquitted
    return keccak(*map(keccak, (*parts, *(found.reveal or ()))))


def serve(path: Path, asked: BinaryIO, out: BinaryIO) -> None:
    """Go through a file and the messages about it; write what was `seen` where everything holds, else nothing."""
    with suppress(ChainBanditError):
        history = files.read(path)
        found = survey(History(history.origin, _in_step(history.blocks, asked)), None, Checks())
        if found.whole:
            out.write(seen(found))
            out.flush()


def _in_step(blocks: Iterable[RawBlock], asked: BinaryIO) -> Iterator[RawBlock]:
    """The blocks, none before what was asked about those that went before. Raises `Untrue`."""
    told = _messages(asked)
    replayed, records = next(told)
    for number, block in enumerate(blocks, 1):
        while records and replayed < number:
            _check(records)
            replayed, records = next(told)
        yield block
    while records:
        _check(records)
        _, records = next(told)


def _messages(asked: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """How many blocks were replayed, and what is asked about them; nothing more when nobody asks any more."""
    while True:
        said = asked.read(PLACE + RECORD * TOGETHER)
        yield int.from_bytes(said[:PLACE], "big"), said[PLACE:]


def _check(records: bytes) -> None:
    if not hold(records):
        raise Untrue("a signature is not whose it should be")


if __name__ == "__main__":
    serve(Path(sys.argv[1]), sys.stdin.buffer, sys.stdout.buffer)
