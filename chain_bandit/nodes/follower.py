"""Follower of a game's or agreement's records at one chain node: each once, in order, checked against the rules."""

from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from chain_bandit.actors.messages import CertifiedBlock
from chain_bandit.chain.answers import as_bytes, as_hex, as_int, field
from chain_bandit.chain.artifacts import Artifact, chain_bandit_artifact
from chain_bandit.chain.client import RECORDED, Coordinator
from chain_bandit.chain.contract import Contract
from chain_bandit.chain.errors import NodeGarbled, NodeUnreachable
from chain_bandit.chain.rpc import as_decoded
from chain_bandit.consensus.certificate import Certificate
from chain_bandit.game.errors import RecordMismatch
from chain_bandit.nodes.head import Reorganised
from chain_bandit.protocol.blocks import Kind, Record, approves
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.errors import Malformed
from chain_bandit.protocol.ledger import Ledger, blocked, records_made
from chain_bandit.protocol.messages import NO_BLOCK
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.submission import decode

_OPENING = ("RewardsSettled", "Revealed", "SealRevealed")
"""Events of calls that say what everybody was given, in a sealed game all of them together."""

DEEPEST = 64
"""Blocks below the last event that are read anew after a reorganisation."""

ANEW = 10.0
"""The most seconds after which events are read anew though no block came: a provider may have several nodes behind it.

Events may come some time after their block there: pauses begin at nothing, and each is three times what went before.
"""

_RECORDS = (*RECORDED, "TokenAgreed")
"""Events whose first value is the round."""

PASSING = ("Joined", "Withdrawn")
"""Events that another branch may have in another order; no node depends on them."""


@dataclass(frozen=True, slots=True)
class _Event:
    """One of the contract's.

    Attributes:
        block: number and hash of its block.
        said: topic and data; of what nodes read a contract says nothing twice.
        values: none where it is known by what it says.
    """

    block: tuple[int, str]
    index: int
    said: tuple[bytes, bytes]
    name: str
    values: tuple[Any, ...]
    transaction: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """A record, and what the chain shows of how it came about.

    Attributes:
        block: of a round that ended in one; of a compact game its body is empty, as the chain does not have it.
        certificate: whose signatures the contract took, for the block or for "no block"; None after a deadline, and of
            an exploration round.
    """

    record: Record
    block: CertifiedBlock | None = None
    certificate: Certificate | None = None

    @property
    def word(self) -> str:
        """How the round ended."""
        return self.record.kind.name.lower()


