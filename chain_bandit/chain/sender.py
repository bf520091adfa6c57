"""Transactions without waiting: nonces kept here, the same bytes until they are in a block, reorganisations followed.

Nothing that a node says of a transaction counts but a receipt, and that only as long as its block is in the chain.
"""

from array import array
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from math import inf
from time import monotonic
from typing import Any

from chain_bandit.chain.call import Call, Order, Receipt, Version
from chain_bandit.chain.delivery import Delivery
from chain_bandit.chain.errors import ForeignChain, NodeGarbled, NodeUnreachable, NonceTaken, TransactionReverted
from chain_bandit.chain.journal import Entry, Journal, JournalForeign
from chain_bandit.chain.node import Wallet
from chain_bandit.chain.notice import SILENT
from chain_bandit.chain.patience import Patience
from chain_bandit.chain.rpc import BEHIND, Rpc, as_bytes, as_hex, as_int, field, refusal
from chain_bandit.chain.transactions import Fee, TransactionSigner
from chain_bandit.chain.wire import Refused, Request
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.errors import ChainBanditError

SENT_AT_ONCE, ASKED_AT_ONCE, BYTES_AT_ONCE = 16, 32, 250_000
"""The most transactions, questions for receipts, and bytes of calldata in one exchange."""

BETWEEN, ENOUGH = 0.01, 8
"""While nobody waits: seconds from one exchange to the next of its kind, or transactions that are worth one at once."""

MOST_VERSIONS, MOST_NONCES = 8, 8
"""Of one call: signed fees for one nonce, and nonces tried."""

REFUSED = 10.0
"""Seconds of refusals after which they are looked into."""

FIRST_CONTACT = 5.0
"""Seconds in which a node has to answer for the first time: a wrong address should not cost more."""

NONCES_TAKEN = 3
"""Looks at a nonce that somebody else used before it is believed."""

LOST = 2.0
"""Seconds without a block after which a node that mines what comes in has put a transaction aside: Anvil does with some
that arrive while it mines the one before, and only a higher fee brings them back."""

UNDONE = 64
"""Blocks behind the head that a reorganisation may change, two epochs of Ethereum: their events are asked for again,
and calls in them are kept. What is deeper is forgotten."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Events that a run must know of, whoever causes them.

    Attributes:
        filter: as `eth_getLogs` takes it, without blocks.
        take: is handed the events' data, some of them again and again.
    """

    filter: dict[str, Any]
    take: Callable[[list[bytes]], None]


@dataclass(frozen=True, slots=True)
class _Sending:
    """Transactions under way."""

    answers: "Future[list[Any]]"
    sends: list[tuple[Call, Version]]


@dataclass(frozen=True, slots=True)
class _Asking:
    """Questions under way: for receipts, for the last known head, and for events; or for the chain's identity alone."""

    answers: "Future[list[Any]]"
    asks: list[tuple[Call, Version]]
    head: tuple[int, bytes] | None
    watched: bool = False
    identity: bool = False


