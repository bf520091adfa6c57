"""The game's own transactions: which function, with what arguments, and the events that answer."""

from collections.abc import Iterator
from dataclasses import dataclass

from chain_bandit.paranoid.export import Export
from chain_bandit.paranoid.order import Order
from chain_bandit.paranoid.verdict import Verdict
from chain_bandit.paranoid.words import Broken, keccak, number

FUNCTIONS = {
    "join": "bytes",
    "open": "bytes32",
    "submitBlocks": "",
    "skip": "uint256,uint256,bytes",
    "skipAfterDeadline": "uint256",
    "reportEquivocation":
        "(uint16,uint32,bytes32,uint8,uint8,bytes32,bytes32,bytes32,bytes32,bytes32,bytes32)",
    "settleRewards": "uint32,bytes",
    "settleSums": "bytes",
    "revealSeal": "bytes32",
    "reveal": "bytes32,bytes,bytes",
    "settleCosts": "(bytes32,uint8,bool,bytes)[]",
    "close": "",
    "withdraw": "",
}
EVENTS = {
    "Joined": "uint16,address",
    "Opened": "bytes32",
    "Recorded": "uint32,uint8,bytes32",
    "Accused": "uint16,uint32",
    "RewardsSettled": "uint32",
    "SumsSettled": "uint256",
    "SealRevealed": "uint16,bytes32",
    "Revealed": "uint32",
    "CostsSettled": "uint32,uint32",
    "Closed": "bool,uint256",
    "Withdrawn": "address,uint256",
}
_BY_SELECTOR = {keccak(f"{name}({types})".encode())[:4]: name for name, types in FUNCTIONS.items()}
_BY_TOPIC = {keccak(f"{name}({types})".encode()): name for name, types in EVENTS.items()}


@dataclass(frozen=True)
class Call:
    """One transaction that calls the contract. Events are (name, words); `name` of the call is empty for none of its.

    Attributes:
        succeeded: whether the contract took it.
        spent: whether its gas may have run out: less than a 32nd of it is left.
        bare: whether its sender certainly has no code.
        data: calldata after the selector; of the creation, code and constructor's arguments.
        direct: whether the transaction went to the contract itself, and not through another one.
        bodies: what lies beside its block, by hash.
    """

    name: str
    block: int
    succeeded: bool
    spent: bool
    sender: bytes
    bare: bool
    value: int
    data: bytes
    direct: bool
    events: list[tuple[str, list[int]]]
    bodies: dict[bytes, bytes]


def calls(export: Export, verdict: Verdict) -> Iterator[Call]:
    """Every transaction that has to do with the contract, in order."""
    order = Order(export, verdict)
    for transactions, bodies in export.blocks:
        beside = {keccak(body): body for body in bodies}
        for sent in transactions:
            events = [_event(topics, data) for address, topics, data in sent.logs if address == export.contract]
            creates, direct = sent.created == export.contract, sent.to == export.contract
            if not (creates or direct or events):
                order.take(sent, None)
                continue
            name = "create" if creates else _BY_SELECTOR.get(sent.data[:4], "") if direct else ""
            bare, spent = order.take(sent, name), 32 * (sent.limit - sent.gas) <= sent.limit
            yield Call(
                name, sent.block, sent.succeeded, spent, sent.sender, bare, sent.value,
                sent.data if creates else sent.data[4:], creates or direct, events, beside,
            )  # fmt: skip


def _event(topics: list[bytes], data: bytes) -> tuple[str, list[int]]:
    name = _BY_TOPIC.get(topics[0], "") if len(topics) == 1 else ""
    return name, [number(data[at : at + 32]) for at in range(0, len(data), 32)]


def word(data: bytes, place: int) -> bytes:
    """The ABI word at a place."""
    found = data[32 * place : 32 * place + 32]
    if len(found) != 32:
        raise Broken("calldata is too short")
    return found


def tail(data: bytes, place: int) -> bytes:
    """The bytes whose offset stands at a place."""
    return _bytes_at(data, number(word(data, place)))


def _bytes_at(data: bytes, at: int) -> bytes:
    length = number(word(data[at:], 0))
    found = data[at + 32 : at + 32 + length]
    if len(found) != length:
        raise Broken("calldata is too short")
    return found


def entries(data: bytes) -> Iterator[tuple[bytes, int, bool, bytes]]:
    """The records of `settleCosts`: parent, kind, whether the round cost, header."""
    rows = data[number(word(data, 0)) :]
    count, rows = number(word(rows, 0)), rows[32:]
    for place in range(count):
        row = rows[number(word(rows, place)) :]
        yield word(row, 0), number(word(row, 1)), bool(number(word(row, 2))), tail(row, 3)
