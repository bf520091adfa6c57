"""The game's own transactions: which function, with what arguments, and the events that answer."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from chain_bandit.paranoid.export import Export
from chain_bandit.paranoid.order import Order
from chain_bandit.paranoid.verdict import Verdict
from chain_bandit.paranoid.words import Broken, keccak, number, uint

FUNCTIONS = {
    "join": "bytes",
    "open": "bytes32",
    "submitBlocks": "",
    "skip": "uint256,uint256,bytes",
    "skipAfterDeadline": "uint256",
    "reportEquivocation":
        "(uint16,uint32,bytes32,uint8,uint8,bytes32,bytes32,bytes32,bytes32,bytes32,bytes32)",
    "reportFalse":
        "(uint16,uint32,bytes32,bytes,bytes32,bytes32,bytes,uint32,bytes32,bytes32,bytes32,bytes32[],uint8)",
    "acquit": "(uint16,bytes32,uint8,uint32,uint64,bytes32,bytes32,bytes32)",
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
    "RecordedWithCommittee": "uint32,uint8,bytes32,uint256",
    "Accused": "uint16,uint32",
    "Voided": "uint16,uint32,uint64",
    "Acquitted": "uint16",
    "RewardsSettled": "uint32,bytes",
    "SealRevealed": "uint16,bytes32",
    "Revealed": "uint32",
    "CostsSettled": "uint32,uint32",
    "Closed": "bool,uint256",
    "Withdrawn": "address,uint256",
}


class Names:
    """What a contract is called for and says, by the first bytes of hashes."""

    def __init__(self, functions: Mapping[str, str], events: Mapping[str, str]) -> None:
        self.functions = {keccak(f"{name}({types})".encode())[:4]: name for name, types in functions.items()}
        self.events = {keccak(f"{name}({types})".encode()): name for name, types in events.items()}


GAME = Names(FUNCTIONS, EVENTS)
AGREEMENT = Names(
    {
        "agree": "bytes,uint256,bytes", "keepAfterDeadline": "", "reportEquivocation": FUNCTIONS["reportEquivocation"],
    },
    {"TokenAgreed": "uint32,uint64,uint256,bytes32", "Accused": EVENTS["Accused"]},
)  # fmt: skip


@dataclass(frozen=True)
class Call:
    """One transaction that calls the contract. Events are (name, words); `name` of the call is empty for none of its.

    Attributes:
        succeeded: whether the contract took it.
        spent: whether its gas may have run out: less than a 21st of it is left, and it was not a million, or
            authorizations (EIP-7702) hide how much.
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


def calls(export: Export, verdict: Verdict, names: Names = GAME) -> Iterator[Call]:
    """Every transaction that has to do with the contract, in order."""
    order = Order(export, verdict)
    for transactions, bodies in export.blocks:
        beside = {keccak(body): body for body in bodies}
        for sent in transactions:
            events = [_event(names, topics, data) for address, topics, data in sent.logs if address == export.contract]
            creates, direct = sent.created == export.contract, sent.to == export.contract
            if not (creates or direct or events):
                order.take(sent, None)
                continue
            name = "create" if creates else names.functions.get(sent.data[:4], "") if direct else ""
            bare = order.take(sent, name)
            spent = bool(sent.authorizations) or 21 * (sent.limit - sent.gas) <= sent.limit < 10**6
            yield Call(
                name, sent.block, sent.succeeded, spent, sent.sender, bare, sent.value,
                sent.data if creates else sent.data[4:], creates or direct, events, beside,
            )  # fmt: skip


def _event(names: Names, topics: list[bytes], data: bytes) -> tuple[str, list[int]]:
    name = names.events.get(topics[0], "") if len(topics) == 1 and len(data) % 32 == 0 else ""
    return name, [number(data[at : at + 32]) for at in range(0, len(data), 32)]


