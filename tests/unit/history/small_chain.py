"""A few blocks on the embedded chain, and the node as it answers: in Python, or as one over HTTP would."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from eth_account import Account
from eth_utils.address import to_checksum_address

from chain_bandit.chain.answers import as_answered
from chain_bandit.chain.embedded import EmbeddedNode
from chain_bandit.protocol.rlp import created_address

KEY = Account.from_key("0x" + "46" * 32)
OWNER = bytes.fromhex(KEY.address[2:])
CONTRACT = created_address(OWNER, 1)

CODE = "0x6005600c60003960056000f3" + "60006000a0"
"""A contract that answers every call with an empty log."""


def small_chain() -> EmbeddedNode:
    """Seven blocks, five of them with a transaction, the second of which creates the contract."""
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
        node.line.eth.send_raw_transaction(signed.raw_transaction)
    node.mine(2)
    return node


Answering = Callable[[str, Sequence[Any]], Any]


def reading(answer: Answering) -> Callable[..., Any]:
    """A node whose answers come from a function."""

    def rpc(method: str, parameters: Sequence[Any], read: Callable[[Any], Any] = as_answered) -> Any:
        return read(answer(method, parameters))

    return rpc


def python_rpc(node: EmbeddedNode) -> Callable[..., Any]:
    return reading(lambda method, parameters: node.line.manager.request_blocking(method, list(parameters)))


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


def json_rpc(node: EmbeddedNode) -> Callable[..., Any]:
    ask = python_rpc(node)

    @reading
    def rpc(method: str, parameters: Sequence[Any]) -> Any:
        answer = as_json(ask(method, parameters))
        if method == "eth_getTransactionReceipt":
            for log in answer["logs"]:
                log["data"] = log.pop("input", log.get("data"))
        return answer

    return rpc
