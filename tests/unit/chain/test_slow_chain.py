"""A sender on a chain whose blocks come seldom asks seldom, and is no later than a share of the time between blocks."""

from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

import pytest

from chain_bandit.chain.answers import as_hex
from chain_bandit.chain.errors import NodeUnreachable, NotMined, Unconfirmed
from chain_bandit.chain.http_node import HttpNode
from chain_bandit.chain.journal import Journal
from chain_bandit.chain.node import account
from chain_bandit.chain.outbox import Outbox
from chain_bandit.chain.retry_budget import Clock
from chain_bandit.chain.rpc import Rpc
from chain_bandit.chain.sender import SLOW, Sender, Watch
from chain_bandit.chain.transaction_policy import TransactionPolicy
from chain_bandit.chain.wire import Refused, Request
from chain_bandit.protocol.digests import keccak
from chain_bandit.stopwatch import Stopwatch

ROUND_TRIP = 0.02
CALLS = 5


class SlowChain:
    """A chain with a block each so many seconds, and its node: what comes in is in the next block."""

    certain = False

    def __init__(self, interval: float, timestamps: bool = True) -> None:
        self.interval, self.timestamps, self.time, self.asked = interval, timestamps, 0.0, 0
        self.mined: dict[str, int] = {}
        self.clock = Clock(lambda: self.time, self.sleep)

    def sleep(self, seconds: float) -> None:
        self.time += seconds

    def post(self, requests: Sequence[Request]) -> "Future[list[Any]]":
        answers: Future[list[Any]] = Future()
        self.time += ROUND_TRIP
        self.asked += len(requests)
        try:
            answers.set_result([self._answer(*request) for request in requests])
        except NodeUnreachable as error:
            answers.set_exception(error)
        return answers

    def exchange(self, requests: Sequence[Request]) -> list[Any]:
        return self.post(requests).result()

    @property
    def height(self) -> int:
        return 1000 + int(self.time / self.interval)

    def _answer(self, method: str, parameters: Sequence[Any]) -> Any:
        if method == "eth_getBlockByNumber":
            number = self.height if parameters[0] == "latest" else int(parameters[0], 16)
            block = {"number": hex(number), "hash": as_hex(number.to_bytes(32)), "baseFeePerGas": "0x7",
                     "gasLimit": hex(30_000_000)}  # fmt: skip
            return block | {"timestamp": hex(int(number * self.interval))} if self.timestamps else block
        if method == "eth_sendRawTransaction":
            identity = as_hex(keccak(bytes.fromhex(parameters[0][2:])))
            if identity in self.mined:
                return Refused("already known")
            self.mined[identity] = self.height + 1
            return identity
        if method == "eth_getTransactionReceipt":
            block = self.mined.get(parameters[0], self.height + 1)
            return None if block > self.height else {
                "gasUsed": "0x5208", "blockNumber": hex(block), "blockHash": as_hex(block.to_bytes(32)), "logs": [],
                "status": "0x1",
            }  # fmt: skip
        if method in ("hardhat_getAutomine", "evm_mine"):
            return Refused("no such method", unknown_method=True)
        others = {"eth_chainId": "0x1", "eth_getTransactionCount": "0x0", "eth_getLogs": [], "eth_getBalance": "0xffff",
                  "eth_blockNumber": hex(self.height),
                  "eth_getTransactionByHash": {"hash": parameters and parameters[0]}}  # fmt: skip
        return others[method]


def sent(chain: SlowChain) -> float:
    """Requests a second of a sender that waits for each of its calls."""
    delivery = TransactionPolicy(clock=chain.clock)
    sender = Sender(Rpc(chain, Stopwatch(), delivery), Journal(), delivery)
    sender.watch(Watch({"address": "0x"}, lambda events: None, 1000))
    wallet = account(bytes(31) + b"\5")
    for number in range(CALLS + 1):
        if number == 1:  # it has seen two blocks by now
            chain.asked, began = 0, chain.time
        sender.submit("pay", wallet, bytes(20), number, 21_000, b"")
        sender.settle()
    return chain.asked / (chain.time - began)


def test_a_sender_asks_seldom_where_blocks_come_seldom():
    chain = SlowChain(12.0)
    assert sent(chain) < 4.0
    assert chain.time < 12.0 * (CALLS + 2), "each call is seen before the block after its own"
    often = SlowChain(12.0, timestamps=False)
    assert sent(often) > 8.0, "of a chain that does not tell"


@pytest.mark.parametrize("interval", [0.5, 1.0, 2.0])
def test_a_block_is_seen_within_a_fifth_of_the_time_to_the_next(interval):
    chain = SlowChain(interval)
    sent(chain)
    assert chain.time < interval * (CALLS + 2)


@pytest.mark.parametrize("timestamp", ["0x", None, "soon", 1.5])
def test_a_garbled_timestamp_is_asked_for_again(timestamp):
    class Garbled(SlowChain):
        def _answer(self, method: str, parameters: Sequence[Any]) -> Any:
            answer = super()._answer(method, parameters)
            return answer | {"timestamp": timestamp} if method == "eth_getBlockByNumber" else answer

    outbox = Outbox(1, "0x", [], TransactionPolicy(), False, 60.0)
    chain = Garbled(12.0)
    outbox.watched = {"address": "0x"}
    for _ in range(3):
        answers = chain.exchange(outbox.asks())
        assert list(outbox.answered(answers, 0.0))[1:] == []
        assert outbox.interval == 0.0


