"""A model of a chain in virtual time: accounts, a mempool, blocks, reorganisations, and a contract of a few lines."""

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from heapq import heappop, heappush
from random import Random
from typing import Any

from chain_bandit.chain.transactions import Fee
from chain_bandit.protocol.digests import keccak

BLOCK_GAS = 1_000_000
CONTRACT, PAYEE = b"\xc0" * 20, b"\xee" * 20


class Killed(BaseException):
    """The process ends here."""


@dataclass(frozen=True, slots=True)
class SignedCall:
    """Content of a signed transaction; `call` is the one that it was signed for."""

    account: str
    nonce: int
    fee: Fee
    gas: int
    to: bytes
    value: int
    data: bytes
    identity: str


@dataclass(slots=True)
class ModelState:
    """What a block leaves behind.

    Attributes:
        paid: how often by amount, each of which is one payment's.
        done: calls of the contract that took effect.
        told: events that a watcher must know of.
    """

    nonces: dict[str, int]
    paid: dict[int, int] = field(default_factory=dict)
    done: frozenset[int] = frozenset()
    open_round: int = 1
    told: frozenset[bytes] = frozenset()

    def copy(self) -> "ModelState":
        """One to change."""
        return ModelState(dict(self.nonces), dict(self.paid), self.done, self.open_round, self.told)


@dataclass(slots=True)
class ModelBlock:
    """One block of a branch, with the state after it."""

    number: int
    digest: str
    base: int
    state: ModelState
    receipts: dict[str, dict[str, Any]] = field(default_factory=dict)
    logs: list[dict[str, Any]] = field(default_factory=list)


class ModelContract:
    """The contract: each call takes effect once, after those that it needs; rounds are recorded in order.

    Attributes:
        needs: by call the calls that have to be done before.
        rounds: by call the rounds after its last one, of those that record.
        amounts: by call what it pays, of payments.
        bad: calls that it never takes.
    """

    def __init__(self) -> None:
        self.needs: dict[int, list[int]] = {}
        self.rounds: dict[int, int] = {}
        self.amounts: dict[int, int] = {}
        self.bad: set[int] = set()

    def is_done(self, state: ModelState, call: int) -> bool:
        """Whether it has had its effect, by whomever."""
        if call in self.amounts:
            return self.amounts[call] in state.paid
        return state.open_round >= self.rounds[call] if call in self.rounds else call in state.done

    def run(self, state: ModelState, to: bytes, value: int, data: bytes) -> list[bytes] | None:
        """Change the state; give the events, or None for a revert, which changes nothing."""
        if to == PAYEE:
            state.paid[value] = state.paid.get(value, 0) + 1
            return []
        kind, call, rest = data[:1], int.from_bytes(data[1:3]), data[3:]
        if kind == b"A":
            state.told |= {rest}
            return [rest]
        if call in self.bad or not all(self.is_done(state, each) for each in self.needs[call]):
            return None
        if kind == b"R":
            if not rest or int.from_bytes(rest[:2]) != state.open_round:
                return None
            state.open_round += len(rest) // 2
            return [b"record" + rest]
        if call in state.done:
            return None
        state.done |= {call}
        return [b"call" + data]


