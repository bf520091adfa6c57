"""Block of a game's creation, found by the block's own bytes, and the contract's creation code."""

from collections.abc import Iterable
from itertools import count
from typing import Any

from chain_bandit.chain.answers import NodeReader, as_bytes, as_hex, as_int, as_list
from chain_bandit.chain.errors import NodeRefused
from chain_bandit.chain.log_ranges import LogQuestion, LogRanges, all_logs
from chain_bandit.chain_history.answers import as_object, need, told
from chain_bandit.chain_history.collect import fetch_transactions, height
from chain_bandit.chain_history.errors import NodeDisagrees
from chain_bandit.chain_history.evm import Transaction, decode_transaction
from chain_bandit.chain_history.records import TOPICS
from chain_bandit.protocol.errors import ChainBanditError
from chain_bandit.protocol.rlp import created_address

MOST_QUESTIONS = 2000
"""Questions for events in a search for the first joining, at a node that bounds the range of each."""


def creation_block(rpc: NodeReader, contract: bytes) -> int:
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


def creation(rpc: NodeReader, contract: bytes, number: int) -> Transaction | None:
    """The transaction of a block that creates `contract`, if there is one, out of bytes that hash to the block's name.

    Raises:
        NodeDisagrees: the node's answers do not add up.
        ChainBanditError: the node does not answer.
    """
    sent = map(decode_transaction, fetch_transactions(rpc, number))
    return next((each for each in sent if _creates(each, contract)), None)


def _creates(transaction: Transaction, contract: bytes) -> bool:
    return transaction.to is None and created_address(transaction.sender, transaction.nonce) == contract


def _first_with_code(rpc: NodeReader, contract: bytes, last: int) -> int:
    address, low, high = "0x" + contract.hex(), 0, last
    while low < high:
        middle = (low + high) // 2
        if told(rpc, "eth_getCode", [address, hex(middle)], as_bytes):
            high = middle
        else:
            low = middle + 1
    return low


def _first_joining(rpc: NodeReader, contract: bytes, last: int) -> int:
    """The block of the first joining, the last one where nobody joined: not before the creation, by its own log."""
    asked = count(1)

    def answered(request: LogQuestion) -> list[Any]:
        if next(asked) > MOST_QUESTIONS:
            raise NodeRefused(request[0], "more blocks than it searches; state the contract's by --from-block")
        try:
            return [told(rpc, *request, _blocks)]
        except NodeRefused as refused:
            return [refused]

    about = {"address": as_hex(contract), "topics": [as_hex(TOPICS["Joined"])]}
    found = all_logs(LogRanges().pieces(about, 0, last, lambda request: request), answered)
    if not isinstance(found, list):
        raise NodeRefused("eth_getLogs", found.text)
    return min(found, default=last)


def _blocks(logs: Any) -> list[int]:
    return [as_int(need(as_object(log, "a log"), "blockNumber")) for log in as_list(logs)]
