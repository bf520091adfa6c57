"""The outbox, a state machine of transactions: it gives nonces, resends the same bytes until mined, follows reorgs.

Of a node's answers on a transaction only a receipt counts, and that only as long as its block is in the chain.
It has no wire, clock and disk: it is told answers and the time (`chain/sender.py` drives it). A step that has to know
more yields a `Query` and is sent its answer; the process may end at any of them. What is in `signed` is to be on
the disk before anything leaves.
"""

from array import array
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Any, TypeAlias, TypeVar

from chain_bandit.chain.answers import as_answered, as_bytes, as_hex, as_int, as_list, base_fee_of, field
from chain_bandit.chain.call import Call, Events, Order, TransactionReceipt, Version
from chain_bandit.chain.errors import (
    FeeAboveCap,
    ForeignChain,
    NodeRefused,
    NodeUnreachable,
    NonceTaken,
    NotMined,
    TransactionReverted,
    Unconfirmed,
)
from chain_bandit.chain.identity import IDENTITY, require_chain
from chain_bandit.chain.journal import Entry, JournalForeign
from chain_bandit.chain.log_ranges import LogRanges
from chain_bandit.chain.rpc import BEHIND, chain_in, refusal
from chain_bandit.chain.transaction_policy import TransactionPolicy
from chain_bandit.chain.transactions import RAISED_TIP, Fee, terms
from chain_bandit.chain.wire import Refused, Request
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.errors import ChainBanditError

SENT_AT_ONCE, ASKED_AT_ONCE, BYTES_AT_ONCE = 16, 32, 250_000
"""The most transactions, questions for receipts, and bytes of calldata in one exchange."""

MOST_VERSIONS, MOST_NONCES = 8, 8
"""Of one call: signed fees for one nonce, and nonces tried."""

REFUSED = 10.0
"""Seconds of refusals after which they are looked into."""

NONCES_TAKEN, SOONER = 3, 4
"""Looks at a nonce that another transaction used before it is believed; those after the first come so much sooner."""

UNDONE = 64
"""Blocks behind the head that a reorganisation may change, two epochs of Ethereum: their events are asked for again,
and calls in them are kept. What is deeper is forgotten."""


OF_NO_CALL = 2**64
"""The index of what an earlier outbox of this process has signed."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """Asks for answers to all requests, as `read` has them; some may be a `Refused`."""

    requests: Sequence[Request]
    read: Callable[[Any], Any] = as_answered


@dataclass(frozen=True, slots=True)
class Ask:
    """Asks for one result, as `read` has it."""

    method: str
    parameters: Sequence[Any]
    read: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Attempt:
    """Asks what a transaction would give on a block, or how the contract refuses it."""

    transaction: dict[str, Any]
    block: str


@dataclass(frozen=True, slots=True)
class Done:
    """Asks the run how many parts of a call others have done."""

    call: Call
    block: str


@dataclass(frozen=True, slots=True)
class Tell:
    """Tells of watched events, of some again and again."""

    events: Events


Query: TypeAlias = Exchange | Ask | Attempt | Done | Tell
T = TypeVar("T")
Step: TypeAlias = Generator[Query, Any, T]
"""What is sent the answer to each question, or thrown `NodeUnreachable` or `ForeignChain`."""


@dataclass(frozen=True, slots=True)
class _Sending:
    """Transactions under way, after so many that nobody waits for."""

    sends: list[tuple[Call, Version]]
    left_over: int


@dataclass(frozen=True, slots=True)
class _Asking:
    """Questions under way: for receipts, for the last known head, and for events; or for the chain's identity alone."""

    asks: list[tuple[Call, Version]]
    head: tuple[int, bytes] | None
    watched: Sequence[Request] = ()
    identity: bool = False