class ModelChain:
    """Time, the branches of a chain, and its mempool.

    Attributes:
        time: virtual seconds.
        chain: the branch that counts.
        blocks: of every branch, by hash.
        instant: whether a block comes when transactions do, and no others.
        book: content of every signed transaction, by its bytes.
        aside: transactions that nobody ever mines, by identity.
        picky: the share of the chances to mine a transaction that is let pass.
        base: the base fee of the next block.
        strangers: calldata of what others may call, and `stranger_rate` how often in a block.
        kill_at: touches of the world outside after which the process ends.
    """

    def __init__(
        self, rng: Random, rules: ModelContract, nonces: dict[str, int], interval: float, instant: bool
    ) -> None:
        self.rng, self.rules, self.interval, self.instant = rng, rules, interval, instant
        self.time = 0.0
        self.kill_at, self.touches = -1, 0
        self.book: dict[str, SignedCall] = {}
        self.pool: dict[tuple[str, int], SignedCall] = {}
        self.aside: set[str] = set()
        self.picky = self.stranger_rate = 0.0
        self.base = 1000
        self.strangers: list[bytes] = []
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._count = self._salt = 0
        first = ModelBlock(0, self._digest(), self.base, ModelState(dict(nonces)))
        self.chain = [first]
        self.blocks = {first.digest: first}
        if not instant:
            self.after(interval, self._tick)

    # --- time

    def after(self, seconds: float, what: Callable[[], None]) -> None:
        """Something happens then."""
        self._count += 1
        heappush(self._events, (self.time + seconds, self._count, what))

    def advance(self, until: float) -> None:
        """Let everything happen up to a time."""
        while self._events and self._events[0][0] <= until:
            self.time, _, what = heappop(self._events)
            what()
        self.time = max(self.time, until)

    def touch(self) -> None:
        """The process does something that others see: here it may end."""
        self.touches += 1
        if self.touches == self.kill_at:
            raise Killed

    def now(self) -> float:
        """The sender's clock."""
        return self.time

    def sleep(self, seconds: float) -> None:
        """The sender pauses."""
        self.touch()
        self.advance(self.time + seconds)

    # --- the chain

    @property
    def head(self) -> ModelBlock:
        """The last block."""
        return self.chain[-1]

    def _digest(self) -> str:
        self._salt += 1
        return "0x" + blake2b(self._salt.to_bytes(8), digest_size=32).hexdigest()

    def _tick(self) -> None:
        self.mine()
        self.after(self.interval * self.rng.uniform(0.5, 1.5), self._tick)

    def mine(self, empty: bool = False) -> None:
        """One more block of what the pool has, in any order of accounts."""
        last = self.head
        block = ModelBlock(last.number + 1, self._digest(), self.base, last.state)
        if not empty:
            if self.stranger_rate and self.rng.random() < self.stranger_rate:
                self._strange(block)
            self._fill(block)
        self.chain.append(block)
        self.blocks[block.digest] = block

    def _fill(self, block: ModelBlock) -> None:
        gas = 0
        queue = list({account for account, _ in self.pool})
        queue.sort()
        self.rng.shuffle(queue)
        while queue:
            account = queue.pop()
            sent = self.pool.get((account, block.state.nonces.get(account, 0)))
            if sent is None or sent.fee.most < block.base or sent.identity in self.aside:
                continue
            if gas + sent.gas > BLOCK_GAS or self.rng.random() < self.picky:
                continue
            gas += sent.gas
            del self.pool[account, sent.nonce]
            self._include(block, sent)
            queue.insert(self.rng.randrange(len(queue) + 1), account)

    def _include(self, block: ModelBlock, sent: SignedCall) -> None:
        state = block.state.copy()
        state.nonces[sent.account] = sent.nonce + 1
        events = self.rules.run(state, sent.to, sent.value, sent.data)
        block.state = state
        logs = [{"address": "0x" + CONTRACT.hex(), "data": "0x" + data.hex(), "topics": []} for data in events or ()]
        if sent.data[:1] == b"A":
            block.logs += logs
        block.receipts[sent.identity] = {
            "status": "0x0" if events is None else "0x1", "logs": logs, "gasUsed": hex(sent.gas // 2),
            "blockNumber": hex(block.number), "blockHash": block.digest, "transactionHash": sent.identity,
        }  # fmt: skip

    def _strange(self, block: ModelBlock) -> None:
        """Somebody else accuses, or records the next rounds, where the contract takes it."""
        data = self.rng.choice(self.strangers)
        if data[:1] == b"A":
            data += self._count.to_bytes(4)
        else:
            data = b"R" + data[1:3] + block.state.open_round.to_bytes(2)
            if block.state.open_round >= self.rules.rounds[int.from_bytes(data[1:3])]:
                return
        if self.rules.run(block.state.copy(), CONTRACT, 0, data) is not None:
            nonce = block.state.nonces.get("stranger", 0)
            identity = self._digest()
            self._include(block, SignedCall("stranger", nonce, Fee(0, 0), 0, CONTRACT, 0, data, identity))

    def undo(self, depth: int, back: int, keep: float) -> None:
        """A reorganisation: the last blocks go, `back` others come; what was in them may be in the pool again."""
        depth = min(depth, len(self.chain) - 1)
        gone, self.chain = self.chain[len(self.chain) - depth :], self.chain[: len(self.chain) - depth]
        fallen = [identity for block in gone for identity in block.receipts]
        by_identity = {sent.identity: sent for sent in self.book.values()}
        for identity in fallen:
            sent = by_identity.get(identity)
            if sent is not None and self.rng.random() < keep:
                self.pool.setdefault((sent.account, sent.nonce), sent)
        for _ in range(back):
            self.mine(self.rng.random() < 0.5)


def identity_of(raw: bytes) -> str:
    """A transaction's hash."""
    return "0x" + keccak(raw).hex()
