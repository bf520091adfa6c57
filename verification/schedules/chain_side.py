"""Schedules of nodes whose chain goes back: opening, records, settlement and end, by the code that ships.

One seed gives a short game (two to four seats, two to four recorded rounds), a chain that mines by time or by
transaction, reorganisations of a depth up to eight at every stage (before the opening, while seats are taken, in
rounds, at the close, in series), a provider for each process, and the moments when processes are killed. Environment,
relayer and seats run `nodes/start.py`, `nodes/head.py`, `nodes/follower.py`, `nodes/environment.py`,
`nodes/relayer.py` and the whole of `chain/` in virtual time, each in a thread that blocks (`baton.py`), on folders of
their own. The consensus is not what is tested: a certificate is there at a drawn time, and nobody pulls.

What must hold when the chain has been calm for a while: the game is closed on the branch that counts and everybody has
what the contract owes, each process with exit code 0; or it was never opened, and all that was paid can be taken back,
each process with a typed error. No process ends otherwise, and none goes on for ever.
"""

import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

from chain_bandit.actors.messages import ENVIRONMENT, RELAYER, CertifiedBlock
from chain_bandit.actors.rules import Rules
from chain_bandit.chain import retry_budget, rpc
from chain_bandit.chain.answers import as_int
from chain_bandit.chain.artifacts import Artifact, Member
from chain_bandit.chain.client import Coordinator
from chain_bandit.chain.http_node import HttpNode
from chain_bandit.chain.node import Wallet
from chain_bandit.chain.node import account as account_of
from chain_bandit.chain.notice import Notice
from chain_bandit.chain.retry_budget import Clock
from chain_bandit.chain.rpc import Rpc
from chain_bandit.chain.transaction_policy import TransactionPolicy
from chain_bandit.crypto.verify import Verifier
from chain_bandit.nodes import ended, node_start
from chain_bandit.nodes import head as head_module
from chain_bandit.nodes import node_files as files
from chain_bandit.nodes import start as start_module
from chain_bandit.nodes.follower import Follower, Recorded
from chain_bandit.nodes.head import ChainWentBack, Head, HeadWatch, read_head
from chain_bandit.nodes.node import Frames, Node, Waits
from chain_bandit.nodes.prover import Prover
from chain_bandit.nodes.role import NodeRole, Post
from chain_bandit.nodes.seat import SeatRole
from chain_bandit.nodes.sign_once import SignedJournal
from chain_bandit.nodes.start import NeverOpened, Start
from chain_bandit.protocol.errors import ChainBanditError
from chain_bandit.protocol.ledger import Ledger
from chain_bandit.stopwatch import Stopwatch
from verification.schedules.baton import Process, VirtualTime
from verification.schedules.counted import Counted
from verification.schedules.crashing import IdealSigner
from verification.schedules.game_chain import TIMEOUT, GameChain, ModelProvider
from verification.schedules.hostile_node import CHAIN_ID
from verification.schedules.model_chain import Killed, SignedCall
from verification.schedules.model_game import ADDRESS, FUNCTIONS, NAMES, Cast, ModelGame

CREATED_IN = 3
"""The block of the contract."""

LONGEST = 100.0
"""Seconds in which all has to end once the chain is calm."""

PATIENCE, LACKING, REPLACED = 20.0, 25.0, 8.0
"""Seconds of a sender's patience, of that with a chain that lacks what was read from it, and until a node starts anew
where the chain went on without it."""

DEEPEST = 8
"""Blocks below the highest that was there, that a reorganisation replaces at most."""

GONE = 0.02
"""The share of schedules whose chain goes back for good."""

LOOK, MOST = 5.0, 20
"""Seconds after the end of a process, when it is looked at, and how often that is."""

PAUSE = 0.4
"""Seconds of the first pause between two tries, and the shortest of a loop: with shorter ones a schedule takes longer
and shows the same."""

STAGES = (
    "join", "join", "open", "submitBlocks", "settleRewards", "reveal", "settleCosts", "close", "close", "withdraw",
    "withdraw", "withdraw",
)  # fmt: skip
"""After which calls the chain may go back."""

SIZES = ((2, 3), (2, 3), (2, 4), (2, 5), (3, 4), (4, 3))
"""Seats and rounds of the games."""


@lru_cache
def cast_of(seats: int, rounds: int) -> Cast:
    """Everybody in a game of this size."""
    return Cast(seats, rounds, CHAIN_ID)