class NothingMined(SlowChain):
    """Its blocks hold nothing of ours."""

    def _answer(self, method: str, parameters: Sequence[Any]) -> Any:
        return None if method == "eth_getTransactionReceipt" else super()._answer(method, parameters)


def test_a_transaction_that_no_block_includes_is_named_once_and_ends_in_a_true_sentence() -> None:
    chain, said = NothingMined(1.0), list[tuple[float, str]]()
    delivery = TransactionPolicy(clock=chain.clock, patience=60.0, say=lambda line: said.append((chain.time, line)))
    sender = Sender(Rpc(chain, Stopwatch(), delivery), Journal(), delivery)
    sender.submit("pay", account(b"\1" * 32), b"\2" * 20, 1, 21_000, b"")
    with pytest.raises(NotMined, match=r"^pay 0x[0-9a-f]{64} is in no block; .*look whether the chain goes on"):
        sender.settle()
    ((at, line),) = said
    assert SLOW <= at < SLOW + 2
    assert line.startswith("waiting for a block with what was sent: pay 0x")


def test_confirmations_take_longer_than_the_patience_with_a_chain_that_stands_still() -> None:
    chain = SlowChain(12.0)
    delivery = TransactionPolicy(clock=chain.clock, confirmations=14)
    assert delivery.confirmations * 12.0 > delivery.patience
    sender = Sender(Rpc(chain, Stopwatch(), delivery), Journal(), delivery)
    call = sender.submit("pay", account(b"\1" * 32), b"\2" * 20, 1, 21_000, b"")
    sender.settle()
    assert call.receipt is not None
    assert chain.height >= call.receipt.block + 13


def test_a_chain_that_stands_still_on_top_of_a_transaction_is_named_with_the_confirmations_that_are_there() -> None:
    class Stands(SlowChain):
        @property
        def height(self) -> int:
            return min(super().height, 1006)

    chain = Stands(1.0)
    delivery = TransactionPolicy(clock=chain.clock, confirmations=64, patience=30.0)
    sender = Sender(Rpc(chain, Stopwatch(), delivery), Journal(), delivery)
    sender.submit("pay", account(b"\1" * 32), b"\2" * 20, 1, 21_000, b"")
    with pytest.raises(Unconfirmed, match=r"is in block \d+, with \d+ of 64 confirmations, and no block comes"):
        sender.settle()
    assert 30 < chain.time < 60


def test_no_notice_where_blocks_come_seldom() -> None:
    chain, said = SlowChain(12.0), list[str]()
    delivery = TransactionPolicy(clock=chain.clock, say=said.append)
    sender = Sender(Rpc(chain, Stopwatch(), delivery), Journal(), delivery)
    for amount in range(1, 4):
        sender.submit("pay", account(b"\1" * 32), b"\2" * 20, amount, 21_000, b"")
        sender.settle()
    assert said == []


class Mines(SlowChain):
    """A development node."""

    def _answer(self, method: str, parameters: Sequence[Any]) -> Any:
        self.time += self.interval * (method == "evm_mine")
        return None if method == "evm_mine" else super()._answer(method, parameters)


def test_a_wait_for_blocks_is_told_once_where_it_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    def told(chain: SlowChain, blocks: int) -> list[str]:
        said = list[str]()
        monkeypatch.setattr("chain_bandit.chain.rpc.wire_to", lambda line, timeout: chain)
        node = HttpNode("http://127.0.0.1:1", TransactionPolicy(clock=chain.clock, say=said.append))
        node.bury(1000)
        node.mine(blocks)
        return said

    begins = "waiting for block 1,008: the chain is at block 1,00"
    buried = "; 8 blocks on top of block 1,000 make it final", "the wait for block 1,008 is over"
    last = "waiting for block 1,010: the chain is at block 1,009; a deadline of the game passes there"
    assert told(SlowChain(5.0), 2) == [f"{begins}1{buried[0]}", buried[1], last, "the wait for block 1,010 is over"]
    assert told(SlowChain(1e9), 0) == [f"{begins}0{buried[0]}", buried[1]], "the chain stands still"
    assert told(SlowChain(0.2), 2) == told(Mines(60.0), 2) == []


class TakesNothing(SlowChain):
    """It answers questions, and loses what is sent in its first seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(1.0)
        self._seconds = seconds

    def _answer(self, method: str, parameters: Sequence[Any]) -> Any:
        if method == "eth_sendRawTransaction" and self.time < self._seconds:
            raise NodeUnreachable("HTTP status 503")
        if method == "eth_getTransactionByHash" and parameters[0] not in self.mined:
            return None
        return super()._answer(method, parameters)


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(SLOW / 2, []), (2 * SLOW, ["waiting for a block with what was sent: HTTP status 503",
                                 "blocks take in what was sent again"])],
)  # fmt: skip
def test_a_node_that_answers_is_not_waited_for_though_what_is_sent_is_lost(seconds: float, told: list[str]) -> None:
    """An exchange that was lost may end after a later one that was answered."""
    chain, said = TakesNothing(seconds), list[str]()
    delivery = TransactionPolicy(clock=chain.clock, say=said.append)
    sender = Sender(Rpc(chain, Stopwatch(), delivery), Journal(), delivery)
    sender.submit("pay", account(b"\1" * 32), b"\2" * 20, 1, 21_000, b"")
    sender.settle()
    assert (said, chain.time > seconds) == (told, True)