class EventFollower(ABC):
    """One contract's events, asked for again and again.

    Args:
        first_block: of the contract.
        confirmations: blocks that make an event count, its own included.
        is_as_it_was: whether the chain has all that was read from it; nothing is read while it has not.

    Raises (every method):
        NodeUnreachable: patience is at its end.
        RecordMismatch: the contract recorded something other than what the rules give.

    Attributes:
        accusations: seats on the block list, and from which round on, as far as events were read.
        passing: events that a branch may lack. Of settled rewards it may have other parts, which the environment alone
            goes on from.
    """

    def __init__(
        self, contract: Contract, artifact: Artifact, first_block: int, confirmations: int = 1,
        is_as_it_was: Callable[[], bool] = lambda: True,
    ) -> None:  # fmt: skip
        self._rpc, self._address = contract.rpc, contract.address
        self._events = {event.topic: event for event in artifact.members("event").values()}
        self._functions = {each.topic[:4]: each for each in artifact.members("function").values()}
        self._first, self._confirmations, self._is_as_it_was = first_block, confirmations, is_as_it_was
        self._last_read: tuple[int, str] | None = None
        self._unchecked: list[tuple[int, str]] = []
        self._taken: set[tuple[int, str]] = set()
        self.passing: tuple[str, ...] = (*PASSING, "RewardsSettled")
        self._known: dict[tuple[bytes, bytes], int] = {}
        self._height = self._given = -1
        self._waiting: deque[tuple[str, tuple[Any, ...], str]] = deque()
        self._head: tuple[int, str] | None = None
        self._over_at: tuple[int, str] | None = None
        self._is_quiet, self._head_at, self._read_at = False, 0.0, 0.0
        self.accusations: dict[int, int] = {}

    @abstractmethod
    def next(self, parameters: Any, ledger: Any) -> Any:
        """The record of the open round, if the chain has one; the accusations before it are in `accusations` then."""
        ...

    @property
    def block_time(self) -> float:
        """Seconds a block, as far as the chain has shown; 0 until then."""
        return self._rpc.block_time

    def knows_more(self) -> bool:
        """Whether events that were read tell of more than was given, so that `next` asks nobody."""
        return bool(self._waiting)

    def lacks(self, at: tuple[int, str]) -> str | None:
        """The first event read that the branch of a block lacks, in words; None where it has all of them."""
        known = {said: block for said, block in self._known.items() if self._events[said[0]].name not in self.passing}
        records = [said for said in known if self._events[said[0]].name in _RECORDS]
        for said in sorted(records, key=self._round_of)[:-1]:
            del known[said]  # the last one's head is of those before it
        if not known or at[0] < max(known.values()):
            return None
        height, first = self._height, max(self._first, min(known.values()) - DEEPEST)
        there = {event.said for event in self._events_from(first, hex(at[0]), at)}
        self._height = height
        gone = min((said for said in known if said not in there), key=known.__getitem__, default=None)
        if gone is None:
            return None
        event = self._events[gone[0]]
        about = f" of round {self._round_of(gone)}" if event.name in _RECORDS else ""
        return f"its event {event.name}{about}, which was read, is gone"

    def _round_of(self, said: tuple[bytes, bytes]) -> int:
        return int(self._events[said[0]].decode_inputs(said[1])[0])

    @abstractmethod
    def is_over(self) -> bool:
        """Whether the contract takes no more records, by the last block whose events count."""
        ...

    @abstractmethod
    def is_closed(self) -> bool:
        """Whether the accounts are final, whatever was given of the records."""
        ...

    def is_whole(self) -> bool:
        """Whether the chain has all that was read from it, as far as the last look says."""
        return self._is_as_it_was()

    def unchecked(self) -> list[tuple[int, str]]:
        """Number and hash of blocks that events were read of since this was called last: of each answer the last."""
        taken, self._unchecked = self._unchecked, []
        return taken

    def _read(self) -> None:
        if not self._is_as_it_was():
            return
        head = (self._rpc.newest or self._rpc.latest()) if self._is_quiet else None  # the watch may have asked just now
        self._rpc.newest, self._height = None, max(self._height, head[0] if head else -1)
        now, before = self._rpc.clock.now(), len(self._waiting)
        if head is None or head != self._head:
            self._head_at = now
        elif now < self._read_at + min(ANEW, 3 * (self._read_at - self._head_at)):
            return
        self._read_events(self.last_counted())
        is_all = head is not None and (self._last_read or (0,))[0] <= head[0]
        self._is_quiet, self._head, self._read_at = is_all or len(self._waiting) == before, head, now

    def _read_events(self, counted: str | None, branch: tuple[int, str] | None = None) -> None:
        before = self._last_read
        events = self._events_from(before[0] if before else self._first, counted, branch)
        if before is not None and before not in (event.block for event in events):
            first = max(self._first, before[0] - DEEPEST)  # its block is another now
            events = self._events_from(first, counted, branch)
        for event in events:
            self._last_read = event.block
            if event.said not in self._known:
                if event.name in _RECORDS and event.values[0] <= self._given:
                    continue  # another branch's, of a round that was given
                self._waiting.append((event.name, event.values, event.transaction))
            self._known[event.said] = event.block[0]
        if events:
            oldest = events[-1].block[0] - DEEPEST
            self._taken = {block for block in self._taken if block[0] >= oldest}
            self._known = {said: block for said, block in self._known.items() if block >= oldest}

    def _events_from(self, first: int, counted: str | None, branch: tuple[int, str] | None) -> list[_Event]:
        if counted is not None:
            self._height = int(counted, 16)
            if self._height < first:
                return []

        def read(logs: Any) -> list[_Event]:
            if not isinstance(logs, list | tuple):
                raise NodeGarbled("logs", logs)
            events = [event for log in logs if (event := self._event(log)) is not None]
            if events and self._height < max(event.block for event in events)[0] and counted is None:
                self._height = self._rpc.height()
            if not all(first <= event.block[0] <= self._height for event in events):
                raise NodeGarbled(f"events of blocks {first} to {self._height}", [event.block[0] for event in events])
            last = max((event.block for event in events), default=None)
            if last is not None and last not in self._taken:
                self._taken.add(last)
                self._unchecked.append(last)
            return events

        about = {"address": as_hex(self._address)}
        found: list[_Event] = self._rpc.logs(about, first, None if counted is None else self._height, read, branch)
        return sorted(found, key=lambda event: (event.block[0], event.index))

    def _event(self, log: Any) -> _Event | None:
        if as_bytes(field(log, "address")) != self._address:
            raise NodeGarbled("an event of the contract", log)
        said = as_bytes(field(field(log, "topics"), 0)), as_bytes(field(log, "data"))
        event = self._events.get(said[0])
        if event is None:
            return None
        block = as_int(field(log, "blockNumber")), as_hex(as_bytes(field(log, "blockHash")))
        values = () if said in self._known else as_decoded(event.decode_inputs, said[1])
        transaction = as_hex(as_bytes(field(log, "transactionHash")))
        return _Event(block, as_int(field(log, "logIndex")), said, event.name, values, transaction)

    def last_counted(self) -> str | None:
        """The last block that counts; None for whichever is the last."""
        if self._confirmations == 1:
            return None
        return hex(max(0, self._rpc.height() - self._confirmations + 1))

    def _call(
        self, transaction: str, blocks: Callable[[bytes], Any] = lambda data: data
    ) -> tuple[str, tuple[Any, ...]]:
        """Method and arguments of a transaction; of `submitBlocks` what `blocks` reads after the selector."""

        def read(found: Any) -> tuple[str, tuple[Any, ...]]:
            data = as_bytes(field(found, "input"))
            function = self._functions.get(data[:4])
            if function is None:
                raise NodeGarbled("a call of the contract", as_hex(data))
            if function.name == "submitBlocks":
                return function.name, (as_decoded(blocks, data[4:]),)
            return function.name, as_decoded(function.decode_inputs, data[4:])

        called: tuple[str, tuple[Any, ...]] = self._rpc.ask("eth_getTransactionByHash", [transaction], read)
        return called


