"""An EVM block from its bytes, offline: header, transactions, receipts, their roots and their senders.

Every decoder is a pure function of raw bytes, kept for a while, so that reading the same block again costs nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from chain_bandit.chain_history.bounded_memo import remembered
from chain_bandit.chain_history.errors import UnknownType
from chain_bandit.crypto.verify import signer
from chain_bandit.protocol import rlp
from chain_bandit.protocol.digests import keccak, uint
from chain_bandit.protocol.errors import BadEncoding

HEADER_FIELDS = (
    "parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot", "receiptsRoot", "logsBloom", "difficulty",
    "number", "gasLimit", "gasUsed", "timestamp", "extraData", "mixHash", "nonce", "baseFeePerGas", "withdrawalsRoot",
    "blobGasUsed", "excessBlobGas", "parentBeaconBlockRoot", "requestsHash",
)  # fmt: skip
"""A header's fields in their order, through Prague; chains before London stop after `nonce`, later ones go on."""

FEWEST_FIELDS = 15
"""Fields that every header has."""

_HEADER_SIZES = {0: (32,), 1: (32,), 2: (20,), 3: (32,), 4: (32,), 5: (32,), 6: (256,), 12: (), 13: (32,), 14: (8,),
                 16: (32,), 19: (32,), 20: (32,)}  # fmt: skip
_HEADER = tuple((f"block header {name}", _HEADER_SIZES.get(at)) for at, name in enumerate(HEADER_FIELDS))
"""Each field as an error names it, and its sizes: none where any will do; None where it is a number."""

_PAYLOAD = {1: 11, 2: 12, 3: 14, 4: 13}
"""Fields of each typed transaction, signature included."""

NEWEST, LAST_TYPE = 4, 0x7F
"""The type of transactions that came last, and the highest that any can have (EIP-2718)."""

_AT = {0: (3, 4, 5), 1: (4, 5, 6), 2: (5, 6, 7), 3: (5, 6, 7), 4: (5, 6, 7)}
"""Where each type keeps recipient, value and data; its gas limit is before them."""


@dataclass(frozen=True, slots=True)
class BlockHeader:
    """What an auditor needs of a block header. `later`: it has fields that came after this version."""

    digest: bytes
    parent: bytes
    number: int
    transactions_root: bytes
    receipts_root: bytes
    bloom: bytes
    gas_limit: int
    gas_used: int
    timestamp: int
    later: bool


@dataclass(frozen=True, slots=True)
class Authorization:
    """An account's word that it wants to have code, or none any more (EIP-7702). It takes a number of the account.

    Attributes:
        chain_id: 0 for any chain.
        code: the address of the code; zeros take it away.
        nonce: the account's number that it takes; without effect where the account is at another.
        signed, signature: as of a transaction.
    """

    chain_id: int
    code: bytes
    nonce: int
    signed: bytes
    signature: bytes

    @property
    def signer(self) -> bytes | None:
        """Whose word it is; None where it is nobody's, and without effect."""
        return _sender(self.signed, self.signature)


@dataclass(frozen=True, slots=True)
class Transaction:
    """A signed transaction. `chain_id` is None for a legacy one signed for no chain; `to` is None when it creates.

    Attributes:
        raw: all of it.
        signed: the digest that its sender signed.
        signature: its 64 bytes after EIP-2098.
        authorizations: what it carries of them, in order.
    """

    raw: bytes
    type: int
    chain_id: int | None
    nonce: int
    gas_limit: int
    to: bytes | None
    value: int
    data: bytes
    signed: bytes
    signature: bytes
    authorizations: tuple[Authorization, ...] = ()

    @property
    def digest(self) -> bytes:
        """Its hash."""
        return keccak(self.raw)

    @property
    def sender(self) -> bytes:
        """Whose the signature is: recovered when asked for, and kept for a while. Raises `BadEncoding`: nobody's."""
        sender = _sender(self.signed, self.signature)
        if sender is None:
            raise BadEncoding("transaction: its signature is not valid")
        return sender


@dataclass(frozen=True, slots=True)
class Log:
    """One event as the chain keeps it."""

    address: bytes
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class EvmReceipt:
    """What a transaction did. `gas` is cumulative in its block; `bloom` is that of the logs."""

    type: int
    succeeded: bool
    gas: int
    bloom: bytes
    logs: tuple[Log, ...]


