"""Bounded JSON-RPC response of a node over HTTP: limited in bytes, items and time."""

import json
from http.client import HTTPResponse
from io import BufferedReader, RawIOBase
from socket import socket
from time import monotonic
from typing import Any

from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ReadTimeoutError

from chain_bandit.chain.errors import NodeUnreachable

MOST_BYTES = 1 << 26
"""Of one answer: as many as an export has for a whole block."""

MOST_ITEMS = 1 << 20
"""Of one answer. An item takes up to 130 bytes of memory, however few it has in the answer; all that 2^24 gas, the most
of a transaction (EIP-7825), can log is half as many."""

AS_IT_IS = {"Accept-Encoding": "identity"}
"""The header of a request for it: what unpacks without end is no answer."""

_PART = 1 << 16


class _Timed(RawIOBase):
    """What comes over a socket, all of it within the time that the socket has for a part: its own limit begins anew
    with each byte, also of headers and of the lengths of chunks."""

    def __init__(self, line: socket) -> None:
        self._line, self._parts = line, line.makefile("rb", buffering=0)
        timeout = line.gettimeout()
        self._until = None if timeout is None else monotonic() + timeout

    def readable(self) -> bool:
        return True

    def readinto(self, room: Any) -> int | None:
        if self._until is not None:
            left = self._until - monotonic()
            if left <= 0:
                raise TimeoutError
            self._line.settimeout(left)
        return self._parts.readinto(room)

    def close(self) -> None:
        self._parts.close()
        super().close()


class _TimedResponse(HTTPResponse):
    def __init__(self, sock: socket, *args: Any, **more: Any) -> None:
        super().__init__(sock, *args, **more)
        self.fp.close()
        self.fp = BufferedReader(_Timed(sock))


class _Plain(HTTPConnection):
    response_class = _TimedResponse


class _Secure(HTTPSConnection):
    response_class = _TimedResponse


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _Secure


TIMED = {"http": _PlainPool, "https": _SecurePool}
"""Pools of connections, by scheme, whose limit of time is for a whole response."""


def parsed(text: str) -> Any:
    """The JSON of a response's text.

    Raises:
        NodeUnreachable: more items than are taken.
        ValueError, RecursionError: it is no JSON.
    """
    if sum(map(text.count, ",[{")) > MOST_ITEMS:  # one of these is before each item
        raise NodeUnreachable(f"an answer of more than {MOST_ITEMS:,} items")
    return json.loads(text)


def whole(response: BaseHTTPResponse, until: float) -> bytes:
    """All of a response of which nothing is read yet, taken as it comes.

    Raises `NodeUnreachable` for more of it than is taken, or where it is spun out beyond a time of the monotonic clock.
    """
    taken = bytearray()
    try:
        while part := response.read1(_PART, decode_content=False):
            taken += part
            if len(taken) > MOST_BYTES:
                raise NodeUnreachable(f"an answer of more than {MOST_BYTES:,} bytes")
            if monotonic() > until:
                raise NodeUnreachable("an answer that takes too long")
    except ReadTimeoutError as error:
        raise NodeUnreachable("an answer that takes too long") from error
    return bytes(taken)
