"""examples/ab_service.py: each malformed request gets a sentence, and is not reported by a traceback."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

SERVICE = Path(__file__).resolve().parents[3] / "examples" / "ab_service.py"
PULL = b'{"round":1,"arm":0}'


def post(body: bytes, length: bytes | None = None, key: bytes = b"Idempotency-Key: k\r\n") -> bytes:
    said = b"%d" % len(body) if length is None else length
    return b"POST /pull HTTP/1.1\r\nHost: x\r\n" + key + b"Content-Length: " + said + b"\r\n\r\n" + body


MALFORMED = [
    (post(body), b"JSON") for body in (b"", b"x", b"\xff\xfe", b"[" * 60_000, b'{"round":' + b"9" * 5000 + b"}")
] + [
    (post(b'{"round":%s,"arm":0}' % value), b"a round")
    for value in (b"-5", b"1.0", b"true", b"NaN", b"1e400", b"null", b"1" + b"0" * 400)
] + [
    (post(b'{"round":1,"arm":%s}' % value), b"an arm") for value in (b"0.0", b"1e0", b"true", b"-1", b"4", b"[]")
] + [
    (post(body), b"a round") for body in (b"[]", b"{}", b"null", b'"\\ud800"')
] + [
    (post(PULL, length), b"Content-Length") for length in (b"x", b"", b"-1", b"1.0", b"65537", b"9" * 5000, b"\xb2")
] + [
    (post(PULL, key=b""), b"Idempotency-Key"),
    (post(PULL, b"50"), b"as many bytes"),
    (b"POST /pull HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", b"Content-Length"),
    *((b"%s /pull HTTP/1.1\r\nHost: x\r\n\r\n" % method, b"expected POST") for method in (b"GET", b"HEAD", b"PUT")),
]  # fmt: skip


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """The port, and the file that the process writes its errors to."""
    place = tmp_path_factory.mktemp("service")
    command = [sys.executable, str(SERVICE), "--port", "0", "--journal", str(place / "visits.jsonl")]
    with (place / "errors").open("w") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
    assert process.stdout is not None
    port = urlsplit(process.stdout.readline().split()[-1]).port
    assert port is not None
    yield port, place / "errors"
    process.terminate()
    process.communicate()


def asked(port: int, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
        line.sendall(request)
        line.shutdown(socket.SHUT_WR)
        return line.makefile("rb").read()


@pytest.mark.parametrize(("request_", "said"), MALFORMED)
def test_a_malformed_request_gets_a_sentence(service: tuple[int, Path], request_: bytes, said: bytes) -> None:
    port, errors = service
    status = asked(port, request_).partition(b"\r\n")[0]
    assert status.startswith(b"HTTP/1.1 4"), status
    assert said in status
    assert errors.read_text() == ""


def test_a_pull_is_answered_and_a_client_that_disconnects_is_not_reported(service: tuple[int, Path]) -> None:
    port, errors = service
    with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
        line.sendall(post(PULL, b"50"))
    first = asked(port, post(PULL))
    assert first.startswith(b"HTTP/1.1 200")
    assert asked(port, post(PULL)).partition(b"\r\n\r\n")[2] == first.partition(b"\r\n\r\n")[2]
    assert errors.read_text() == ""
