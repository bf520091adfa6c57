"""Rewards from a service: nothing but a number in an answer of status 200 counts, whatever a service does."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import monotonic, sleep

import pytest

from chain_bandit.environments.live import PullKey, SourceFailed
from chain_bandit.environments.live_http import MOST_BYTES, HttpSource
from chain_bandit.environments.reward_values import NoReward, reward_units

KEY = PullKey("ab" * 32, 7, 2)
Handle = Callable[[BaseHTTPRequestHandler, bytes], None]


@contextmanager
def service(handle: Handle) -> Iterator[HttpSource]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            handle(self, self.rfile.read(int(self.headers["Content-Length"])))

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield HttpSource(f"http://127.0.0.1:{server.server_port}/pull", ("first", "second"))
    finally:
        server.shutdown()
        server.server_close()


def says(body: bytes, status: int = 200, **headers: str) -> Handle:
    def handle(handler: BaseHTTPRequestHandler, asked: bytes) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return handle


def test_a_pull_is_a_post_with_its_key_and_the_answer_is_its_reward() -> None:
    seen = []

    def handle(handler: BaseHTTPRequestHandler, asked: bytes) -> None:
        seen.append((handler.path, handler.headers["Idempotency-Key"], json.loads(asked)))
        says(b'{"reward": 0.25, "visitor": 9}')(handler, asked)

    with service(handle) as source:
        assert reward_units(source.pull(KEY, 1, 5.0)) == 250_000_000
    name = f"{'ab' * 32}-7-2-0"
    asked = {"key": name, "game": "ab" * 32, "round": 7, "participant": 2, "pull": 0, "arm": 1, "name": "second"}
    assert seen == [("/pull", name, asked)]


@pytest.mark.parametrize("body", [b'{"reward": NaN}', b'{"reward": 2}', b'{"reward": "much"}', b'{"reward": null}',
                                  b'{"reward": true}', b'{"reward": 1e400}', b'{"reward": -Infinity}'])  # fmt: skip
def test_an_answer_that_is_no_reward_is_told_as_it_is(body: bytes) -> None:
    with service(says(body)) as source, pytest.raises(NoReward, match="expected a number from 0 to 1, got "):
        reward_units(source.pull(KEY, 0, 5.0))


@pytest.mark.parametrize(
    ("handle", "told"),
    [
        (says(b"0.5"), 'no object with the key "reward": \'0.5\''),
        (says(b"[]"), 'no object with the key "reward"'),
        (says(b"{}"), 'no object with the key "reward"'),
        (says(b""), "no JSON: ''"),
        (says(b"\xff\x00"), "no JSON"),
        (says(b"[" * 20_000), "no JSON"),
        (says(b'{"reward": ' + b"1" * 10_000 + b"}"), "expected a number from 0 to 1"),
        (says(b"no", 500), "status 500, not 200"),
        (says(b'{"reward": 1}', 201), "status 201, not 200"),
        (says(b"", 302, Location="http://127.0.0.1:1/"), "status 302, not 200"),
        (says(b"1" * (MOST_BYTES + 1)), "longer than 65,536 bytes"),
    ],
)
def test_whatever_else_a_service_says_is_no_answer(handle: Handle, told: str) -> None:
    with service(handle) as source, pytest.raises((SourceFailed, NoReward), match=told):
        reward_units(source.pull(KEY, 0, 5.0))


def test_a_service_that_is_not_there_or_hangs_up_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(SourceFailed, match="no answer"):
        HttpSource(f"http://127.0.0.1:{port}/", ("a",)).pull(KEY, 0, 5.0)
    with service(lambda handler, asked: handler.connection.close()) as source, pytest.raises(SourceFailed):
        source.pull(KEY, 0, 5.0)


def test_a_service_that_drips_takes_no_longer_than_it_may() -> None:
    def drip(handler: BaseHTTPRequestHandler, asked: bytes) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        for _ in range(100):
            handler.wfile.write(b" ")
            sleep(0.1)

    began = monotonic()
    with service(drip) as source, pytest.raises(SourceFailed):
        source.pull(KEY, 0, 0.5)
    assert monotonic() - began < 5


def test_a_key_in_the_query_is_sent_and_not_told() -> None:
    seen = list[str]()

    def handle(handler: BaseHTTPRequestHandler, asked: bytes) -> None:
        seen.append(handler.path)
        says(b'{"reward": 1}')(handler, asked)

    with service(handle) as source:
        keyed = HttpSource(source.name + "?key=SECRET", ("first", "second"))
        keyed.pull(KEY, 0, 5.0)
        assert keyed.name == source.name
    assert seen == ["/pull?key=SECRET"]
