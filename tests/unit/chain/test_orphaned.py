"""Receipts of blocks that fell out of the chain, which a node goes on giving: calls in them are not taken for mined."""

from dataclasses import replace

import pytest

from chain_bandit.chain.call import TransactionReceipt
from chain_bandit.chain.errors import TransactionReverted
from chain_bandit.chain.node import account
from chain_bandit.chain.outbox import ASKED_AT_ONCE, UNDONE, Outbox
from chain_bandit.chain.transaction_policy import PIPELINED
from chain_bandit.chain.wire import Refused
from tests.integration.test_schedules_of_sending import edited
from tests.unit.chain.liar import GAS, Liar


def with_orphan(node):
    """A call that passes for mined, by a block that is not in the chain."""
    call = node.call()
    node.mines = node.forks = True
    node.turn()
    assert node.outbox.open == []
    return call


def test_before_a_fee_is_raised_calls_before_it_are_looked_for():
    node = Liar()
    orphan = with_orphan(node)
    node.mines = False
    stuck = node.call()
    for _ in range(3):
        node.turn()
        node.height += PIPELINED.stuck_blocks
    assert node.outbox.open == [orphan, stuck]
    assert len(stuck.versions) == 1  # its own nonce is the next one only when the other's is used


def test_a_receipt_of_a_block_that_fell_out_does_not_count_again():
    node = Liar()
    orphan = with_orphan(node)
    node.step(node.outbox.look_back())
    for _ in range(3):
        node.turn()
        assert node.outbox.open == [orphan]
    node.forks = False
    for _ in range(2):  # no block came: receipts are asked for again after a while
        node.turn()
    assert node.outbox.open == []


def test_what_an_earlier_outbox_had_in_a_block_that_fell_out_goes_out_in_front_of_a_later_call():
    earlier = Liar()
    before = earlier.call()
    earlier.mines = True
    earlier.turn()
    node = Liar()
    node.outbox.take_over(earlier.outbox.left())
    third = Liar()
    third.outbox.take_over(node.outbox.left())
    for liar in (node, third):
        later = liar.call()
        liar.now = 2.0
        assert liar.step(liar.outbox.sends(liar.now)) == [("eth_sendRawTransaction", [later.versions[0].raw])]
        assert later.versions[0].nonce == before.versions[0].nonce + 1
        liar.outbox.sent([None], liar.now)
        sent = liar.step(liar.outbox.sends(liar.now + 2.0))
        assert sent[0] == ("eth_sendRawTransaction", [before.versions[0].raw])


def test_what_an_earlier_outbox_left_over_is_offered_more_with_the_call_behind_it():
    earlier = Liar()
    before = earlier.call()
    earlier.turn()
    node = Liar()
    node.outbox.take_over(earlier.outbox.left())
    later = node.call()
    for _ in range(3):
        node.turn()
        node.height += PIPELINED.stuck_blocks
    assert len(later.versions) > 1
    offered = [entry for entry in node.outbox.left() if entry.nonce == before.versions[0].nonce]
    assert offered[-1].max_fee == later.versions[-1].fee.most > offered[0].max_fee


def test_a_block_that_comes_back_counts_again():
    node = Liar()
    call = node.call()
    node.mines = True
    node.turn()
    call.fell_out(call.versions[0].nonce)
    node.outbox.open.append(call)
    assert call.orphaned == {node.height.to_bytes(32)}
    node.turn()
    assert node.outbox.open == []


def test_a_call_is_forgotten_only_after_a_look_back():
    node = Liar(replace(PIPELINED, in_flight=1))
    orphan = with_orphan(node)
    node.height += UNDONE + 1
    node.turn()
    assert node.outbox.open == [orphan]
    node.mines, node.forks = True, False
    for _ in range(2):
        node.turn()
    node.height += UNDONE + 1
    for _ in range(2):  # a block came: then for what is in it
        node.turn()
    assert node.outbox.kept == node.outbox.open == []
    assert node.outbox.gas == {"m": [GAS]}


def test_an_answer_that_does_not_know_the_head_says_nothing():
    node = Liar()
    with_orphan(node)
    step = node.outbox.look_back()
    asked = next(step).requests
    assert [parameters[0] for _, parameters in asked] == [hex(node.height)] * 3
    head = node.outbox.head[1]
    other, busy = bytes(32), Refused("busy")
    for before, of_block, after in (
        (None, other, None), (head, other, other), (other, other, head), (head, busy, head)
    ):  # fmt: skip
        with pytest.raises(StopIteration) as end:
            step.send([before, of_block, after])
        assert end.value.value is False
        assert node.outbox.unsure
        assert node.outbox.open == []
        step = node.outbox.look_back()
        next(step)


def test_a_node_that_does_not_know_the_head_is_believed_after_two_seconds():
    node = Liar()
    mined = node.call()
    node.mines = True
    node.turn()
    head, receipts = node.outbox.head, dict(mined.receipts)
    node.height -= 1
    later = node.call()
    node.turn()
    assert (node.outbox.head, mined.receipts, node.outbox.open) == (head, receipts, [later])
    node.turn()
    assert node.outbox.head[0] == node.height
    assert mined.orphaned == {head[1]}


