"""Trustless download of a history from a JSON-RPC node: every block is rebuilt from bytes and must match its hash.

Only blocks, transactions and receipts are asked for: no state, and no index of logs.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chain_bandit.chain.answers import NodeReader, as_bytes, as_hex, as_int, as_list
from chain_bandit.chain.errors import NodeGarbled, NodeRefused, NodeUnreachable, NotUnderstood
from chain_bandit.chain_history.answers import agree, as_minimal, as_object, as_sized, get, need, told
from chain_bandit.chain_history.blocks import ContractOrigin, History, RawBlock
from chain_bandit.chain_history.errors import NoBlocks, NodeBehind, NodeDisagrees, UnknownType
from chain_bandit.chain_history.evm import (
    FEWEST_FIELDS,
    HEADER_FIELDS,
    LAST_TYPE,
    NEWEST,
    Log,
    logs_bloom,
    ordered_root,
)
from chain_bandit.protocol import rlp
from chain_bandit.protocol.digests import keccak

MOST_BYTES = 1 << 25
"""Of all receipts of a block: no line of an export holds as many."""

_NUMBERS = frozenset(
    ("difficulty", "number", "gasLimit", "gasUsed", "timestamp", "baseFeePerGas", "blobGasUsed", "excessBlobGas")
)
_SIZES = {"miner": 20, "logsBloom": 256, "nonce": 8, "extraData": 0}
_OTHER_NAMES = {"miner": "coinbase"}


def collect(
    rpc: NodeReader, contract: bytes, first_block: int, last_block: int | None = None, head: bytes | None = None
) -> History:  # fmt: skip
    """All blocks from the contract's creation to `last_block`, by default the node's head when this is called.

    Blocks are asked for when one goes through them, one at a time, and must extend each other.

    Args:
        head: without a `last_block`, the hash of the last one, where the node has it.

    Raises:
        NodeBehind: the node does not have them yet.
        NoBlocks: there are none.
    """
    last = last_of(rpc, first_block, last_block, head)
    return History(origin(rpc, contract, first_block), _NodeBlocks(rpc, first_block, last))


def last_of(rpc: NodeReader, first: int, last: int | None, head: bytes | None = None) -> int:
    """The last block of a history: `last`, or the block of hash `head`, or the node's head.

    Raises `NodeBehind`, `NoBlocks`.
    """
    top = height(rpc)
    if max(first, last or 0) > top:
        raise NodeBehind(top, max(first, last or 0))
    if last is not None and last < first:
        raise NoBlocks(first, last)
    kept = _number_of(rpc, head) if last is None and head is not None else None
    if kept is not None and first <= kept <= top:
        return kept
    return top if last is None else last


def origin(rpc: NodeReader, contract: bytes, first_block: int) -> ContractOrigin:
    """Where a game's history comes from, on the node's chain."""
    return ContractOrigin(_chain_id(rpc), contract, first_block)


def _chain_id(rpc: NodeReader) -> int:
    found: int = told(rpc, "eth_chainId", [], as_int)
    return found


def height(rpc: NodeReader) -> int:
    """The number of the node's last block."""
    number: int = told(rpc, "eth_blockNumber", [], as_int)
    return number


def _number_of(rpc: NodeReader, digest: bytes) -> int | None:
    """The number that the node gives the block of a hash, unchecked; None where it has none or refuses to say."""

    def read(answer: Any) -> int | None:
        return None if answer is None else as_int(need(as_object(answer, "a block"), "number"))

    try:
        number: int | None = told(rpc, "eth_getBlockByHash", [as_hex(digest), False], read)
    except (NodeRefused, NotUnderstood):
        return None
    return number


@dataclass(frozen=True, slots=True)
class _NodeBlocks:
    rpc: NodeReader
    first: int
    last: int

    def __iter__(self) -> Iterator[RawBlock]:
        return fetch_blocks(self.rpc, self.first, self.last)