class Follower(EventFollower):
    """One game's events; see `EventFollower`.

    Attributes:
        unsealed: whose sealing keys are revealed.
        credited: whether a settlement has paid anybody: that of a sealed game which has its sums.
        costs_from: the first round whose costs are settled; None while none are.
        revealed, closed: whether the environment has revealed, whether the accounts are final.
        voided: whose false report is proven: the first round, and units that its author keeps.
        proofs: how many proofs of each seat were taken.
        acquitted: seats that were acquitted of that.
    """

    def __init__(
        self, contract: Coordinator, first_block: int, confirmations: int = 1,
        is_as_it_was: Callable[[], bool] = lambda: True,
    ) -> None:  # fmt: skip
        super().__init__(contract, chain_bandit_artifact(), first_block, confirmations, is_as_it_was)
        self._contract, self._given = contract, 0
        self._made: deque[Recorded] = deque()
        self.salt: bytes | None = None
        self.voided: dict[int, tuple[int, int]] = {}
        self.proofs: Counter[int] = Counter()
        self.acquitted: set[int] = set()
        self._kept: deque[tuple[str, tuple[Any, ...], str]] | None = None
        self._keeps: tuple[str, ...] = ()
        self.unsealed: set[int] = set()
        self.credited = False
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
        if not self.knows_more():
            self._read()
        while self._waiting and not self._made:
            name, values, transaction = self._waiting[0]
            if name in RECORDED:
                self._made.extend(self._recorded(parameters, ledger, values[:3], transaction))
            else:
                self._note(name, values, transaction)
            self._waiting.popleft()
        if not self._made:
            return None
        found = self._made.popleft()
        self._given = found.record.round
        return found

    def knows_more(self) -> bool:
        """Whether events that were read tell of more than was given, so that `next` asks nobody."""
        return bool(self._made or self._waiting)

    def has_reports(self, parameters: Parameters) -> bool:
        """Whether a record that was not given yet has reports of more than can be malicious: one of somebody honest."""
        most = parameters.liars + parameters.attackers
        blocks = partial(decode, parameters)
        calls = (self._call(transaction, blocks) for name, _, transaction in self._waiting if name == "Recorded")
        return any(
            each.reporters(parameters).bit_count() > most
            for method, arguments in calls if method == "submitBlocks" for each in arguments[0]
        )  # fmt: skip

    def lacks(self, at: tuple[int, str]) -> str | None:
        """The first event read that the branch of a block lacks, in words; None where it has all of them."""
        open_round = self._contract.next_round(at) if self._given else 1
        if open_round <= self._given:
            return f"its last record is of round {open_round - 1}, not {self._given}"
        return super().lacks(at)

    def is_liar(self, seat: int) -> bool:
        """Whether a false report put a seat on the block list, so that it validates on; said once, it stays."""
        return bool(self._contract.liars() >> seat & 1)

    def is_closed(self) -> bool:
        """Whether the accounts are final, whatever was given of the records."""
        self._read()
        return self.closed or any(name == "Closed" for name, _, _ in self._waiting)

    def is_over(self) -> bool:
        """Whether the contract takes no more records, by the last block whose events count; it has been read up to."""
        self._rpc.newest = None
        if not self._is_as_it_was() or (self._head is not None and self._head == self._over_at):
            return False  # no block came since it was not
        head, counted = self._head, self.last_counted()
        try:
            by = (self._rpc.newest or self._rpc.latest()) if counted is None else self._rpc.block(counted)
            is_over = self._contract.is_over(by)
            self._over_at = None if is_over else head
            if is_over:
                self._read_events(hex(by[0]), by)
        except NodeUnreachable:
            return False  # a reorganisation may have taken the block out: it is asked again
        return is_over

    def rest(self) -> None:
        """Read what comes after the last record. Raises `Reorganised` where the chain has no closing any more."""
        self._read()
        if self.closed and not self._contract.closed():
            raise Reorganised("the game, which was closed, is not")
        while self._waiting:
            self._note(*self._waiting.popleft())

    def keep_settlements(self, sealed: bool = False) -> None:
        """From the first one on, for `settlements`; of a sealed game also what opens it."""
        self._kept, self._keeps = deque(), _OPENING if sealed else _OPENING[:1]

    def settlements(self) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """Those before the open round's record that were not given yet: method and arguments of each call.

        Of `revealSeal` the arguments are seat and key.
        """
        if not self._made:
            self._read()
            while self._waiting and self._waiting[0][0] not in RECORDED:
                self._note(*self._waiting.popleft())
        while self._kept:
            name, values, transaction = self._kept[0]
            shown = ("revealSeal", values) if name == "SealRevealed" else self._call(transaction)
            self._kept.popleft()
            yield shown

    def _note(self, name: str, values: tuple[Any, ...], transaction: str) -> None:
        if self._kept is not None and name in self._keeps:
            self._kept.append((name, values, transaction))
        match name, values:
            case "Voided", (seat, round_, kept):
                self.voided[seat] = round_, kept
                self.proofs[seat] += 1
            case "Acquitted", (seat,):
                self.acquitted.add(seat)
            case "Accused", (seat, since):
                self.accusations[seat] = since
            case "CostsSettled", (down_to, _):
                self.costs_from = down_to
            case "RewardsSettled", (through, sums):
                self.settled, self.credited = through, bool(sums)
            case "SealRevealed", (seat, _):
                self.unsealed.add(seat)
            case "Revealed", _:
                self.revealed = True
            case "Closed", _:
                self.closed = True

    def _recorded(
        self, parameters: Parameters, ledger: Ledger, last: tuple[Any, ...], transaction: str
    ) -> list[Recorded]:
        """All that a call recorded; its one event tells of the last, which may be an exploration round."""
        for found in self._ended(parameters, ledger, transaction):
            made, head = records_made(parameters, ledger, found.record), ledger.head
            for record in made:
                head = record.head(head)
            if (made[-1].round, made[-1].kind, head) == last:
                return [found, *map(Recorded, made[1:])]
        raise RecordMismatch(ledger.round, "another record", last)

    def _ended(self, parameters: Parameters, ledger: Ledger, transaction: str) -> Iterator[Recorded]:
        """What a call may have ended the open round in: one of its blocks, or a skip."""
        method, arguments = self._call(transaction, partial(decode, parameters))
        if method != "submitBlocks":
            certificate = Certificate(NO_BLOCK, *arguments[1:]) if method == "skip" else None
            yield Recorded(Record(ledger.round, Kind.SKIP), None, certificate)
            return
        for each in arguments[0]:
            try:
                header, body = each.opened(parameters, ledger.round, ledger.head, blocked(ledger, ledger.round))
            except Malformed:
                continue  # one of another round
            encoded = header.encode(parameters)
            kind = Kind.APPROVED if approves(header.means) else Kind.REJECTED
            certificate = Certificate(keccak(encoded), each.signers, each.signatures)
            block = CertifiedBlock(encoded, each.body if body is not None else b"", certificate)
            yield Recorded(Record(ledger.round, kind, header, keccak(encoded)), block, certificate)
