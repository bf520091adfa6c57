"""The game's own transactions in a history, decoded: what an auditor and a view read."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from chain_bandit.chain_history.blocks import History, RawBlock
from chain_bandit.chain_history.bounded_memo import remembered
from chain_bandit.chain_history.evm import (
    Log,
    Transaction,
    decode_header,
    decode_receipt,
    decode_transaction,
)
from chain_bandit.protocol.blocks import Record
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.errors import BadEncoding
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.rlp import created_address
from chain_bandit.protocol.settlement import CostEntry

CREATION = "constructor"

PACKED = "submitBlocks"
"""The call whose argument is no ABI type but all bytes after the selector (`protocol.submission`)."""

METHODS = {
    "join": ("bytes",),
    "open": ("bytes32",),
    "submitBlocks": (),
    "skip": ("uint256", "uint256", "bytes"),
    "skipAfterDeadline": ("uint256",),
    "reportEquivocation": (
        "(uint16,uint32,bytes32,uint8,uint8,bytes32,bytes32,bytes32,bytes32,bytes32,bytes32)",
    ),
    "reportFalse": (
        "(uint16,uint32,bytes32,bytes,bytes32,bytes32,bytes,uint32,bytes32,bytes32,bytes32,bytes32[],uint8)",
    ),
    "acquit": ("(uint16,bytes32,uint8,uint32,uint64,bytes32,bytes32,bytes32)",),
    "settleRewards": ("uint32", "bytes"),
    "settleSums": ("bytes",),
    "revealSeal": ("bytes32",),
    "reveal": ("bytes32", "bytes", "bytes"),
    "settleCosts": ("(bytes32,uint8,bool,bytes)[]",),
    "close": (),
    "withdraw": (),
}
"""What can be called, and the ABI types of its arguments."""

EVENTS = {
    "Joined": ("uint16", "address"),
    "Opened": ("bytes32",),
    "Recorded": ("uint32", "uint8", "bytes32"),
    "RecordedWithCommittee": ("uint32", "uint8", "bytes32", "uint256"),
    "Accused": ("uint16", "uint32"),
    "Voided": ("uint16", "uint32", "uint64"),
    "Acquitted": ("uint16",),
    "RewardsSettled": ("uint32", "bytes"),
    "SealRevealed": ("uint16", "bytes32"),
    "Revealed": ("uint32",),
    "CostsSettled": ("uint32", "uint32"),
    "Closed": ("bool", "uint256"),
    "Withdrawn": ("address", "uint256"),
}


@dataclass(frozen=True, slots=True)
class Accusation:
    """Proof that a seat signed two contents in one slot, as the contract takes it; signatures have 64 bytes."""

    seat: int
    round: int
    parent: bytes
    phase: int
    role: int
    content: bytes
    signature: bytes
    other_content: bytes
    other_signature: bytes


@dataclass(frozen=True, slots=True)
class Refutation:
    """Proof that a report does not follow from the tally that it names, as the contract takes it."""

    seat: int
    round: int
    parent: bytes
    report: bytes
    signature: bytes
    tally: bytes
    through: int
    root: bytes
    root_signature: bytes
    path: tuple[bytes, ...]
    arm: int  # whose mean is false; from K on the commitment to counts is


@dataclass(frozen=True, slots=True)
class Acquittal:
    """A receipt of the round that a proven report named, with another tally than the one of the proof."""

    seat: int
    parent: bytes
    arm: int
    pulls: int
    reward: int
    tally: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Event:
    """An event of the contract; `name` is empty for one that the contract does not have."""

    name: str
    values: tuple[Any, ...]


def record_event(parameters: Parameters, record: Record, head: bytes, committee: int) -> Event:
    """The one event of a transaction that ends in a record: where some only participate it names the next committee."""
    said = (record.round, record.kind, head)
    return Event("RecordedWithCommittee", (*said, committee)) if parameters.has_committees else Event("Recorded", said)


@dataclass(frozen=True, slots=True)
class ContractCall:
    """A transaction that creates the contract, calls it, or makes it emit events.

    Attributes:
        method: its name; empty when the calldata is of none, or when the contract was called from another one.
        arguments: decoded; None when they cannot be. Of `PACKED` the one argument is the packed blocks, undecoded:
            decoding takes the game's parameters.
        direct: whether the transaction goes to the contract itself.
        gas: used by this transaction.
        others: the addresses of other contracts that emitted logs in it, one a log.
    """

    transaction: Transaction
    block: int
    method: str
    arguments: tuple[Any, ...] | None
    direct: bool
    succeeded: bool
    gas: int
    events: tuple[Event, ...]
    others: tuple[bytes, ...] = ()

    @property
    def digest(self) -> bytes:
        """The transaction's hash."""
        return self.transaction.digest

    @property
    def value(self) -> int:
        """Wei that came with it."""
        return self.transaction.value

    @property
    def sender(self) -> bytes:
        """The account that signed it. Raises `BadEncoding` where none did."""
        return self.transaction.sender