def canonical(call: Call) -> bytes:
    """The one encoding of what a call says that the contract takes (ABI: every part in order, padded with zeros).

    `open`, `close` and `withdraw` may go on behind what they say. Raises `Broken` or `OverflowError` where calldata are
    too short, or a value is too wide for its type.
    """
    data = call.data
    match call.name:
        case "join" | "settleSums":
            return uint(32, 32) + _padded(tail(data, 0))
        case "agree":
            body = _padded(tail(data, 0))
            return uint(96, 32) + word(data, 1) + uint(96 + len(body), 32) + body + _padded(tail(data, 2))
        case "skip":
            return data[:64] + uint(96, 32) + _padded(tail(data, 2))
        case "skipAfterDeadline" | "revealSeal":
            return word(data, 0)
        case "reportEquivocation":
            seat, round_, phase, role = (number(word(data, place)) for place in (0, 1, 3, 4))
            first, second, fourth, fifth = _narrow(seat, 2), _narrow(round_, 4), _narrow(phase, 1), _narrow(role, 1)
            return first + second + word(data, 2) + fourth + fifth + data[160:320] + word(data, 10)
        case "reportFalse":
            return uint(32, 32) + _false_report(data[number(word(data, 0)) :])
        case "acquit":
            seat, arm, pulls, reward = (number(word(data, place)) for place in (0, 2, 3, 4))
            said = _narrow(seat, 2) + word(data, 1) + _narrow(arm, 1) + _narrow(pulls, 4) + _narrow(reward, 8)
            return said + b"".join(word(data, place) for place in (5, 6, 7))
        case "settleRewards":
            return bytes(28) + uint(number(word(data, 0)), 4) + uint(64, 32) + _padded(tail(data, 1))
        case "reveal":
            roles = _padded(tail(data, 1))
            return word(data, 0) + uint(96, 32) + uint(96 + len(roles), 32) + roles + _padded(tail(data, 2))
        case "settleCosts":
            rows = [
                parent + uint(uint(kind, 1)[0], 32) + uint(costly, 32) + uint(128, 32) + _padded(header)
                for parent, kind, costly, header in entries(data)
            ]
            places = [32 * len(rows) + sum(map(len, rows[:at])) for at in range(len(rows))]
            return uint(32, 32) + uint(len(rows), 32) + b"".join(uint(place, 32) for place in places) + b"".join(rows)
    return data


def _false_report(data: bytes) -> bytes:
    """The one encoding of a proof that begins here: thirteen words, three of them places of what follows."""
    path = words(data, 11)
    tails = _padded(tail(data, 3)), _padded(tail(data, 6)), uint(len(path), 32) + b"".join(path)
    head = [word(data, place) for place in range(13)]
    for place, size in ((0, 2), (1, 4), (7, 4), (12, 1)):
        head[place] = _narrow(number(head[place]), size)
    for at, place in enumerate((3, 6, 11)):
        head[place] = uint(32 * len(head) + sum(map(len, tails[:at])), 32)
    return b"".join((*head, *tails))


def _narrow(value: int, size: int) -> bytes:
    return bytes(32 - size) + uint(value, size)


def _padded(data: bytes) -> bytes:
    return uint(len(data), 32) + data + bytes(-len(data) % 32)


def word(data: bytes, place: int) -> bytes:
    """The ABI word at a place."""
    found = data[32 * place : 32 * place + 32]
    if len(found) != 32:
        raise Broken("calldata is too short")
    return found


def tail(data: bytes, place: int) -> bytes:
    """The bytes whose offset stands at a place."""
    return _bytes_at(data, number(word(data, place)))


def words(data: bytes, place: int) -> list[bytes]:
    """The words of the array whose offset stands at a place."""
    at = number(word(data, place))
    count, rest = number(word(data[at:], 0)), data[at + 32 :]
    if 32 * count > len(rest):
        raise Broken("calldata is too short")
    return [word(rest, each) for each in range(count)]


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
    if 32 * count > len(rows):
        raise Broken("calldata is too short")
    for place in range(count):
        row = rows[number(word(rows, place)) :]
        yield word(row, 0), number(word(row, 1)), bool(number(word(row, 2))), tail(row, 3)
