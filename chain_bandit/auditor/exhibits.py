"""Exhibits: the smallest part of the chain that shows a violation, and the commands that fetch it from any node.

Every exhibit is some bytes of one field of a JSON-RPC answer, so that one pipeline after `cast` or `curl` prints it. A
compact game's bodies are in no block: of those the commands print the hash that the chain has of the whole body.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from chain_bandit.chain_history.blocks import RawBlock
from chain_bandit.chain_history.evm import HEADER_FIELDS, decode_receipt, decode_transaction
from chain_bandit.chain_history.records import ContractCall
from chain_bandit.protocol.digests import keccak, uint
from chain_bandit.protocol.errors import BadEncoding
from chain_bandit.protocol.rlp import decode as decode_rlp

NEEDED = (
    "$RPC is the URL of a node of the game's chain; cast is Foundry's, and `chain-bandit doctor` says where it is. "
    "curl does as well."
)
"""What the commands need, for people."""

LONGEST = 1024
"""Bytes of an exhibit that a report holds; the commands print all."""


class Field(StrEnum):
    """What of a node's answer an exhibit is of."""

    INPUT = "input"
    SENDER = "from"
    VALUE = "value"
    NUMBER = "blockNumber"
    NONCE = "nonce"
    LOGS = "data"
    """Of all logs of a receipt, one after the other."""
    BODY = "body"
    PARENT = "parentHash"
    HASH = "hash"
    HEIGHT = "number"
    TIME = "timestamp"
    GAS_LIMIT = "gasLimit"
    TRANSACTIONS = "transactionsRoot"
    RECEIPTS = "receiptsRoot"


_OF_THE_BLOCK = {
    Field.PARENT, Field.HASH, Field.HEIGHT, Field.TIME, Field.GAS_LIMIT, Field.TRANSACTIONS, Field.RECEIPTS,
}  # fmt: skip
_QUANTITIES = {Field.VALUE, Field.NUMBER, Field.NONCE, Field.HEIGHT, Field.TIME, Field.GAS_LIMIT}

SHOWN_BY: dict[str, Field] = {
    "chain.links": Field.PARENT,
    "chain.transactions": Field.TRANSACTIONS,
    "chain.receipts": Field.RECEIPTS,
    "chain.order": Field.NONCE,
    "chain.head": Field.HASH,
    "chain.trail": Field.HASH,
    "game.deposits": Field.VALUE,
    "game.genesis": Field.LOGS,
    "record.events": Field.LOGS,
    "record.links": Field.LOGS,
    "record.deadline": Field.NUMBER,
    "record.exploration": Field.LOGS,
    "aggregate.approval": Field.LOGS,
    "evidence.listing": Field.LOGS,
    "reveal.cost": Field.LOGS,
    "money.close": Field.LOGS,
    "money.balances": Field.LOGS,
    "money.conservation": Field.LOGS,
}
"""Where a violation of a check shows unless its check says otherwise; of all others, in the calldata."""


class Slice(NamedTuple):
    """Bytes beside or within others, where the bytes alone may stand there twice: `first` is from where `of` begins."""

    of: bytes
    first: int
    size: int

    @property
    def bytes(self) -> bytes:
        """The bytes themselves, of a slice within."""
        return self.of[self.first : self.first + self.size]

    def next(self, index: int) -> "Slice":
        """The one so many places behind, of a row of equally long ones."""
        return Slice(self.of, self.first + self.size * index, self.size)


@dataclass(slots=True)
class Place:
    """Where on the chain an audit is.

    Attributes:
        start: of a transaction that carries several blocks, where in the calldata the one that is checked begins.
        part: what it says of that block beside body and signatures.
    """

    block: RawBlock
    number: int
    call: ContractCall | None = None
    start: int = 0
    part: bytes = b""


@dataclass(frozen=True, slots=True)
class Exhibit:
    """Some bytes of the chain.

    Attributes:
        block: its number.
        transaction: its hash; None where the exhibit is of the block itself.
        field: what of it, a `Field`.
        first, size: which bytes of that field; numbers have size 0.
        bytes: those bytes in hexadecimal, the first `LONGEST` of them; a number as JSON-RPC writes it.
        of: of a compact game's body, the hash of the whole; the commands print that hash.
        cast, curl: commands that print the bytes from the node at $RPC, an event a line.
    """

    block: int
    transaction: str | None
    field: str
    first: int
    size: int
    bytes: str
    of: str | None
    cast: str
    curl: str


def exhibit(place: Place, check: str, part: bytes | Slice = b"", field: Field | None = None) -> Exhibit:
    """The part of what lies at a place that shows a violation of a check: `part` where it is there, else the field."""
    field = field or (Field.INPUT if part else SHOWN_BY.get(check, Field.INPUT))
    if place.call is None and field not in _OF_THE_BLOCK:
        field = Field.HASH
    if field is Field.INPUT and place.call is not None:
        return _in_calldata(place, place.call, part or place.part)
    value = _value(place, field)
    return _made(place, field, 0, 0 if field in _QUANTITIES else len(value), value)


