"""A chain in virtual time with the model of a game on it, and providers in front of it, one a process.

The chain mines by time or when transactions come, undoes blocks to a depth of eight, takes what fell out in again in
another order, and may go back to an older state. A provider answers late, loses exchanges, lags some blocks behind,
answers for a branch that fell out, refuses ranges of logs, batches or requests by rate, for a while or for good, as
providers do. It shows no block, receipt, event or state that no branch has or had.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from hashlib import blake2b
from random import Random
from typing import Any

from chain_bandit.chain.errors import NodeUnreachable
from chain_bandit.chain.wire import Refused, Request
from verification.schedules.baton import Process, VirtualTime
from verification.schedules.hostile_node import CHAIN_ID
from verification.schedules.model_chain import SignedCall
from verification.schedules.model_game import ADDRESS, NAMES, Logs, ModelGame, Reverted, Storage

BASE, GAS = 1000, 21_000
TIMEOUT = 2.0
"""Seconds after which an exchange is lost."""

BLOCK_GAS = 30_000_000
BURIED = 8
"""Blocks on top of the contract when the first node starts."""

CODE = "0x6001"


@dataclass(slots=True)
class GameBlock:
    """One block of a branch, with the state after it; `game` is None before the contract is there."""

    number: int
    digest: str
    game: Storage | None
    nonces: dict[str, int]
    receipts: dict[str, dict[str, Any]] = field(default_factory=dict)
    logs: list[dict[str, Any]] = field(default_factory=list)
    sent: dict[str, SignedCall] = field(default_factory=dict)


class GameChain:
    """The branches of the chain, and its mempool.

    Attributes:
        chain: the branch that counts.
        book: content of every signed transaction, by its bytes.
        interval: seconds between blocks; with 0 a block comes when a transaction does.
        is_over: whether no more blocks come.
        on_include: told of every transaction that comes into a block.
        sent_by: the process that has sent a transaction last, by identity.
        told: what was sent and undone, a line each.
    """

    def __init__(self, rng: Random, time: VirtualTime, game: ModelGame, interval: float) -> None:
        self.rng, self.time, self.rules, self.interval = rng, time, game, interval
        self.book: dict[str, SignedCall] = {}
        self.pool: dict[tuple[str, int], SignedCall] = {}
        self.known: dict[str, SignedCall] = {}
        self.is_over = False
        self.sent_by: dict[str, Process | None] = {}
        self.on_include: Callable[[SignedCall], None] = lambda sent: None
        self._salt, self.told = 0, list[str]()
        self.chain = [GameBlock(0, self._digest(), None, {})]
        self.orphans: dict[str, dict[str, Any]] = {}
        while len(self.chain) <= game.created_in + BURIED:
            self.mine()
        if interval:
            self._tick()

    @property
    def head(self) -> GameBlock:
        """The last block."""
        return self.chain[-1]

    @property
    def state(self) -> Storage:
        """The contract's, after the last block."""
        assert self.head.game is not None
        return self.head.game

    def _digest(self) -> str:
        self._salt += 1
        return "0x" + blake2b(self._salt.to_bytes(8, "big"), digest_size=32).hexdigest()

    def _tick(self) -> None:
        if self.head.number:
            self.mine()
        if not self.is_over and self.time.now() <= self.time.ends_at:
            self.time.after(self.interval * self.rng.uniform(0.5, 1.5), self._tick)

    def take(self, sent: SignedCall) -> Any:
        """A transaction comes in, as geth takes it."""
        if sent.nonce < self.head.nonces.get(sent.account, 0):
            return Refused("nonce too low")
        key = sent.account, sent.nonce
        there = self.pool.get(key)
        if there is not None and there.identity == sent.identity:
            return Refused("already known")
        if there is not None and (10 * sent.fee.most < 11 * there.fee.most or 10 * sent.fee.tip < 11 * there.fee.tip):
            return Refused("replacement transaction underpriced")
        self.pool[key] = self.known[sent.identity] = sent
        if not self.interval:
            self.time.after(0.0, self.mine)
        return sent.identity

    def mine(self, empty: bool = False) -> None:
        """One more block of what the pool has, in any order of accounts."""
        last = self.head
        game = self.rules.first() if last.number + 1 == self.rules.created_in else last.game
        block = GameBlock(last.number + 1, self._digest(), game, last.nonces)
        if self.pool and not empty:
            self._fill(block)
        self.chain.append(block)

    def _fill(self, block: GameBlock) -> None:
        queue = sorted({account for account, _ in self.pool})
        self.rng.shuffle(queue)
        for account in queue:
            while True:
                sent = self.pool.pop((account, block.nonces.get(account, 0)), None)
                if sent is None:
                    break
                self._include(block, sent)

    def _include(self, block: GameBlock, sent: SignedCall) -> None:
        block.nonces = {**block.nonces, sent.account: sent.nonce + 1}
        logs: Logs = ()
        status = "0x1"
        if sent.to == ADDRESS and block.game is not None:
            try:
                sender = bytes.fromhex(sent.account[2:])
                block.game, logs = self.rules.run(block.game, sender, sent.value, sent.data, block.number)
            except Reverted as refused:
                status = f"0x0 {refused.name}"
        name = NAMES.get(sent.data[:4], "?")
        self.told.append(f"{self.time.now():.2f} block {block.number}: {name} of {sent.account[:8]} {status}")
        status = status[:3]
        place = {"blockNumber": hex(block.number), "blockHash": block.digest, "transactionHash": sent.identity}
        made = [
            {"address": "0x" + ADDRESS.hex(), "topics": ["0x" + topic.hex()], "data": "0x" + data.hex(),
             "logIndex": hex(len(block.logs) + at), **place}
            for at, (topic, data) in enumerate(logs)
        ]  # fmt: skip
        block.logs += made
        block.sent[sent.identity] = sent
        self.on_include(sent)
        block.receipts[sent.identity] = {"status": status, "logs": made, "gasUsed": hex(GAS), **place}

    def undo(self, depth: int, back: int, keep: float) -> None:
        """A reorganisation: the last blocks go, `back` others come; what was in them may be in the pool again."""
        depth = min(depth, len(self.chain) - 1 - self.rules.created_in)
        if depth <= 0:
            return
        self.told.append(f"{self.time.now():.2f} the last {depth} of {self.head.number} blocks fall out")
        gone = self.chain[-depth:]
        self.chain = self.chain[:-depth]
        for block in gone:
            for identity, sent in block.sent.items():
                self.orphans[identity] = block.receipts[identity]
                process = self.sent_by.get(identity)
                if self.rng.random() < keep or process is None or process.is_killed:  # nobody sends it again
                    self.pool.setdefault((sent.account, sent.nonce), sent)
        for _ in range(back):
            self.mine(self.rng.random() < 0.5)