@dataclass(frozen=True, eq=False)
class Interface:
    """What a contract can be called for, and what it says.

    Attributes:
        methods, events: the ABI types of their arguments.
        packed: the method whose argument is no ABI type, if there is one.
        unmeasured: those without bytes of any length, of whose calldata nobody asks where it ends.
    """

    methods: Mapping[str, tuple[str, ...]]
    events: Mapping[str, tuple[str, ...]]
    packed: str = ""
    unmeasured: frozenset[str] = frozenset()

    @cached_property
    def selectors(self) -> dict[str, bytes]:
        """The first four bytes of each call."""
        return {name: keccak(f"{name}({','.join(types)})".encode())[:4] for name, types in self.methods.items()}

    @cached_property
    def topics(self) -> dict[str, bytes]:
        """The one topic of each event."""
        return {name: keccak(f"{name}({','.join(types)})".encode()) for name, types in self.events.items()}

    @cached_property
    def by_selector(self) -> dict[bytes, str]:
        """The methods by the first four bytes of a call."""
        return {selector: name for name, selector in self.selectors.items()}

    @cached_property
    def by_topic(self) -> dict[bytes, str]:
        """The events by topic."""
        return {topic: name for name, topic in self.topics.items()}


GAME = Interface(METHODS, EVENTS, PACKED, frozenset(("open", "close", "withdraw")))
SELECTORS, TOPICS = GAME.selectors, GAME.topics


def calls(history: History) -> Iterator[ContractCall]:
    """Every transaction that has to do with the contract, in order. Raises `BadEncoding` on undecodable blocks."""
    for block in history.blocks:
        yield from calls_in(block, history.origin.contract)


@remembered(256)
def calls_in(block: RawBlock, contract: bytes, interface: Interface = GAME) -> tuple[ContractCall, ...]:
    """The contract's transactions in one block."""
    number, gas, found = decode_header(block.header).number, 0, []
    for raw, outcome in zip(block.transactions, block.receipts, strict=False):
        transaction, receipt = decode_transaction(raw), decode_receipt(outcome)
        used, gas = receipt.gas - gas, receipt.gas
        events = tuple(_event(log, interface) for log in receipt.logs if log.address == contract)
        creates = transaction.to is None and created_address(transaction.sender, transaction.nonce) == contract
        direct = creates or transaction.to == contract
        if direct or events:
            method, arguments = _decode(transaction, interface) if direct and not creates else ("", None)
            if creates:
                method, arguments = CREATION, (transaction.data,)
            others = tuple(log.address for log in receipt.logs if log.address != contract)
            found.append(
                ContractCall(transaction, number, method, arguments, direct, receipt.succeeded, used, events, others)
            )
    return tuple(found)


def _event(log: Log, interface: Interface) -> Event:
    name = interface.by_topic.get(log.topics[0], "") if len(log.topics) == 1 else ""
    try:
        return Event(name, decode_arguments(interface.events[name], log.data)) if name else Event("", ())
    except BadEncoding:
        return Event("", ())


def _decode(transaction: Transaction, interface: Interface) -> tuple[str, tuple[Any, ...] | None]:
    name = interface.by_selector.get(transaction.data[:4], "")
    if not name:
        return "", None
    if name == interface.packed:
        return name, (transaction.data[4:],)
    types, data = interface.methods[name], transaction.data[4:]
    try:
        return name, decode_arguments(types, data[: 32 * len(types)] if name in interface.unmeasured else data)
    except BadEncoding:
        return name, None


def decode_arguments(types: tuple[str, ...], data: bytes) -> tuple[Any, ...]:
    """ABI-decoded arguments, of the few types that the contract has. Raises `BadEncoding`.

    As by the contract, a value too wide for its type is refused, and every encoding but the canonical one: all parts in
    order and side by side, padded with zeros, and nothing behind them.
    """
    values, end = _read_all(types, data, 0)
    if end != len(data):
        raise BadEncoding("calldata: continues after its arguments")
    return values


