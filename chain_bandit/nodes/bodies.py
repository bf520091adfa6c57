"""Bodies of a compact game at a node: content-addressed log on disk, and their exchange among nodes by hash.

The chain has a body's hash alone. A validator has the body of a block on disk before it signs, so that for every
certified block some honest node can serve it, even after crashes.
"""

import re
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from chain_bandit.actors.messages import ENVIRONMENT
from chain_bandit.append_log import AppendLogFile
from chain_bandit.chain_history.bodies import PATH, body_of
from chain_bandit.loopback import Response
from chain_bandit.network.wire import BodyRequest, BodyResponse
from chain_bandit.nodes.follower import Recorded
from chain_bandit.nodes.role import Post
from chain_bandit.protocol.blocks import seats
from chain_bandit.protocol.digests import keccak


class KeptBodies:
    """By hash, in a file that one process holds; may be read by several threads of it.

    Raises:
        LogLocked, LogDamaged, LogUnreadable, LogUnwritable: as they say.
    """

    def __init__(self, path: Path) -> None:
        self._places, self._at, self._lock = dict[bytes, int](), 0, threading.Lock()
        self._lines = AppendLogFile(path)
        try:
            self._lines.read(self._take)
        except BaseException:
            self._lines.close()
            raise

    def add(self, body: bytes) -> None:
        """Keep a body; `sync` before anybody relies upon it."""
        digest = keccak(body)
        with self._lock:
            if digest not in self._places:
                self._places[digest] = self._lines.end
                self._lines.append(f'"{body.hex()}"')

    def get(self, digest: bytes) -> bytes | None:
        """The body of a hash; None where it is not known."""
        with self._lock:
            place = self._places.get(digest)
            return None if place is None else body_of(self._lines.line_at(place))

    def answer(self, path: str) -> Response:
        """What an auditor is told at `/body/0xHASH`: the body's bytes."""
        named = re.fullmatch(f"{PATH}(0x[0-9a-f]{{64}})", path)
        body = self.get(bytes.fromhex(named[1][2:])) if named else None
        if body is None:
            return Response(404, "text/plain", f"{PATH}HASH, of a block that this node knows\n".encode())
        return Response(200, "application/octet-stream", body)

    def sync(self) -> None:
        """Return when all would survive a loss of power. Raises `LogUnwritable`."""
        with self._lock:
            self._lines.sync()

    def close(self) -> None:
        """Let another process have them."""
        self._lines.close()

    def _take(self, number: int, line: bytes) -> None:
        self._places[keccak(body_of(line))] = self._at
        self._at += len(line) + 1


class BodyExchange:
    """A node's part in it: what it offers, asks for and answers.

    A body that nobody asked for, or that has another hash, is dropped; of those that come with certificates the newest
    of each sender is held until the round is recorded.
    """

    def __init__(self, kept: KeptBodies) -> None:
        self.kept = kept
        self._offered: dict[int, bytes] = {}
        self._wanted = b""

    def offer(self, sender: int, body: bytes) -> None:
        """A body that came with a certificate of the open round, true or not."""
        self._offered[sender] = body

    def completed(self, found: Recorded) -> Recorded | None:
        """A record with the body of its block, on disk; None while nobody has given it."""
        if found.block is None or found.record.header is None:
            return found
        self._wanted = found.record.header.body
        for body in self._offered.values():
            self._accept(body)
        self._offered.clear()
        known = self.kept.get(self._wanted)
        if known is None:
            return None
        self._wanted = b""
        return replace(found, block=replace(found.block, body=known))

    def requests(self, found: Recorded) -> Sequence[Post]:
        """The request to all nodes that must have it: the block's signers, and the environment."""
        signers = seats(found.certificate.signers) if found.certificate is not None else ()
        return [(to, BodyRequest(self._wanted)) for to in (*signers, ENVIRONMENT)]

    def take(self, sender: int, message: BodyRequest | BodyResponse) -> Sequence[Post]:
        """Answer a question where the body is here; keep an answer where it is what was asked for."""
        if isinstance(message, BodyResponse):
            self._accept(message.body)
            return ()
        body = self.kept.get(message.digest)
        return () if body is None else [(sender, BodyResponse(body))]

    def _accept(self, body: bytes) -> None:
        if self._wanted and keccak(body) == self._wanted:
            self.kept.add(body)
            self.kept.sync()
