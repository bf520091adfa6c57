"""The records of a game off one node of the chain: each once, in order, held against the rules."""

from collections import deque
from dataclasses import dataclass
from typing import Any

from chain_bandit.actors.messages import CertifiedBlock
from chain_bandit.chain.artifacts import chain_bandit_artifact
from chain_bandit.chain.client import Coordinator
from chain_bandit.chain.rpc import as_bytes, as_hex, as_int, field
from chain_bandit.consensus.certificate import Certificate
from chain_bandit.game.errors import RecordMismatch
from chain_bandit.protocol.blocks import Kind, Record, approves
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.errors import Malformed
from chain_bandit.protocol.ledger import Ledger, blocked
from chain_bandit.protocol.messages import NO_BLOCK
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.submission import decode


@dataclass(frozen=True, slots=True)
class Recorded:
    """A record, and what the chain shows of how it came about.

    Attributes:
        block: of a round that ended in one.
        certificate: whose signatures the contract took, for the block or for "no block"; None after a deadline, and of
            an exploration round.
    """

    record: Record
    block: CertifiedBlock | None = None
    certificate: Certificate | None = None


class Follower:
    """One game's events, asked for again and again.

    Args:
        first_block: of the contract.
        confirmations: blocks that make an event count, its own included.

    Raises (every method):
        NodeUnreachable: patience is at its end.
        RecordMismatch: the contract recorded something other than what the rules give.

    Attributes:
        accusations: who is on the block list, and from which round on, as far as events were read.
        costs_from: the first round whose costs are settled; None while none are.
        revealed, closed: whether the environment has revealed, whether the accounts are final.
    """

    def __init__(self, contract: Coordinator, first_block: int, confirmations: int = 1) -> None:
        self._rpc, self._address = contract.rpc, "0x" + contract.address.hex()
        artifact = chain_bandit_artifact()
        self._events = {event.topic: event for event in artifact.members("event").values()}
        self._functions = {each.topic[:4]: each for each in artifact.members("function").values()}
        self._from, self._confirmations = first_block, confirmations
        self._seen: tuple[int, int] = (-1, -1)
        self._waiting: deque[tuple[str, tuple[Any, ...], str]] = deque()
        self.accusations: dict[int, int] = {}
        self.salt: bytes | None = None
        self.costs_from: int | None = None
        self.settled = 0
        self.revealed = self.closed = False

    def opening(self) -> bytes | None:
        """The salt that the game was opened with; None before."""
        if self.salt is None:
            self._read()
            while self._waiting and self.salt is None:
                name, _, transaction = self._waiting.popleft()
                if name == "Opened":
                    _, (self.salt,) = self._call(transaction)
        return self.salt

    def next(self, parameters: Parameters, ledger: Ledger) -> Recorded | None:
        """The record of the open round, if the chain has one; the accusations before it are in `accusations` then."""
        if not self._waiting:
            self._read()
        while self._waiting:
            name, values, transaction = self._waiting[0]
            if name == "Recorded":
                found = self._recorded(parameters, ledger, values, transaction)
                self._waiting.popleft()
                return found
            self._waiting.popleft()
            self._note(name, values)
        return None

    def is_closed(self) -> bool:
        """Whether the accounts are final, whatever was given of the records."""
        self._read()
        return self.closed or any(name == "Closed" for name, _, _ in self._waiting)

    def rest(self) -> None:
        """Read what comes after the last record."""
        self._read()
        while self._waiting:
            name, values, _ = self._waiting.popleft()
            self._note(name, values)

    def _note(self, name: str, values: tuple[Any, ...]) -> None:
        match name, values:
            case "Accused", (seat, since):
                self.accusations[seat] = since
            case "CostsSettled", (down_to, _):
                self.costs_from = down_to
            case "RewardsSettled", (through,):
                self.settled = through
            case "Revealed", _:
                self.revealed = True
            case "Closed", _:
                self.closed = True

    def _read(self) -> None:
        about: dict[str, Any] = {"address": self._address, "fromBlock": hex(self._from)}
        if self._confirmations > 1:
            height = self._rpc.ask("eth_blockNumber", [], as_int)
            if height - self._confirmations + 1 < self._from:
                return
            about["toBlock"] = hex(height - self._confirmations + 1)
        for log in self._rpc.ask("eth_getLogs", [about]):
            where = as_int(field(log, "blockNumber")), as_int(field(log, "logIndex"))
            topics = field(log, "topics")
            event = self._events.get(as_bytes(topics[0])) if topics else None
            if where <= self._seen or event is None:
                continue
            self._seen, self._from = where, where[0]
            values = event.decode_inputs(as_bytes(field(log, "data")))
            self._waiting.append((event.name, values, field(log, "transactionHash")))

    def _call(self, transaction: str) -> tuple[str, tuple[Any, ...]]:
        """Method and arguments of a transaction; of `submitBlocks` the bytes after the selector."""
        data = as_bytes(field(self._rpc.ask("eth_getTransactionByHash", [transaction]), "input"))
        function = self._functions[data[:4]]
        if function.name == "submitBlocks":
            return function.name, (data[4:],)
        return function.name, function.decode_inputs(data[4:])

    def _recorded(
        self, parameters: Parameters, ledger: Ledger, values: tuple[Any, ...], transaction: str
    ) -> Recorded:
        round_, kind, head = values
        found = Recorded(Record(round_, Kind(kind)))
        if kind in (Kind.APPROVED, Kind.REJECTED):
            found = self._block(parameters, ledger, transaction, head) or found
        elif kind == Kind.SKIP:
            method, arguments = self._call(transaction)
            if method == "skip":
                _, signers, signatures = arguments
                found = Recorded(found.record, None, Certificate(NO_BLOCK, signers, signatures))
        if round_ != ledger.round or found.record.head(ledger.head) != head:
            raise RecordMismatch(ledger.round, found.record.head(ledger.head), (round_, kind, as_hex(head)))
        return found

    def _block(self, parameters: Parameters, ledger: Ledger, transaction: str, head: bytes) -> Recorded | None:
        """The block among a transaction's that makes this head."""
        method, (data,) = self._call(transaction)
        if method != "submitBlocks":
            return None
        for each in decode(parameters, data):
            try:
                header = each.header(parameters, ledger.round, ledger.head, blocked(ledger, ledger.round))
            except Malformed:
                continue  # one of another round
            encoded = header.encode(parameters)
            kind = Kind.APPROVED if approves(header.means) else Kind.REJECTED
            record = Record(ledger.round, kind, header, keccak(encoded))
            if record.head(ledger.head) == head:
                certificate = Certificate(keccak(encoded), each.signers, each.signatures)
                return Recorded(record, CertifiedBlock(encoded, each.body, certificate), certificate)
        return None
