"""Block of a creation, found by a node that keeps old states, by one that does not, and by one that lies."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from chain_bandit.chain.embedded import EmbeddedNode
from chain_bandit.chain.errors import NodeRefused
from chain_bandit.chain_history.creation import creation_block
from chain_bandit.chain_history.errors import NodeDisagrees
from chain_bandit.protocol.errors import ChainBanditError
from tests.unit.history.small_chain import CONTRACT, json_rpc, python_rpc, reading

CREATED_IN = 2

Rpc = Callable[..., Any]


class NotKept(ChainBanditError):
    """What a node without old states raises."""


def without_state(honest: Rpc, logs: object = ()) -> Rpc:
    """A node that refuses every question about code, and whose index of logs gives `logs`."""

    @reading
    def rpc(method: str, parameters: Sequence[Any]) -> Any:
        if method == "eth_getCode":
            raise NotKept("missing trie node")
        if method == "eth_getLogs":
            return list(logs) if isinstance(logs, tuple) else logs
        return honest(method, parameters)

    return rpc


def test_creation_is_found_by_the_code(node: EmbeddedNode) -> None:
    for rpc in (python_rpc(node), json_rpc(node)):
        assert creation_block(rpc, CONTRACT) == CREATED_IN
    with pytest.raises(NodeDisagrees, match="no transaction that creates it"):
        creation_block(python_rpc(node), bytes(20))


def test_creation_is_found_without_any_state(node: EmbeddedNode) -> None:
    """Backwards from the first joining, which is never before it; from the head where nobody joined."""
    assert creation_block(without_state(json_rpc(node)), CONTRACT) == CREATED_IN
    asked: list[int] = []

    @reading
    def rpc(method: str, parameters: Sequence[Any]) -> Any:
        if method == "eth_getBlockByNumber":
            asked.append(int(parameters[0], 16))
        return without_state(json_rpc(node), ({"blockNumber": "0x5"}, {"blockNumber": "0x4"}))(method, parameters)

    assert creation_block(rpc, CONTRACT) == CREATED_IN
    assert asked == [4, 3, 2]


def test_creation_is_found_at_a_node_that_has_no_states_and_bounds_the_range_of_events(node: EmbeddedNode) -> None:
    spans: list[int] = []

    @reading
    def rpc(method: str, parameters: Sequence[Any]) -> Any:
        if method == "eth_getLogs":
            spans.append(int(parameters[0]["toBlock"], 16) - int(parameters[0]["fromBlock"], 16) + 1)
            if spans[-1] > 2:
                raise NodeRefused(method, "exceed maximum block range: 2")
        return without_state(json_rpc(node))(method, parameters)

    assert creation_block(rpc, CONTRACT) == CREATED_IN
    assert spans[1:]
    assert max(spans[1:]) == 2


def test_a_contract_that_nobody_created_is_refused_without_any_state(node: EmbeddedNode) -> None:
    with pytest.raises(NodeDisagrees, match="no transaction that creates it"):
        creation_block(without_state(json_rpc(node)), b"\x11" * 20)


@pytest.mark.parametrize("code", [lambda number: "0x60", lambda number: "0x" if number < 6 else "0x60"])
def test_code_that_was_never_there_or_later_is_noticed(node: EmbeddedNode, code: Callable[[int], str]) -> None:
    honest = json_rpc(node)
    with pytest.raises(NodeDisagrees, match="no transaction that creates it"):
        creation_block(reading(lambda m, p: code(int(p[1], 16)) if m == "eth_getCode" else honest(m, p)), CONTRACT)


@pytest.mark.parametrize("logs", [None, 7, [7], [{}], [{"blockNumber": "0x" + "f" * 100}], {"blockNumber": "0x1"}])
def test_logs_that_no_node_should_give_are_refused(node: EmbeddedNode, logs: object) -> None:
    with pytest.raises(NodeDisagrees):
        creation_block(without_state(json_rpc(node), logs), CONTRACT)
