"""Histories from the embedded chain, as it answers and as a node over HTTP would; and from nodes that lie."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from eth_account import Account
from eth_utils.address import to_checksum_address

from chain_bandit.chain.embedded import EmbeddedNode
from chain_bandit.history.collect import collect, creates, creation_block
from chain_bandit.history.errors import NodeDisagrees
from chain_bandit.history.evm import created_address, decode_transaction
from chain_bandit.history.records import calls

KEY = Account.from_key("0x" + "46" * 32)
OWNER = bytes.fromhex(KEY.address[2:])
CONTRACT = created_address(OWNER, 1)

CODE = "0x6005600c60003960056000f3" + "60006000a0"
"""A contract that answers every call with an empty log."""


@pytest.fixture(scope="module")
def node() -> EmbeddedNode:
    node = EmbeddedNode({OWNER: 10**20})
    fees = {"maxFeePerGas": 10**10, "maxPriorityFeePerGas": 0, "type": 2}
    address = to_checksum_address(CONTRACT)
    access = [{"address": address, "storageKeys": ["0x" + "01" * 32]}]
    sent: list[dict[str, Any]] = [
        {"to": "0x" + "11" * 20, "value": 5, **fees},
        {"to": "", "data": CODE, **fees},
        {"to": address, "gasPrice": 10**10},
        {"to": address, "gasPrice": 10**10, "type": 1, "accessList": access},
        {"to": address, **fees},
    ]
    for nonce, fields in enumerate(sent):
        signed = KEY.sign_transaction(
            {"nonce": nonce, "gas": 200_000, "value": 0, "chainId": node.chain_id, **fields}
        )
        node.web3.eth.send_raw_transaction(signed.raw_transaction)
    node.mine(2)
    return node


def python_rpc(node: EmbeddedNode) -> Callable[[str, Sequence[Any]], Any]:
    return lambda method, parameters: node.web3.manager.request_blocking(method, list(parameters))


def as_json(value: Any, name: str = "") -> Any:
    """What a node over HTTP would say: camel case, hexadecimal."""
    if isinstance(value, Mapping):
        return {_camel(str(key)): as_json(item, _camel(str(key))) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(item, name) for item in value]
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, int) and not isinstance(value, bool):
        return "0x" + value.to_bytes(256, "big").hex() if name == "logsBloom" else hex(value)
    if name == "extraData":
        return "0x"
    return value


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    camel = first + "".join(part.title() for part in rest)
    return {"data": "input", "coinbase": "miner"}.get(camel, camel)


def json_rpc(node: EmbeddedNode) -> Callable[[str, Sequence[Any]], Any]:
    ask = python_rpc(node)

    def rpc(method: str, parameters: Sequence[Any]) -> Any:
        answer = as_json(ask(method, parameters))
        if method == "eth_getTransactionReceipt":
            for log in answer["logs"]:
                log["data"] = log.pop("input", log.get("data"))
        return answer

    return rpc


def test_collect_rebuilds_every_block_as_the_node_hashes_it(node: EmbeddedNode) -> None:
    history = collect(python_rpc(node), CONTRACT, 1)
    blocks = tuple(history.blocks)
    assert len(blocks) == 7
    assert history.origin.chain_id == node.chain_id
    assert [decode_transaction(raw).type for block in blocks for raw in block.transactions] == [2, 2, 0, 1, 2]
    assert creates(blocks[1].transactions[0], CONTRACT)
    assert not creates(blocks[0].transactions[0], CONTRACT)
    assert len(tuple(calls(history))) == 4


def test_collect_takes_the_answers_of_a_node_over_http(node: EmbeddedNode) -> None:
    assert tuple(collect(json_rpc(node), CONTRACT, 1).blocks) == tuple(collect(python_rpc(node), CONTRACT, 1).blocks)


def test_collect_stops_where_it_is_told(node: EmbeddedNode) -> None:
    blocks = tuple(collect(python_rpc(node), CONTRACT, 2, 4).blocks)
    assert blocks == tuple(collect(python_rpc(node), CONTRACT, 1).blocks)[1:4]


def test_creation_block_is_found_by_the_code(node: EmbeddedNode) -> None:
    assert creation_block(python_rpc(node), CONTRACT) == 2
    with pytest.raises(NodeDisagrees, match="code at"):
        creation_block(python_rpc(node), bytes(20))


def lies(method: str, change: Callable[[dict[str, Any]], None], honest: Any) -> Any:
    def rpc(asked: str, parameters: Sequence[Any]) -> Any:
        answer = honest(asked, parameters)
        if asked == method and isinstance(answer, dict) and answer.get("transactions", True):
            change(answer)
        return answer

    return rpc


BLOCK, RECEIPT = "eth_getBlockByNumber", "eth_getTransactionReceipt"
LIES: dict[str, tuple[str, Callable[[dict[str, Any]], None]]] = {
    "timestamp": (BLOCK, lambda b: b.update(timestamp="0x1")),
    "no hash": (BLOCK, lambda b: b.pop("hash")),
    "no number": (BLOCK, lambda b: b.pop("number")),
    "odd hexadecimal": (BLOCK, lambda b: b.update(stateRoot="0xzz")),
    "number is text": (BLOCK, lambda b: b.update(gasUsed="much")),
    "negative number": (BLOCK, lambda b: b.update(gasUsed="-0x1")),
    "number of a million digits": (BLOCK, lambda b: b.update(gasUsed="0x1" + "0" * 10**6)),
    "number above 256 bits": (RECEIPT, lambda r: r.update(cumulativeGasUsed=hex(2**256))),
    "decimal of 5,000 digits": (BLOCK, lambda b: b.update(gasUsed="1" * 5_000)),
    "list for bytes": (BLOCK, lambda b: b.update(stateRoot=[])),
    "none for a number": (BLOCK, lambda b: b.update(gasUsed=True)),
    "transaction left out": (BLOCK, lambda b: b["transactions"].pop()),
    "transaction value": (BLOCK, lambda b: b["transactions"][0].update(value="0x6")),
    "transaction hash": (BLOCK, lambda b: b["transactions"][0].update(hash="0x" + "00" * 32)),
    "transaction is a hash": (BLOCK, lambda b: b.update(transactions=["0x" + "00" * 32])),
    "receipt gas": (RECEIPT, lambda r: r.update(cumulativeGasUsed="0x1")),
    "receipt status": (RECEIPT, lambda r: r.update(status="0x0")),
    "invented log": (
        RECEIPT, lambda r: r["logs"].append({"address": "0x" + "00" * 20, "topics": [], "data": "0x"}),
    ),
    "receipt without logs": (RECEIPT, lambda r: r.pop("logs")),
}  # fmt: skip


@pytest.mark.parametrize("name", LIES)
def test_collect_catches_a_node_that_lies(node: EmbeddedNode, name: str) -> None:
    with pytest.raises(NodeDisagrees) as raised:
        tuple(collect(lies(*LIES[name], json_rpc(node)), CONTRACT, 1).blocks)
    assert raised.value.exit_code == 6
    assert len(str(raised.value)) < 400


@pytest.mark.parametrize("asked", ["eth_blockNumber", "eth_chainId"])
@pytest.mark.parametrize("number", ["0x1" + "0" * 10**6, "1" * 5_000, hex(2**256), "-0x1", 10**4_000])
def test_collect_takes_no_number_beyond_a_word(node: EmbeddedNode, asked: str, number: object) -> None:
    honest = json_rpc(node)
    with pytest.raises(NodeDisagrees) as raised:
        collect(lambda m, p: number if m == asked else honest(m, p), CONTRACT, 1)
    assert len(str(raised.value)) < 300


def test_collect_catches_blocks_of_another_branch(node: EmbeddedNode) -> None:
    honest = json_rpc(node)

    def rpc(method: str, parameters: Sequence[Any]) -> Any:
        if method == BLOCK and parameters[0] == hex(7):
            return honest(method, [hex(5), True])
        return None if method == RECEIPT and parameters[0] == "0x" else honest(method, parameters)

    with pytest.raises(NodeDisagrees, match="parent of block 7"):
        tuple(collect(rpc, CONTRACT, 1).blocks)


def test_collect_catches_a_missing_receipt(node: EmbeddedNode) -> None:
    honest = json_rpc(node)
    with pytest.raises(NodeDisagrees):
        tuple(collect(lambda m, p: None if m == RECEIPT else honest(m, p), CONTRACT, 1).blocks)
