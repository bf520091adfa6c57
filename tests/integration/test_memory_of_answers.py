"""An answer of a hostile node: it may be large or made of very many things, and takes bounded memory all the same."""

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from chain_bandit.chain.bounded_response import MOST_BYTES, MOST_ITEMS
from chain_bandit.chain.wire import HttpWire
from tests.integration.rpc_server import answering

ASKING = """
import resource, sys
from pathlib import Path
from chain_bandit.chain.errors import NodeUnreachable
from chain_bandit.chain.remote import at_url
from chain_bandit.chain.wire import HttpWire
url, allowed, played = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "played"
taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (taken + allowed,) * 2)
try:
    if played:
        HttpWire(url, 30.0).post([("eth_getBlockByNumber", ["0x1", True])]).result()
    else:
        at_url(url)("eth_getBlockByNumber", ["0x1", True])
    print("an answer")
except NodeUnreachable as error:
    print(error)
"""

ALLOWED = 500_000_000
"""Bytes beside the interpreter and its libraries, as docs/export.md has it; of more the process gets none."""

ONE_ARENA = os.environ | {"MALLOC_ARENA_MAX": "1"}
"""Limits are of address space, of which the allocator reserves 64 MB for a thread, whether it is used or not."""

BEGIN, END = b'{"id":0,"result":', b"}"


def full(count: int, item: bytes) -> bytes:
    return BEGIN + b"[" + b",".join([item] * count) + b"]" + END


def bytes_left() -> int:
    return MOST_BYTES - len(BEGIN) - len(END) - 20


def text(end: bytes) -> bytes:
    return BEGIN + b'"' + b"a" * bytes_left() + end + b'"' + END


ANSWERS: dict[str, tuple[Callable[[], bytes], str]] = {
    "lists": (lambda: full(bytes_left() // 3, b"[]"), "items"),
    "objects": (lambda: full(bytes_left() // 8, b'{"a":0}'), "items"),
    "as many objects as are taken": (lambda: full(MOST_ITEMS // 2 - 3, b'{"a":0}'), "an answer"),
    "as many numbers as are taken": (lambda: full(MOST_ITEMS - 5, b"1.5"), "an answer"),
    "a text with a wide letter": (lambda: text("\U0001f600".encode()), "an answer"),
    "a text with one that is escaped": (lambda: text(rb"\ud83d\ude00"), "an answer"),
    "a refusal of no letters": (
        lambda: b'{"id":0,"error":{"message":["' + b"\x80" * bytes_left() + b'"]}}', "eth_getBlockByNumber",
    ),
    "more bytes than are taken": (lambda: text(b"a" * 30), "bytes"),
}  # fmt: skip


def told(body: bytes, way: str) -> str:
    """What a process says that asks a node of this answer, for an audit or as a game that is played on it."""
    with answering(body) as url:
        child = subprocess.run(
            [sys.executable, "-c", ASKING, url, str(ALLOWED), way], env=ONE_ARENA, capture_output=True, text=True,
            timeout=120,
        )  # fmt: skip
    assert child.returncode == 0, child.stderr
    return child.stdout


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_takes_bounded_memory(name: str) -> None:
    body, said = ANSWERS[name]
    assert said in told(body(), "audited")


@pytest.mark.parametrize("name", ["lists", "more bytes than are taken", "a text with one that is escaped"])
def test_so_does_one_to_a_game(name: str) -> None:
    body, said = ANSWERS[name]
    assert said in told(body(), "played")


def test_a_game_takes_an_answer() -> None:
    """So that the test before sees bounds, not other reasons."""
    assert "an answer" in told(b'{"id":0,"result":[1.5,{"a":0}]}', "played")


def test_a_node_elsewhere_is_asked_through_the_systems_proxy_and_one_on_this_machine_is_not(monkeypatch) -> None:
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with answering(b'{"id":0,"result":"proxy"}') as proxy, answering(b'{"id":0,"result":"node"}') as node:
        monkeypatch.setenv("http_proxy", proxy)
        asked = [HttpWire(url, 30.0).exchange([("eth_chainId", [])]) for url in ("http://node.example:8545", node)]
    assert asked == [["proxy"], ["node"]]
