"""Histories from the embedded chain, as it answers and as a node over HTTP would; and from nodes that lie."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from chain_bandit.chain.embedded import EmbeddedNode
from chain_bandit.chain.errors import NodeRefused
from chain_bandit.chain_history import collect as collecting
from chain_bandit.chain_history.answers import as_object
from chain_bandit.chain_history.collect import _transaction, collect
from chain_bandit.chain_history.creation import creation
from chain_bandit.chain_history.errors import NodeDisagrees, UnknownType
from chain_bandit.chain_history.evm import decode_transaction
from chain_bandit.chain_history.records import calls
from chain_bandit.protocol import rlp
from chain_bandit.protocol.digests import keccak
from tests.unit.history.small_chain import CONTRACT, json_rpc, python_rpc, reading


def test_collect_rebuilds_every_block_as_the_node_hashes_it(node: EmbeddedNode) -> None:
    history = collect(python_rpc(node), CONTRACT, 1)
    blocks = tuple(history.blocks)
    assert len(blocks) == 7
    assert history.origin.chain_id == node.chain_id
    assert [decode_transaction(raw).type for block in blocks for raw in block.transactions] == [2, 2, 0, 1, 2]
    assert creation(python_rpc(node), CONTRACT, 1) is None
    assert creation(python_rpc(node), CONTRACT, 2) == decode_transaction(blocks[1].transactions[0])
    assert len(tuple(calls(history))) == 4


def test_collect_takes_the_answers_of_a_node_over_http(node: EmbeddedNode) -> None:
    assert tuple(collect(json_rpc(node), CONTRACT, 1).blocks) == tuple(collect(python_rpc(node), CONTRACT, 1).blocks)


def test_collect_stops_where_it_is_told(node: EmbeddedNode) -> None:
    blocks = tuple(collect(python_rpc(node), CONTRACT, 2, 4).blocks)
    assert blocks == tuple(collect(python_rpc(node), CONTRACT, 1).blocks)[1:4]


def lies(method: str, change: Callable[[dict[str, Any]], None], honest: Any) -> Any:
    @reading
    def rpc(asked: str, parameters: Sequence[Any]) -> Any:
        answer = honest(asked, parameters)
        if asked == method and isinstance(answer, dict) and answer.get("transactions", True):
            change(answer)
        return answer

    return rpc


def cut_short(block: dict[str, Any]) -> None:
    """Leave a block without calls whose hash is that of its parent's hash alone."""
    parent = b"\x11" * 32
    for name in block.keys() - {"number", "extraData"}:
        del block[name]
    block.update(parentHash="0x" + parent.hex(), hash="0x" + keccak(rlp.encode([parent])).hex(), transactions=[])


BLOCK, RECEIPT = "eth_getBlockByNumber", "eth_getTransactionReceipt"
LIES: dict[str, tuple[str, Callable[[dict[str, Any]], None]]] = {
    "timestamp": (BLOCK, lambda b: b.update(timestamp="0x1")),
    "no hash": (BLOCK, lambda b: b.pop("hash")),
    "header of one field": (BLOCK, lambda b: cut_short(b)),
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
    "transactions are a number": (BLOCK, lambda b: b.update(transactions=7)),
    "type without end": (BLOCK, lambda b: b["transactions"][0].update(type="0x1ff")),
    "NaN for a number": (BLOCK, lambda b: b.update(gasUsed=float("nan"))),
    "hash of a million digits": (BLOCK, lambda b: b.update(hash="0x" + "00" * 10**6)),
    "other number": (BLOCK, lambda b: b.update(number="0x1" if b["number"] != "0x1" else "0x2")),
    "hash, and a type that came later": (
        BLOCK, lambda b: (b["transactions"][0].update(type="0x7e"), b.update(hash="0x" + "00" * 32)),
    ),
    "transaction is a hash": (BLOCK, lambda b: b.update(transactions=["0x" + "00" * 32])),
    "receipt gas": (RECEIPT, lambda r: r.update(cumulativeGasUsed="0x1")),
    "receipt status": (RECEIPT, lambda r: r.update(status="0x0")),
    "invented log": (
        RECEIPT, lambda r: r["logs"].append({"address": "0x" + "00" * 20, "topics": [], "data": "0x"}),
    ),
    "logs are a number": (RECEIPT, lambda r: r.update(logs=7)),
    "topics are a number": (RECEIPT, lambda r: r.update(logs=[{"address": "0x", "topics": 7, "data": "0x"}])),
    "receipt without logs": (RECEIPT, lambda r: r.pop("logs")),
}  # fmt: skip


@pytest.mark.parametrize("name", LIES)
def test_collect_catches_a_node_that_lies(node: EmbeddedNode, name: str) -> None:
    with pytest.raises(NodeDisagrees) as raised:
        tuple(collect(lies(*LIES[name], json_rpc(node)), CONTRACT, 1).blocks)
    assert raised.value.exit_code == 6
    assert len(str(raised.value)) < 400


def test_collect_says_that_it_cannot_rebuild_a_type_that_came_later(node: EmbeddedNode) -> None:
    """It is no lie of the node."""
    later = lies(BLOCK, lambda b: b["transactions"][0].update(type="0x7e"), json_rpc(node))
    with pytest.raises(UnknownType) as raised:
        tuple(collect(later, CONTRACT, 1).blocks)
    assert (raised.value.kind, raised.value.exit_code) == (0x7E, 13)


