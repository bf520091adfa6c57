"""loopback.py: a server in a process that has more to do."""

import socket
from contextlib import ExitStack

import pytest

from chain_bandit import loopback
from chain_bandit.loopback import MOST_REQUESTS, Response, served


def test_who_asks_too_much_at_once_is_left_and_others_are_answered_after_that(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loopback, "PATIENCE", 60.0)
    asks = b"GET / HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n"
    with served("127.0.0.1:0", lambda path: Response(200, "text/plain", b"here")) as port:
        with ExitStack() as silent:

            def connected() -> socket.socket:
                return silent.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))

            held = [connected() for _ in range(MOST_REQUESTS)]
            assert connected().recv(1) == b"", "one more is closed unread"
            held[0].sendall(asks)
            assert held[0].makefile("rb").read().endswith(b"here"), "those that were first are answered"
        for _ in range(MOST_REQUESTS + 1):  # each has given its place back
            with socket.create_connection(("127.0.0.1", port), timeout=10) as later:
                later.sendall(asks)
                assert later.makefile("rb").read().endswith(b"here")
