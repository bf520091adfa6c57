"""Sender of transactions: wire, clock, retry budget and journal around the outbox, which decides."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import Any

from chain_bandit.chain.call import Call, Events, Order, unread
from chain_bandit.chain.errors import ForeignChain, NodeRefused, NodeUnreachable, NotMined, Unconfirmed
from chain_bandit.chain.identity import chain_of
from chain_bandit.chain.journal import Journal
from chain_bandit.chain.node import Wallet
from chain_bandit.chain.notice import SILENT, Notice
from chain_bandit.chain.outbox import UNDONE, Ask, Attempt, Done, Exchange, Outbox, Query, Step, T
from chain_bandit.chain.retry_budget import RetryBudget
from chain_bandit.chain.rpc import Posted, Rpc
from chain_bandit.chain.transaction_policy import TransactionPolicy
from chain_bandit.chain.transactions import TransactionSigner

BETWEEN, ENOUGH = 0.01, 8
"""While nobody waits: seconds from one exchange to the next of its kind, or transactions that are worth one at once."""

FIRST_CONTACT = 5.0
"""Seconds in which a node has to answer for the first time: a wrong address should not cost more."""

LOOKS = 5
"""Questions in the time from one block to the next, on a chain whose blocks come seldom: nothing changes between."""

SLOW, BLOCKS = 20.0, 4
"""Seconds, and blocks by the chain's own pace, after which a notice names a transaction that no block includes."""

LOST = 2.0
"""Seconds without a block after which a node that mines what comes in has put a transaction aside: Anvil does with some
that arrive while it mines the one before, and only a higher fee brings them back."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Events that a run must know of, caused by any account.

    Attributes:
        filter: as `eth_getLogs` takes it, without blocks.
        take: is handed the events, some of them again and again; it may find them garbled.
        since: the block that caused the first of them; so many before it are asked for too as may be undone.
    """

    filter: dict[str, Any]
    take: Callable[[Events], None]
    since: int = 0


