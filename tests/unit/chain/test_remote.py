"""Reader of histories at a node: its notices of a long wait."""

from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any, cast

import pytest

from chain_bandit.chain import remote
from chain_bandit.chain import wire as wire_module
from chain_bandit.chain.answers import as_int
from chain_bandit.chain.errors import NodeRefused
from chain_bandit.chain.notice import Notice
from chain_bandit.chain.wire import Refused, Request, Wire


class Answering:
    """A wire whose node gives these answers in order."""

    certain = False

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)

    def post(self, requests: Sequence[Request]) -> "Future[list[Any]]":
        found: Future[list[Any]] = Future()
        found.set_result(self.exchange(requests))
        return found

    def exchange(self, requests: Sequence[Request]) -> list[Any]:
        return [self.answers.pop(0)]


def test_an_answer_that_is_none_ends_no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Found at a node without receipts: the notice began and ended at each try."""
    monkeypatch.setattr(remote, "SILENT", 0.0)
    said, wire = list[str](), Answering("0x1", None, None, None, "0x2", None, Refused("no"))
    reader = remote._Reader(cast(Wire, wire), Notice("the chain", said.append))
    assert reader.ask("eth_chainId", [], as_int) == 1
    assert reader.ask("eth_blockNumber", [], as_int) == 2
    with pytest.raises(NodeRefused, match="eth_call"):
        reader.ask("eth_call", [], as_int)
    assert [line.split(":")[0] for line in said] == 2 * ["waiting for the chain", "connected to the chain again"]


def test_a_first_contact_that_takes_long_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Found at a provider that limits each request: 34 seconds without a word."""
    monkeypatch.setattr(wire_module, "SILENT", 0.05)
    said, wire = list[str](), Answering()
    found: Future[list[Any]] = Future()
    monkeypatch.setattr(wire, "post", lambda requests: found)

    def tell(line: str) -> None:
        said.append(line)
        if not found.done():
            found.set_result(["0x1"])

    assert remote._Reader(cast(Wire, wire), Notice("the chain", tell)).ask("eth_chainId", [], as_int) == 1
    assert said == ["waiting for the chain: no answer", "connected to the chain again"]