account = lru_cache(account_of)


class _Links:
    """No links: messages are scripted. Who runs is there."""

    def __init__(self, schedule: "ChainSchedule") -> None:
        self._schedule = schedule
        self.banned = frozenset[int]()

    @property
    def present(self) -> set[int]:
        """Peers that run."""
        return {life.address for life in self._schedule.lives if life.is_running}

    def receive(self, seconds: float, but: frozenset[int], together: frozenset[int]) -> Frames:
        """Nothing comes."""
        self._schedule.time.sleep(max(seconds, PAUSE))
        return []

    def close(self) -> None:
        """Nothing to end."""


class _Node(Node):
    """The loop of a node without messages: a certificate is there when the schedule says."""

    schedule: "ChainSchedule"

    def _begin(self) -> None:
        super()._begin()
        if self._role.address == ENVIRONMENT and self.ledger.round >= self._rules.first_recorded:
            self._role.sync()
            self.schedule.is_given = True  # nobody reports without a receipt

    def _play(self, steps: Any, is_over: Callable[[], bool]) -> Waits[bool]:
        if self.ledger.round < self._rules.first_recorded:
            return True
        due, said = self.schedule.certificate(self.ledger)
        while self._now() < due or (isinstance(said, CertifiedBlock) and not self.schedule.is_given):
            if is_over():
                return False
            yield from self._take(PAUSE)
        if self._role.address == RELAYER and said is not None:
            self._role.take(0, self.ledger.round, said)
        return True

    def _send(self, by_receiver: Any, kind: Any, step: int) -> None:
        self._role.sync()

    def _is_late(self) -> bool:
        return self._now() > self._began + self.schedule.late


class _Seat(SeatRole):
    """A seat that neither reports nor pulls; its end is that of every seat."""

    def __init__(self, number: int, contract: Coordinator, wallet: Wallet, follower: Follower, prover: Prover) -> None:
        self.address, self._contract, self._wallet, self._follower = number, contract, wallet, follower
        self.rushing, self._journal, self._prover, self._revealed = frozenset[int](), None, prover, False
        self._rules = prover_rules(prover)

    def begin(self, ledger: Ledger) -> None:
        """The next round."""
        self._ledger, self._has_looked = ledger, False

    def tick(self, step: int) -> list[Post]:
        """Nothing."""
        return []

    def insist(self) -> list[Post]:
        """Nothing."""
        return []

    def recorded(self, found: Recorded) -> list[Post]:
        """It is closed at once."""
        return []

    def waits(self) -> bool:
        """For nothing."""
        return False

    def close(self, found: Recorded | None) -> None:
        """Nothing is left of it."""

    def sync(self) -> None:
        """Nothing is on its disk."""


def prover_rules(prover: Prover) -> Any:
    """Rules as far as the end of a seat asks for them."""
    return SimpleNamespace(parameters=prover._parameters)


class _Start(Start):
    """`Start` of a life; what it reads of files is what the schedule has."""

    def __init__(self, life: "NodeLife") -> None:
        self._life, schedule = life, life.schedule
        self._place, self._metrics, self._source = life.place, None, None
        self._say = life.say
        self._delivery = life.delivery
        self.clock = self._delivery.clock
        cast = schedule.cast
        self.game, self.key, self._file = schedule.file, life.key, None
        peers: Any = dict.fromkeys({each.address for each in schedule.lives} - {life.address})
        self.peers = peers
        self.node, self.verifier = life.connected(), schedule.verifier
        if self.key.address == RELAYER or self.node.rpc.mines_at_once:
            self.node.delivery = replace(self.node.delivery, confirmations=self.game.confirmations)
        self.contract, self.parameters = life.contract(self.node.delivery), cast.p
        self.domain, self.seated = cast.domain, cast.seated
        self.follower = Follower(self.contract, CREATED_IN, schedule.confirmations, lambda: self.watch.look())
        self.contract.rpc.notice = Notice(self.node.rpc.notice.what, self._say)
        kept = self._place / files.HEAD
        head = Head(
            "model", schedule.chain.chain[0].digest, schedule.confirmations, read_head(kept), self.follower.lacks,
            LACKING,
        )  # fmt: skip
        self.watch = HeadWatch(
            self.contract.rpc, kept, head, self._bring_back, read=self.follower.unchecked
        )

    def _links(self) -> Any:
        return _Links(self._life.schedule)

    def _scenario(self) -> Any:
        return self._life.schedule.cast.scenario

    def _rules(self) -> tuple[Rules, Ledger]:
        rules, first = super()._rules()
        return self._life.schedule.cast.rules_of(rules.seed_0, rules.genesis), first

    def _role(self, rules: Rules, first: Ledger, journal: SignedJournal | None, stack: ExitStack) -> NodeRole:
        if self.key.address < 0:
            return super()._role(rules, first, journal, stack)
        prover = Prover(rules, self.verifier, self.contract, self.follower)
        wallet = account(self._signer.secret)
        return _Seat(self.key.address, self.contract, wallet, self.follower, prover)

    def _journal(self, stack: ExitStack) -> SignedJournal | None:
        return super()._journal(stack) if self.key.address == ENVIRONMENT else None