def test_collect_holds_no_more_than_a_block_s_worth_of_receipts(
    node: EmbeddedNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many calls a block has: each receipt alone is within the bounds of an answer.

    The block's transactions are held against its root before, which is taken for right here.
    """
    fat = {"address": "0x" + "00" * 20, "topics": [], "data": "0x" + "00" * 9_000}
    monkeypatch.setattr(collecting, "MOST_BYTES", 30_000)
    monkeypatch.setattr(collecting, "agree", lambda what, says, got: None)
    asked = []

    @reading
    def rpc(method: str, parameters: Sequence[Any]) -> Any:
        answer = json_rpc(node)(method, parameters)
        if method == BLOCK and answer["transactions"]:
            return answer | {"transactions": answer["transactions"] * 100}
        asked.append(method)
        return answer | {"logs": [fat]} if method == RECEIPT else answer

    with pytest.raises(NodeDisagrees, match="size of the receipts of block 1"):
        tuple(collect(rpc, CONTRACT, 1).blocks)
    assert asked.count(RECEIPT) == 4


@pytest.mark.parametrize("asked", ["eth_blockNumber", "eth_chainId"])
@pytest.mark.parametrize("number", ["0x1" + "0" * 10**6, "1" * 5_000, hex(2**256), "-0x1", 10**4_000])
def test_collect_takes_no_number_beyond_a_word(node: EmbeddedNode, asked: str, number: object) -> None:
    honest = json_rpc(node)
    with pytest.raises(NodeDisagrees) as raised:
        collect(reading(lambda m, p: number if m == asked else honest(m, p)), CONTRACT, 1)
    assert len(str(raised.value)) < 300


def test_collect_catches_blocks_of_another_branch(node: EmbeddedNode) -> None:
    """A block 7 that is whole in itself, on another block 6."""
    honest = json_rpc(node)
    fields = rlp.decode(next(iter(collect(honest, CONTRACT, 7).blocks)).header)
    other = {"parentHash": "0x" + "11" * 32, "hash": "0x" + keccak(rlp.encode([b"\x11" * 32, *fields[1:]])).hex()}

    @reading
    def rpc(method: str, parameters: Sequence[Any]) -> Any:
        answer = honest(method, parameters)
        return answer | other if method == BLOCK and parameters[0] == hex(7) else answer

    assert len(tuple(collect(rpc, CONTRACT, 7, 7).blocks)) == 1
    with pytest.raises(NodeDisagrees, match="parent of block 7"):
        tuple(collect(rpc, CONTRACT, 1, 7).blocks)


def test_collect_catches_a_missing_receipt(node: EmbeddedNode) -> None:
    honest = json_rpc(node)
    with pytest.raises(NodeRefused, match="it gives no receipt of block"):
        tuple(collect(reading(lambda m, p: None if m == RECEIPT else honest(m, p)), CONTRACT, 1).blocks)


@pytest.mark.parametrize(("method", "what"), [("eth_chainId", "chain id"), (BLOCK, "hash of block 7, asked for again")])
def test_collect_catches_a_node_that_changes_its_mind_at_the_end(node: EmbeddedNode, method: str, what: str) -> None:
    honest, asked = json_rpc(node), 0

    @reading
    def rpc(name: str, parameters: Sequence[Any]) -> Any:
        nonlocal asked
        if name == method == "eth_chainId":
            asked += 1
            return hex(asked // 3)
        if name == method and parameters == [hex(7), False]:
            return honest(name, [hex(5), False])
        return honest(name, parameters)

    with pytest.raises(NodeDisagrees, match=what):
        tuple(collect(rpc, CONTRACT, 1).blocks)


def test_collect_catches_a_node_that_gives_another_block(node: EmbeddedNode) -> None:
    """A true one, with everything in it: of a number that nobody asked for."""
    honest = json_rpc(node)

    @reading
    def rpc(method: str, parameters: Sequence[Any]) -> Any:
        asked = [hex(int(parameters[0], 16) + 1), True] if method == BLOCK and parameters[1] else parameters
        return honest(method, asked)

    with pytest.raises(NodeDisagrees, match="block 1 does not"):
        tuple(collect(rpc, CONTRACT, 1, 5).blocks)


def test_collect_catches_a_transaction_that_is_not_of_its_block(node: EmbeddedNode) -> None:
    """Named rightly, with the receipt of the true one: only the block's root of transactions tells."""
    honest, names = json_rpc(node), dict[str, str]()

    @reading
    def rpc(method: str, parameters: Sequence[Any]) -> Any:
        if method == RECEIPT:
            return honest(method, [names.get(parameters[0], parameters[0])])
        answer = honest(method, parameters)
        if method == BLOCK and parameters[1]:
            for item in answer["transactions"]:
                true, item["value"] = item["hash"], "0x7"
                item["hash"] = "0x" + keccak(_transaction(as_object(item, "transaction"))).hex()
                names[item["hash"]] = true
        return answer

    with pytest.raises(NodeDisagrees, match="transactions root of block 1"):
        tuple(collect(rpc, CONTRACT, 1).blocks)