def _read_all(types: tuple[str, ...], data: bytes, start: int) -> tuple[tuple[Any, ...], int]:
    """The values of a tuple whose encoding begins at `start`, and where it ends."""
    at, end, values = start, start + 32 * sum(map(_words, types)), []
    for kind in types:
        if kind in _DYNAMIC:
            if _number(data, at) != end - start:
                raise BadEncoding("calldata: not in canonical form")
            value, end = _DYNAMIC[kind](data, end)
        else:
            value = _read_static(data, at, kind)
        values.append(value)
        at += 32 * _words(kind)
    return tuple(values), end


def _word(data: bytes, at: int) -> bytes:
    if at + 32 > len(data):
        raise BadEncoding("calldata: too short")
    return data[at : at + 32]


def _number(data: bytes, at: int) -> int:
    return int.from_bytes(_word(data, at), "big")


_BITS = {"address": 160, "bool": 1, "uint8": 8, "uint16": 16, "uint32": 32, "uint64": 64, "uint256": 256}


def _static(kind: str, word: bytes) -> Any:
    if kind == "bytes32":
        return word
    value = int.from_bytes(word, "big")
    if value >> _BITS[kind]:
        raise BadEncoding(f"calldata: {value} is no {kind}")
    if kind == "address":
        return word[12:]
    return bool(value) if kind == "bool" else value


def _read_bytes(data: bytes, at: int) -> tuple[bytes, int]:
    start = at + 32
    end = start + _number(data, at)
    padded = end + (start - end) % 32
    if padded > len(data):
        raise BadEncoding("calldata: too short")
    if any(data[end:padded]):
        raise BadEncoding("calldata: its padding is not of zeros")
    return data[start:end], padded


def _read_entries(data: bytes, at: int) -> tuple[tuple[CostEntry, ...], int]:
    base, length = at + 32, _number(data, at)
    end = base + 32 * length
    if end > len(data):
        raise BadEncoding("calldata: too short")
    entries = []
    for index in range(length):
        if _number(data, base + 32 * index) != end - base:
            raise BadEncoding("calldata: not in canonical form")
        values, end = _read_all(_ENTRY, data, end)
        entries.append(CostEntry(*values))
    return tuple(entries), end


def _read_words(data: bytes, at: int) -> tuple[tuple[bytes, ...], int]:
    base, length = at + 32, _number(data, at)
    end = base + 32 * length
    if end > len(data):
        raise BadEncoding("calldata: too short")
    return tuple(data[place : place + 32] for place in range(base, end, 32)), end


def _read_refutation(data: bytes, at: int) -> tuple[Refutation, int]:
    values, end = _read_all(_REFUTATION, data, at)
    seat, round_, parent, report, r, vs, tally, through, root, root_r, root_vs, path, arm = values
    return Refutation(seat, round_, parent, report, r + vs, tally, through, root, root_r + root_vs, path, arm), end


def _read_static(data: bytes, at: int, kind: str) -> Any:
    """A value that stands in its place: a word, or a struct of words."""
    if kind not in _STRUCTS:
        return _static(kind, _word(data, at))
    return _STRUCTS[kind](*(_static(each, _word(data, at + 32 * place)) for place, each in enumerate(_parts(kind))))


def _words(kind: str) -> int:
    """How many words a type takes in its place."""
    return len(_parts(kind)) if kind in _STRUCTS else 1


def _parts(kind: str) -> tuple[str, ...]:
    """The types of a struct's members."""
    return tuple(kind[1:-1].split(","))


def _accusation(*values: Any) -> Accusation:
    seat, round_, parent, phase, role, content, r, vs, other_content, other_r, other_vs = values
    return Accusation(seat, round_, parent, phase, role, content, r + vs, other_content, other_r + other_vs)


def _acquittal(*values: Any) -> Acquittal:
    seat, parent, arm, pulls, reward, tally, r, vs = values
    return Acquittal(seat, parent, arm, pulls, reward, tally, r + vs)


_ENTRY = ("bytes32", "uint8", "bool", "bytes")
_REFUTATION = _parts(METHODS["reportFalse"][0])
_STRUCTS: dict[str, Callable[..., Any]] = {
    METHODS["reportEquivocation"][0]: _accusation, METHODS["acquit"][0]: _acquittal
}  # fmt: skip
"""Types that take more than one word in their place, and what their values become."""

_DYNAMIC: dict[str, Callable[[bytes, int], tuple[Any, int]]] = {
    "bytes": _read_bytes,
    "bytes32[]": _read_words,
    "(bytes32,uint8,bool,bytes)[]": _read_entries,
    METHODS["reportFalse"][0]: _read_refutation,
}
"""Types that lie behind the words, which say where: each gives its value and where that ends."""