class NodeLife:
    """A node's: its processes one after the other, and its folder.

    Attributes:
        code: how its last process ended; None while it runs.
    """

    def __init__(self, schedule: "ChainSchedule", address: int, secret: bytes) -> None:
        self.schedule, self.address = schedule, address
        plan = schedule.cast.plan
        is_owner = address == ENVIRONMENT
        self.key: Any = SimpleNamespace(
            address=address, secret=secret, salt=plan.salt if is_owner else None,
            draws=plan.secret if is_owner else None, chance=None,
        )  # fmt: skip
        self.place = schedule.folder / files.name_of(address)
        self.place.mkdir()
        self.provider = ModelProvider(schedule.chain, Random(f"{schedule.seed} {address}"))
        self.provider.process = lambda: self.process
        time = schedule.time
        self.delivery = TransactionPolicy(
            confirmations=schedule.confirmations, patience=PATIENCE, timeout=TIMEOUT, resend_after=1.0,
            clock=Clock(time.now, time.sleep),
        )  # fmt: skip
        self.process: Process | None = None
        self.code: int | None = None
        self.error: BaseException | None = None
        self.lines: list[str] = []
        self.restarts = 0

    def say(self, line: str) -> None:
        """A line of its log."""
        self.lines.append(f"{self.schedule.time.now():.1f} {line}")

    @property
    def is_running(self) -> bool:
        """Whether a process is there."""
        return self.process is not None and not self.process.is_over

    def begin(self, seconds: float = 0.0) -> None:
        """Start its next process."""
        self.code = None
        self.process = self.schedule.time.start(self._live, seconds)

    def _live(self) -> None:
        schedule = self.schedule
        try:
            start_module.main(self.place, say=self.say)
            self.code, self.error = 0, None
        except Killed:
            if schedule.time.now() <= schedule.time.ends_at:
                schedule.played.seen["processes killed"] += 1
                self.restarts += 1
                self.begin(schedule.rng.choice((0.0, 0.5, 3.0)))
            return
        except ChainBanditError as error:
            self.code, self.error = error.exit_code, error
        except Exception as error:  # noqa: BLE001
            self.code, self.error = 1, error
            schedule.broken(f"{files.name_of(self.address)}: {type(error).__name__}: {error!s:.80}")
        schedule.on_end(self)

    def connected(self) -> HttpNode:
        """Its connection to the chain."""
        node = HttpNode.__new__(HttpNode)
        node.url = node.shown = "model"
        node.line, node.delivery, node.chain_id = self.provider, self.delivery, CHAIN_ID  # type: ignore[assignment]
        node.rpc = Rpc(self.provider, Stopwatch(), self.delivery)
        node.rpc.notice = Notice("the chain", self.say)
        node.rpc.ask("eth_chainId", [], as_int)
        return node

    def contract(self, delivery: TransactionPolicy) -> Coordinator:
        """The game's, as `attach` gives it."""
        contract = Coordinator(self.provider, ADDRESS, Stopwatch(), delivery)
        contract._bind()
        contract._sender._signer = lambda wallet, chain_id: IdealSigner(wallet, self.schedule.chain.book)
        return contract