def fetch_blocks(rpc: NodeReader, first: int, last: int, parent: bytes | None = None) -> Iterator[RawBlock]:
    """The blocks of these numbers, each on the one before it and the first one on the block of hash `parent`.

    The node must be of one mind: at the end it is asked again of which chain it is, and for the last block's hash.
    """
    chain_id = _chain_id(rpc)
    for number in range(first, last + 1):
        block = fetch_block(rpc, number)
        said = rlp.decode(block.header)[0]
        if parent is not None and said != parent:
            raise NodeDisagrees(f"parent of block {number}", "0x" + said.hex(), "0x" + parent.hex())
        parent = keccak(block.header)
        yield block
    if first <= last and parent is not None:
        agree(f"hash of block {last}, asked for again,", block_hash(rpc, last), parent)
        again = _chain_id(rpc)
        if again != chain_id:
            raise NodeDisagrees("chain id", chain_id, again)


def block_hash(rpc: NodeReader, number: int) -> bytes:
    """The hash that the node gives a block, not held against anything."""

    def read(answer: Any) -> bytes:
        return as_bytes(need(as_object(answer, f"block {number}"), "hash"))

    digest: bytes = told(rpc, "eth_getBlockByNumber", [hex(number), False], read)
    return digest


def fetch_block(rpc: NodeReader, number: int) -> RawBlock:
    """One block, rebuilt and checked against its hash, its roots and its transactions' hashes.

    Raises:
        NodeDisagrees: when the node's own data do not give what it says.
        UnknownType: a transaction in it cannot be rebuilt.
    """
    said = _sent(rpc, number)
    receipts = tuple(_receipts(rpc, number, [digest for digest, _ in said.transactions]))
    agree(f"receipts root of block {number}", rlp.decode(said.header)[5], ordered_root(receipts))
    return RawBlock(said.header, tuple(raw for _, raw in said.transactions), receipts)


def fetch_transactions(rpc: NodeReader, number: int) -> tuple[bytes, ...]:
    """A block's transactions, checked so; a node may keep them and no receipts. Raises as `fetch_block` does."""
    return tuple(raw for _, raw in _sent(rpc, number).transactions)


def _sent(rpc: NodeReader, number: int) -> "_Said":
    said: _Said = told(rpc, "eth_getBlockByNumber", [hex(number), True], lambda answer: _said(answer, number))
    agree(f"hash of block {number}", said.digest, keccak(said.header))
    if said.number != number:
        raise NodeDisagrees(f"block {number}", number, said.number)
    for index, (digest, raw) in enumerate(said.transactions):
        agree(f"hash of transaction {index} of block {number}", digest, keccak(raw))
    transactions = tuple(raw for _, raw in said.transactions)
    agree(f"transactions root of block {number}", rlp.decode(said.header)[4], ordered_root(transactions))
    return said


@dataclass(frozen=True, slots=True)
class _Said:
    """A block in a node's words: its header and its transactions as bytes, each with the hash that the node gives."""

    number: int
    digest: bytes
    header: bytes
    transactions: list[tuple[bytes, bytes]]


def _said(answer: Any, number: int) -> _Said:
    block = as_object(answer, f"block {number}")
    header, digest = _header(block), as_bytes(need(block, "hash"))
    if keccak(header) != digest and _padded(block):
        header = _header({**block, "extradata": b""})
    # of a block that is not what it is called nothing more is read: its transactions may be of any type
    items = as_list(need(block, "transactions")) if keccak(header) == digest else ()
    transactions = [as_object(item, "a transaction") for item in items]
    sent = [(as_bytes(need(item, "hash")), _transaction(item)) for item in transactions]
    return _Said(as_int(need(block, "number")), digest, header, sent)


class _NoReceipt(NodeUnreachable):
    """The node answers that it has none."""


def _receipts(rpc: NodeReader, number: int, hashes: Sequence[bytes]) -> Iterator[bytes]:
    """The receipts, each asked for when those before it are bytes. Raises `NodeRefused` where the node keeps none."""
    method = "eth_getTransactionReceipt"

    def read(answer: Any) -> bytes:
        if answer is None:
            raise _NoReceipt(f"it gives no receipt of block {number:,}, which it has")
        return _receipt(as_object(answer, f"a receipt in block {number}"))

    size = 0
    for digest in hashes:
        try:
            receipt = told(rpc, method, [as_hex(digest)], read)
        except _NoReceipt as error:
            raise NodeRefused(method, str(error.reason)) from None
        size += len(receipt)
        if size > MOST_BYTES:
            raise NodeDisagrees(f"size of the receipts of block {number}", f"no more than {MOST_BYTES:,} bytes", "more")
        yield receipt