class Sender:
    """Brings the calls of a run to the chain.

    One sender must send all transactions of an account.

    Raises (every method):
        NodeUnreachable: nothing moved for as long as patience lasts.
        TransactionReverted: the contract refused an earlier call or this one, or the node will not take it.
        ForeignChain, JournalForeign, LogUnwritable, NonceTaken: as they say.
    """

    def __init__(
        self, rpc: Rpc, journal: Journal, delivery: TransactionPolicy,
        signer: Callable[[Wallet, int], TransactionSigner] = TransactionSigner,
    ) -> None:  # fmt: skip
        self._rpc, self._journal, self._delivery, self._clock = rpc, journal, delivery, delivery.clock
        self._signer = signer
        self._sending: Posted | None = None
        self._asking: Posted | None = None
        self._sent_at = self._asked_at = self._mined_at = -inf
        self._take: Callable[[Events], None] | None = None
        self._fees = Notice("a lower base fee", delivery.say, "the base fee is below the cap again")
        self._events = Notice("the contract's events", delivery.say, "the node answers for events again")
        self._mined = Notice("a block with what was sent", delivery.say, "blocks take in what was sent again")
        self._signers: dict[str, TransactionSigner] = {}
        self.chain_id, self.genesis = chain_of(partial(rpc.ask, at_most=FIRST_CONTACT))
        rpc.identity = self.chain_id, self.genesis
        certain = rpc.wire.certain
        self._mines_at_once = not certain and rpc.mines_at_once
        standstill = LOST if self._mines_at_once else delivery.patience / 2
        self._outbox = Outbox(self.chain_id, self.genesis, journal.entries, delivery, certain, standstill)

    @property
    def gas(self) -> dict[str, list[int]]:
        """Gas used by each transaction that was found in a block, by method."""
        return self._outbox.gas

    def upcoming_nonce(self, account: Wallet) -> int:
        """The nonce that the next call goes by if this account makes it."""
        return self._take_step(self._outbox.upcoming_nonce(account.address))

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
        read: Callable[[Events], Any] = unread,
    ) -> Call:
        """Take a call on and return, unless too many are in flight.

        Args:
            parts: calldata after `data`, any end of which is a call of its own.
            order: what it waits for, and what waits for it.
            done: how many parts others' transactions have had the effect of, by the state after a block.
            read: what its events say; it may find them garbled.
        """
        signer = self._signers.get(account.address)
        if signer is None:
            signer = self._signers[account.address] = self._signer(account, self.chain_id)
        outbox, most = self._outbox, self._delivery.in_flight
        call = Call(outbox.made, method, account.address, signer, to, value, gas, data, parts, order, done, read)
        with self._rpc.stopwatch("evm"):
            outbox.admit(call)
            if most == 1:
                self._wait(lambda: not outbox.open)
            else:
                self._pump()
                if len(outbox.open) > most:  # once it must wait, for room that is worth it
                    self._wait(lambda: len(outbox.open) <= most * 3 // 4)
        return call

    def watch(self, events: Watch) -> None:
        """Ask for a contract's events along with everything else: before a receipt is taken in, those up to it are."""
        self._outbox.watched, self._take = events.filter, events.take
        self._outbox.watched_from = max(0, events.since - UNDONE)

    def take_over(self, earlier: "Sender") -> None:
        """Send again, ahead of calls of its own, what an earlier sender of this process had in blocks that fell out."""
        if not self._rpc.wire.certain:
            self._outbox.take_over(earlier._outbox.left())

    def wait_until(self, over: Callable[[], bool]) -> None:
        """Wait for what comes of calls under way."""
        with self._rpc.stopwatch("evm"):
            self._wait(over)

    def settle(self) -> None:
        """Wait until every call is in a block with enough confirmations, and still is."""
        with self._rpc.stopwatch("evm"):
            while True:
                self._wait(lambda: not self._outbox.open and not self._outbox.unsure)
                if not self._rpc.wire.certain:
                    self._take_sent()
                    self._take_answers()
                    self._take_step(self._outbox.look_back())
                if not self._outbox.open and not self._outbox.unsure:
                    return

    # --- the outbox's questions, answered one after the other

    def _take_step(self, step: Step[T]) -> T:
        answer: Any = None
        try:
            while True:
                lost = isinstance(answer, NodeUnreachable | ForeignChain)
                question = step.throw(answer) if lost else step.send(answer)
                self._keep()
                try:
                    answer = self._answer(question)
                except (NodeUnreachable, ForeignChain) as error:
                    answer = error
        except StopIteration as end:
            result: T = end.value
            return result
        finally:
            self._keep()

    def _keep(self) -> None:
        """Journal what was signed."""
        for entry in self._outbox.signed:
            self._journal.append(entry)
        self._outbox.signed.clear()
        if self._outbox.head is not None:
            self._rpc.head = self._outbox.head

    def _answer(self, question: Query) -> Any:
        match question:
            case Exchange(requests, read):
                return self._rpc.exchange(requests, read)
            case Ask(method, parameters, read):
                return self._rpc.ask(method, parameters, read)
            case Attempt(transaction, block):
                return self._rpc.attempt(transaction, block)
            case Done(call, block):
                assert call.done is not None
                return int(call.done(block))
        assert self._take is not None
        return self._take(question.events)

    # --- exchanges: one that sends, and beside it one that asks, so that the node has something to do meanwhile

    def _wait(self, over: Callable[[], bool]) -> None:
        patience = RetryBudget(self._delivery.patience, self._delivery.is_over, self._clock)
        seen = self._outbox.progress
        while not over():
            self._send()
            self._ask()
            if self._asking is None or (self._sending is not None and self._sending.answers.done()):
                self._take_sent()
            self._take_answers()
            if self._mines_at_once and (self._outbox.waits_for_blocks or self._is_left_in_pool(patience.since)):
                self._rpc.exchange([("evm_mine", [])])  # no other block comes
                self._outbox.mined_by_hand = True
            if self._outbox.progress != seen:
                seen = self._outbox.progress
                patience.moved()
                self._mined.over()
                if self._outbox.dear is None:
                    self._fees.over()
                if not isinstance(self._outbox.why, NodeRefused):
                    self._events.over()
            elif not over():
                if self._clock.now() > patience.since + SILENT:
                    self._say_why(patience.since)
                pause = 0.0 if self._mines_at_once else min(self._outbox.interval / LOOKS, self._delivery.patience / 50)
                patience.wait(self._outbox.dear or self._outbox.why, pause)

    def _is_left_in_pool(self, since: float) -> bool:
        """Whether what was sent may lie in the pool of a node that mines what comes in: what a reorganisation put back.

        Asked again after twice as long each time, since a block more is one less before a deadline.
        """
        now = self._clock.now()
        is_due = now - since > LOST / 2 and now - self._mined_at > (now - since) / 2
        if not is_due or not any(call.sent and call.outside for call in self._outbox.open):
            return False
        self._mined_at = now
        return True

    def _say_why(self, since: float) -> None:
        now, why = self._clock.now(), self._outbox.why
        is_silent = self._outbox.doubtful and self._rpc.is_silent
        if is_silent:
            self._rpc.notice.waiting(why)
        if self._outbox.dear is not None:
            self._fees.waiting(self._outbox.dear)
        if isinstance(why, NodeRefused):
            self._events.waiting(why)
        is_slow = now > since + max(SLOW, BLOCKS * self._outbox.interval)
        is_lost = self._outbox.doubtful and not is_silent
        is_unmined = isinstance(why, NotMined | Unconfirmed) or is_lost
        if is_unmined and is_slow and self._outbox.dear is None:
            self._mined.waiting(why.reason if isinstance(why, NodeUnreachable) else why)

    def _pump(self) -> None:
        """Go on without waiting: take in exchanges that have ended, and start the next ones when it is time."""
        if self._sending is not None and self._sending.answers.done():
            self._take_sent()
        if self._asking is not None and self._asking.answers.done():
            self._take_answers()
        now = self._clock.now()
        if now > self._sent_at + BETWEEN or sum(not call.sent for call in self._outbox.open) >= ENOUGH:
            self._send()
        if now > self._asked_at + BETWEEN:
            self._ask()

    def _send(self) -> None:
        now = self._clock.now()
        requests = self._take_step(self._outbox.sends(now))
        if requests:
            self._journal.sync()
            self._sending, self._sent_at = self._rpc.post(requests), now

    def _ask(self) -> None:
        requests = self._outbox.asks()
        if requests:
            self._asking, self._asked_at = self._rpc.post(requests), self._clock.now()

    def _take_sent(self) -> None:
        sending, self._sending = self._sending, None
        if sending is not None:
            self._outbox.sent(self._answers(sending), self._clock.now())

    def _take_answers(self) -> None:
        asking, self._asking = self._asking, None
        if asking is not None:
            answers = self._answers(asking)
            if not isinstance(answers, NodeUnreachable):
                self._rpc.notice.over()
            self._take_step(self._outbox.answered(answers, self._asked_at))  # nobody may have looked for a while

    def _answers(self, exchange: Posted) -> list[Any] | NodeUnreachable:
        try:
            return self._rpc.answered(exchange)
        except NodeUnreachable as error:
            return error
