"""A hostile node in front of the model chain: the faults that `chain/sender.py` must tolerate, in virtual time.

What the node may do: lose an exchange before or after its effect, answer late, answer anything to what it is sent (take
it and refuse it, refuse it or take it and drop it), hide receipts and pooled transactions, forget its pool, be full,
answer for an older head or a branch that fell out (whole exchanges, receipts of orphaned blocks among them), give such
receipts for ever where it has no other, refuse to tell of a block, garble an answer or a field of one, undo blocks,
also between two answers of an exchange, pass a transaction over for ever, and be another chain for a while. For good it
may answer for events of a few blocks only.

What it may not do, as `chain/outbox.py` does not claim to withstand it: show a receipt, an event, a state or a balance
that no branch has or had, be another chain without an exchange lost between, or keep another lie up for ever.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from random import Random
from typing import Any

from chain_bandit.chain.errors import NodeUnreachable
from chain_bandit.chain.wire import Refused, Request
from verification.schedules.model_chain import BLOCK_GAS, ModelBlock, ModelChain, ModelContract, SignedCall

CHAIN_ID, RICH, TIMEOUT = 77, 10**30, 2.0
NEXT_ROUND = b"\0\1\2\3"
"""The view that tells the open round."""

REVERTED = b"\xde\xad\xbe\xef"
GARBAGE: tuple[Any, ...] = (None, {}, [], "0xzz", "garbage", 7.5, -1, [None], {"number": None}, True)
WORDS = (
    "nonce too low", "already known", "replacement transaction underpriced", "insufficient funds for gas * price",
    "txpool is full", "transaction underpriced", "internal error",
)  # fmt: skip


@dataclass(slots=True)
class Mood:
    """How the node behaves for a while; shares of one.

    Attributes:
        view: the branch that it answers for, as far as `flaps` says.
    """

    before: float = 0.0
    after: float = 0.0
    slow: float = 0.0
    words: float = 0.0
    drops: float = 0.0
    hides: float = 0.0
    garbles: float = 0.0
    flaps: float = 0.0
    evicts: float = 0.0
    full: bool = False
    view: list[ModelBlock] = field(default_factory=list)


class _Answers(Future[list[Any]]):
    """Of an exchange that is over at a time."""

    def __init__(self, world: "HostileWorld", requests: Sequence[Request]) -> None:
        self._world, self._requests = world, requests
        self.at, self.said = 0.0, list[Any]()

    def done(self) -> bool:
        return self._world.now() >= self.at

    def result(self, timeout: float | None = None) -> list[Any]:
        self._world.touch()
        until = self._world.time + (timeout if timeout is not None else 1e9)
        self._world.advance(min(self.at, until))
        if self.at > until:
            raise TimeoutError
        if not self.said:
            self._world.doubtful = True
            raise NodeUnreachable("lost")
        for (method, parameters), answer in zip(self._requests, self.said, strict=True):
            is_genesis = method == "eth_getBlockByNumber" and parameters[0] == "0x0" and isinstance(answer, dict)
            if is_genesis and answer.get("hash") == self._world.chain[0].digest:
                self._world.doubtful = False
        return self.said


class HostileWorld(ModelChain):
    """The chain with its node: `Wire` and `Clock` of a sender.

    Attributes:
        calm: whether the node is honest by now.
        mood: how it lies.
        pool_limit: transactions that it keeps.
        most_blocks: of a question for events.
        balances: of accounts that are not rich.
        on_send: told of every raw transaction that leaves the process.
        orphans: whether it gives receipts of blocks that fell out, for ever, as Anvil does of some; such a node also
            refuses questions for blocks, as often as its mood has it.
        hid: how often the node denied a transaction that a block holds, by identity.
        foreign: whether another chain answers.
        last_foreign: when it did last.
        doubtful: whether the process has lost an exchange since it was last told which chain it is.
    """

    certain = False

    def __init__(
        self, rng: Random, rules: ModelContract, nonces: dict[str, int], interval: float, instant: bool
    ) -> None:
        super().__init__(rng, rules, nonces, interval, instant)
        self.calm = self.foreign = self.doubtful = self.orphans = False
        self.last_foreign = -1e9
        self.mood = Mood()
        self.pool_limit, self.most_blocks = 64, 1 << 16
        self.balances: dict[str, int] = {}
        self.on_send: Callable[[str], None] = lambda raw: None
        self.hid: dict[str, int] = {}
        self._losing = self._foreign_id = self._taken = 0
        self._under_way: list[_Answers] = []

    def post(self, requests: Sequence[Request]) -> Future[list[Any]]:
        """Start an exchange. What is sent has left the process by now."""
        self.touch()
        for method, parameters in requests:
            if method == "eth_sendRawTransaction":
                self.on_send(parameters[0])
        rng, mood, answers = self.rng, self.mood, _Answers(self, requests)
        there = rng.uniform(0.001, 0.05)
        back = rng.uniform(0.001, 0.05)
        if rng.random() < mood.slow:
            there, back = rng.uniform(0.0, 1.2), rng.uniform(0.0, 1.2)
        answers.at = self.time + min(there + back, TIMEOUT)
        lost = there + back > TIMEOUT or rng.random() < mood.after
        if rng.random() < mood.before or self._losing:
            self._losing = max(0, self._losing - 1)
            return answers
        self._under_way = [each for each in self._under_way if each.at > self.time]
        self._under_way.append(answers)

        cut = rng.randint(0, len(requests))

        def begin() -> None:
            view = mood.view if mood.view and rng.random() < mood.flaps else None
            said = self._answered(requests[:cut], view)

            def end() -> None:  # by what is true then
                said.extend(self._answered(requests[cut:], view))
                if not lost and answers.at >= self.time:
                    answers.said = said

            self.after(rng.uniform(0.0, back), end)

        self.after(there, begin)
        return answers

    def exchange(self, requests: Sequence[Request]) -> list[Any]:
        """Ask, and wait."""
        return self.post(requests).result()

    def switch(self, foreign: bool) -> None:
        """From now on another chain answers, or ours again: either connection loses what it carries or carries next."""
        if self.foreign != foreign:
            self.foreign, self._losing, self._foreign_id = foreign, 2, self.rng.choice((1, CHAIN_ID))
            self.last_foreign = self.time
            for each in self._under_way:
                if each.at > self.time:
                    each.at, each.said = self.time, []

    def _answered(self, requests: Sequence[Request], view: list[ModelBlock] | None) -> list[Any]:
        mood, rng = self.mood, self.rng
        if self.foreign:
            self.last_foreign = self.time
            return [self._foreign(method) for method, _ in requests]
        said, pool = list[Any](), self._taken
        for method, parameters in requests:
            answer = _METHODS.get(method, HostileWorld._unknown)(self, view or self.chain, parameters)
            if self.orphans and method == "eth_getBlockByNumber" and rng.random() < mood.words / 4:
                answer = Refused("too many requests")
            if mood.garbles and rng.random() < mood.garbles:
                answer = self._garbled(method, answer)
            said.append(answer)
        if self.instant:  # as Anvil does: what a batch brings in one block, and an empty one for each of the others
            for which in range(self._taken - pool):
                self.mine(which > 0)
        return said

    def _garbled(self, method: str, answer: Any) -> Any:
        """An answer garbled whole, or in one field; no false event, no receipt of another outcome."""
        if isinstance(answer, dict) and self.rng.random() < 0.5:
            name = self.rng.choice([name for name in answer if name != "logs"])
            said: Any = self.rng.choice(("0xzz", None, 7.5, "garbage", [], {}))
            return answer | {"logs" if said == {} and "logs" in answer else name: said}
        if method == "eth_getLogs":
            return self.rng.choice((None, Refused("query returned more than 10000 results"), "0xzz", 7.5))
        return self.rng.choice(GARBAGE)

    def _foreign(self, method: str) -> Any:
        """Another chain, where all that we know of is not."""
        if method == "eth_chainId":
            return hex(self._foreign_id)
        if method == "eth_getBlockByNumber":
            return {"number": hex(3), "hash": "0x" + "f0" * 32, "baseFeePerGas": "0x7", "gasLimit": hex(BLOCK_GAS)}
        if method == "eth_sendRawTransaction":
            return Refused("invalid chain id for signer")
        return {"eth_getTransactionCount": "0x0", "eth_getBalance": "0x0", "eth_call": "0x", "eth_getLogs": [],
                "eth_blockNumber": "0x3"}.get(method)  # fmt: skip

    def _unknown(self, view: list[ModelBlock], parameters: Sequence[Any]) -> Any:
        return Refused("no such method", unknown_method=True)

    def _mine(self, view: list[ModelBlock], parameters: Sequence[Any]) -> Any:
        if not self.instant:
            return self._unknown(view, ())
        self.mine()
        return "0x0"

    def _send(self, view: list[ModelBlock], parameters: Sequence[Any]) -> Any:
        mood, rng, sent = self.mood, self.rng, self.book[parameters[0]]
        if rng.random() < mood.drops:
            return sent.identity if rng.random() < 0.5 else Refused(rng.choice(WORDS))
        answer = self._take(sent)
        if rng.random() < mood.evicts and self.pool:
            del self.pool[rng.choice(sorted(self.pool))]
        return Refused(rng.choice(WORDS)) if rng.random() < mood.words else answer

    def _take(self, sent: SignedCall) -> Any:
        """As geth does."""
        key = sent.account, sent.nonce
        if sent.nonce < self.head.state.nonces.get(sent.account, 0):
            return Refused("nonce too low")
        if sent.value > self.balances.get(sent.account, 100 * RICH):
            return Refused("insufficient funds for gas * price + value")
        there = self.pool.get(key)
        if there is not None:
            if there.identity == sent.identity:
                return Refused("already known")
            if 10 * sent.fee.most < 11 * there.fee.most or 10 * sent.fee.tip < 11 * there.fee.tip:
                return Refused("replacement transaction underpriced")
        elif len(self.pool) >= self.pool_limit or (self.mood.full and not self.calm):
            return Refused("txpool is full")
        self.pool[key] = sent
        self._taken += 1
        return sent.identity

    def _receipt(self, view: list[ModelBlock], parameters: Sequence[Any]) -> Any:
        if self.rng.random() < self.mood.hides:
            return None
        orphans = [block for block in self.blocks.values() if block not in self.chain] if self.orphans else []
        for block in (*reversed(view), *reversed(orphans)):
            if parameters[0] in block.receipts:
                return block.receipts[parameters[0]]
        return None

    def _by_hash(self, view: list[ModelBlock], parameters: Sequence[Any]) -> Any:
        (identity,) = parameters
        known = any(sent.identity == identity for sent in self.pool.values())
        mined = any(identity in block.receipts for block in view)
        if (known or mined) and not (self.rng.random() < self.mood.hides):
            return {"hash": identity}
        if any(identity in block.receipts for block in self.chain):
            self.hid[identity] = self.hid.get(identity, 0) + 1
        return None

    def _block(self, view: list[ModelBlock], parameters: Sequence[Any]) -> Any:
        block = _block_at(view, parameters[0])
        if block is None:
            return None
        return {"number": hex(block.number), "hash": block.digest, "baseFeePerGas": hex(block.base),
                "gasLimit": hex(BLOCK_GAS)}  # fmt: skip

    def _count_of(self, view: list[ModelBlock], parameters: Sequence[Any]) -> Any:
        account, which = parameters
        block = _block_at(view, which)
        if block is None:
            return Refused("header not found")
        count = block.state.nonces.get(account, 0)
        while which == "pending" and (account, count) in self.pool:
            count += 1
        return hex(count)

    def _balance(self, view: list[ModelBlock], parameters: Sequence[Any]) -> Any:
        return hex(self.balances.get(parameters[0], 100 * RICH))

    def _call(self, view: list[ModelBlock], parameters: Sequence[Any]) -> Any:
        request, which = parameters
        block = _block_at(view, which)
        if block is None:
            return Refused("header not found")
        data = bytes.fromhex(request["data"][2:])
        if data == NEXT_ROUND:
            return "0x" + block.state.open_round.to_bytes(32).hex()
        to = bytes.fromhex(request["to"][2:])
        events = self.rules.run(block.state.copy(), to, int(request["value"], 16), data)
        return "0x" if events is not None else Refused("execution reverted", REVERTED)

    def _logs(self, view: list[ModelBlock], parameters: Sequence[Any]) -> Any:
        (asked,) = parameters
        first, last = int(asked["fromBlock"], 16), min(len(view) - 1, int(asked.get("toBlock", "0xffff"), 16))
        if last - first >= self.most_blocks:
            return Refused(f"eth_getLogs is limited to a range of {self.most_blocks} blocks")
        return [log for block in view[first : last + 1] for log in block.logs]


def _block_at(view: list[ModelBlock], which: str) -> ModelBlock | None:
    number = len(view) - 1 if which in ("latest", "pending") else int(which, 16)
    return view[number] if number < len(view) else None


_METHODS: dict[str, Callable[[HostileWorld, list[ModelBlock], Sequence[Any]], Any]] = {
    "eth_chainId": lambda world, view, parameters: hex(CHAIN_ID),
    "hardhat_getAutomine": lambda world, view, given: True if world.instant else HostileWorld._unknown(world, view, ()),
    "evm_mine": HostileWorld._mine,
    "eth_sendRawTransaction": HostileWorld._send,
    "eth_getTransactionReceipt": HostileWorld._receipt,
    "eth_getTransactionByHash": HostileWorld._by_hash,
    "eth_getBlockByNumber": HostileWorld._block,
    "eth_blockNumber": lambda world, view, parameters: hex(len(view) - 1),
    "eth_getTransactionCount": HostileWorld._count_of,
    "eth_getBalance": HostileWorld._balance,
    "eth_call": HostileWorld._call,
    "eth_getLogs": HostileWorld._logs,
}