def _in_calldata(place: Place, call: ContractCall, part: bytes | Slice) -> Exhibit:
    """The slice of the calldata, or of a body beside it; all of the calldata where neither has it."""
    whole, first, size = part if isinstance(part, Slice) else Slice(part, 0, len(part))
    data = next(decoded.data for decoded in map(decode_transaction, place.block.transactions)
                if decoded.digest == call.digest)  # fmt: skip
    at = max(data.find(whole, place.start), data.find(whole)) if whole else -1
    if at >= 0:
        return _made(place, Field.INPUT, at + first, size, data)
    for body in place.block.bodies if whole else ():
        digest, within = keccak(body), body.find(whole)
        if within >= 0 and digest in data:
            anchor = _made(place, Field.INPUT, max(data.find(digest, place.start), data.find(digest)), 32, data)
            return Exhibit(
                place.number, anchor.transaction, Field.BODY, within + first, size,
                _text(body[within + first : within + first + size]), anchor.bytes, anchor.cast, anchor.curl,
            )  # fmt: skip
    return _made(place, Field.INPUT, 0, len(data), data)


def _value(place: Place, field: Field) -> bytes:
    """All bytes of a field; of a number its big-endian ones."""
    call = place.call
    if field in _OF_THE_BLOCK:
        return _header_field(place, field)
    if call is None:
        raise ValueError(f"{field} is a transaction's")
    if field is Field.LOGS:
        for sent, received in zip(place.block.transactions, place.block.receipts, strict=True):
            if decode_transaction(sent).digest == call.digest:
                return b"".join(log.data for log in decode_receipt(received).logs)
    if field is Field.NONCE:
        return next(uint(sent.nonce, 32) for sent in map(decode_transaction, place.block.transactions)
                    if sent.digest == call.digest)  # fmt: skip
    number = call.value if field is Field.VALUE else call.block
    return call.sender if field is Field.SENDER else uint(number, 32)


def _header_field(place: Place, field: Field) -> bytes:
    if field is Field.HASH:
        return keccak(place.block.header)
    try:
        value = decode_rlp(place.block.header)[HEADER_FIELDS.index(field)]
    except (BadEncoding, IndexError):
        return b""
    return value if isinstance(value, bytes) else b""


def _made(place: Place, field: Field, first: int, size: int, value: bytes) -> Exhibit:
    transaction = None if field in _OF_THE_BLOCK or place.call is None else "0x" + place.call.digest.hex()
    shown = hex(int.from_bytes(value, "big")) if field in _QUANTITIES else _text(value[first : first + size])
    method, arguments = _question(place, field, transaction)
    pick = "".join(f" | {each}" for each in _pick(field, first, size))
    listed = ",".join(arguments)
    body = f'{{"jsonrpc":"2.0","id":1,"method":"{method}","params":[{listed}]}}'
    return Exhibit(
        place.number, transaction, field, first, size, shown, None,
        f"cast rpc {method} {' '.join(argument.strip(chr(34)) for argument in arguments)} --rpc-url $RPC{pick}",
        f"curl -s $RPC -H 'Content-Type: application/json' -d '{body}'{pick}",
    )  # fmt: skip


def _question(place: Place, field: Field, transaction: str | None) -> tuple[str, tuple[str, ...]]:
    if transaction is None:
        return "eth_getBlockByNumber", (f'"{place.number:#x}"', "false")
    method = "eth_getTransactionReceipt" if field is Field.LOGS else "eth_getTransactionByHash"
    return method, (f'"{transaction}"',)


def by_hand(check: str) -> str:
    """The command that prints what a violation of a check shows in, of a transaction HASH or a block NUMBER."""
    field = SHOWN_BY.get(check, Field.INPUT)
    method = "eth_getTransactionReceipt" if field is Field.LOGS else "eth_getTransactionByHash"
    asked = "eth_getBlockByNumber NUMBER false" if field in _OF_THE_BLOCK else f"{method} HASH"
    return " | ".join((f"cast rpc {asked} --rpc-url $RPC", *_pick(field, 0, 0)))


def _pick(field: Field, first: int, size: int) -> Iterator[str]:
    """The rest of a pipeline that prints the bytes out of an answer."""
    if field is Field.NONCE:
        yield """sed 's/"authorizationList": *[[][^]]*[]]//'"""  # authorizations (EIP-7702) have nonces of their own
    yield f"""grep -o '"{field}": *"0x[0-9a-fA-F]*"'"""
    yield "cut -d'\"' -f4"
    if field is Field.INPUT and size:
        yield f"cut -c {3 + 2 * first}-{2 + 2 * (first + size)}"


def _text(value: bytes) -> str:
    return "0x" + value[:LONGEST].hex()
