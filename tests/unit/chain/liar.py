"""A node that lies, without wire and clock, in front of an outbox."""

from collections.abc import Callable
from typing import Any

from chain_bandit.chain.answers import as_hex
from chain_bandit.chain.call import Call, Events, Order
from chain_bandit.chain.node import account
from chain_bandit.chain.outbox import MOST_VERSIONS, Ask, Exchange, Outbox, Query, Tell
from chain_bandit.chain.transaction_policy import PIPELINED, TransactionPolicy
from chain_bandit.chain.transactions import TransactionSigner
from chain_bandit.chain.wire import Refused

GWEI, GAS = 10**9, 200_000


class Liar:
    """A node whose every answer is made up, and the outbox that is told of it.

    Attributes:
        height, base, balance: of the chain, its base fee, and the account.
        poor: an account that has nothing.
        refuses, mines, forks: whether it refuses what is sent, gives receipts, and those of blocks that fell out.
        logs, events: of a receipt, and of the contract.
        used: how many transactions of the account are in blocks.
        span: blocks of one question for events, and those questions that it answered.
    """

    def __init__(self, delivery: TransactionPolicy = PIPELINED) -> None:
        self.wallet = account(bytes(31) + b"\5")
        self.outbox = Outbox(1, as_hex(bytes(32)), [], delivery, False, 60.0)
        self.height, self.base, self.now, self.balance = 100, GWEI, 0.0, 10**18
        self.poor: str | None = None
        self.refuses = self.mines = self.forks = False
        self.used = 0
        self.logs: Any = [{"topics": [], "data": "0x"}]
        self.events: Any = []
        self.span, self.asked = 10**9, list[tuple[int, int]]()

    def call(self, read: Callable[[Events], Any] = len) -> Call:
        signer = TransactionSigner(self.wallet, 1)
        made = Call(self.outbox.made, "m", self.wallet.address, signer, bytes(20), 0, GAS, b"\1" * 4, (),
                    Order.FREE, None, read)  # fmt: skip
        self.outbox.admit(made)
        return made

    def turn(self) -> None:
        """Two seconds: what is due is sent, and the head and receipts are asked for."""
        self.now += 2
        if sent := self.step(self.outbox.sends(self.now)):
            word: Any = Refused("insufficient funds") if self.refuses else "0x" + "00" * 32
            self.outbox.sent([word] * len(sent), self.now)
        asked = self.outbox.asks()
        self.step(self.outbox.answered([self._said(*request) for request in asked], self.now))

    def step(self, step: Any) -> Any:
        try:
            question: Query = next(step)
            while True:
                question = step.send(self._answer(question))
        except StopIteration as end:
            return end.value

    def _answer(self, question: Query) -> Any:
        if isinstance(question, Exchange):
            answers = [self._said(*request) for request in question.requests]
            return [answer if isinstance(answer, Refused) else question.read(answer) for answer in answers]
        if isinstance(question, Tell):
            return None
        assert isinstance(question, Ask)
        return question.read(self._said(question.method, question.parameters))

    def _said(self, method: str, parameters: Any) -> Any:
        if method == "eth_getBlockByNumber":
            number = self.height if parameters[0] == "latest" else int(parameters[0], 16)
            if number > self.height:
                return None
            return {"number": hex(number), "hash": as_hex(number.to_bytes(32)), "gasLimit": hex(30_000_000),
                    "baseFeePerGas": hex(self.base)}  # fmt: skip
        if method == "eth_getTransactionReceipt" and self.mines:
            fork = 10**6 if self.forks else 0
            return {"gasUsed": hex(GAS), "blockNumber": hex(self.height), "logs": self.logs, "status": "0x1",
                    "blockHash": as_hex((self.height + fork).to_bytes(32))}  # fmt: skip
        if method == "eth_getLogs":
            first, last = int(parameters[0]["fromBlock"], 16), int(parameters[0].get("toBlock", hex(self.height)), 16)
            if last - first + 1 > self.span:
                return Refused("block range is too wide")
            self.asked.append((first, last))
        balance = 0 if [self.poor] == list(parameters[:1]) else self.balance
        others = {"eth_getBalance": hex(balance), "eth_getTransactionCount": hex(self.used), "eth_chainId": "0x1",
                  "eth_getLogs": self.events}  # fmt: skip
        return others.get(method)

    def holds_up(self, call: Call) -> None:
        """Say each time that the base fee is above all that is offered."""
        for _ in range(4 * MOST_VERSIONS):
            self.turn()
            self.height += PIPELINED.stuck_blocks
            self.base = call.versions[-1].fee.most + 1
