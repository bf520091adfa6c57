"""A history from any JSON-RPC node, believing nothing: every block is rebuilt from bytes and must hash to its name.

Only blocks, transactions and receipts are asked for: no state, and no index of logs.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chain_bandit.chain_history import rlp
from chain_bandit.chain_history.answers import (
    Rpc,
    agree,
    as_bytes,
    as_hex,
    as_integer,
    as_list,
    as_minimal,
    as_object,
    as_sized,
    get,
    need,
)
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
from chain_bandit.protocol.digests import keccak

MOST_BYTES = 1 << 25
"""Of all receipts of a block: no line of an export holds as many."""

_NUMBERS = frozenset(
    ("difficulty", "number", "gasLimit", "gasUsed", "timestamp", "baseFeePerGas", "blobGasUsed", "excessBlobGas")
)
_SIZES = {"miner": 20, "logsBloom": 256, "nonce": 8, "extraData": 0}
_OTHER_NAMES = {"miner": "coinbase"}


def collect(rpc: Rpc, contract: bytes, first_block: int, last_block: int | None = None) -> History:
    """All blocks from the contract's creation to `last_block`, by default the node's head when this is called.

    Blocks are asked for when one goes through them, one at a time, and must extend each other.

    Raises:
        NodeBehind: the node does not have them yet.
        NoBlocks: there are none.
    """
    head = last_of(rpc, first_block, last_block)
    return History(origin(rpc, contract, first_block), _NodeBlocks(rpc, first_block, head))


def last_of(rpc: Rpc, first: int, last: int | None) -> int:
    """The last block of a history, by default the node's head. Raises `NodeBehind`, `NoBlocks`."""
    head = height(rpc)
    if max(first, last or 0) > head:
        raise NodeBehind(head, max(first, last or 0))
    if last is not None and last < first:
        raise NoBlocks(first, last)
    return head if last is None else last


def origin(rpc: Rpc, contract: bytes, first_block: int) -> ContractOrigin:
    """Where a game's history comes from, on the node's chain."""
    return ContractOrigin(as_integer(rpc("eth_chainId", [])), contract, first_block)


def height(rpc: Rpc) -> int:
    """The number of the node's last block."""
    return as_integer(rpc("eth_blockNumber", []))


@dataclass(frozen=True, slots=True)
class _NodeBlocks:
    rpc: Rpc
    first: int
    last: int

    def __iter__(self) -> Iterator[RawBlock]:
        return fetch_blocks(self.rpc, self.first, self.last)


def fetch_blocks(rpc: Rpc, first: int, last: int, parent: bytes | None = None) -> Iterator[RawBlock]:
    """The blocks of these numbers, each on the one before it and the first one on the block of hash `parent`.

    The node must be of one mind: at the end it is asked again of which chain it is, and for the last block's hash.
    """
    chain_id = rpc("eth_chainId", [])
    for number in range(first, last + 1):
        block = fetch_block(rpc, number)
        said = rlp.decode(block.header)[0]
        if parent is not None and said != parent:
            raise NodeDisagrees(f"parent of block {number}", "0x" + said.hex(), "0x" + parent.hex())
        parent = keccak(block.header)
        yield block
    if first <= last and parent is not None:
        agree(f"hash of block {last}, asked for again,", block_hash(rpc, last), parent)
        again = rpc("eth_chainId", [])
        if as_integer(again) != as_integer(chain_id):
            raise NodeDisagrees("chain id", as_integer(chain_id), as_integer(again))


def block_hash(rpc: Rpc, number: int) -> bytes:
    """The hash that the node gives a block, not held against anything."""
    return as_bytes(need(as_object(rpc("eth_getBlockByNumber", [hex(number), False]), f"block {number}"), "hash"))


def fetch_block(rpc: Rpc, number: int) -> RawBlock:
    """One block, rebuilt and checked against its hash, its roots and its transactions' hashes.

    Raises:
        NodeDisagrees: when the node's own data do not give what it says.
        UnknownType: a transaction in it cannot be rebuilt.
    """
    answer = as_object(rpc("eth_getBlockByNumber", [hex(number), True]), f"block {number}")
    header = _header(answer)
    digest = as_bytes(need(answer, "hash"))
    if keccak(header) != digest and _padded(answer):
        header = _header({**answer, "extradata": b""})
    agree(f"hash of block {number}", digest, keccak(header))
    if as_integer(need(answer, "number")) != number:
        raise NodeDisagrees(f"block {number}", number, as_integer(need(answer, "number")))
    transactions = [as_object(item, "transaction") for item in as_list(need(answer, "transactions"))]
    raw = tuple(map(_transaction, transactions))
    for index, item in enumerate(transactions):
        agree(f"hash of transaction {index} of block {number}", as_bytes(need(item, "hash")), keccak(raw[index]))
    receipts = tuple(_receipts(rpc, number, transactions))
    fields = rlp.decode(header)
    agree(f"transactions root of block {number}", fields[4], ordered_root(raw))
    agree(f"receipts root of block {number}", fields[5], ordered_root(receipts))
    return RawBlock(header, raw, receipts)


def _receipts(rpc: Rpc, number: int, transactions: Sequence[Mapping[str, Any]]) -> Iterator[bytes]:
    """The receipts, each asked for when those before it are bytes."""
    size = 0
    for item in transactions:
        answer = rpc("eth_getTransactionReceipt", [as_hex(need(item, "hash"))])
        receipt = _receipt(as_object(answer, f"receipt in block {number}"))
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
    kind = as_integer(get(item, "type") or 0)
    if kind > LAST_TYPE:
        raise NodeDisagrees("answer", "a type of transactions", hex(kind))
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
        for entry in (as_object(entry, "access list") for entry in as_list(get(item, "accessList") or ()))
    ]
    extra: list[Any] = []
    if kind == 3:
        extra = [
            as_minimal(need(item, "maxFeePerBlobGas")),
            [as_bytes(name) for name in as_list(need(item, "blobVersionedHashes"))],
        ]
    elif kind == 4:
        entries = as_list(need(item, "authorizationList"))
        extra = [[_authorization(as_object(entry, "authorization")) for entry in entries]]
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
        for log in (as_object(log, "log") for log in as_list(need(item, "logs")))
    )
    fields = [
        as_minimal(need(item, "status")),
        as_minimal(need(item, "cumulativeGasUsed")),
        logs_bloom(logs),
        [[log.address, list(log.topics), log.data] for log in logs],
    ]
    kind = _kind(item)
    return (bytes([kind]) if kind else b"") + rlp.encode(fields)
