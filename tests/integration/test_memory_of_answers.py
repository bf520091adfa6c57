"""An answer of a hostile node: it may be large or made of very many things, and takes bounded memory all the same."""

import subprocess
import sys
from collections.abc import Callable

import pytest

from chain_bandit.chain import remote
from tests.integration.rpc_server import answering

ASKING = """
import resource, sys
from pathlib import Path
from chain_bandit.chain.errors import NodeUnreachable
from chain_bandit.chain.remote import at_url
url, allowed = sys.argv[1], int(sys.argv[2])
taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (taken + allowed,) * 2)
try:
    at_url(url)("eth_getBlockByNumber", ["0x1", True])
    print("an answer")
except NodeUnreachable as error:
    print(error)
"""

ALLOWED = 500_000_000
"""Bytes beside the interpreter and its libraries, as docs/export.md has it; of more the process gets none."""

BEGIN, END = b'{"id":1,"result":', b"}"


def full(count: int, item: bytes) -> bytes:
    return BEGIN + b"[" + b",".join([item] * count) + b"]" + END


def bytes_left() -> int:
    return remote.MOST_BYTES - len(BEGIN) - len(END) - 20


def text(end: bytes) -> bytes:
    return BEGIN + b'"' + b"a" * bytes_left() + end + b'"' + END


ANSWERS: dict[str, tuple[Callable[[], bytes], str]] = {
    "lists": (lambda: full(bytes_left() // 3, b"[]"), "items"),
    "objects": (lambda: full(bytes_left() // 8, b'{"a":0}'), "items"),
    "as many objects as are taken": (lambda: full(remote.MOST_ITEMS // 2 - 3, b'{"a":0}'), "an answer"),
    "as many numbers as are taken": (lambda: full(remote.MOST_ITEMS - 5, b"1.5"), "an answer"),
    "a text with a wide letter": (lambda: text("\U0001f600".encode()), "an answer"),
    "a text with one that is escaped": (lambda: text(rb"\ud83d\ude00"), "an answer"),
    "a refusal of no letters": (
        lambda: b'{"id":1,"error":{"message":["' + b"\x80" * bytes_left() + b'"]}}', "eth_getBlockByNumber",
    ),
    "more bytes than are taken": (lambda: text(b"a" * 30), "bytes"),
}  # fmt: skip


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_takes_bounded_memory(name: str) -> None:
    body, said = ANSWERS[name]
    with answering(body()) as url:
        child = subprocess.run(
            [sys.executable, "-c", ASKING, url, str(ALLOWED)], capture_output=True, text=True, timeout=120
        )
    assert child.returncode == 0, child.stderr
    assert said in child.stdout