def _decode_list(data: bytes, what: str) -> list[Any]:
    """The RLP list in `data`, refusing any other encoding of the same."""
    try:
        value = rlp.decode(data)
    except BadEncoding as error:
        raise BadEncoding(f"{what}: {error}") from error
    if not isinstance(value, list):
        raise BadEncoding(f"{what}: expected an RLP list")
    return value


def _bytes(value: object, what: str, *sizes: int) -> bytes:
    if not isinstance(value, bytes) or (sizes and len(value) not in sizes):
        raise BadEncoding(f"{what}: expected {' or '.join(map(str, sizes)) or 'some'} bytes")
    return value


def _integer(value: object, what: str, size: int = 32) -> int:
    if not isinstance(value, bytes) or len(value) > size or value[:1] == b"\0":
        raise BadEncoding(f"{what}: expected an integer of at most {size} bytes without leading zeros")
    return int.from_bytes(value, "big")


@remembered(512)
def decode_header(raw: bytes) -> BlockHeader:
    """The header in `raw`. Raises `BadEncoding`."""
    fields = _decode_list(raw, "block header")
    if len(fields) < FEWEST_FIELDS:
        raise BadEncoding(f"block header: {len(fields)} fields")
    for value, (what, sizes) in zip(fields, _HEADER, strict=False):
        if sizes is None:
            _integer(value, what)
        elif not isinstance(value, bytes) or len(value) not in sizes:
            _bytes(value, what, *sizes)
    return BlockHeader(
        digest=keccak(raw),
        parent=fields[0],
        number=int.from_bytes(fields[8], "big"),
        transactions_root=fields[4],
        receipts_root=fields[5],
        bloom=fields[6],
        gas_limit=int.from_bytes(fields[9], "big"),
        gas_used=int.from_bytes(fields[10], "big"),
        timestamp=int.from_bytes(fields[11], "big"),
        later=len(fields) > len(HEADER_FIELDS),
    )


_sender = lru_cache(maxsize=1 << 14)(signer)
"""An audit may pass twice over a history: of 10^4 rounds the second pass recovers no sender again, for 8 MB at most."""


@remembered(512)
def decode_transaction(raw: bytes) -> Transaction:
    """The transaction in `raw`; its signature is looked at when its sender is asked for.

    Raises:
        UnknownType: it is of a type that came after this version.
        BadEncoding: it is none.
    """
    if not raw:
        raise BadEncoding("transaction: empty")
    kind = 0 if raw[0] >= 0xC0 else raw[0]
    if NEWEST < kind <= LAST_TYPE:
        raise UnknownType(kind)
    fields = _decode_list(raw[1:] if kind else raw, "transaction")
    if len(fields) != _PAYLOAD.get(kind, -1 if kind else 9):
        raise BadEncoding(f"transaction: type {kind} with {len(fields)} fields")
    to, value, data = (fields[at] for at in _AT[kind])
    chain_id, parity, signed = _signed_part(kind, fields)
    return Transaction(
        raw=raw,
        type=kind,
        chain_id=chain_id,
        nonce=_integer(fields[1 if kind else 0], "transaction nonce", 8),
        gas_limit=_integer(fields[_AT[kind][0] - 1], "transaction gas limit"),
        to=_bytes(to, "transaction recipient", 0, 20) or None,
        value=_integer(value, "transaction value"),
        data=_bytes(data, "transaction data"),
        signed=keccak(signed),
        signature=_compact(parity, fields[-2:]),
        authorizations=_authorizations(fields[9]) if kind == NEWEST else (),
    )


def _compact(parity: int, numbers: list[Any]) -> bytes:
    """A signature of the numbers (r, s) after EIP-2098; nothing where that has none, as s or the parity is too high."""
    r, s = (_integer(number, "transaction signature") for number in numbers)
    return uint(r, 32) + uint(parity << 255 | s, 32) if s < 1 << 255 and parity < 2 else b""


def _authorizations(entries: Any) -> tuple[Authorization, ...]:
    if not isinstance(entries, list) or not all(isinstance(entry, list) and len(entry) == 6 for entry in entries):
        raise BadEncoding("transaction: authorizations are not (chain id, address, nonce, parity, r, s)")
    return tuple(
        Authorization(
            _integer(entry[0], "authorization chain id"), _bytes(entry[1], "authorized address", 20),
            _integer(entry[2], "authorization nonce", 8), keccak(b"\5" + rlp.encode(entry[:3])),
            _compact(_integer(entry[3], "authorization parity", 1), entry[4:]),
        )
        for entry in entries
    )  # fmt: skip


