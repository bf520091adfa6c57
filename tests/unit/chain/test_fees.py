"""Fees of a sender before a node that lies: of the base fee, of a receipt's events, or keeps transactions back."""

from typing import Any

import pytest

from chain_bandit.chain.answers import as_hex
from chain_bandit.chain.artifacts import chain_bandit_artifact
from chain_bandit.chain.call import Call, Version
from chain_bandit.chain.client import Coordinator
from chain_bandit.chain.outbox import UNDONE
from chain_bandit.chain.transaction_policy import PIPELINED
from chain_bandit.chain.transactions import RAISED_TIP, Fee
from chain_bandit.chain.wire import Refused
from tests.integration.faults import LOGS
from tests.unit.chain.liar import GAS, GWEI, Liar


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


@pytest.mark.parametrize("span", [1, 30, 10**9])
def test_events_are_asked_for_in_ranges_that_the_node_takes_and_up_to_each_receipt(span):
    node = Liar()
    node.height, node.span, node.mines = 3000, span, True
    node.outbox.watched, node.outbox.watched_from = {"address": "0x"}, 2900
    for number in range(3):
        node.asked.clear()
        call = node.call()
        for _ in range(2 if number else 8):  # what it refuses is learnt at first
            node.turn()
        assert call.receipt is not None
        covered = {number for first, last in node.asked for number in range(first, last + 1)}
        assert covered >= set(range(node.height - UNDONE, node.height + 1))
        assert min(covered) >= 2900
        node.height += 10
    assert node.outbox.watched_from >= 2900 + 20


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