def test_an_account_that_a_call_paid_is_not_given_up_before_that_call_is_looked_for():
    node = Liar()
    payment = with_orphan(node)
    node.mines, node.refuses, node.wallet = False, True, account(bytes(31) + b"\6")
    node.poor = node.wallet.address
    poor = node.call()
    for _ in range(20):
        node.turn()
    assert node.outbox.open == [payment, poor]


def test_a_block_is_asked_for_once_whatever_it_holds():
    node = Liar()
    calls = [node.call() for _ in range(ASKED_AT_ONCE + 1)]
    node.mines = True
    while node.outbox.open:
        node.turn()
    assert node.outbox.kept == calls
    step = node.outbox.look_back()
    asked = next(step).requests
    assert len(asked) == 3
    with pytest.raises(StopIteration):
        step.send([node.outbox.head[1]] * 3)
    assert node.outbox.open == []


def test_blocks_below_one_that_is_in_the_chain_are_not_asked_for_again():
    node = Liar()
    node.mines = True
    for _ in range(4):
        node.call()
        for _ in range(2):
            node.turn()
        node.height += 1
    node.turn()

    def asked() -> list[int]:
        return [int(parameters[0], 16) for _, parameters in next(node.outbox.look_back()).requests]

    assert asked() == [104, 100, 101, 102, 103, 104]
    node.step(node.outbox.look_back())
    assert asked() == [104, 104, 104]
    step = node.outbox.look_back()
    next(step)
    assert len(step.send([node.outbox.head[1], bytes(32), node.outbox.head[1]]).requests) == 6, "it fell out"


def test_a_block_above_the_head_that_it_was_found_by_is_asked_for_again():
    node = Liar()
    node.mines = True
    node.call()
    node.turn()
    lower = node.height - 1
    node.outbox.head = lower, lower.to_bytes(32)  # as a node that is behind has it
    for _ in range(2):
        asked = [int(parameters[0], 16) for _, parameters in next(node.outbox.look_back()).requests]
        assert node.height in asked
        node.step(node.outbox.look_back())


def test_every_nonce_before_a_call_that_fell_out_with_a_killed_process_is_signed_for_it():
    node = Liar()
    node.used = 5
    call, payment = node.call(), node.call()
    call.done = lambda block: 0
    node.turn()
    assert [version.nonce for version in call.versions] == [5]
    for used in (3, 4):
        node.used = used
        node.step(node.outbox._fill_gap(payment))
        node.step(node.outbox._fill_gap(call))
        call.receipts[used] = TransactionReceipt("", node.height, bytes(32), True, GAS, None)
    assert sorted(version.nonce for version in call.versions) == [3, 4, 5]
    assert [version.nonce for version in payment.versions] == [6]  # it would be made twice


FAULTS = {
    "what is found is below any head": (
        test_a_block_above_the_head_that_it_was_found_by_is_asked_for_again, "look_back",
        "block for block in blocks if block[0] <= head[0]", "blocks",
    ),
    "a fee is raised at once": (
        test_before_a_fee_is_raised_calls_before_it_are_looked_for, "_follow", "whole or (yield from self.look_back())",
        "True",
    ),
    "a poor account is given up at once": (
        test_an_account_that_a_call_paid_is_not_given_up_before_that_call_is_looked_for, "_look_into",
        "lowest and (yield from self.look_back())", "lowest",
    ),
    "what an earlier process left over is offered no more": (
        test_what_an_earlier_outbox_left_over_is_offered_more_with_the_call_behind_it, "_replace",
        "self._replace_left_over(stuck, fee)", "pass",
    ),
    "orphaned blocks count": (
        test_a_receipt_of_a_block_that_fell_out_does_not_count_again, "_in_chain", "if digest not in chain",
        "if not digest",
    ),
    "orphaned blocks never count": (
        test_a_block_that_comes_back_counts_again, "_in_chain", "if digest not in chain", "",
    ),
    "calls are forgotten at once": (
        test_a_call_is_forgotten_only_after_a_look_back, "_forget", "(yield from self.look_back())",
        "(yield from ()) is None",
    ),
    "a refusal says that nothing fell out": (
        test_an_answer_that_does_not_know_the_head_says_nothing, "look_back",
        "any(isinstance(each, Refused) for each in answers) or ", "",
    ),
    "any answer says what fell out": (
        test_an_answer_that_does_not_know_the_head_says_nothing, "look_back",
        "or (head and {answers[0], answers[-1]} != {head[1]})", "",
    ),
    "a node that does not know the head is believed at once": (
        test_a_node_that_does_not_know_the_head_is_believed_after_two_seconds, "_is_behind",
        "now - self._behind_since < BEHIND", "False",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(fault, monkeypatch):
    check, name, old, new = FAULTS[fault]
    monkeypatch.setattr(Outbox, name, edited(Outbox, name, old, new))
    with pytest.raises((AssertionError, TransactionReverted)):
        check()