def _signed_part(kind: int, fields: list[Any]) -> tuple[int | None, int, bytes]:
    """Chain id, parity and the bytes that were signed (EIP-155, EIP-2718)."""
    v = _integer(fields[-3], "transaction v")
    if kind:
        if v > 1:
            raise BadEncoding("transaction: parity is neither 0 nor 1")
        return _integer(fields[0], "transaction chain id"), v, bytes([kind]) + rlp.encode(fields[:-3])
    if v in (27, 28):
        return None, v - 27, rlp.encode(fields[:6])
    if v < 35:
        raise BadEncoding(f"transaction: v is {v}")
    chain_id = (v - 35) // 2
    return chain_id, (v - 35) % 2, rlp.encode([*fields[:6], rlp.encode_number(chain_id), b"", b""])


@remembered(512)
def decode_receipt(raw: bytes) -> EvmReceipt:
    """The receipt in `raw`. Raises `BadEncoding`."""
    if not raw:
        raise BadEncoding("receipt: empty")
    kind = 0 if raw[0] >= 0xC0 else raw[0]
    fields = _decode_list(raw[1:] if kind else raw, "receipt")
    if kind > 4 or len(fields) != 4:
        raise BadEncoding(f"receipt: type {kind} with {len(fields)} fields")
    status, gas, bloom, logs = fields
    if status not in (b"", b"\1"):
        raise BadEncoding("receipt: status is neither 0 nor 1")
    if not isinstance(logs, list):
        raise BadEncoding("receipt: logs are not a list")
    decoded = tuple(map(_decode_log, logs))
    if _bytes(bloom, "receipt bloom", 256) != logs_bloom(decoded):
        raise BadEncoding("receipt: its bloom is not that of its logs")
    return EvmReceipt(kind, status == b"\1", _integer(gas, "receipt gas"), bloom, decoded)


def _decode_log(log: object) -> Log:
    if not isinstance(log, list) or len(log) != 3 or not isinstance(log[1], list) or len(log[1]) > 4:
        raise BadEncoding("receipt: a log is not (address, topics, data)")
    topics = tuple(_bytes(topic, "log topic", 32) for topic in log[1])
    return Log(_bytes(log[0], "log address", 20), topics, _bytes(log[2], "log data"))


def logs_bloom(logs: Sequence[Log]) -> bytes:
    """The 2048-bit filter of addresses and topics that a receipt carries."""
    bits = 0
    for log in logs:
        for item in (log.address, *log.topics):
            bits |= _bloom_bits(item)
    return uint(bits, 256)


@lru_cache(maxsize=4096)
def _bloom_bits(item: bytes) -> int:
    digest = keccak(item)
    return sum({1 << (int.from_bytes(digest[at : at + 2], "big") & 2047) for at in (0, 2, 4)})


def ordered_root(items: tuple[bytes, ...]) -> bytes:
    """The root of the Merkle-Patricia trie that maps rlp(i) to item i: a transactions or a receipts root."""
    pairs = [(rlp.encode(rlp.encode_number(index)).hex(), item) for index, item in enumerate(items)]
    return keccak(rlp.encode(_node(sorted(pairs), 0)))


def _node(pairs: Sequence[tuple[str, bytes]], depth: int) -> Any:
    """The trie node of these (nibbles, value) pairs, sorted, which agree on their first `depth` nibbles."""
    if not pairs:
        return b""
    first, last = pairs[0][0], pairs[-1][0]
    if len(pairs) == 1:
        return [_path(first[depth:], leaf=True), pairs[0][1]]
    shared = depth
    while first[shared] == last[shared]:  # no key of rlp(i) is the beginning of another
        shared += 1
    if shared > depth:
        return [_path(first[depth:shared], leaf=False), _reference(_node(pairs, shared))]
    branches = [[pair for pair in pairs if pair[0][depth] == nibble] for nibble in "0123456789abcdef"]
    return [*(_reference(_node(branch, depth + 1)) for branch in branches), b""]


def _path(nibbles: str, leaf: bool) -> bytes:
    """Hex-prefix encoding of a path."""
    flag = 2 if leaf else 0
    return bytes.fromhex(f"{flag + 1:x}{nibbles}" if len(nibbles) % 2 else f"{flag:x}0{nibbles}")


def _reference(node: Any) -> Any:
    """How a node stands in its parent: itself when its encoding is short, else its hash."""
    encoded = rlp.encode(node)
    return node if len(encoded) < 32 else keccak(encoded)
