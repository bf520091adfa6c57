"""A read-only HTTP server for its starter's browser: GET alone, by the address's own name, from no page of another
origin."""

import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from chain_bandit.network.address import family_of, host_and_port, is_loopback
from chain_bandit.protocol.errors import ChainBanditError

MOST_REQUESTS = 64
"""At once: each has a thread and a descriptor of the process, which may be a node."""

PATIENCE = 5.0
"""Seconds for a client's next bytes."""


class AddressRefused(ChainBanditError):
    """An address where nothing can be served."""

    exit_code = 2

    def __init__(self, address: str, reason: object) -> None:
        super().__init__(f"{address}: {reason}; name HOST:PORT, such as 127.0.0.1:9100")
        self.address, self.reason = address, reason


@dataclass(frozen=True, slots=True)
class Response:
    """What a path is answered with."""

    code: int
    kind: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class _Server(ThreadingHTTPServer):
    """Answers so many requests at once, and hangs up on more.

    Attributes:
        allowed: the names by which it may be asked.
    """

    request_queue_size = MOST_REQUESTS

    def __init__(self, listens: tuple[str, int], answer: Callable[[str], Response]) -> None:
        self.address_family = family_of(listens[0])
        self.allowed = {listens[0], "localhost"} | ({"127.0.0.1", "::1"} if is_loopback(listens[0]) else set())
        self.answer, self._places = answer, threading.BoundedSemaphore(MOST_REQUESTS)
        super().__init__(listens, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._places.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """The client disconnected before the answer, as a closed page does: not reported."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = PATIENCE

    def do_GET(self) -> None:
        names = {(name.rpartition(":")[0] or name).strip("[]") for name in self.headers.get_all("Host", [""])}
        if not names <= self.server.allowed or "Origin" in self.headers:
            self._say(Response(403, "text/plain", b"ask by the address's own name\n"))
        else:
            self._say(self.server.answer(self.path.partition("?")[0]))

    def __getattr__(self, name: str) -> Callable[[], None]:
        if not name.startswith("do_"):
            raise AttributeError(name)
        return lambda: self._say(Response(405, "text/plain", b"GET alone is answered\n", {"Allow": "GET"}))

    def _say(self, said: Response) -> None:
        self.send_response(said.code)
        for name, value in {
            "Content-Type": said.kind, "Content-Length": str(len(said.body)), "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff", **said.headers,
        }.items():  # fmt: skip
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(said.body)

    def log_message(self, format: str, *arguments: object) -> None:
        """A request is no news."""


@contextmanager
def served(address: str, answer: Callable[[str], Response]) -> Iterator[int]:
    """Serve paths at HOST:PORT while the block runs; gives the port, which is chosen where 0 is asked for.

    Raises `AddressRefused`.
    """
    listens = host_and_port(address, least=0)
    if listens is None:
        raise AddressRefused(address, "is no address")
    try:
        server = _Server(listens, answer)
    except OSError as error:
        raise AddressRefused(address, error.strerror or error) from error
    thread = threading.Thread(target=server.serve_forever, name="loopback", daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