class Sender:
    """Brings the calls of a run to the chain, each once, in the order of the nonces that it gives them.

    One sender must send all transactions of an account.

    Raises (every method):
        NodeUnreachable: nothing moved for as long as patience lasts.
        TransactionReverted: the contract refused an earlier call or this one, or the node will not take it.
        ForeignChain, JournalForeign, LinesUnwritable, NonceTaken: as they say.
    """

    def __init__(self, rpc: Rpc, journal: Journal, delivery: Delivery) -> None:
        self._made = 0
        self._kept: list[Call] = []
        self._used: dict[str, array[int]] = {}
        self._rpc, self._journal, self._delivery = rpc, journal, delivery
        self._open: list[Call] = []
        self._sending: _Sending | None = None
        self._asking: _Asking | None = None
        self._progress = 0
        self._why: ChainBanditError = NodeUnreachable("no answer yet")
        self._head: tuple[int, bytes] | None = None
        self._behind_since: float | None = None
        self._block_gas = inf
        self._doubtful, self._sent_at, self._asked_at, self._moved_at = False, -inf, -inf, -inf
        self._watched: Watch | None = None
        self._watched_to = 0
        self._signers: dict[str, TransactionSigner] = {}
        self._nonces: dict[str, int] = {}
        self._journaled: dict[int, list[Entry]] = defaultdict(list)
        for entry in journal.entries:
            self._journaled[entry.call].append(entry)
            self._nonces[entry.account] = max(self._nonces.get(entry.account, 0), entry.nonce + 1)
        self._fee_now: Fee | None = None
        self._left_over_at = -inf
        self.chain_id = rpc.ask("eth_chainId", [], as_int, FIRST_CONTACT)
        self.genesis = rpc.ask("eth_getBlockByNumber", ["0x0", False], self._genesis, FIRST_CONTACT)
        mines_at_once = not rpc.wire.certain and rpc.exchange([("hardhat_getAutomine", [])]) == [True]  # Anvil's too
        self._standstill = LOST if mines_at_once else delivery.patience / 2

    @property
    def gas(self) -> dict[str, list[int]]:
        """Gas used by each transaction that was found in a block, by method."""
        used = {method: list(gas) for method, gas in self._used.items()}
        for call in self._kept:
            if call.gas:
                used.setdefault(call.method, []).extend(call.gas.values())
        return used

    def upcoming_nonce(self, account: Wallet) -> int:
        """The nonce that the next call goes by if this account makes it."""
        entries = self._journaled.get(self._made)
        unsigned = sum(call.account == account.address and not call.versions for call in self._open)
        return entries[-1].nonce if entries else self._next_nonce(account.address) + unsigned

    def submit(
        self,
        method: str,
        account: Wallet,
        to: bytes | None,
        value: int,
        gas: int,
        data: bytes,
        parts: Sequence[bytes] = (),
        order: Order = Order.FREE,
        done: Callable[[str], int] | None = None,
    ) -> Call:
        """Take a call on and return, unless too many are in flight.

        Args:
            parts: calldata after `data`, any end of which is a call of its own.
            order: what it waits for, and what waits for it.
            done: how many parts others' transactions have had the effect of, by the state after a block.
        """
        signer = self._signers.get(account.address)
        if signer is None:
            signer = self._signers[account.address] = TransactionSigner(account, self.chain_id)
        call = Call(self._made, method, account.address, signer, to, value, gas, data, parts, order, done)
        with self._rpc.stopwatch("evm"):
            for entry in self._journaled.pop(call.index, ()):
                self._readmit(call, entry)
            self._made += 1
            self._kept.append(call)
            self._open.append(call)
            if self._delivery.in_flight == 1:
                self._wait(lambda: not self._open)
            else:
                self._pump()
                if len(self._open) > self._delivery.in_flight:  # once it must wait, for room that is worth it
                    self._wait(lambda: len(self._open) <= self._delivery.in_flight * 3 // 4)
        return call

    def watch(self, events: Watch) -> None:
        """Ask for a contract's events along with everything else: before a receipt is taken in, those up to it are."""
        self._watched = events

    def wait_until(self, over: Callable[[], bool]) -> None:
        """Wait for what comes of calls under way."""
        with self._rpc.stopwatch("evm"):
            self._wait(over)

    def settle(self) -> None:
        """Wait until every call is in a block with enough confirmations, and still is."""
        with self._rpc.stopwatch("evm"):
            while True:
                self._wait(lambda: not self._open)
                if not self._rpc.wire.certain:
                    self._take_sent()
                    self._take_answers()
                    self._look_back()
                if not self._open:
                    return

    # --- nonces, fees and signed versions

    def _next_nonce(self, account: str) -> int:
        if account not in self._nonces:
            which = "latest" if self._rpc.wire.certain else "pending"
            self._nonces[account] = as_int(self._rpc.ask("eth_getTransactionCount", [account, which]))
        return self._nonces[account]

    def _fee(self) -> Fee:
        """What the next call offers: the opening fee, until a higher one was needed to come into a block at all."""
        if self._fee_now is None:
            block = self._rpc.ask("eth_getBlockByNumber", ["latest", False])
            self._fee_now = Fee.opening(as_int(field(block, "baseFeePerGas")))
        return self._fee_now

    def _sign(self, call: Call, nonce: int, fee: Fee, first: int) -> None:
        """Sign a version and journal it."""
        raw = call.sign(nonce, fee, first)
        call.versions.append(Version(as_hex(keccak(raw)), as_hex(raw), nonce, fee, first))
        self._nonces[call.account] = max(self._nonces.get(call.account, 0), nonce + 1)
        self._journal.append(
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

    # --- exchanges: one that sends, and beside it one that asks, so that the node has something to do meanwhile

    def _wait(self, over: Callable[[], bool]) -> None:
        patience, seen = Patience(self._delivery.patience, self._delivery.is_over), self._progress
        while not over():
            self._send()
            self._ask()
            if self._asking is None or (self._sending is not None and self._sending.answers.done()):
                self._take_sent()
            self._take_answers()
            if self._progress != seen:
                seen = self._progress
                patience.moved()
            elif not over():
                if self._doubtful and monotonic() > patience.since + SILENT:
                    self._rpc.notice.waiting(self._why)
                patience.wait(self._why)

    def _pump(self) -> None:
        """Go on without waiting: take in exchanges that have ended, and start the next ones when it is time."""
        if self._sending is not None and self._sending.answers.done():
            self._take_sent()
        if self._asking is not None and self._asking.answers.done():
            self._take_answers()
        now = monotonic()
        if now > self._sent_at + BETWEEN or sum(not call.sent for call in self._open) >= ENOUGH:
            self._send()
        if now > self._asked_at + BETWEEN:
            self._ask()

    def _send(self) -> None:
        """Start to send what is due, unless a sending is under way or it may be another chain that answers."""
        now = monotonic()
        if self._sending or self._doubtful:
            return
        due, left_over = self._due(now), self._left_over(now)
        if not due and not left_over:
            return
        for call in due:
            if not call.versions:
                self._sign(call, self._next_nonce(call.account), self._fee(), 0)
        self._journal.sync()
        for call in due:
            call.delay = min(2 * call.delay, self._delivery.patience) or self._delivery.resend_after
            # A node in this process has had what it was given, however long it takes.
            call.resend_at = inf if self._rpc.wire.certain else now + call.delay
        sends = [(call, version) for call in due for version in call.to_send]
        raws = [*left_over, *(version.raw for _, version in sends)]
        requests: list[Request] = [("eth_sendRawTransaction", [raw]) for raw in raws]
        self._sending, self._sent_at = _Sending(self._rpc.wire.post(requests), sends), now

    def _ask(self) -> None:
        """Start to ask, unless that is under way or there is nothing to ask for until a sending ends."""
        if self._asking is not None:
            return
        requests: list[Request]
        if self._doubtful:
            requests = [("eth_chainId", []), ("eth_getBlockByNumber", ["0x0", False])]
            self._asking = _Asking(self._rpc.wire.post(requests), [], None, identity=True)
            return
        asks = [(call, version) for call in self._open if call.sent for version in call.outside][:ASKED_AT_ONCE]
        if not asks and self._sending is not None:
            return
        requests = [("eth_getTransactionReceipt", [version.identity]) for _, version in asks]
        watch = None if self._rpc.wire.certain else self._watched
        if not self._rpc.wire.certain:
            requests.append(("eth_getBlockByNumber", ["latest", False]))
            if self._head is not None:
                requests.append(("eth_getBlockByNumber", [hex(self._head[0]), False]))
            if watch is not None:
                requests.append(("eth_getLogs", [watch.filter | {"fromBlock": hex(self._watched_to)}]))
        self._asking = _Asking(self._rpc.wire.post(requests), asks, self._head, watch is not None)
        self._asked_at = monotonic()

    def _due(self, now: float) -> list[Call]:
        """What goes out now: in the order of calls, nothing whose turn it is not, no more than a block takes.

        A call gets its nonce when its turn comes, and one that failed gets another behind those given since. What has a
        nonce does not wait for a call that is overtaken so by a later one: each might wait for the other.
        Anvil mines when a transaction comes in; what a block leaves over would wait there for the next one to come.
        """
        due: list[Call] = []
        size, full = 0, False
        gas = sum(call.gas_limit for call in self._open if call.sent and call.outside)
        # orders of what is in no block, or failed in it, and accounts that wait: of overtaken calls (True), and others
        unmined: dict[bool, set[Order | str]] = {False: set(), True: set()}
        for call in self._open:
            overtaken = self._is_overtaken(call)
            ahead = unmined[False] if call.versions else unmined[False] | unmined[True]
            waits = Order.ALONE in ahead if call.order is Order.FREE else not ahead.isdisjoint(Order)
            ready = now >= call.resend_at and (call.outside or not call.versions)
            if ready and not call.sent and not waits:
                full = full or (bool(gas) and gas + call.gas_limit > self._block_gas)
                waits = full  # what was sent before and lost goes out all the same
            if waits or call.account in ahead:
                unmined[overtaken].add(call.account)
            elif ready:
                size += call.size
                gas += 0 if call.sent else call.gas_limit
                if due and (len(due) >= SENT_AT_ONCE or size > BYTES_AT_ONCE):
                    break
                due.append(call)
            if call.receipt is None or not call.receipt.succeeded:
                unmined[overtaken].add(call.order)
        return due

    def _is_overtaken(self, call: Call) -> bool:
        """Whether a later call of its account comes before it by nonce."""
        return call.goes_anew and any(
            other.index > call.index and other.account == call.account
            and bool(other.outside) and other.outside[0].nonce < call.versions[-1].nonce
            for other in self._open
        )  # fmt: skip

    def _left_over(self, now: float) -> list[str]:
        """What an earlier process sent in front of calls of this one, whose own turn to be handed in has not come."""
        if not self._journaled or now < self._left_over_at:
            return []
        highest = {call.account: call.outside[-1].nonce for call in self._open if call.outside}
        entries = [entry for entries in self._journaled.values() for entry in entries]
        newest = {(entry.account, entry.nonce): entry.raw for entry in entries}
        raws = [raw for (who, nonce), raw in sorted(newest.items()) if nonce < highest.get(who, 0)]
        self._left_over_at = now + self._delivery.resend_after
        return raws[:SENT_AT_ONCE]

    def _take_sent(self) -> None:
        """Wait for the sending under way; only now is it asked for, whatever was answered."""
        sending, self._sending = self._sending, None
        if sending is None:
            return
        for call, _ in sending.sends:
            call.sent = True
        try:
            answers = self._rpc.answered(sending.answers)
        except NodeUnreachable as error:
            self._why, self._doubtful = error, True
            for call, _ in sending.sends:
                call.resend_at = 0.0
            return
        now = monotonic()
        left_over = len(answers) - len(sending.sends)  # nobody waits for the answers to these
        for (call, _), word in zip(sending.sends, answers[left_over:], strict=True):
            self._take_word(call, word, now)

    def _take_answers(self) -> None:
        """Wait for the questions under way and take their answers in, unless it may be another chain's."""
        asking, self._asking = self._asking, None
        if asking is None:
            return
        try:
            answers = iter(self._rpc.answered(asking.answers))
            self._rpc.notice.over()
        except NodeUnreachable as error:
            self._why, self._doubtful = error, True
            return
        try:
            if asking.identity:
                self._check_identity(next(answers), next(answers))
            elif not self._doubtful:
                self._take(asking, answers)
        except NodeGarbled as error:
            self._why, self._doubtful = error, True

    def _take(self, asking: _Asking, answers: Iterator[Any]) -> None:
        """Events first, then receipts, then the head; and see which calls that ends."""
        if asking.watched and not self._take_events(asking.answers.result()[-1]):
            return
        for call, version in asking.asks:
            self._take_receipt(call, version, next(answers))
        if not self._rpc.wire.certain:
            self._follow(next(answers), next(answers) if asking.head is not None else None, asking.head, monotonic())
        self._close()

    def _check_identity(self, chain_id: Any, genesis: Any) -> None:
        """After a lost exchange: is it still the same chain that answers?"""
        if isinstance(chain_id, Refused) or isinstance(genesis, Refused) or not genesis:
            return
        why: ChainBanditError | None = None
        if as_int(chain_id) != self.chain_id:
            why = ForeignChain("chain id", self.chain_id, as_int(chain_id))
        elif self._genesis(genesis) != self.genesis:
            why = ForeignChain("first block", self.genesis, self._genesis(genesis))
        self._doubtful = why is not None
        if why is not None:
            self._why = why

    # --- what a node says

    def _take_word(self, call: Call, word: Any, now: float) -> None:
        """The answer to a sending: where the node is in this process a refusal is final, elsewhere it is hearsay."""
        if not isinstance(word, Refused):
            self._progress += not call.accepted
            if call.refused is not None:
                call.refused, call.next_since = None, None  # it waits to be mined from now on
            call.accepted = True
        elif self._rpc.wire.certain:
            self._open.remove(call)
            self._kept.remove(call)
            self._made = call.index
            self._nonces[call.account] = call.versions[-1].nonce
            raise refusal(call.method, word)
        else:
            if call.refused is None:
                call.refused_since = now
            call.refused, call.resend_at = word.text, now + min(call.delay, self._delivery.resend_after / 4)

    def _take_receipt(self, call: Call, version: Version, fields: Any) -> None:
        identity = version.identity
        if isinstance(fields, Refused):
            return
        if fields is None:
            if call.resend_at == inf:
                call.resend_at = 0.0
            self._why = NodeUnreachable(call.refused or f"{call.method} {identity} is in no block")
            return
        gas = as_int(field(fields, "gasUsed"))
        # all that the contract is called for leaves an event: without one there was no contract at the address
        reached = bool(field(fields, "logs")) or call.to is None or not call.data
        succeeded = as_int(field(fields, "status")) == 1 and reached
        call.gas[identity] = gas
        call.receipts[version.nonce] = Receipt(
            identity, as_int(field(fields, "blockNumber")), as_bytes(field(fields, "blockHash")), succeeded, gas, fields
        )

    def _take_events(self, logs: Any) -> bool:
        """Hand watched events on; they were asked for last, so that they are those up to all receipts at least."""
        assert self._watched is not None
        if not isinstance(logs, list):
            self._why = NodeUnreachable("eth_getLogs is not answered")
            return False
        self._watched.take([as_bytes(field(log, "data")) for log in logs])
        if self._head is not None:
            self._watched_to = max(self._watched_to, self._head[0] - UNDONE)
        return True

    def _follow(self, latest: Any, at_head: Any, head: tuple[int, bytes] | None, now: float) -> None:
        """Move the head along; where the last one is no longer in the chain, look what fell out with it."""
        if isinstance(latest, Refused) or latest is None or isinstance(at_head, Refused):
            return
        number, digest = as_int(field(latest, "number")), as_bytes(field(latest, "hash"))
        if head is not None and at_head is None:  # an old answer, or blocks that are gone for good
            self._behind_since = self._behind_since or now
            if now - self._behind_since < BEHIND:
                return
        self._behind_since = None
        if head is None or head[1] != digest:
            self._moved_at = now
        self._head, self._rpc.known, self._block_gas = (number, digest), number, as_int(field(latest, "gasLimit"))
        if head is not None and (at_head is None or as_bytes(field(at_head, "hash")) != head[1]):
            self._look_back()
        base = as_int(field(latest, "baseFeePerGas"))
        for call in self._next_in_line():
            block, since = call.next_since = call.next_since or (number, now)
            # not at once: Anvil mines empty blocks, one for every transaction but the first of a batch
            passed_over = number - block >= self._delivery.stuck_blocks and now - since > self._delivery.resend_after
            stands_still = now - max(since, self._moved_at) > self._standstill
            too_low = base > call.to_send[0].fee.most
            if stands_still or (passed_over and (too_low or call.refused is None)):
                self._replace(call, (number, now), base)
            if call.refused is not None and now - call.refused_since > min(REFUSED, self._delivery.patience / 4):
                self._look_into(call, (number, now), base)

    def _next_in_line(self) -> Iterator[Call]:
        """Of each account the call with the lowest nonce that no block holds, if it was sent."""
        first: dict[str, tuple[int, Call]] = {}
        for call in self._open:
            outside = call.outside
            if outside and outside[0].nonce < first.get(call.account, (inf, call))[0]:
                first[call.account] = (outside[0].nonce, call)
        for _, call in first.values():
            if call.sent:
                yield call

    def _replace(self, stuck: Call, since: tuple[int, float], base: int, lasting: bool = False) -> None:
        """Sign all that the account has outside with a higher fee; later calls offer it too where they must.

        Else each raise, for whatever lost a transaction, would be the next one's start.
        """
        offered = stuck.to_send[0].fee
        fee = offered.raised(base)
        if (lasting or base > offered.most) and (self._fee_now is None or fee.most > self._fee_now.most):
            self._fee_now = fee
        for call in self._open:
            if call.account != stuck.account or not call.sent:
                continue
            call.next_since = since
            for version in call.to_send:
                tried = sum(each.nonce == version.nonce for each in call.versions)
                if tried < MOST_VERSIONS and version.fee.most < fee.most:
                    self._sign(call, version.nonce, fee, version.first)

    def _look_into(self, call: Call, since: tuple[int, float], base: int) -> None:
        """A call that the node keeps refusing: is it known after all, is its nonce gone, can it be paid for?"""
        nonce = call.outside[0].nonce
        requests: list[Request] = [("eth_getTransactionByHash", [version.identity]) for version in call.outside]
        of_account = [call.account, "latest"]
        requests += [("eth_getBalance", of_account), ("eth_getTransactionCount", of_account)]
        *known, balance, used = self._rpc.exchange(requests)
        if isinstance(used, Refused) or isinstance(balance, Refused):
            return
        call.refused_since = since[1]
        if as_int(used) < nonce:  # one before it is in no block, whatever we thought
            self._look_back(to_the_start=True)
            return
        if any(answer is not None and not isinstance(answer, Refused) for answer in known):
            return
        if as_int(used) == nonce:
            if len({version.fee for version in call.versions}) == 1:  # it may want a higher one
                self._replace(call, since, base, lasting=True)
            elif as_int(balance) < call.value + call.gas_limit * min(version.fee.most for version in call.outside):
                raise TransactionReverted(call.method, "Rejected", (call.refused,))
            return  # whatever the words: tried again for as long as patience lasts
        if as_int(used) > nonce:
            if self._head is not None and call.is_done(hex(self._head[0])):
                call.outdone = True
                self._open.remove(call)
                return
            call.taken += 1
            if call.taken >= NONCES_TAKEN:
                raise NonceTaken(call.account, nonce)

    def _look_back(self, to_the_start: bool = False) -> None:
        """Ask again for the blocks of receipts, newest first, until a whole group is where it was.

        A block's hash says what it holds; some receipts Anvil goes on giving when their block is gone.
        """
        mined = [(call, nonce, receipt) for call in self._kept for nonce, receipt in call.receipts.items()]
        mined.sort(key=lambda each: each[2].block)
        for end in range(len(mined), 0, -ASKED_AT_ONCE):
            group = mined[max(0, end - ASKED_AT_ONCE) : end]
            numbers = sorted({each.block for _, _, each in group})
            requests: list[Request] = [("eth_getBlockByNumber", [hex(number), False]) for number in numbers]
            hashes = dict(zip(numbers, self._rpc.exchange(requests, _hash), strict=True))
            fallen: set[Call] = set()
            for call, nonce, receipt in group:
                now = hashes[receipt.block]
                if not isinstance(now, Refused) and now != receipt.block_hash:
                    call.fell_out(nonce)
                    fallen.add(call)
            if not fallen and not to_the_start:
                return
            self._open = sorted({*self._open, *fallen}, key=lambda call: call.index)

    # --- the end of a call

    def _close(self) -> None:
        """Let go of calls that are confirmed, and judge those that failed once all before them are in blocks."""
        all_mined = True
        for call in list(self._open):
            receipt = call.receipt
            all_mined = all_mined and receipt is not None
            if receipt is None or call.outside or not self._is_confirmed(receipt):
                continue
            if not (receipt.succeeded or all_mined):
                continue
            if receipt.succeeded or self._is_judged(call, receipt):
                self._open.remove(call)
                self._progress += 1
            else:
                all_mined = False
        self._forget()

    def _forget(self) -> None:
        """Let go of calls that nothing can undo any more, but for the gas that they used."""
        deep = inf if self._rpc.wire.certain else self._head[0] - UNDONE if self._head else -inf
        under_way, kept = set(self._open), list[Call]()
        for call in self._kept:
            if call in under_way or any(receipt.block > deep for receipt in call.receipts.values()):
                kept.append(call)
            elif call.gas:
                self._used.setdefault(call.method, array("Q")).extend(call.gas.values())
        self._kept = kept

    def _is_confirmed(self, receipt: Receipt) -> bool:
        if self._rpc.wire.certain:
            return True
        return self._head is not None and self._head[0] - receipt.block + 1 >= self._delivery.confirmations

    def _is_judged(self, call: Call, receipt: Receipt) -> bool:
        """Judge a call that failed; not yet, where the node lacks the block to judge it by."""
        try:
            return self._is_settled(call, receipt)
        except NodeUnreachable as error:
            self._why, self._doubtful = error, True
            return False

    def _is_settled(self, call: Call, receipt: Receipt) -> bool:
        """What to make of a call that failed: somebody else made it, or it is sent anew if it would pass now.

        Raises:
            TransactionReverted: neither.
        """
        if not self._rpc.wire.certain:  # it may have failed only because something before it fell out
            self._look_back()
            before = self._open[: self._open.index(call) + 1]
            if any(each.receipt is None for each in before):
                return False
        block = hex(max(receipt.block, self._head[0] if self._head else 0))
        if call.is_done(block):
            call.outdone = True
            return True
        less = call.first > call.versions[-1].first
        error = TransactionReverted(call.method, "OutOfGas", (call.gas_limit,))
        if receipt.gas_used != call.gas_limit:
            answer = self._rpc.attempt(_request(call), block)
            if isinstance(answer, Refused):
                error = refusal(call.method, answer)
            elif call.to is not None and (less or len({each.nonce for each in call.versions}) < MOST_NONCES):
                self._sign(call, self._next_nonce(call.account), self._fee(), call.first)
                return False
            else:
                error = TransactionReverted(call.method, "Unexplained", ())
        self._open.remove(call)
        raise error

    @staticmethod
    def _genesis(block: Any) -> str:
        return as_hex(as_bytes(field(block, "hash")))


def _hash(block: Any) -> bytes | None:
    """Of a block that there is."""
    return None if block is None else as_bytes(field(block, "hash"))


def _request(call: Call) -> dict[str, Any]:
    data = as_hex(call.calldata(call.first))
    request = {"from": call.account, "data": data, "value": hex(call.value), "gas": hex(call.gas_limit)}
    return request if call.to is None else request | {"to": as_hex(call.to)}