@dataclass(slots=True)
class Limits:
    """What a provider refuses, and what it does not do well.

    Attributes:
        range: blocks of one question for logs; 0 for any.
        batch: requests of one exchange; 0 for any.
        lag: blocks behind the head.
        lost: the share of exchanges that are lost, before or after their effect.
        slow: the share that take long.
        flaps: the share answered for `view`, a branch that fell out.
        down: whether it does not answer.
        orphans: whether it gives receipts of blocks that fell out.
    """

    range: int = 0
    batch: int = 0
    lag: int = 0
    lost: float = 0.0
    slow: float = 0.0
    flaps: float = 0.0
    view: list[GameBlock] = field(default_factory=list)
    down: bool = False
    orphans: bool = False


class _Answers(Future[list[Any]]):
    """Of an exchange that was begun."""

    def __init__(self, provider: "ModelProvider", requests: Sequence[Request]) -> None:
        self._provider, self._at = provider, provider.chain.time.now()
        self._said: list[Any] | None = None
        rng, limits = provider.rng, provider.limits
        self.takes = rng.uniform(0.2, 1.0) if limits.slow and rng.random() < limits.slow else 0.0
        if limits.down:
            self.takes = TIMEOUT if rng.random() < 0.2 else 0.0
            return
        is_lost = limits.lost and rng.random() < limits.lost
        if not (is_lost and rng.random() < 0.5):
            said = provider.answers(requests)
            self._said = None if is_lost else said

    def done(self) -> bool:
        return self._provider.chain.time.now() >= self._at + self.takes

    def result(self, timeout: float | None = None) -> list[Any]:
        time = self._provider.chain.time
        left = self._at + self.takes - time.now()
        if timeout is not None and left > timeout:
            time.sleep(timeout)
            raise TimeoutError
        if left > 0:
            time.sleep(left)
        if self._said is None:
            raise NodeUnreachable("lost")
        return self._said


