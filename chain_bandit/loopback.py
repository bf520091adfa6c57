"""A read-only HTTP server for its starter's browser: GET and HEAD alone, by the address's own name, from no page of
another origin. A server at a wildcard address is asked by any name."""

import socket
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import monotonic
from typing import Any

from chain_bandit.network.address import family_of, host_and_port, is_loopback, is_unspecified
from chain_bandit.protocol.errors import ChainBanditError

MOST_REQUESTS = 64
"""At once: each has a thread and a descriptor of the process, which may be a node."""

PATIENCE = 5.0
"""Seconds for a client's whole request, and for it to read the whole answer."""


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
    """Answers so many requests at once. Of more, the oldest client that keeps this server waiting is disconnected, of
    the address that has most of them.

    Attributes:
        allowed: the names by which it may be asked; None: by any.
    """

    request_queue_size = MOST_REQUESTS

    def __init__(self, listens: tuple[str, int], answer: Callable[[str], Response]) -> None:
        host = listens[0]
        self.address_family = family_of(host)
        own = {host, "localhost"} | ({"127.0.0.1", "::1"} if is_loopback(host) else set())
        self.allowed = None if is_unspecified(host) else own
        self.answer, self._places = answer, threading.BoundedSemaphore(MOST_REQUESTS)
        self._lock, self._waiting = threading.Lock(), dict[socket.socket, tuple[str, float]]()
        super().__init__(listens, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._places.acquire(blocking=False) or (self._disconnect_one() and self._places.acquire(timeout=PATIENCE)):
            self.wait_for(request, client_address[0])
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def shutdown_request(self, request: Any) -> None:
        """Close a connection; it is not disconnected any more, since another one may get its descriptor."""
        self.wait_no_longer(request)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """Disconnect every client whose time is over; called twice a second."""
        with self._lock:
            for client, (_, since) in self._waiting.items():
                if monotonic() > since + PATIENCE:
                    _disconnect(client)

    def wait_for(self, client: socket.socket, address: str) -> None:
        """The client has to act from now on."""
        with self._lock:
            self._waiting[client] = address, monotonic()

    def wait_no_longer(self, client: socket.socket) -> None:
        """This server has to act."""
        with self._lock:
            self._waiting.pop(client, None)

    def _disconnect_one(self) -> bool:
        with self._lock:
            if not self._waiting:
                return False
            crowd = Counter(address for address, _ in self._waiting.values())
            client = max(self._waiting, key=lambda each: crowd[self._waiting[each][0]])  # of equals it is the first
            del self._waiting[client]
            _disconnect(client)
        return True

    def handle_error(self, request: object, client_address: object) -> None:
        """The client disconnected before the answer, as a closed page does: not reported."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


def _disconnect(client: socket.socket) -> None:
    """Wake the thread that reads from a client, or writes to it."""
    with suppress(OSError):  # the client has disconnected
        client.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = PATIENCE

    def do_GET(self) -> None:
        names = {(name.rpartition(":")[0] or name).strip("[]") for name in self.headers.get_all("Host", [""])}
        allowed = self.server.allowed
        if (allowed is not None and not names <= allowed) or "Origin" in self.headers:
            self._say(Response(403, "text/plain", b"ask by the address's own name\n"))
            return
        self.server.wait_no_longer(self.connection)
        said = self.server.answer(self.path.partition("?")[0])
        self.server.wait_for(self.connection, self.client_address[0])
        self._say(said)

    do_HEAD = do_GET

    def __getattr__(self, name: str) -> Callable[[], None]:
        if not name.startswith("do_"):
            raise AttributeError(name)
        return lambda: self._say(Response(405, "text/plain", b"GET and HEAD are answered\n", {"Allow": "GET, HEAD"}))

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