class ChainSchedule:
    """One seed's: the chain, the lives of its nodes, and what happens to both."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.seed, self.rng, self.folder = seed, (rng := Random(f"chains {seed}")), folder
        self.played, self.verifier = Counted(), Verifier()
        self.cast = cast_of(*rng.choice(SIZES))
        plan = self.cast.plan
        self.time = VirtualTime()
        interval = rng.choice((0.0, rng.uniform(0.3, 0.8), rng.uniform(0.3, 0.8), rng.uniform(0.3, 0.8)))
        self.confirmations = 1 if not interval else rng.choice((1, 1, 2, 3, 6))
        self.late = rng.uniform(0.8, 2.0)
        self.chain = GameChain(rng, self.time, ModelGame(self.cast, CREATED_IN), interval)
        self.file: Any = SimpleNamespace(
            first_block=CREATED_IN, confirmations=self.confirmations, bound_ms=5000, url="",
            participants=[SimpleNamespace(seated=each) for each in self.cast.seated],
            environment=plan.environment.address, genesis_hash=self.chain.chain[0].digest, vectors="",
            chain_id=CHAIN_ID, contract="0x" + ADDRESS.hex(), private_addresses=False, arm_names=(),
        )  # fmt: skip
        self.chain.on_include = self._on_include
        self.undone: list[tuple[str, float]] = []
        self.lives: list[NodeLife] = []
        self.lives += [NodeLife(self, ENVIRONMENT, plan.environment.source)]
        self.lives += [NodeLife(self, RELAYER, plan.relayer.source)]
        self.lives += [NodeLife(self, seat, signer.source) for seat, signer in enumerate(plan.participants)]
        self.again, self.peak, self.is_given = 0, 0, False
        self.calm_at = rng.choice((0.0, 5.0, 8.0, 12.0, 20.0, 25.0))
        self.time.ends_at = self.calm_at + LONGEST
        self._draw()

    def broken(self, what: str) -> None:
        """An invariant does not hold."""
        self.played.broken(what)

    def certificate(self, ledger: Ledger) -> tuple[float, Any]:
        """When the open round is certified, and by what; None where only its deadline ends it."""
        chance = Random(f"{self.seed} {ledger.head.hex()}")
        word = chance.random()
        due = self.time.now() + chance.choice((0.0, 0.3, 1.0))
        said = self.cast.block(ledger) if word < 0.8 else self.cast.skip(ledger) if word < 0.92 else None
        return due, said

    # --- what happens

    def _draw(self) -> None:
        rng, time = self.rng, self.time
        for life in self.lives:
            life.begin(rng.choice((0.0, 0.0, 0.5, 3.0)))
        self.may_be_late = False
        moment = 0.0
        for _ in range(rng.choice((0, 1, 1, 2, 4, 8)) if self.calm_at else 0):
            if rng.random() < 0.5:
                time.after(rng.uniform(0.5, self.calm_at), self._undo)
            else:
                self.undone.append((rng.choice(STAGES), rng.choice((0.0, 0.3, 1.0, 2.0, 5.0))))
        for _ in range(rng.choice((0, 0, 1, 2, 4))):
            moment = rng.uniform(0.5, max(1.0, self.calm_at))
            if moment < self.calm_at:
                time.after(moment, self._kill)
        for life in self.lives:
            if self.calm_at and rng.random() < 0.3:
                time.after(rng.uniform(0.0, self.calm_at), partial(self._mood, life))
        time.after(self.calm_at, self._calm)
        self.is_gone = False
        if self.chain.interval and rng.random() < GONE:
            time.after(rng.uniform(3.0, 12.0), self._go_back)

    def _on_include(self, sent: SignedCall) -> None:
        """A reorganisation soon after a call is in a block."""
        if self.time.now() < self.calm_at or NAMES[sent.data[:4]] == "withdraw":  # which is the last there is
            for name, seconds in [each for each in self.undone if FUNCTIONS[each[0]].topic[:4] == sent.data[:4]]:
                self.undone.remove((name, seconds))
                self.time.after(seconds, self._undo)

    def _undo(self) -> None:
        rng, chain = self.rng, self.chain
        if self.is_gone or chain.is_over:
            return
        depth = rng.choice((1, 1, 1, 2, 2, 3, 4, 5, 6, 7, 8))
        self.peak = max(self.peak, chain.head.number)
        depth = min(depth, chain.head.number - (self.peak - DEEPEST))
        if depth <= 0:
            return
        view = list(chain.chain)
        back = rng.choice((0, 1, depth, depth + 1)) if chain.interval else depth
        chain.undo(depth, back, rng.choice((0.0, 0.5, 1.0)))
        for life in self.lives:
            if rng.random() < 0.3:
                life.provider.limits.view = view
        self.played.seen["reorganisations"] += 1

    def _go_back(self) -> None:
        """The chain goes back to an older state, and stays there."""
        if not any(life.is_running for life in self.lives):
            return
        self._calm()
        self.is_gone, self.calm_at = True, self.time.now()
        self.still = {life.address for life in self.lives if life.is_running or life.code is None}
        self.chain.is_over = True
        self.chain.undo(self.rng.randint(3, 8), 0, 0.0)
        self.played.seen["chain went back for good"] += 1

    def _kill(self) -> None:
        running = [life for life in self.lives if life.process and life.process.has_begun and life.is_running]
        if running:
            process = self.rng.choice(running).process
            assert process is not None
            self.time.kill(process)

    def _mood(self, life: NodeLife) -> None:
        rng, limits = self.rng, life.provider.limits
        limits.lost = rng.choice((0.0, 0.1, 0.5))
        limits.slow = rng.choice((0.0, 0.0, 0.3))
        limits.lag = rng.choice((0, 0, 1, 3))
        if not self.chain.interval:  # no block comes by itself that would show it the ones it lacks
            self.time.after(PATIENCE / 2, lambda: setattr(limits, "lag", 0))
        flaps = rng.choice((0.0, 0.2, 0.5))
        limits.flaps = flaps if self.chain.interval else 0.0  # a development node has no others behind it
        limits.orphans = rng.random() < 0.3
        if rng.random() < 0.2:
            limits.down = True
            self.time.after(rng.uniform(0.5, PATIENCE / 2), lambda: setattr(limits, "down", False))

    def _calm(self) -> None:
        for life in self.lives:
            limits = life.provider.limits
            limits.lost = limits.slow = limits.flaps = 0.0
            limits.view, limits.down, limits.lag = [], False, 0

    # --- the end

    def on_end(self, life: NodeLife) -> None:
        """A process has ended by itself: somebody looks at what has ended, once the chain has been calm for a while."""
        self.time.after(max(0.0, self.calm_at - self.time.now()) + LOOK, self._look_again)

    def _look_again(self) -> None:
        """Whoever has ended is started again where the game is not closed, or has not paid out all it owes."""
        if self.is_gone:
            return
        ended = [each for each in self.lives if each.code is not None]
        if len(ended) == len(self.lives) and (self._is_empty or self.again >= MOST):
            self.chain.is_over = True
        elif not self._is_empty and (self.chain.state.end_block or len(ended) == len(self.lives)) and self.again < MOST:
            self.again += 1
            self.played.seen["ended nodes looked at again"] += 1
            for each in ended:
                each.begin(0.1)

    @property
    def _is_empty(self) -> bool:
        """Whether everybody has what the contract owes: of a closed game, or of one that can never be opened."""
        state, paid = self.chain.state, {account for account, _ in self.chain.state.paid_out}
        if state.end_block:
            return state.closed and paid == set(self.cast.everybody)
        return paid >= {*state.roster, self.cast.plan.environment.address}

    def play(self) -> Counted:
        """Let it happen, and look."""
        self.time.run()
        self._judge()
        return self.played

    def _judge_gone(self) -> None:
        """Whoever ran, and has read a block that is gone, ends with the sentence that says so."""
        for life in self.lives:
            name = "seat" if life.address >= 0 else files.name_of(life.address)
            kept = read_head(life.place / files.HEAD)
            has_read = life.address in self.still and kept is not None and kept[0] > self.chain.head.number
            if has_read and not isinstance(life.error, ChainWentBack):
                self.broken(f"{name} ends with {life.code} ({type(life.error).__name__}) on a chain that went back")

    def _judge(self) -> None:
        if self.is_gone:
            return self._judge_gone()
        state, seen = self.chain.state, self.played.seen
        for life in self.lives:
            name = "seat" if life.address >= 0 else files.name_of(life.address)
            if life.code is None:
                self.broken(f"{name} does not end: {life.process.error!r}" if life.process and life.process.error
                            and not isinstance(life.process.error, Killed) else f"{name} does not end")  # fmt: skip
            elif life.code:
                seen[f"exit code {life.code}"] += 1
                if state.end_block or not isinstance(life.error, NeverOpened):
                    self.broken(f"{name} ends with {life.code} ({type(life.error).__name__})")
        if state.end_block and state.roster != self.cast.plan.addresses:
            self.broken("a game is opened with other places than planned")
        if not state.closed and (state.end_block or not self.calm_at):
            self.broken("an opened game is not closed" if state.end_block else "a game is not opened in a calm world")
        if state.closed and not self._is_empty:
            self.broken("somebody lacks what the contract owes")
        if state.closed and state.costs_void:
            self.broken("closed without the accounts")
        if not state.end_block and not self._is_empty:
            self.broken("stake or pool is left in a game that was never opened")
        seen["closed" if state.closed else "opened" if state.end_block else "not opened"] += 1
        seen["virtual seconds"] += int(self.time.now())
        seen["hand-overs"] += self.time.hand_overs
        seen["requests"] += sum(life.provider.requests for life in self.lives)
        seen["blocks"] += self.chain.head.number


def _once(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same, which remembers what it gave where its arguments can be remembered."""
    known: dict[Any, Any] = {}

    def remembered(*given: Any) -> Any:
        key = id(given[0]) if isinstance(given[0], Artifact) else given[0], given[1:]
        try:
            if key in known:
                return known[key]
        except TypeError:
            return function(*given)
        known[key] = function(*given)
        return known[key]

    return remembered