class ModelProvider:
    """`Wire` of one process."""

    certain = False

    def __init__(self, chain: GameChain, rng: Random) -> None:
        self.chain, self.rng, self.limits = chain, rng, Limits()
        self.requests = 0
        self.process: Callable[[], Process | None] = lambda: None

    def post(self, requests: Sequence[Request]) -> Future[list[Any]]:
        """Start an exchange."""
        return _Answers(self, requests)

    def exchange(self, requests: Sequence[Request]) -> list[Any]:
        """Ask, and wait."""
        return self.post(requests).result()

    def answers(self, requests: Sequence[Request]) -> list[Any]:
        """What it says now."""
        self.requests += len(requests)
        limits = self.limits
        if limits.batch and len(requests) > limits.batch:
            return [Refused(f"batch of {len(requests)} is larger than {limits.batch}") for _ in requests]
        view = self.chain.chain
        if limits.view and self.rng.random() < limits.flaps:
            view = limits.view
        if limits.lag:
            view = view[: max(self.chain.rules.created_in + 1, len(view) - limits.lag)]
        return [_METHODS.get(method, _unknown)(self, view, parameters) for method, parameters in requests]

    def _send(self, view: list[GameBlock], parameters: Sequence[Any]) -> Any:
        sent = self.chain.book[parameters[0]]
        self.chain.sent_by[sent.identity] = self.process()
        return self.chain.take(sent)

    def _mine(self, view: list[GameBlock], parameters: Sequence[Any]) -> Any:
        """As a development node, which mines when transactions come, does."""
        if self.chain.interval:
            return _unknown(self, view, ())
        self.chain.mine()
        return "0x0"

    def _receipt(self, view: list[GameBlock], parameters: Sequence[Any]) -> Any:
        (identity,) = parameters
        for block in reversed(view):
            if identity in block.receipts:
                return block.receipts[identity]
        return self.chain.orphans.get(identity) if self.limits.orphans else None

    def _transaction(self, view: list[GameBlock], parameters: Sequence[Any]) -> Any:
        (identity,) = parameters
        sent = self.chain.known.get(identity)
        mined = any(identity in block.receipts for block in view)
        if sent is None or not (mined or (sent.account, sent.nonce) in self.chain.pool):
            return None
        return {"hash": identity, "input": "0x" + sent.data.hex()}

    def _block(self, view: list[GameBlock], parameters: Sequence[Any]) -> Any:
        block = _block_at(view, parameters[0])
        if block is None:
            return None
        parent = "0x" + "00" * 32 if block.number == 0 else view[block.number - 1].digest
        return {"number": hex(block.number), "hash": block.digest, "parentHash": parent, "baseFeePerGas": hex(BASE),
                "gasLimit": hex(BLOCK_GAS)}  # fmt: skip

    def _count_of(self, view: list[GameBlock], parameters: Sequence[Any]) -> Any:
        account, which = parameters
        block = _block_at(view, which)
        if block is None:
            return Refused("header not found")
        count = block.nonces.get(account, 0)
        while which == "pending" and (account, count) in self.chain.pool:
            count += 1
        return hex(count)

    def _call(self, view: list[GameBlock], parameters: Sequence[Any]) -> Any:
        request, which = parameters
        block = _block_at(view, which)
        if block is None:
            return Refused("header not found")
        if block.game is None:
            return "0x"
        rules, data = self.chain.rules, bytes.fromhex(request["data"][2:])
        sender = bytes.fromhex(request["from"][2:])
        try:
            if sender == bytes(20):
                return "0x" + rules.view(block.game, data, block.number).hex()
            rules.run(block.game, sender, int(request.get("value", "0x0"), 16), data, block.number)
        except Reverted as error:
            return Refused("execution reverted", error.data)
        return "0x"

    def _logs(self, view: list[GameBlock], parameters: Sequence[Any]) -> Any:
        (asked,) = parameters
        first = int(asked["fromBlock"], 16)
        last = min(int(asked["toBlock"], 16), len(view) - 1) if "toBlock" in asked else len(view) - 1
        if self.limits.range and last - first + 1 > self.limits.range:
            return Refused(f"eth_getLogs is limited to a {self.limits.range} range")
        topics = [each for each in asked.get("topics", ()) if each is not None]
        return [log for block in view[first : last + 1] for log in block.logs if not topics or log["topics"] == topics]


def _block_at(view: list[GameBlock], which: str) -> GameBlock | None:
    number = len(view) - 1 if which in ("latest", "pending") else int(which, 16)
    return view[number] if number < len(view) else None


def _unknown(provider: ModelProvider, view: list[GameBlock], parameters: Sequence[Any]) -> Any:
    return Refused("no such method", unknown_method=True)


_METHODS: dict[str, Callable[[ModelProvider, list[GameBlock], Sequence[Any]], Any]] = {
    "eth_chainId": lambda provider, view, parameters: hex(CHAIN_ID),
    "hardhat_getAutomine": lambda provider, view, given: not provider.chain.interval or _unknown(provider, view, ()),
    "evm_mine": ModelProvider._mine,
    "eth_sendRawTransaction": ModelProvider._send,
    "eth_getTransactionReceipt": ModelProvider._receipt,
    "eth_getTransactionByHash": ModelProvider._transaction,
    "eth_getBlockByNumber": ModelProvider._block,
    "eth_blockNumber": lambda provider, view, parameters: hex(len(view) - 1),
    "eth_getTransactionCount": ModelProvider._count_of,
    "eth_getBalance": lambda provider, view, parameters: hex(10**24),
    "eth_getCode": lambda provider, view, parameters: CODE if view[-1].game is not None else "0x",
    "eth_call": ModelProvider._call,
    "eth_getLogs": ModelProvider._logs,
}
