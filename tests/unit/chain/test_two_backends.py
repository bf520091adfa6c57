"""Events from a provider whose backends are a block apart: what one of them lacks yet is asked for again."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

import pytest

from chain_bandit.chain.errors import NodeRefused, NodeUnreachable
from chain_bandit.chain.retry_budget import Clock
from chain_bandit.chain.rpc import REFUSED, Rpc
from chain_bandit.chain.transaction_policy import TransactionPolicy
from chain_bandit.chain.wire import Refused, Request
from chain_bandit.stopwatch import Stopwatch

HEAD, SPAN = 100, 10

BEYOND = (
    "block range extends beyond current head block", "Unknown block", "header not found",
    "requested block is not available", "requested block 0x64 is beyond the head 0x63",
)  # fmt: skip
PRUNED = "pruned history unavailable", "old data not available due to pruning"


class Backends:
    """A node of a hundred blocks that takes ten a question, and says `text` where `is_refused` by first and last."""

    certain = False

    def __init__(self, text: str, is_refused: Callable[[int, int], bool]) -> None:
        self.text, self.is_refused, self.asked, self.time = text, is_refused, list[tuple[int, int]](), 0.0

    def _sleep(self, seconds: float) -> None:
        self.time += seconds

    def exchange(self, requests: Sequence[Request]) -> list[Any]:
        return [self._answer(*request) for request in requests]

    def post(self, requests: Sequence[Request]) -> "Future[list[Any]]":
        said: Future[list[Any]] = Future()
        said.set_result(self.exchange(requests))
        return said

    def _answer(self, method: str, parameters: Sequence[Any]) -> Any:
        if method == "eth_getBlockByNumber":
            return {"number": hex(HEAD), "hash": "0x" + "11" * 32}
        if method != "eth_getLogs":
            return hex(HEAD)
        first, last = int(parameters[0]["fromBlock"], 16), int(parameters[0].get("toBlock", hex(HEAD)), 16)
        if last - first + 1 > SPAN:
            return Refused(f"exceed maximum block range: {SPAN}")
        self.asked.append((first, last))
        return Refused(self.text) if self.is_refused(first, last) else list(range(first, last + 1))

    def rpc(self, patience: float = 120.0) -> Rpc:
        """A client that has found out that ranges are bounded."""
        clock = Clock(lambda: self.time, self._sleep)
        made, is_refused = Rpc(self, Stopwatch(), TransactionPolicy(patience=patience, clock=clock)), self.is_refused
        self.is_refused = lambda first, last: False
        made.logs({}, HEAD - 5 * SPAN, None, list)
        self.is_refused = is_refused
        self.asked.clear()
        return made


@pytest.mark.parametrize("first", [HEAD - 3 * SPAN, HEAD - 5, HEAD])
@pytest.mark.parametrize("text", [*BEYOND, "internal error"])
def test_the_newest_events_are_asked_for_again_where_one_of_two_backends_is_behind(text: str, first: int) -> None:
    node = Backends(text, lambda first, last: last >= HEAD and node.time < 3.0)
    assert node.rpc().logs({}, first, None, list) == list(range(first, HEAD + 1))
    assert 3.0 <= node.time < 4.0


@pytest.mark.parametrize("text", [*BEYOND, "internal error"])
def test_a_refusal_of_the_newest_events_that_lasts_is_said_soon_in_the_nodes_words(text: str) -> None:
    node = Backends(text, lambda first, last: last >= HEAD)
    with pytest.raises(NodeRefused, match="eth_getLogs") as refused:
        node.rpc().logs({}, HEAD - 5, None, list)
    assert (refused.value.text, REFUSED <= node.time < REFUSED + 1.0) == (text, True)


@pytest.mark.parametrize("text", [*PRUNED, "internal error"])
def test_old_events_that_a_node_refuses_are_not_asked_for_again(text: str) -> None:
    node = Backends(text, lambda first, last: first < HEAD - 20)
    with pytest.raises(NodeRefused, match="eth_getLogs"):
        node.rpc().logs({}, HEAD - 30, None, list)
    assert node.time == 0.0
    assert len(node.asked) == len(set(node.asked)) < 6


def test_events_up_to_a_block_of_a_branch_are_not_waited_for_long() -> None:
    node = Backends(BEYOND[0], lambda first, last: last >= HEAD)
    rpc = node.rpc()
    with pytest.raises(NodeUnreachable, match="the node is behind"):
        rpc.logs({}, HEAD - 5, HEAD, list, (HEAD, "0x" + "11" * 32))
    assert node.time < 3.0
