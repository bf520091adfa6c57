"""Memory of a sender: the calls that a reorganisation can still undo, and no others."""

import tracemalloc
from collections.abc import Iterator

import pytest

from chain_bandit.chain.anvil import anvil
from chain_bandit.chain.journal import Unkept
from chain_bandit.chain.node import account
from chain_bandit.chain.outbox import UNDONE
from chain_bandit.chain.process import OwnNode
from chain_bandit.chain.sender import Sender
from chain_bandit.chain.transaction_policy import PIPELINED


@pytest.fixture
def node() -> Iterator[OwnNode]:
    with anvil() as started:
        yield started


def test_a_sender_grows_by_less_than_half_a_kilobyte_a_call(node: OwnNode) -> None:
    """Before, each of these calls stayed with its signed bytes and its receipt: 4.5 kB."""
    payer = account(bytes(31) + b"\x05")
    node.grant({bytes.fromhex(payer.address[2:]): 10**20})
    sender, sizes, calls = Sender(node.rpc, Unkept(), PIPELINED), list[int](), 3 * UNDONE
    tracemalloc.start()
    for _ in range(calls):
        sender.submit("pay", payer, bytes(18) + b"\x07\x07", 1, 21_000, b"")
        sender.settle()
        sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert (sizes[-1] - sizes[2 * UNDONE - 1]) / UNDONE < 500
    assert len(sender._outbox.kept) <= UNDONE + 2
    assert len(sender.gas["pay"]) == calls
