"""loopback.py: a server in a process that has more to do."""

import socket
import threading
from contextlib import ExitStack, suppress
from time import monotonic

import pytest

from chain_bandit import loopback
from chain_bandit.loopback import MOST_REQUESTS, Response, served

ASKS = b"GET / HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n"


def here(path: str) -> Response:
    return Response(200, "text/plain", b"here")


def test_of_too_many_clients_the_one_that_waits_longest_is_disconnected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loopback, "PATIENCE", 60.0)
    with served("127.0.0.1:0", here) as port:
        with ExitStack() as silent:

            def connected() -> socket.socket:
                return silent.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))

            held = [connected() for _ in range(MOST_REQUESTS)]
            one_more = connected()
            one_more.sendall(ASKS)
            assert one_more.makefile("rb").read().endswith(b"here"), "the newest client is answered"
            assert held[0].recv(1) == b"", "the oldest one has given its place"
            held[1].sendall(ASKS)
            assert held[1].makefile("rb").read().endswith(b"here"), "the others have theirs"
        for _ in range(MOST_REQUESTS + 1):  # each has given its place back
            assert answer_of(port).endswith(b"here")


def answer_of(port: int, asks: bytes = ASKS, address: str = "127.0.0.1") -> bytes:
    """All that the server writes."""
    with socket.create_connection((address, port), timeout=10) as line:
        line.sendall(asks)
        return line.makefile("rb").read()


def test_a_place_is_taken_from_the_address_that_has_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loopback, "PATIENCE", 60.0)
    with served("0.0.0.0:0", here) as port, ExitStack() as open_:

        def connected(own: str) -> socket.socket:
            line = socket.create_connection(("127.0.0.1", port), timeout=10, source_address=(own, 0))
            return open_.enter_context(line)

        calm = connected("127.0.0.3")
        crowd = [connected("127.0.0.2") for _ in range(MOST_REQUESTS)]
        assert crowd[0].recv(1) == b""
        calm.sendall(ASKS)
        assert calm.makefile("rb").read().endswith(b"here"), "the oldest of all, from another address"


def test_seventy_clients_of_a_byte_each_second_keep_nobody_from_an_answer() -> None:
    over = threading.Event()

    def drip(line: socket.socket) -> None:
        with suppress(OSError):
            for byte in ASKS * 10:
                line.sendall(bytes([byte]))
                if over.wait(1.5):
                    return

    with served("127.0.0.1:0", here) as port, ExitStack() as open_:
        lines = [open_.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10)) for _ in range(70)]
        threads = [threading.Thread(target=drip, args=(line,)) for line in lines]
        for thread in threads:
            thread.start()
        try:
            for _ in range(3):
                began = monotonic()
                assert answer_of(port).endswith(b"here")
                assert monotonic() - began < 2
        finally:
            over.set()
            for thread in threads:
                thread.join()


def test_a_request_has_a_deadline_for_all_of_its_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loopback, "PATIENCE", 1.0)
    with served("127.0.0.1:0", here) as port, socket.create_connection(("127.0.0.1", port), timeout=0.2) as line:
        began = monotonic()
        while True:  # never a second without a byte
            with suppress(OSError):
                line.sendall(b"G")
            with suppress(TimeoutError):
                with suppress(ConnectionError):
                    assert line.recv(1) == b""
                break
            assert monotonic() - began < 8


def test_a_client_that_reads_no_answer_gives_its_place_to_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loopback, "PATIENCE", 60.0)
    large = Response(200, "text/plain", bytes(1 << 24))
    with served("127.0.0.1:0", lambda path: large) as port, ExitStack() as open_:
        for _ in range(MOST_REQUESTS):
            line = open_.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
            line.sendall(ASKS)
            assert line.recv(1) == b"H", "its answer is on its way"
        assert len(answer_of(port)) > 1 << 24


@pytest.mark.parametrize("address", ["0.0.0.0", "[::]"])
@pytest.mark.parametrize("host", ["127.0.0.1", "10.1.2.3:9100", "ann:9100", "[fe80::1]:9100", "localhost"])
def test_a_server_at_all_addresses_is_asked_by_any_name(address: str, host: str) -> None:
    asks = f"GET / HTTP/1.0\r\nHost: {host}\r\n".encode()
    with served(f"{address}:0", here) as port:
        assert answer_of(port, asks + b"\r\n").endswith(b"here")
        assert b" 403 " in answer_of(port, asks + b"Origin: http://evil.example\r\n\r\n")


def test_head_is_answered_like_get_without_the_body() -> None:
    with served("127.0.0.1:0", here) as port:
        head, whole = answer_of(port, ASKS.replace(b"GET", b"HEAD")), answer_of(port)
    assert [line for line in head.splitlines() if b"Date" not in line] == [
        line for line in whole.removesuffix(b"here").splitlines() if b"Date" not in line
    ]
