"""Providers that filter methods: what only development nodes do is not done there, however they say so."""

import json
from dataclasses import replace

import pytest

from chain_bandit.chain.errors import NodeUnreachable, NotUnderstood
from chain_bandit.chain.http_node import HttpNode
from chain_bandit.chain.transaction_policy import PIPELINED
from tests.integration.live import Batch, Fault, Handler, proxy

SAID = {
    "Alchemy": (400, {"code": -32600, "message": "Unsupported method: anvil_setBalance on ETH_MAINNET"}),
    "Infura": (200, {"code": -32601, "message": "The method anvil_setBalance does not exist/is not available"}),
    "Besu": (200, {"code": -32604, "message": "Method not enabled"}),
    "Nethermind": (200, {"code": -32600, "message": "The method 'evm_mine' is found but the module is disabled"}),
    "a list": (200, {"code": -32001, "message": "rpc method is not whitelisted"}),
    "forbidden": (403, {"code": -32601, "message": "method not allowed"}),
    "not found": (404, {"code": -32601, "message": "the method evm_mine does not exist/is not available"}),
    "not implemented": (501, {"code": -32000, "message": "no"}),
    "no JSON-RPC": (403, {"message": "Forbidden"}),
    "text of forbidden": (403, b"Forbidden"), "a page of not found": (404, b"<html>404</html>"),
    "text of not allowed": (405, b"Method Not Allowed"), "nothing": (501, b""),
}  # fmt: skip


def filtering(status: int, said: bytes | dict[str, object]) -> Fault:
    """A gateway that answers for what is no node's by one status: for the whole exchange, where that is no success."""

    def answer(handler: Handler, batch: Batch) -> bool:
        filtered = [each for each in batch if not each["method"].startswith("eth_")]
        body = {"id": None, "error": said} if isinstance(said, dict) and "code" in said else said
        if filtered and status != 200:
            handler.reply(said if isinstance(said, bytes) else json.dumps(body).encode(), status)
        else:
            answers = [{"error": said} if each in filtered else {"result": "0x0"} for each in batch]
            handler.reply([{"id": each["id"], **answer} for each, answer in zip(batch, answers, strict=True)])
        return True

    return answer


@pytest.mark.parametrize("words", SAID)
def test_a_provider_that_filters_methods_is_no_development_node(words: str) -> None:
    with proxy("", filtering(*SAID[words])) as url:
        node = HttpNode(url, replace(PIPELINED, patience=0.0))
        assert node.rpc.mines_at_once is False
        assert node.grant({bytes(19) + b"\1": 1}) is False
        node.hurry(1)
        with pytest.raises(NotUnderstood, match="anvil_reorg: "):
            node.ask("anvil_reorg", 1, [])
        identity = node.rpc.exchange([("eth_chainId", []), ("evm_mine", []), ("eth_chainId", [])])
        assert (identity[0], identity[2]) == ("0x0", "0x0"), "a filter says nothing of the others in a batch"


def test_a_rate_limit_is_none_of_methods() -> None:
    count = [0]

    def answer(handler: Handler, batch: Batch) -> bool:
        count[0] += batch[0]["method"] == "anvil_setBalance"
        if count[0] == 1 and batch[0]["method"] == "anvil_setBalance":
            handler.reply(b"You are being rate limited", 403)
        else:
            handler.reply([{"id": each["id"], "result": hex(count[0])} for each in batch])
        return True

    with proxy("", answer) as url:
        assert HttpNode(url).grant({bytes(19) + b"\1": 1})
    assert count == [2]


@pytest.mark.parametrize("status", [403, 404, 405, 501])
def test_a_status_of_any_other_method_is_no_answer(status: int) -> None:
    said = pytest.raises(NodeUnreachable, match=f"does not answer .HTTP status {status}: Forbidden")
    with proxy("", lambda handler, batch: handler.reply(b"Forbidden", status) is None) as url, said:
        HttpNode(url, replace(PIPELINED, patience=0.0))