def _padded(block: Mapping[str, Any]) -> bool:
    """Whether the extra data are 32 zero bytes: so the embedded chain shows data of no bytes."""
    return as_bytes(need(block, "extraData")) == bytes(32)


def _header(block: Mapping[str, Any]) -> bytes:
    fields: list[bytes] = []
    for place, name in enumerate(HEADER_FIELDS):
        value = get(block, name)
        if value is None:
            value = (need if place < FEWEST_FIELDS else get)(block, _OTHER_NAMES.get(name, name))
        if value is None:
            break
        fields.append(as_minimal(value) if name in _NUMBERS else as_sized(value, _SIZES.get(name, 32)))
    return rlp.encode(fields)


def _kind(item: Mapping[str, Any]) -> int:
    kind = as_int(get(item, "type") or 0)
    if kind > LAST_TYPE:
        raise NodeGarbled("a type of transactions", kind)
    if kind > NEWEST:
        raise UnknownType(kind)
    return kind


def _transaction(item: Mapping[str, Any]) -> bytes:
    kind = _kind(item)
    to = get(item, "to")
    data = get(item, "input")
    target = [
        as_minimal(need(item, "gas")),
        as_bytes(to) if to else b"",
        as_minimal(need(item, "value")),
        as_bytes(need(item, "data") if data is None else data),
    ]
    fees = (
        [as_minimal(need(item, "gasPrice"))]
        if kind < 2
        else [as_minimal(need(item, "maxPriorityFeePerGas")), as_minimal(need(item, "maxFeePerGas"))]
    )
    signature = [as_minimal(need(item, "r")), as_minimal(need(item, "s"))]
    nonce = as_minimal(need(item, "nonce"))
    if kind == 0:
        return rlp.encode([nonce, *fees, *target, as_minimal(need(item, "v")), *signature])
    access = [
        [as_bytes(need(entry, "address")), [as_sized(key, 32) for key in as_list(need(entry, "storageKeys"))]]
        for entry in (as_object(entry, "an access list") for entry in as_list(get(item, "accessList") or ()))
    ]
    extra: list[Any] = []
    if kind == 3:
        extra = [
            as_minimal(need(item, "maxFeePerBlobGas")),
            [as_bytes(name) for name in as_list(need(item, "blobVersionedHashes"))],
        ]
    elif kind == 4:
        entries = as_list(need(item, "authorizationList"))
        extra = [[_authorization(as_object(entry, "an authorization")) for entry in entries]]
    parity = get(item, "yParity")
    fields = [
        as_minimal(need(item, "chainId")), nonce, *fees, *target, access, *extra,
        as_minimal(need(item, "v") if parity is None else parity), *signature,
    ]  # fmt: skip
    return bytes([kind]) + rlp.encode(fields)


def _authorization(entry: Mapping[str, Any]) -> list[bytes]:
    numbers = [as_minimal(need(entry, name)) for name in ("chainId", "nonce", "yParity", "r", "s")]
    return [numbers[0], as_bytes(need(entry, "address")), *numbers[1:]]


def _receipt(item: Mapping[str, Any]) -> bytes:
    logs = tuple(
        Log(
            as_bytes(need(log, "address")),
            tuple(as_sized(topic, 32) for topic in as_list(need(log, "topics"))),
            as_bytes(need(log, "data")),
        )
        for log in (as_object(log, "a log") for log in as_list(need(item, "logs")))
    )
    fields = [
        as_minimal(need(item, "status")),
        as_minimal(need(item, "cumulativeGasUsed")),
        logs_bloom(logs),
        [[log.address, list(log.topics), log.data] for log in logs],
    ]
    kind = _kind(item)
    return (bytes([kind]) if kind else b"") + rlp.encode(fields)
