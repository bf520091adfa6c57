"""Fees of a sender before a node that lies: of the base fee, of a receipt's events, or keeps transactions back."""

from collections.abc import Callable
from typing import Any

import pytest

from chain_bandit.chain.answers import as_hex
from chain_bandit.chain.artifacts import chain_bandit_artifact
from chain_bandit.chain.call import Call, Events, Order, Version
from chain_bandit.chain.client import Coordinator
from chain_bandit.chain.node import account
from chain_bandit.chain.outbox import MOST_VERSIONS, Ask, Exchange, Outbox, Query, Tell
from chain_bandit.chain.transaction_policy import PIPELINED
from chain_bandit.chain.transactions import RAISED_TIP, Fee, TransactionSigner
from chain_bandit.chain.wire import Refused
from tests.integration.faults import LOGS

GWEI, GAS = 10**9, 200_000


class Liar:
    """A node whose every answer is made up, and the outbox that is told of it."""

    def __init__(self) -> None:
        self.wallet = account(bytes(31) + b"\5")
        self.outbox = Outbox(1, as_hex(bytes(32)), [], PIPELINED, False, 60.0)
        self.height, self.base, self.now, self.balance = 100, GWEI, 0.0, 10**18
        self.refuses = self.mines = False
        self.logs: Any = [{"topics": [], "data": "0x"}]
        self.events: Any = []

    def call(self, read: Callable[[Events], Any] = len) -> Call:
        signer = TransactionSigner(self.wallet, 1)
        made = Call(self.outbox.made, "m", self.wallet.address, signer, bytes(20), 0, GAS, b"\1" * 4, (),
                    Order.FREE, None, read)  # fmt: skip
        self.outbox.admit(made)
        return made

    def turn(self) -> None:
        """Two seconds: what is due is sent, and the head and receipts are asked for."""
        self.now += 2
        if sent := self._step(self.outbox.sends(self.now)):
            word: Any = Refused("insufficient funds") if self.refuses else "0x" + "00" * 32
            self.outbox.sent([word] * len(sent), self.now)
        asked = self.outbox.asks()
        self._step(self.outbox.answered([self._said(*request) for request in asked], self.now))

    def _step(self, step: Any) -> Any:
        try:
            question: Query = next(step)
            while True:
                question = step.send(self._answer(question))
        except StopIteration as end:
            return end.value

    def _answer(self, question: Query) -> Any:
        if isinstance(question, Exchange):
            return [question.read(self._said(*request)) for request in question.requests]
        if isinstance(question, Tell):
            return None
        assert isinstance(question, Ask)
        return question.read(self._said(question.method, question.parameters))

    def _said(self, method: str, parameters: Any) -> Any:
        if method == "eth_getBlockByNumber":
            number = self.height if parameters[0] == "latest" else int(parameters[0], 16)
            return {"number": hex(number), "hash": as_hex(number.to_bytes(32)), "gasLimit": hex(30_000_000),
                    "baseFeePerGas": hex(self.base)}  # fmt: skip
        if method == "eth_getTransactionReceipt" and self.mines:
            return {"gasUsed": hex(GAS), "blockNumber": hex(self.height), "blockHash": as_hex(self.height.to_bytes(32)),
                    "logs": self.logs, "status": "0x1"}  # fmt: skip
        others = {"eth_getBalance": hex(self.balance), "eth_getTransactionCount": "0x0", "eth_chainId": "0x1",
                  "eth_getLogs": self.events}  # fmt: skip
        return others.get(method)

    def holds_up(self, call: Call) -> None:
        """Say each time that the base fee is above all that is offered."""
        for _ in range(4 * MOST_VERSIONS):
            self.turn()
            self.height += PIPELINED.stuck_blocks
            self.base = call.versions[-1].fee.most + 1


def newest(call: Call) -> Version:
    return call.versions[-1]


def test_no_lie_of_the_base_fee_raises_a_tip_from_call_to_call():
    node, tips = Liar(), []
    for _ in range(5):
        call = node.call()
        node.holds_up(call)
        tips.append((call.versions[0].fee.tip, newest(call).fee.tip))
        assert newest(call).fee.most <= PIPELINED.most_fee
        node.mines = True
        node.turn()
        node.mines = False
        assert not node.outbox.open
    assert max(first for first, _ in tips) <= RAISED_TIP
    assert max(last for _, last in tips) <= PIPELINED.most_tip


def test_an_offer_after_a_false_base_fee_falls_to_what_can_be_paid():
    node = Liar()
    node.base, node.balance = 10**30, GAS * 20 * GWEI
    node.refuses = True
    call, behind = node.call(), node.call()
    node.turn()
    assert newest(call).fee == Fee(PIPELINED.most_fee, 1)
    node.base = GWEI
    for _ in range(10):
        node.turn()
    assert newest(call).fee == newest(behind).fee == Fee.opening(GWEI)
    after = node.call()
    node.turn()
    assert newest(after).fee == Fee.opening(GWEI)


def test_what_is_within_bounds_is_offered_as_it_is():
    assert Fee(7, 3).within(8, 4) == Fee(7, 3)
    assert Fee(7, 3).within(6, 2) == Fee(6, 2)


def asks_until(node: Liar, call: Call, garbled: Any, due: Any) -> None:
    """A call is open as long as its receipt's events are garbled, and no longer."""
    node.mines, node.logs = True, garbled
    for _ in range(3):
        node.turn()
        assert node.outbox.open == [call]
        assert call.receipt is None
    node.logs = due
    for _ in range(2):  # which chain it is, then the receipt
        node.turn()
    assert not node.outbox.open


@pytest.mark.parametrize("events", [Refused("query returned more than 10000 results"), *LOGS], ids=str)
def test_no_receipt_is_taken_in_without_the_events_before_it(events):
    node = Liar()
    node.outbox.watched, node.mines, node.events = {"address": "0x"}, True, events
    call = node.call()
    for _ in range(3):
        node.turn()
        assert call.receipt is None
    node.events = []
    for _ in range(2):
        node.turn()
    assert call.receipt is not None


@pytest.mark.parametrize("garbled", LOGS, ids=str)
def test_a_receipt_whose_events_are_none_is_asked_for_again(garbled):
    node = Liar()
    call = node.call()
    asks_until(node, call, garbled, node.logs)
    assert call.receipt.said == 1


EVENTS = chain_bandit_artifact().members("event")
TOPIC = as_hex(EVENTS["Recorded"].topic)
RECORD = {"topics": [TOPIC], "data": as_hex((7).to_bytes(32) + (1).to_bytes(32) + b"\2" * 32)}


@pytest.mark.parametrize(
    "garbled",
    [{"topics": [], "data": "0x"}, {**RECORD, "topics": ["0x" + "00" * 32]}, {**RECORD, "data": "0x01"},
     {**RECORD, "data": "0x" + "ff" * 96}],
    ids=["of no topic", "of another topic", "cut short", "of numbers too large"],
)  # fmt: skip
def test_a_record_that_is_none_of_the_contracts_is_asked_for_again(garbled):
    game = Coordinator.__new__(Coordinator)
    game._recorded = {EVENTS["Recorded"].topic: EVENTS["Recorded"]}
    node = Liar()
    call = node.call(game._records)
    asks_until(node, call, [garbled], [RECORD])
    assert game.records(call) == [(7, 1, b"\2" * 32)]