class Outbox:
    """The calls of a run on their way, each once, in the order of the nonces that it gives them.

    Two exchanges are under way at most: one that sends, and beside it one that asks.

    Args:
        certain: the node is in this process: an answer is never lost, a refusal is final, no block is undone.
        standstill: seconds after which a higher fee is offered, without a block but one `mined_by_hand`.

    Attributes:
        chain_id, genesis: of the chain that all this is for.
        made: calls taken on.
        open: those that are not in a block with enough confirmations.
        kept: those that may still be undone.
        signed: what is not in the journal yet.
        progress: grows whenever something has moved.
        why: the last reason why nothing moves.
        dear: the base fee, while it is above what is offered at most.
        unsure: whether blocks may have been undone, and no answer has said yet what fell out with them.
        doubtful: whether it may be another chain that answers: nothing goes out until that is known.
        head: number and hash of the last known block.
        interval: seconds from one block to the next, by their timestamps; 0 while unknown.
        mined_by_hand: whether the next block comes since it was asked for: it tells of no traffic.
        sending, asking: the exchanges under way.
        watched: the filter of events to ask for.
        watched_from: the block from which on they are asked for next.
    """

    def __init__(
        self, chain_id: int, genesis: str, entries: Iterable[Entry], delivery: TransactionPolicy, certain: bool,
        standstill: float,
    ) -> None:  # fmt: skip
        self.chain_id, self.genesis = chain_id, genesis
        self.made = self.progress = 0
        self._highest = -1
        self.open: list[Call] = []
        self.kept: list[Call] = []
        self.signed: list[Entry] = []
        self.why: ChainBanditError = NodeUnreachable("no answer yet")
        self.dear: FeeAboveCap | None = None
        self.doubtful = self.unsure = self.mined_by_hand = False
        self.head: tuple[int, bytes] | None = None
        self.interval, self._timestamp = 0.0, 0
        self._top: tuple[int, bytes] | None = None
        """A block, and blocks with receipts that were found below it."""
        self._below_top: frozenset[tuple[int, bytes]] = frozenset()
        self.sending: _Sending | None = None
        self.asking: _Asking | None = None
        self.watched: dict[str, Any] | None = None
        self.watched_from = self._watched_to = 0
        self._delivery, self._certain, self._standstill = delivery, certain, standstill
        self._used: dict[str, array[int]] = {}
        self._behind_since: float | None = None
        self._moved_at = self._left_over_at = -inf
        self._block_gas = inf
        self._ranges = LogRanges()
        self._fee_now: Fee | None = None
        self._nonces: dict[str, int] = {}
        self._journaled: dict[int, list[Entry]] = defaultdict(list)
        self.take_over(entries)

    def take_over(self, entries: Iterable[Entry]) -> None:
        """Know what was signed before: calls of the same index go by it, and what is in front of one is sent again."""
        for entry in entries:
            self._journaled[entry.call].append(entry)
            self._nonces[entry.account] = max(self._nonces.get(entry.account, 0), entry.nonce + 1)

    def left(self) -> Iterator[Entry]:
        """Signed transactions that a reorganisation may undo, for an outbox that begins other calls."""
        for entries in self._journaled.values():
            yield from (replace(entry, call=OF_NO_CALL) for entry in entries)
        for call in self.kept:
            for each in call.versions:
                yield Entry(OF_NO_CALL, call.method, call.account, each.nonce, each.fee.most, each.fee.tip, each.raw)

    @property
    def gas(self) -> dict[str, list[int]]:
        """Gas used by each transaction that was found in a block, by method."""
        used = {method: list(gas) for method, gas in self._used.items()}
        for call in self.kept:
            if call.gas:
                used.setdefault(call.method, []).extend(call.gas.values())
        return used

    @property
    def waits_for_blocks(self) -> bool:
        """Whether all that is open is in blocks already, with too few on top."""
        return bool(self.open) and all(call.blocks and (call.outdone or not call.outside) for call in self.open)

    def upcoming_nonce(self, account: str) -> Step[int]:
        """The nonce that the next call goes by if this account makes it."""
        entries = self._journaled.get(self.made)
        if entries:
            return entries[-1].nonce
        unsigned = sum(call.account == account and not call.versions for call in self.open)
        return (yield from self._next_nonce(account)) + unsigned

    def admit(self, call: Call) -> None:
        """Take the next call on. Raises `JournalForeign`."""
        for entry in self._journaled.pop(call.index, ()):
            self._readmit(call, entry)
        self.made += 1
        self.kept.append(call)
        self.open.append(call)

    # --- nonces, fees and signed versions

    def _next_nonce(self, account: str) -> Step[int]:
        if account not in self._nonces:
            which = "latest" if self._certain else "pending"
            self._nonces[account] = yield Ask("eth_getTransactionCount", [account, which], as_int)
        return self._nonces[account]

    def _fee(self) -> Step[Fee]:
        """What the next call offers: the opening fee, until a higher one was needed to come into a block at all.

        The tip begins anew. The whole falls again where no account can pay for it, and the base fee asks for less.
        """
        if self._fee_now is None:
            base = yield Ask("eth_getBlockByNumber", ["latest", False], base_fee_of)
            self._fee_now = self._within(Fee.opening(base))
        return self._fee_now

    def _within(self, fee: Fee) -> Fee:
        return fee.within(self._delivery.most_fee, self._delivery.most_tip)

    def _sign(self, call: Call, nonce: int, fee: Fee, first: int) -> None:
        """Sign a version; `signed` has it for the journal."""
        raw = call.sign(nonce, fee, first)
        call.versions.append(Version(as_hex(keccak(raw)), as_hex(raw), nonce, fee, first))
        self._nonces[call.account] = max(self._nonces.get(call.account, 0), nonce + 1)
        self.signed.append(
            Entry(call.index, call.method, call.account, nonce, fee.most, fee.tip, call.versions[-1].raw)
        )
        call.resend_at = 0.0

    def _readmit(self, call: Call, entry: Entry) -> None:
        """Take up a version that an earlier process signed. The same call must give the same bytes."""
        fee = Fee(entry.max_fee, entry.tip)
        if (entry.method, entry.account) != (call.method, call.account):
            made, kept = (f"{each.method} of {each.account}" for each in (call, entry))
            raise JournalForeign(f"call {call.index}", made, kept)
        for first in range(max(1, len(call.parts))):
            raw = call.sign(entry.nonce, fee, first)
            if as_hex(raw) == entry.raw:
                break
        else:
            made, kept = (as_hex(keccak(each)) for each in (raw, bytes.fromhex(entry.raw[2:])))
            raise JournalForeign(f"the transaction of {call.method}", made, kept)
        call.versions.append(Version(as_hex(keccak(raw)), entry.raw, entry.nonce, fee, first))
        call.sent, call.resend_at = True, inf  # it may be in a block: ask first

    # --- exchanges

    def sends(self, now: float) -> Step[list[Request]]:
        """Begin to send what is due, unless a sending is under way or it may be another chain that answers."""
        if self.sending or self.doubtful:
            return []
        due, left_over = self._due(now), self._left_over(now)
        if not due and not left_over:
            return []
        for call in due:
            if not call.versions:
                self._sign(call, (yield from self._next_nonce(call.account)), (yield from self._fee()), 0)
        for call in due:
            call.delay = min(2 * call.delay, self._delivery.patience) or self._delivery.resend_after
            # A node in this process has had what it was given, however long it takes.
            call.resend_at = inf if self._certain else now + call.delay
        sends = [(call, version) for call in due for version in call.to_send]
        self.sending = _Sending(sends, len(left_over))
        raws = [*left_over, *(version.raw for _, version in sends)]
        return [("eth_sendRawTransaction", [raw]) for raw in raws]

    def sent(self, answers: list[Any] | NodeUnreachable, now: float) -> None:
        """Take the answers to a sending in; only now is it asked for, whatever was answered."""
        assert self.sending is not None
        sends, left_over, self.sending = self.sending.sends, self.sending.left_over, None
        for call, _ in sends:
            call.sent = True
        if isinstance(answers, NodeUnreachable):
            self._doubt(answers)
            for call, _ in sends:
                call.resend_at = 0.0
            return
        for (call, _), word in zip(sends, answers[left_over:], strict=True):
            self._take_word(call, word, now)

    def asks(self) -> list[Request]:
        """Begin to ask, unless that is under way or there is nothing to ask for until a sending ends."""
        if self.asking is not None:
            return []
        if self.doubtful:
            self.asking = _Asking([], None, identity=True)
            return list(IDENTITY)
        asks = [(call, version) for call in self.open if call.sent for version in call.outside][:ASKED_AT_ONCE]
        if not asks and self.sending is not None:
            return []
        # The head first: no later question then tells of a block whose end the next exchange does not see.
        heads = [] if self._certain else ["latest"] if self.head is None else ["latest", hex(self.head[0])]
        requests: list[Request] = [("eth_getBlockByNumber", [which, False]) for which in heads]
        requests += [("eth_getTransactionReceipt", [version.identity]) for _, version in asks]
        watched: list[Request] = []
        if self.watched is not None and not self._certain:
            watched = self._ranges.questions(self.watched, self.watched_from, self._watched_to)
        self.asking = _Asking(asks, self.head, watched)
        return requests + watched

    def answered(self, answers: list[Any] | NodeUnreachable, now: float) -> Step[None]:
        """Take the answers to what was asked in, unless they may be another chain's."""
        asking, self.asking = self.asking, None
        assert asking is not None
        try:
            if isinstance(answers, NodeUnreachable):
                self._doubt(answers)
            elif asking.identity:
                self._check_identity(answers)
            elif not self.doubtful:
                yield from self._take(asking, answers, now)
        except (NodeUnreachable, ForeignChain) as error:
            self._doubt(error)

    def _doubt(self, error: NodeUnreachable | ForeignChain) -> None:
        self.why, self.doubtful = error, True

    def _due(self, now: float) -> list[Call]:
        """What goes out now: in the order of calls, nothing whose turn it is not, no more than a block takes.

        A call gets its nonce when its turn comes, and one that failed gets another behind those given since. What has a
        nonce does not wait for a call that is overtaken so by a later one, and the later one waits for no other call:
        each might wait for the other, or for one that waits for the other.
        Anvil mines when a transaction comes in; what a block leaves over would wait there for the next one to come.
        """
        due: list[Call] = []
        size, full = 0, False
        gas = sum(call.gas_limit for call in self.open if call.sent and call.outside and not call.outdone)
        overtakers = {call: self._overtakers(call) for call in self.open if call.goes_anew}
        urgent = {other for each in overtakers.values() for other in each}
        # orders of what is in no block, or failed in it, and accounts that wait: of overtaken calls (True), and others
        unmined: dict[bool, set[Order | str]] = {False: set(), True: set()}
        for call in self.open:
            overtaken = bool(overtakers.get(call))
            ahead = unmined[False] if call.versions else unmined[False] | unmined[True]
            waits = Order.ALONE in ahead if call.order is Order.FREE else not ahead.isdisjoint(Order)
            waits = waits and call not in urgent
            ready = now >= call.resend_at and (call.outside or not call.versions) and not call.outdone
            if ready and not call.sent and not waits:
                full = full or (bool(gas) and gas + call.gas_limit > self._block_gas)
                waits = full  # what was sent before and lost goes out all the same
            if waits or call.account in ahead:
                if call.outside or not call.versions:  # else those behind it have nothing to wait for
                    unmined[overtaken].add(call.account)
            elif ready:
                size += call.size
                gas += 0 if call.sent else call.gas_limit
                if due and (len(due) >= SENT_AT_ONCE or size > BYTES_AT_ONCE):
                    break
                due.append(call)
            if not call.came_through:
                unmined[overtaken].add(call.order)
        return due

    def _overtakers(self, call: Call) -> list[Call]:
        """Later calls of its account that come before it by nonce."""
        return [
            other for other in self.open
            if other.index > call.index and other.account == call.account
            and other.outside and other.outside[0].nonce < call.versions[-1].nonce
        ]  # fmt: skip

    def _left_over(self, now: float) -> list[str]:
        """What an earlier process sent in front of calls of this one, whose own turn to be handed in has not come."""
        if not self._journaled or now < self._left_over_at:
            return []
        highest = {call.account: call.outside[-1].nonce for call in self.open if call.outside}
        mined = _mined(self.kept)
        entries = [entry for entries in self._journaled.values() for entry in entries]
        newest = {(entry.account, entry.nonce): entry.raw for entry in entries}
        raws = [raw for (who, nonce), raw in sorted(newest.items()) if mined.get(who, -1) < nonce < highest.get(who, 0)]
        self._left_over_at = now + self._delivery.resend_after
        return raws[:SENT_AT_ONCE]

    def _take(self, asking: _Asking, answers: list[Any], now: float) -> Step[None]:
        """Events first, then receipts, then the head; and see which calls that ends."""
        if asking.watched and not (yield from self._take_events(asking.watched, answers)):
            return
        said = iter(answers)
        latest = None if self._certain else next(said)
        at_head = None if asking.head is None else next(said)
        if not self._certain and self._is_behind(latest, at_head, asking.head, now):
            return
        height = inf if self._certain else as_int(field(latest, "number"))
        receipts = yield from self._in_chain([(call, version, next(said)) for call, version in asking.asks])
        for call, version, fields in receipts:
            self._take_receipt(call, version, fields, height)
        if not self._certain:
            yield from self._follow(latest, at_head, asking.head, now)
        yield from self._close()

    def _is_behind(self, latest: Any, at_head: Any, head: tuple[int, bytes] | None, now: float) -> bool:
        """Whether the node does not know the head: its receipts may be of a branch that fell out.

        Not for ever: the head may be gone for good.
        """
        if isinstance(latest, Refused) or latest is None or isinstance(at_head, Refused):
            return True
        if head is not None and at_head is None:
            self._behind_since = self._behind_since or now
            if now - self._behind_since < BEHIND:
                return True
        self._behind_since = None
        return False

    def _check_identity(self, answers: list[Any]) -> None:
        """After a lost exchange: is it still the same chain that answers?"""
        try:
            require_chain((self.chain_id, self.genesis), chain_in(answers))
        except (NodeUnreachable, ForeignChain) as error:
            self._doubt(error)
        else:
            self.doubtful = False

    # --- answers of a node

    def _take_word(self, call: Call, word: Any, now: float) -> None:
        """The answer to a sending: where the node is in this process a refusal is final, elsewhere it is hearsay."""
        if not isinstance(word, Refused):
            self.progress += not call.accepted
            if call.refused is not None:
                call.refused, call.next_since = None, None  # it waits to be mined from now on
            call.accepted = True
        elif self._certain:
            self.open.remove(call)
            self.kept.remove(call)
            self.made = call.index
            self._nonces[call.account] = call.versions[-1].nonce
            raise refusal(call.method, word)
        else:
            if call.refused is None:
                call.refused_since = now
            longest = max(self._delivery.resend_after / 4, self.interval / 2)
            call.refused, call.resend_at = word.text, now + min(call.delay, longest)

    def _in_chain(self, receipts: list[tuple[Call, Version, Any]]) -> Step[list[tuple[Call, Version, Any]]]:
        """These receipts, without those of blocks that fell out and are not in the chain again: Anvil gives some."""
        doubtful = dict[str, tuple[bytes, int]]()
        for call, version, fields in receipts:
            if call.orphaned and fields is not None and not isinstance(fields, Refused):
                digest, number = as_bytes(field(fields, "blockHash")), as_int(field(fields, "blockNumber"))
                if digest in call.orphaned:
                    doubtful[version.identity] = digest, number
        if not doubtful:
            return receipts
        numbers = sorted({number for _, number in doubtful.values()})
        chain = yield Exchange([("eth_getBlockByNumber", [hex(number), False]) for number in numbers], _hash)
        orphaned = {identity for identity, (digest, _) in doubtful.items() if digest not in chain}
        return [(call, each, None if each.identity in orphaned else fields) for call, each, fields in receipts]

    def _take_receipt(self, call: Call, version: Version, fields: Any, height: float) -> None:
        """Take a receipt in, unless its block is above the head: nobody would notice if that fell out."""
        identity = version.identity
        if isinstance(fields, Refused):
            return
        if fields is None:
            if call.resend_at == inf:
                call.resend_at = 0.0
            self.why = NotMined(call.method, identity, call.refused)
            return
        gas, block = as_int(field(fields, "gasUsed")), as_int(field(fields, "blockNumber"))
        if block > height:
            return
        # all that the contract is called for leaves an event: without one there was no contract at the address
        events = _events(field(fields, "logs"))
        reached = bool(events) or call.to is None or not call.data
        succeeded = as_int(field(fields, "status")) == 1 and reached
        receipt = TransactionReceipt(
            identity, block, as_bytes(field(fields, "blockHash")), succeeded, gas, call.read(events)
        )
        if succeeded:
            call.outdone = None
        call.gas[identity], call.receipts[version.nonce] = gas, receipt

    def _take_events(self, asked: Sequence[Request], answers: list[Any]) -> Step[bool]:
        """Hand watched events on; they were asked for last, so that they are those up to all receipts at least.

        Returns False where the node refused a range: it is asked for again in smaller ones, and receipts with it.
        """
        said, latest = answers[-len(asked) :], self._watched_to
        if isinstance(answers[0], dict):
            latest = self._watched_to = as_int(field(answers[0], "number"))
        for (_, (about,)), logs in zip(asked, said, strict=True):
            if isinstance(logs, Refused):
                first, last = int(about["fromBlock"], 16), int(about.get("toBlock", hex(latest)), 16)
                if not self._ranges.narrows(logs, first, last):
                    self.why = NodeRefused("eth_getLogs", logs.text)
                elif not self._ranges.is_short(self.watched_from, latest):
                    yield from self._catch_up(latest)
                return False
        for logs in said:
            yield Tell(_events(logs))
        self._ranges.took(asked)
        if isinstance(self.why, NodeRefused):
            self.why = NodeUnreachable("no answer yet")
        if self.head is not None:
            self.watched_from = max(self.watched_from, self.head[0] - UNDONE)
        return True

    def _catch_up(self, latest: int) -> Step[None]:
        """Hand on all events up to a block, in as many exchanges as it takes."""
        logs = yield from self._ranges.pieces(
            self.watched or {}, self.watched_from, latest, lambda request: Exchange([request], as_list)
        )
        if not isinstance(logs, list):
            self.why = NodeRefused("eth_getLogs", logs.text)
            return
        yield Tell(_events(logs))
        self.watched_from = max(self.watched_from, latest - UNDONE)

    def _follow(self, latest: Any, at_head: Any, head: tuple[int, bytes] | None, now: float) -> Step[None]:
        """Move the head along; where the last one is no longer in the chain, look what fell out with it."""
        number, digest = as_int(field(latest, "number")), as_bytes(field(latest, "hash"))
        timestamp = as_int(latest.get("timestamp", 0))
        if head is None or head[1] != digest:
            self._moved_at = self._moved_at if self.mined_by_hand else now
            self.mined_by_hand = False
            if self._timestamp and head is not None and number > head[0]:
                self.interval = max(0, timestamp - self._timestamp) / (number - head[0])
            self._timestamp = timestamp
        self.head, self._block_gas = (number, digest), as_int(field(latest, "gasLimit"))
        undone = head is not None and (at_head is None or as_bytes(field(at_head, "hash")) != head[1])
        if undone or self.unsure:
            yield from self.look_back()
        base, most = base_fee_of(latest), self._delivery.most_fee
        self.dear = FeeAboveCap(base, most) if base > most else None
        in_line, whole = set(self._next_in_line()), False
        for call in list(self.open):
            if call not in in_line:
                call.next_since = None
                continue
            if call.next_since is None:  # answers from the time when others came before it are out of date
                call.refused_since = max(call.refused_since, now)
            block, since = call.next_since = call.next_since or (number, now)
            # not at once: Anvil mines empty blocks, one for every transaction but the first of a batch
            passed_over = number - block >= self._delivery.stuck_blocks and now - since > self._delivery.resend_after
            stands_still = now - max(since, self._moved_at) > self._standstill
            too_low = base > call.to_send[0].fee.most
            if stands_still or (passed_over and (too_low or call.refused is None)):
                whole = whole or (yield from self.look_back())
                if not whole:  # the one before it by nonce may be in no block any more
                    return
                yield from self._fill_gap(call)
                self._replace(call, (number, now), base)
            pause = min(REFUSED, self._delivery.patience / 4) / (SOONER if call.taken else 1)
            if call.refused is not None and now - call.refused_since > pause:
                yield from self._look_into(call, (number, now), base, passed_over)

    def _next_in_line(self) -> Iterator[Call]:
        """Of each account the call with the lowest nonce that no block holds, if it was sent."""
        first: dict[str, tuple[int, Call]] = {}
        for call in self.open:
            outside = call.outside if not call.outdone else []
            if outside and outside[0].nonce < first.get(call.account, (inf, call))[0]:
                first[call.account] = (outside[0].nonce, call)
        for _, call in first.values():
            if call.sent:
                yield call

    def _fill_gap(self, call: Call) -> Step[None]:
        """Sign a call for the nonce that its account is at too, where none is signed for it.

        An earlier process of the account sent that one; its block fell out, and the node lost it. It may come
        back, so this is for calls with a `done` alone: where both are mined the second one has no effect.
        """
        nonces, head = {version.nonce for version in call.versions}, self.head
        is_refused = any(not receipt.succeeded for receipt in call.receipts.values())
        if head is None or call.done is None or self._journaled or is_refused or len(nonces) >= MOST_NONCES:
            return
        at_head: Request = ("eth_getBlockByNumber", [hex(head[0]), False])
        counts: list[Request] = [("eth_getTransactionCount", [call.account, at]) for at in (hex(head[0]), "pending")]
        answers = yield Exchange([at_head, *counts, at_head])
        if any(isinstance(each, Refused) for each in answers):
            return
        before, used, pending, after = answers
        nonce = as_int(used)
        if {_hash(before), _hash(after)} == {head[1]} and nonce == as_int(pending) < call.outside[0].nonce:
            self._sign(call, nonce, call.to_send[0].fee, call.first)

    def _replace(self, stuck: Call, since: tuple[int, float], base: int, lasting: bool = False) -> None:
        """Sign all that the account has outside with a higher fee; later calls offer it too where they must.

        Else each raise, for whatever lost a transaction, would be the next one's start.
        """
        offered = stuck.to_send[0].fee
        fee = self._within(offered.raised(base))
        if (lasting or base > offered.most) and (self._fee_now is None or fee.most > self._fee_now.most):
            self._fee_now = fee.within(fee.most, RAISED_TIP)
        for call in self.open:
            if call.account != stuck.account or not call.sent:
                continue
            call.next_since = since
            for version in call.to_send:
                tried = sum(each.nonce == version.nonce for each in call.versions)
                if tried < MOST_VERSIONS and version.fee.most < fee.most and version.fee.tip < fee.tip:
                    self._sign(call, version.nonce, fee, version.first)
        self._replace_left_over(stuck, fee)

    def _lower(self, call: Call, since: tuple[int, float], fee: Fee) -> None:
        """Sign all that its account has outside with a lower fee: the node holds none that cannot be paid for."""
        self._fee_now = fee
        for other in self.open:
            if other.account != call.account:
                continue
            for version in other.to_send:
                if len(other.versions) < MOST_VERSIONS and version.fee.most > fee.most:
                    other.next_since = since
                    self._sign(other, version.nonce, fee, version.first)

    def _replace_left_over(self, stuck: Call, fee: Fee) -> None:
        """So with what an earlier process sent in front of it, whose own turn to be handed in has not come."""
        for entries in self._journaled.values():
            for entry in list({each.nonce: each for each in entries}.values()):
                tried = sum(each.nonce == entry.nonce for each in entries)
                ahead = entry.account == stuck.account and entry.nonce < stuck.outside[-1].nonce
                if ahead and tried < MOST_VERSIONS and entry.max_fee < fee.most and entry.tip < fee.tip:
                    it = terms(as_bytes(entry.raw))
                    raw = as_hex(stuck.signer.sign(entry.nonce, fee, it.gas, it.to, it.value, it.data))
                    made = replace(entry, max_fee=fee.most, tip=fee.tip, raw=raw)
                    entries.append(made)
                    self.signed.append(made)

    def _look_into(self, call: Call, since: tuple[int, float], base: int, passed_over: bool) -> Step[None]:
        """A call that the node keeps refusing: is it known after all, is its nonce gone, can it be paid for?"""
        nonce = call.outside[0].nonce
        requests: list[Request] = [("eth_getTransactionByHash", [version.identity]) for version in call.outside]
        of_account = [call.account, "latest"]
        requests += [("eth_getBalance", of_account), ("eth_getTransactionCount", of_account)]
        *known, balance, used = yield Exchange(requests)
        if isinstance(used, Refused) or isinstance(balance, Refused):
            return
        call.refused_since = since[1]
        if as_int(used) < nonce:  # one before it is in no block, whatever we thought
            if not (yield from self.look_back()):
                return
            yield from self._fill_gap(call)
            if not self._journaled:
                return
        if any(answer is not None and not isinstance(answer, Refused) for answer in known):
            if passed_over and as_int(used) <= nonce:  # it was only the repeat that was refused
                self._replace(call, since, base)
            return
        if as_int(used) == nonce:
            lowest, today = min(version.fee.most for version in call.outside), self._within(Fee.opening(base))
            payable = (as_int(balance) - call.value) // call.gas_limit
            if today.most <= payable < lowest and len(call.versions) < MOST_VERSIONS:  # it was for another base fee
                self._lower(call, since, today)
            elif len({version.fee for version in call.versions}) == 1:  # it may want a higher one
                self._replace(call, since, base, lasting=True)
            elif payable < lowest and (yield from self.look_back()) and self._is_next(call, by_others=True):
                raise TransactionReverted(call.method, "Rejected", (call.refused,))
            return  # whatever the words: tried again for as long as patience lasts
        if as_int(used) > nonce:
            if self.head is not None and (yield from self._is_done(call, self.head)):
                return
            call.taken += 1
            if call.taken >= NONCES_TAKEN:
                raise NonceTaken(call.account, nonce)

    def look_back(self) -> Step[bool]:
        """Ask again for the blocks of all receipts that a reorganisation may undo.

        A block's hash says what it holds, and what is below it: blocks that were found below one are asked for again
        once that is not in the chain. An answer that does not know the head, of a node that lags or since blocks were
        undone again, says nothing: `unsure`. Returns whether nothing fell out of the last known head's branch.
        """
        whole, head, top = True, self.head, self._top
        mined: list[tuple[Call, int | None, int, bytes]] = [
            (call, nonce, receipt.block, receipt.block_hash)
            for call in self.kept for nonce, receipt in call.receipts.items()
        ]  # fmt: skip
        mined += [(call, None, *call.outdone) for call in self.kept if call.outdone]
        blocks = {(number, digest) for _, _, number, digest in mined}
        every = sorted({number for number, _ in (blocks - self._below_top) | ({top} if top else set())})
        self.unsure = True
        for end in range(len(every), 0, -ASKED_AT_ONCE):
            numbers = every[max(0, end - ASKED_AT_ONCE) : end]
            around = [head[0]] if head else []  # the same before and after: the answers between are of its branch
            requests = [("eth_getBlockByNumber", [hex(each), False]) for each in (*around, *numbers, *around)]
            answers = yield Exchange(requests, _hash)
            if any(isinstance(each, Refused) for each in answers) or (head and {answers[0], answers[-1]} != {head[1]}):
                return False
            hashes = dict(zip(numbers, answers[len(around) :], strict=False))
            if top and hashes.get(top[0], top[1]) != top[1]:
                self._top, self._below_top = None, frozenset()
                return (yield from self.look_back())
            fallen: set[Call] = set()
            for call, nonce, number, digest in mined:
                if hashes.get(number, digest) != digest:
                    call.fell_out(nonce)
                    fallen.add(call)
            whole = whole and not fallen
            self.progress += bool(fallen)  # it begins anew, and so does patience
            self.open = sorted({*self.open, *fallen}, key=lambda call: call.index)
        self.unsure = False
        if whole and head is not None:
            self._top, self._below_top = head, frozenset(block for block in blocks if block[0] <= head[0])
        return whole

    # --- the end of a call

    def _close(self) -> Step[None]:
        """Let go of calls that are confirmed, and judge those that failed once all before them have come through."""
        all_mined = True
        for call in list(self.open):
            receipt = call.receipt
            if call.outdone is None:
                if receipt is None or call.outside or not self._is_confirmed(receipt.block):
                    all_mined = all_mined and call.came_through
                    if receipt is not None and not call.outside:
                        self._wait_for_confirmations(call, receipt)
                    continue
                if not receipt.succeeded and not (all_mined and (yield from self._is_judged(call, receipt))):
                    all_mined = False
                    continue
            if call.outdone is None or self._is_confirmed(call.outdone[0]):
                self.open.remove(call)
                self.progress += 1
        yield from self._forget()

    def _forget(self) -> Step[None]:
        """Let go of calls that nothing can undo any more, but for the gas that they used.

        A node may give receipts of blocks that fell out long ago: hence a look back before, at many at once.
        """
        deep = inf if self._certain else self.head[0] - UNDONE if self.head else -inf
        under_way = set(self.open)
        old = [call for call in self.kept if call not in under_way and max(call.blocks, default=0) <= deep]
        if not self._certain and (len(old) < self._delivery.in_flight or not (yield from self.look_back())):
            return
        for call in old:
            if call.gas:
                self._used.setdefault(call.method, array("Q")).extend(call.gas.values())
        mined = _mined(old)
        left = [each for each in self._journaled.pop(OF_NO_CALL, ()) if each.nonce > mined.get(each.account, -1)]
        if left:
            self._journaled[OF_NO_CALL] = left
        gone = set(old)
        self.kept = [call for call in self.kept if call not in gone]

    def _wait_for_confirmations(self, call: Call, receipt: TransactionReceipt) -> None:
        """Take a higher head for progress while a call waits for confirmations, whatever time these take."""
        if self.head is None:
            return
        height, wanted = self.head[0], self._delivery.confirmations
        self.progress += height > self._highest
        self._highest = max(height, self._highest)
        if self.waits_for_blocks:
            there = height - receipt.block + 1
            self.why = Unconfirmed(call.method, receipt.identity, receipt.block, there, wanted)

    def _is_confirmed(self, block: int) -> bool:
        if self._certain:
            return True
        return self.head is not None and self.head[0] - block + 1 >= self._delivery.confirmations

    def _is_judged(self, call: Call, receipt: TransactionReceipt) -> Step[bool]:
        """Judge a call that failed; not yet, where the node lacks the block to judge it by."""
        try:
            return (yield from self._is_settled(call, receipt))
        except (NodeUnreachable, ForeignChain) as error:
            self._doubt(error)
            return False

    def _is_next(self, call: Call, by_others: bool = False) -> bool:
        """Whether all calls before it have come through; or those of other accounts, which may pay this one."""
        before = self.open[: self.open.index(call)]
        return all(each.came_through for each in before if not by_others or each.account != call.account)

    def _is_settled(self, call: Call, receipt: TransactionReceipt) -> Step[bool]:
        """What to make of a call that failed: somebody else made it, or it is sent anew if it would pass now.

        Raises:
            TransactionReverted: neither.
        """
        if not self._certain:  # it may have failed only because something before it fell out
            newest = max(block for each in self.kept for block in each.blocks)
            if self.head is None or self.head[0] < newest or not (yield from self.look_back()):
                return False
            if call.receipt is not receipt or not self._is_next(call):
                return False
        by = self.head or (receipt.block, receipt.block_hash)
        block = hex(by[0])
        if (yield from self._is_done(call, by)):
            return True
        less = call.first > call.versions[-1].first
        error = TransactionReverted(call.method, "OutOfGas", (call.gas_limit,))
        if receipt.gas_used != call.gas_limit:
            answer = yield Attempt(_request(call), block)
            if isinstance(answer, Refused):
                error = refusal(call.method, answer)
            elif call.to is not None and (less or len({each.nonce for each in call.versions}) < MOST_NONCES):
                self._sign(call, (yield from self._next_nonce(call.account)), (yield from self._fee()), call.first)
                self.progress += 1
                return False
            else:
                error = TransactionReverted(call.method, "Unexplained", ())
        self.open.remove(call)
        raise error

    def _is_done(self, call: Call, by: tuple[int, bytes]) -> Step[bool]:
        """Whether others have done all of it, by the state after a block; it counts as they left it then."""
        done = call.is_done((yield Done(call, hex(by[0]))) if call.done else 0)
        if done:
            call.outdone = by
        return done


def _mined(calls: Iterable[Call]) -> dict[str, int]:
    """By account its highest nonce that a block holds: it holds all before."""
    found: dict[str, int] = {}
    for call in calls:
        found[call.account] = max(found.get(call.account, -1), *call.receipts, -1)
    return found


def _hash(block: Any) -> bytes | None:
    """Of a block that there is."""
    return None if block is None else as_bytes(field(block, "hash"))


def _events(logs: Any) -> Events:
    topics = [as_list(field(log, "topics")) for log in as_list(logs)]
    return [
        (as_bytes(first[0]) if first else b"", as_bytes(field(log, "data")))
        for first, log in zip(topics, logs, strict=True)
    ]


def _request(call: Call) -> dict[str, Any]:
    data = as_hex(call.calldata(call.first))
    request = {"from": call.account, "data": data, "value": hex(call.value), "gas": hex(call.gas_limit)}
    return request if call.to is None else request | {"to": as_hex(call.to)}
