"""Where a game's history begins: the block whose own bytes show that the contract was created in it, and by what."""

from collections.abc import Iterable

from chain_bandit.chain_history.answers import Rpc, as_bytes, as_integer, as_list, as_object, need
from chain_bandit.chain_history.collect import fetch_block, height
from chain_bandit.chain_history.errors import NodeDisagrees
from chain_bandit.chain_history.evm import Transaction, created_address, decode_transaction
from chain_bandit.chain_history.records import TOPICS
from chain_bandit.protocol.errors import ChainBanditError


def creation_block(rpc: Rpc, contract: bytes) -> int:
    """The number of that block.

    It is looked for by the contract's code in old states; where the node has none, from the first joining backwards.

    Raises:
        NodeDisagrees: no transaction of a block creates the contract.
        ChainBanditError: the node does not answer, or keeps neither old states nor an index of logs.
    """
    last = height(rpc)
    try:
        first = _first_with_code(rpc, contract, last)
        candidates: Iterable[int] = (first,)
    except ChainBanditError:
        candidates = range(_first_joining(rpc, contract, last), -1, -1)
    for number in candidates:
        if creation(rpc, contract, number) is not None:
            return number
    raise NodeDisagrees("contract", f"that 0x{contract.hex()} is one", "no transaction that creates it")


def creation(rpc: Rpc, contract: bytes, number: int) -> Transaction | None:
    """The transaction of a block that creates `contract`, if there is one, out of bytes that hash to the block's name.

    Raises:
        NodeDisagrees: the node's answers do not add up.
        ChainBanditError: the node does not answer.
    """
    sent = map(decode_transaction, fetch_block(rpc, number).transactions)
    return next((each for each in sent if _creates(each, contract)), None)


def _creates(transaction: Transaction, contract: bytes) -> bool:
    return transaction.to is None and created_address(transaction.sender, transaction.nonce) == contract


def _first_with_code(rpc: Rpc, contract: bytes, last: int) -> int:
    address, low, high = "0x" + contract.hex(), 0, last
    while low < high:
        middle = (low + high) // 2
        if as_bytes(rpc("eth_getCode", [address, hex(middle)])):
            high = middle
        else:
            low = middle + 1
    return low


def _first_joining(rpc: Rpc, contract: bytes, last: int) -> int:
    """The block of the first joining, the last one where nobody joined: not before the creation, by its own log."""
    wanted = {"address": "0x" + contract.hex(), "fromBlock": "0x0", "toBlock": hex(last),
              "topics": ["0x" + TOPICS["Joined"].hex()]}  # fmt: skip
    logs = as_list(rpc("eth_getLogs", [wanted]))
    return min((as_integer(need(as_object(log, "log"), "blockNumber")) for log in logs), default=last)
