"""The lines of an exported history, and the chain that its blocks are."""

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chain_bandit.paranoid import rlp
from chain_bandit.paranoid.curve import recovered
from chain_bandit.paranoid.trie import root
from chain_bandit.paranoid.words import Broken, keccak, number

PARENT, TRANSACTIONS, RECEIPTS, NUMBER = 0, 4, 5, 8
"""Where a block header keeps what is read of it."""
FIELDS = {0: 9, 1: 11, 2: 12, 3: 14, 4: 13}
RECIPIENT = {0: 3, 1: 4, 2: 5, 3: 5, 4: 5}
"""By type of transaction: how many fields it has, and where recipient, value and data begin."""

LONGEST = 2**26
"""Bytes of a line; what is longer is cut, and no JSON."""


@dataclass(frozen=True)
class Authorization:
    """An account's word about code of its own (EIP-7702), which takes a number of it; `signer` is None for nobody's."""

    chain_id: int
    code: bytes
    number: int
    signer: bytes | None


@dataclass(frozen=True)
class Transaction:
    """What a transaction is and did.

    Attributes:
        number: of the sender's transactions.
        gas, limit: what it used, and what it was given.
        created: the address of the contract that it makes, if it makes one.
    """

    block: int
    sender: bytes
    number: int
    gas: int
    limit: int
    authorizations: list[Authorization]
    to: bytes
    created: bytes
    value: int
    data: bytes
    succeeded: bool
    logs: list[tuple[bytes, list[bytes], bytes]]


@dataclass(frozen=True)
class Export:
    """A history: its chain and contract, per block transactions and the bodies beside them, the last block's number."""

    chain_id: int
    contract: bytes
    blocks: list[tuple[list[Transaction], list[bytes]]]
    head: bytes
    last: int


def read(path: Path) -> Export:
    """The history in a file, plain or gzipped. Raises `Broken` where its blocks are no chain."""
    try:
        return _read(path)
    except (OSError, EOFError, KeyError, TypeError, IndexError, AttributeError, OverflowError, RecursionError) as error:
        raise Broken(f"the history cannot be read ({type(error).__name__}: {error})") from error


def _read(path: Path) -> Export:
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
    with gzip.open(path) if packed else path.open("rb") as lines:
        first = json.loads(lines.readline(LONGEST) or b"{}")
        chain_id, height, head = int(first["chain_id"]), int(first["first_block"]), b""
        blocks = []
        for line in iter(lambda: lines.readline(LONGEST), b""):
            block = json.loads(line)
            header = _unhex(block["header"])
            fields = rlp.decode_list(header)
            if number(fields[NUMBER]) != height or (head and fields[PARENT] != head):
                raise Broken(f"block {height} does not follow the one before it")
            head = keccak(header)
            blocks.append((_transactions(height, chain_id, fields, block), list(map(_unhex, block["bodies"]))))
            height += 1
    return Export(chain_id, _unhex(first["contract"]), blocks, head, height - 1)


def _unhex(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def _transactions(height: int, chain_id: int, header: list[bytes], block: dict[str, Any]) -> list[Transaction]:
    sent, received = list(map(_unhex, block["transactions"])), list(map(_unhex, block["receipts"]))
    if root(sent) != header[TRANSACTIONS] or root(received) != header[RECEIPTS] or len(sent) != len(received):
        raise Broken(f"block {height} has other transactions or receipts than its header")
    return list(_decoded(height, chain_id, sent, received))


def _decoded(height: int, chain_id: int, sent: list[bytes], received: list[bytes]) -> Iterator[Transaction]:
    before = 0
    for raw, outcome in zip(sent, received, strict=True):
        kind = raw[0] if raw[0] < 0xC0 else 0
        fields = rlp.decode_list(raw[1:] if kind else raw)
        if len(fields) != FIELDS.get(kind):
            raise Broken(f"block {height} has a transaction of type {kind} with {len(fields)} fields")
        sender = _sender(kind, fields, chain_id)
        if sender is None:
            raise Broken(f"block {height} has a transaction that nobody signed for this chain")
        at = RECIPIENT[kind]
        to, value, data = fields[at : at + 3]
        status, gas, _, logs = rlp.decode_list(outcome[1:] if kind else outcome)
        if logs and status != b"\1":
            raise Broken(f"block {height} has events of a transaction that was reverted")
        place = fields[1 if kind else 0]
        created = b"" if to else keccak(rlp.encode([sender, place]))[12:]
        given = [_authorization(each) for each in fields[9]] if kind == 4 else []
        yield Transaction(
            height, sender, number(place), number(gas) - before, number(fields[at - 1]), given, to, created,
            number(value), data, status == b"\1", [tuple(log) for log in logs],
        )  # fmt: skip
        before = number(gas)


def _authorization(entry: list[bytes]) -> Authorization:
    chain_id, code, place, parity, r, s = entry
    signed = keccak(b"\5" + rlp.encode([chain_id, code, place]))
    author = recovered(signed, number(parity), number(r), number(s)) if number(parity) < 2 else None
    return Authorization(number(chain_id), code, number(place), author)


def _sender(kind: int, fields: list[Any], chain_id: int) -> bytes | None:
    """Signer of a transaction (EIP-155, EIP-2718); None when there is none, or for another chain."""
    v, r, s = (number(field) for field in fields[-3:])
    if kind:
        signed = bytes([kind]) + rlp.encode(fields[:-3])
        return recovered(keccak(signed), v, r, s) if v < 2 and number(fields[0]) == chain_id else None
    if v in (27, 28):
        return recovered(keccak(rlp.encode(fields[:6])), v - 27, r, s)
    if v not in (35 + 2 * chain_id, 36 + 2 * chain_id):
        return None
    signed = rlp.encode([*fields[:6], rlp.minimal(chain_id), b"", b""])
    return recovered(keccak(signed), (v - 35) % 2, r, s)
