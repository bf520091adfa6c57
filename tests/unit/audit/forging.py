"""Histories with something changed and everything made to fit again: roots, parents, and any signature we hold."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import rlp
from coincurve import PublicKey

from chain_bandit.chain_history.blocks import History
from chain_bandit.chain_history.bodies import Bodies, with_bodies
from chain_bandit.chain_history.evm import Log, decode_receipt, decode_transaction, logs_bloom
from chain_bandit.chain_history.records import GAME, Interface, decode_arguments
from chain_bandit.crypto.keys import Signer
from chain_bandit.crypto.secp256k1 import ORDER
from chain_bandit.protocol.digests import keccak
from verification.tampering import rehashed


@dataclass
class Forgery:
    """A history taken apart: block headers as lists of fields, transactions and receipts as bytes."""

    history: History
    keys: Mapping[bytes, Signer]
    interface: Interface = GAME
    blocks: list[tuple[list[bytes], list[bytes], list[bytes]]] = field(init=False)

    def __post_init__(self) -> None:
        self.blocks = [
            (list(rlp.decode(block.header)), list(block.transactions), list(block.receipts))
            for block in self.history.blocks
        ]

    def call(self, method: str, which: int, change: Callable[[list[Any]], Sequence[bytes]]) -> None:
        """Change calldata (`which` counts the calls of one method) and sign the transaction again."""
        self.change_transaction(
            *self._place(method, which), lambda fields: fields.__setitem__(7, change(fields[7]))
        )

    def sender(self, method: str, which: int, key: Signer) -> None:
        """Let another account sign a call."""
        self.change_transaction(*self._place(method, which), lambda fields: None, key)

    def who(self, method: str, which: int) -> Signer:
        """The key of a call's sender."""
        block, index = self._place(method, which)
        return self.keys[decode_transaction(self.blocks[block][1][index]).sender]

    def block_of(self, method: str, which: int) -> int:
        """The index of the block that holds a call."""
        return self._place(method, which)[0]

    def wait(self, before: int, blocks: int) -> None:
        """Put empty blocks before the one at an index, or take empty ones away from there, and number all anew."""
        taken = self.blocks[before + min(blocks, 0) : before]
        assert not any(transactions for _, transactions, _ in taken)
        empty = list(next(fields for fields, transactions, _ in self.blocks if not transactions))
        self.blocks[before - len(taken) : before] = [(list(empty), [], []) for _ in range(blocks)]
        time = b""
        for number, (fields, _, _) in enumerate(self.blocks, self.history.origin.first_block):
            fields[8] = rlp.sedes.big_endian_int.serialize(number)
            fields[11] = time = max(time, fields[11])  # as long as another from year 1970 to 2106

    def copy(self, source: int, target: int) -> None:
        """Put another block's transactions and receipts in the place of a block's own."""
        (theirs, *parts), (mine, *own) = self.blocks[source], self.blocks[target]
        mine[10] = theirs[10]  # gas used
        for part, kept in zip(parts, own, strict=True):
            kept[:] = part

    def call_first(self, block: int, key: Signer, to: bytes, data: bytes, logs: Sequence[Log] = ()) -> None:
        """Put a call that succeeds before those of a block."""
        gas, (fields, raws, receipts) = 30_000, self.blocks[block]
        receipts[:] = [raw[:1] + rlp.encode([status, int.from_bytes(used, "big") + gas, *rest])
                       for raw in receipts for status, used, *rest in [rlp.decode(raw[1:])]]  # fmt: skip
        receipts.insert(0, _with_logs(b"\2" + rlp.encode([b"\1", gas]), logs))
        fields[10] = rlp.decode(receipts[-1][1:])[1]
        sent = [self.history.origin.chain_id, 0, 1, 10**10, 10**6, to, 0, data, [], b"", b"", b""]
        raws.insert(0, b"\2" + rlp.encode(sent))
        self.change_transaction(block, 0, lambda fields: None, key)

    def _place(self, method: str, which: int) -> tuple[int, int]:
        selector = self.interface.selectors[method]
        return [(b, i) for b, (_, raws, _) in enumerate(self.blocks) for i, raw in enumerate(raws)
                if decode_transaction(raw).data[:4] == selector][which]  # fmt: skip

    def arguments(self, method: str, which: int) -> tuple[Any, ...]:
        """What a call says."""
        block, index = self._place(method, which)
        data = decode_transaction(self.blocks[block][1][index]).data
        return decode_arguments(self.interface.methods[method], data[4:])

    def recipient(self, method: str, which: int, to: bytes) -> None:
        """Send a call elsewhere."""
        self.change_transaction(*self._place(method, which), lambda fields: fields.__setitem__(5, to))

    def refuse(self, method: str, which: int, used: int | None = None) -> None:
        """Let a call have failed, with so much gas used; without it, all that there was."""
        block, index = self._place(method, which)
        fields, raws, receipts = self.blocks[block]
        earlier = decode_receipt(receipts[index - 1]).gas if index else 0
        gas = decode_transaction(raws[index]).gas_limit if used is None else used
        more = earlier + gas - decode_receipt(receipts[index]).gas
        for later in range(index, len(receipts)):
            status, total, *rest = rlp.decode(receipts[later][1:])
            said = [b"", bytes(256), []] if later == index else [status, *rest]
            said.insert(1, int.from_bytes(total, "big") + more)
            receipts[later] = receipts[later][:1] + rlp.encode(said)
        fields[10] = rlp.decode(receipts[-1][1:])[1]

    def move_event(self, name: str, source: int, target: int) -> None:
        """Take an event out of its receipt, and put it behind another of its name."""
        taken: list[bytes] = []
        self.event(name, source, lambda data: taken.append(data))
        topic = self.interface.topics[name]
        holders = [(receipts, index) for _, _, receipts in self.blocks for index, raw in enumerate(receipts)
                   if any(log.topics == (topic,) for log in decode_receipt(raw).logs)]  # fmt: skip
        receipts, index = holders[target]
        logs = decode_receipt(receipts[index]).logs
        receipts[index] = _with_logs(receipts[index], (*logs, replace(logs[-1], data=taken[0])))

    def speak(self, method: str, which: int, log: Log) -> None:
        """Let a call have one more log."""
        block, index = self._place(method, which)
        receipts = self.blocks[block][2]
        receipts[index] = _with_logs(receipts[index], (*decode_receipt(receipts[index]).logs, log))

    def creation(self, change: Callable[[bytes], bytes]) -> None:
        """Change the deployment's data and sign it again."""
        self.change_transaction(0, 0, lambda fields: fields.__setitem__(7, change(fields[7])))

    def value(self, block: int, wei: int) -> None:
        """Change how many wei a transaction carries."""
        encoded = rlp.sedes.big_endian_int.serialize(wei)
        self.change_transaction(block, 0, lambda fields: fields.__setitem__(6, encoded))

    def chain(self, block: int, chain_id: bytes) -> None:
        """Sign a transaction for another chain."""
        self.change_transaction(block, 0, lambda fields: fields.__setitem__(0, chain_id))

    def change_transaction(
        self, block: int, index: int, change: Callable[[list[Any]], None], key: Signer | None = None
    ) -> None:
        raw = self.blocks[block][1][index]
        key = key or self.keys[decode_transaction(raw).sender]
        fields = list(rlp.decode(raw[1:]))
        change(fields)
        signature = key.sign(keccak(raw[:1] + rlp.encode(fields[:-3])))
        tail = int.from_bytes(signature[32:], "big")
        numbers = (tail >> 255, int.from_bytes(signature[:32], "big"), tail & (2**255 - 1))
        fields[-3:] = [rlp.sedes.big_endian_int.serialize(number) for number in numbers]
        self.blocks[block][1][index] = raw[:1] + rlp.encode(fields)

    def _number(self) -> None:
        """Number every account's transactions one by one, as it would have that sent these and no others."""
        numbers: dict[bytes, int] = {}
        for block, (_, raws, _) in enumerate(self.blocks):
            for index, raw in enumerate(raws):
                sent = decode_transaction(raw)
                number = numbers.setdefault(sent.sender, sent.nonce)
                numbers[sent.sender] += 1
                if sent.nonce != number:
                    encoded = rlp.sedes.big_endian_int.serialize(number)
                    self.change_transaction(block, index, lambda fields, at=encoded: fields.__setitem__(1, at))

    def event(self, name: str, which: int, change: Callable[[bytes], bytes | None]) -> None:
        """Change an event's data, or drop the event; negative `which` from the end."""
        topic = self.interface.topics[name]
        logs = [log for _, _, raws in self.blocks for raw in raws for log in decode_receipt(raw).logs]
        which = range(sum(log.topics == (topic,) for log in logs))[which]
        seen = 0
        for _, _, raws in self.blocks:
            for index, raw in enumerate(raws):
                receipt, logs = decode_receipt(raw), []
                for log in receipt.logs:
                    data: bytes | None = log.data
                    if log.topics == (topic,):
                        data = change(log.data) if seen == which else data
                        seen += 1
                    if data is not None:
                        logs.append(Log(log.address, log.topics, data))
                if tuple(logs) != receipt.logs:
                    raws[index] = _with_logs(raw, logs)

    def made(self) -> History:
        """The forged history: all roots, parents and numbers fit; a compact game's bodies are there still."""
        self._number()
        bodies = Bodies()
        bodies.add_all(self.history)
        return with_bodies(History(self.history.origin, rehashed(self.blocks)), bodies)


def signed_with(nonce: int, key: Signer, digest: bytes) -> bytes:
    """A canonical signature with a nonce of one's choice."""
    point = PublicKey.from_secret(nonce.to_bytes(32, "big")).format()
    r, odd = int.from_bytes(point[1:], "big") % ORDER, point[0] & 1
    s = pow(nonce, -1, ORDER) * (int.from_bytes(digest, "big") + r * int.from_bytes(key.secret, "big")) % ORDER
    if s > ORDER // 2:
        s, odd = ORDER - s, 1 - odd
    return r.to_bytes(32, "big") + (s | odd << 255).to_bytes(32, "big")


def _with_logs(receipt: bytes, logs: Sequence[Log]) -> bytes:
    status, gas = rlp.decode(receipt[1:])[:2]
    encoded = [[log.address, list(log.topics), log.data] for log in logs]
    return receipt[:1] + rlp.encode([status, gas, logs_bloom(logs), encoded])
