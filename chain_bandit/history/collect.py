"""A history from any JSON-RPC node, believing nothing: every block is rebuilt from bytes and must hash to its name.

The callable `rpc(method, params)` gives a result or raises. A result may be of JSON (hexadecimal strings) or of
Python (integers and bytes, as the embedded chain answers), its keys in either spelling.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chain_bandit.history import rlp
from chain_bandit.history.blocks import History, Origin, RawBlock
from chain_bandit.history.errors import NodeDisagrees
from chain_bandit.history.evm import HEADER_FIELDS, Log, created_address, decode_transaction, logs_bloom, ordered_root
from chain_bandit.protocol.digests import keccak, uint

Rpc = Callable[[str, Sequence[Any]], Any]

_NUMBERS = frozenset(
    ("difficulty", "number", "gasLimit", "gasUsed", "timestamp", "baseFeePerGas", "blobGasUsed", "excessBlobGas")
)
_SIZES = {"miner": 20, "logsBloom": 256, "nonce": 8, "extraData": 0}
_OTHER_NAMES = {"miner": "coinbase"}


def collect(rpc: Rpc, contract: bytes, first_block: int, last_block: int | None = None) -> History:
    """All blocks from the contract's creation to `last_block`, by default the node's head when this is called.

    Blocks are asked for when one goes through them, one at a time, and must extend each other.
    """
    head = last_block if last_block is not None else _integer(rpc("eth_blockNumber", []))
    origin = Origin(_integer(rpc("eth_chainId", [])), contract, first_block)
    return History(origin, _NodeBlocks(rpc, first_block, head))


@dataclass(frozen=True, slots=True)
class _NodeBlocks:
    rpc: Rpc
    first: int
    last: int

    def __iter__(self) -> Iterator[RawBlock]:
        parent = None
        for number in range(self.first, self.last + 1):
            block = fetch_block(self.rpc, number)
            said = rlp.decode(block.header)[0]
            if parent is not None and said != parent:
                raise NodeDisagrees(f"parent of block {number}", said.hex(), parent.hex())
            parent = keccak(block.header)
            yield block


def fetch_block(rpc: Rpc, number: int) -> RawBlock:
    """One block, rebuilt and checked against its hash, its roots and its transactions' hashes.

    Raises:
        NodeDisagrees: when the node's own data do not give what it says.
    """
    answer = _object(rpc("eth_getBlockByNumber", [hex(number), True]), f"block {number}")
    header = _header(answer)
    digest = _bytes(_need(answer, "hash"))
    if keccak(header) != digest and _padded(answer):
        header = _header({**answer, "extradata": b""})
    _agree(f"hash of block {number}", digest, keccak(header))
    transactions = [_object(item, "transaction") for item in _need(answer, "transactions")]
    raw = tuple(map(_transaction, transactions))
    for index, item in enumerate(transactions):
        _agree(f"hash of transaction {index} of block {number}", _bytes(_need(item, "hash")), keccak(raw[index]))
    receipts = tuple(map(_receipt, _receipts(rpc, number, transactions)))
    fields = rlp.decode(header)
    _agree(f"transactions root of block {number}", fields[4], ordered_root(raw))
    _agree(f"receipts root of block {number}", fields[5], ordered_root(receipts))
    return RawBlock(header, raw, receipts)


def creation_block(rpc: Rpc, contract: bytes) -> int:
    """The block that created the contract, by bisection on its code; needs a node that keeps old state."""
    address = "0x" + contract.hex()
    low, high = 0, _integer(rpc("eth_blockNumber", []))
    if not _bytes(rpc("eth_getCode", [address, hex(high)])):
        raise NodeDisagrees("contract", f"code at {address}", "none")
    while low < high:
        middle = (low + high) // 2
        if _bytes(rpc("eth_getCode", [address, hex(middle)])):
            high = middle
        else:
            low = middle + 1
    return low


def creates(raw: bytes, contract: bytes) -> bool:
    """Whether the transaction in `raw` creates `contract`."""
    transaction = decode_transaction(raw)
    return transaction.to is None and created_address(transaction.sender, transaction.nonce) == contract


def _receipts(rpc: Rpc, number: int, transactions: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [
        _object(rpc("eth_getTransactionReceipt", [_hex(_need(item, "hash"))]), f"receipt in block {number}")
        for item in transactions
    ]


def _padded(block: Mapping[str, Any]) -> bool:
    """Whether the extra data are 32 zero bytes: so the embedded chain shows data of no bytes."""
    return _bytes(_need(block, "extraData")) == bytes(32)


def _header(block: Mapping[str, Any]) -> bytes:
    fields: list[bytes] = []
    for name in HEADER_FIELDS:
        value = _get(block, name)
        if value is None:
            value = _get(block, _OTHER_NAMES.get(name, name))
        if value is None:
            break
        fields.append(_minimal(value) if name in _NUMBERS else _sized(value, _SIZES.get(name, 32)))
    return rlp.encode(fields)


def _transaction(item: Mapping[str, Any]) -> bytes:
    kind = _integer(_get(item, "type") or 0)
    to = _get(item, "to")
    data = _get(item, "input")
    target = [
        _minimal(_need(item, "gas")),
        _bytes(to) if to else b"",
        _minimal(_need(item, "value")),
        _bytes(_need(item, "data") if data is None else data),
    ]
    fees = (
        [_minimal(_need(item, "gasPrice"))]
        if kind < 2
        else [_minimal(_need(item, "maxPriorityFeePerGas")), _minimal(_need(item, "maxFeePerGas"))]
    )
    signature = [_minimal(_need(item, "r")), _minimal(_need(item, "s"))]
    nonce = _minimal(_need(item, "nonce"))
    if kind == 0:
        return rlp.encode([nonce, *fees, *target, _minimal(_need(item, "v")), *signature])
    access = [
        [_bytes(_need(entry, "address")), [_sized(key, 32) for key in _need(entry, "storageKeys")]]
        for entry in (_object(entry, "access list") for entry in _get(item, "accessList") or ())
    ]
    extra: list[Any] = []
    if kind == 3:
        extra = [
            _minimal(_need(item, "maxFeePerBlobGas")),
            [_bytes(name) for name in _need(item, "blobVersionedHashes")],
        ]
    elif kind == 4:
        extra = [[_authorization(_object(entry, "authorization")) for entry in _need(item, "authorizationList")]]
    parity = _get(item, "yParity")
    fields = [
        _minimal(_need(item, "chainId")), nonce, *fees, *target, access, *extra,
        _minimal(_need(item, "v") if parity is None else parity), *signature,
    ]  # fmt: skip
    return bytes([kind]) + rlp.encode(fields)


def _authorization(entry: Mapping[str, Any]) -> list[bytes]:
    numbers = [_minimal(_need(entry, name)) for name in ("chainId", "nonce", "yParity", "r", "s")]
    return [numbers[0], _bytes(_need(entry, "address")), *numbers[1:]]


def _receipt(item: Mapping[str, Any]) -> bytes:
    logs = tuple(
        Log(
            _bytes(_need(log, "address")),
            tuple(_sized(topic, 32) for topic in _need(log, "topics")),
            _bytes(_need(log, "data")),
        )
        for log in (_object(log, "log") for log in _need(item, "logs"))
    )
    fields = [
        _minimal(_need(item, "status")),
        _minimal(_need(item, "cumulativeGasUsed")),
        logs_bloom(logs),
        [[log.address, list(log.topics), log.data] for log in logs],
    ]
    kind = _integer(_get(item, "type") or 0)
    return (bytes([kind]) if kind else b"") + rlp.encode(fields)


def _agree(what: str, says: bytes, got: bytes) -> None:
    if says != got:
        raise NodeDisagrees(what, "0x" + says.hex(), "0x" + got.hex())


def _object(value: Any, what: str) -> Mapping[str, Any]:
    """An answer with its keys spelled one way: lower case, no underscores."""
    if not isinstance(value, Mapping):
        raise NodeDisagrees(what, "that there is one", "none")
    return {str(key).replace("_", "").lower(): item for key, item in value.items()}


def _get(answer: Mapping[str, Any], name: str) -> Any:
    return answer.get(name.lower())


def _need(answer: Mapping[str, Any], name: str) -> Any:
    value = _get(answer, name)
    if value is None:
        raise NodeDisagrees("answer", f"nothing of {name}", "none")
    return value


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str | bytes):
        raise NodeDisagrees("answer", "an integer", repr(value)[:60])
    try:
        if isinstance(value, str):
            number = int(value, 16) if value.startswith("0x") else int(value)
        else:
            number = int.from_bytes(value, "big") if isinstance(value, bytes) else value
    except ValueError as error:
        raise NodeDisagrees("answer", "an integer", repr(value)[:60]) from error
    if not 0 <= number < 2**256:
        raise NodeDisagrees("answer", "an unsigned integer of 256 bits", repr(value)[:60])
    return number


def _minimal(value: Any) -> bytes:
    """An integer as RLP has it: big-endian without leading zeros."""
    return rlp.encode_number(_integer(value))


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes | bytearray):
        return bytes(value)
    try:
        if isinstance(value, str):
            return bytes.fromhex(value.removeprefix("0x"))
    except ValueError as error:
        raise NodeDisagrees("answer", "bytes", value[:60]) from error
    raise NodeDisagrees("answer", "bytes", repr(value)[:60])


def _sized(value: Any, size: int) -> bytes:
    """Bytes, or an integer written in `size` bytes."""
    if isinstance(value, int) and not isinstance(value, bool) and size and 0 <= value < 256**size:
        return uint(value, size)
    return _bytes(value)


def _hex(value: Any) -> str:
    return "0x" + _bytes(value).hex()