_ALIKE = ((rpc, "checksummed"), (Artifact, "members"), (Member, "encode"), (Member, "decode_inputs"),
          (Member, "decode_outputs"))  # fmt: skip
"""What is the same in every schedule, and computed once: addresses as they are shown, and the contract's interface."""

_REMEMBERED = [(owner, name, vars(owner)[name], _once(vars(owner)[name])) for owner, name in _ALIKE]


@contextmanager
def scripted(schedule_of: Callable[[], ChainSchedule]) -> Iterator[None]:
    """The parts of the world that are scripted stand while the context is open."""

    class Scripted(_Node):
        """Of this schedule."""

        @property
        def schedule(self) -> ChainSchedule:  # type: ignore[override]
            """The one that is played."""
            return schedule_of()

    def life(place: Path | str) -> NodeLife:
        return next(each for each in schedule_of().lives if str(each.place) == str(place))

    stand_ins: list[tuple[Any, str, Any]] = [
        (node_start, "Node", Scripted), (start_module, "account", account), (retry_budget, "FIRST", PAUSE),
        (node_start, "UNHURRIED", 2 * PAUSE), (start_module, "UNHURRIED", 2 * PAUSE),
        (head_module, "REPLACED", REPLACED),
        (start_module, "start_of", lambda place: lambda *given: _Start(life(place))),
        (start_module, "_Said", lambda say: logging.NullHandler()),
        (files, "read_shared", lambda path: SimpleNamespace(
            url=str(path), identity=None, contract="0x" + ADDRESS.hex())),
        (files, "game_of", lambda place: place),
        (ended, "HttpNode", lambda url: life(url).connected()), (ended, "require_same", lambda ask, identity: None),
        (ended, "Coordinator", SimpleNamespace(at=lambda line, address, stopwatch, delivery: next(
            each for each in schedule_of().lives if each.provider is line).contract(delivery))),
        *((owner, name, remembered) for owner, name, _, remembered in _REMEMBERED),
    ]  # fmt: skip
    was = [(owner, name, vars(owner)[name]) for owner, name, _ in stand_ins]
    logger = logging.getLogger("chain_bandit")
    handlers = list(logger.handlers)
    for owner, name, stand_in in stand_ins:
        setattr(owner, name, stand_in)
    try:
        yield
    finally:
        for owner, name, real in was:
            setattr(owner, name, real)
        logger.handlers[:] = handlers


def play(seed: int) -> Counted:
    """Play the schedule of a seed."""
    return schedule_of(seed).played


def schedule_of(seed: int) -> ChainSchedule:
    """The schedule of a seed, played."""
    folder = Path(tempfile.mkdtemp(prefix="chains", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    try:
        schedule = ChainSchedule(seed, folder)
        with scripted(lambda: schedule):
            schedule.play()
        return schedule
    finally:
        shutil.rmtree(folder)


def story(seed: int) -> str:
    """What happens in the schedule of a seed: what was sent and undone, and each node's log."""
    played = schedule_of(seed)
    lines = [f"{each}" for each in played.chain.told]
    for life in played.lives:
        lines.append(f"{files.name_of(life.address)} ends with {life.code} {life.error or ''}")
        lines += [f"    {line}" for line in life.lines]
    return "\n".join([*lines, *played.played.violations])
