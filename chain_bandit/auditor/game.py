"""State of the audit's replay: one game, its seats, its records. Aggregates only, never a report."""

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from chain_bandit.auditor.books import AccountTotals
from chain_bandit.auditor.chain import Survey
from chain_bandit.auditor.collusion import Alike
from chain_bandit.auditor.exhibits import Place
from chain_bandit.auditor.live import SettledReceipts
from chain_bandit.auditor.nonces import Nonces
from chain_bandit.auditor.report import Checks
from chain_bandit.auditor.rows import Rows
from chain_bandit.chain_history.blocks import ContractOrigin
from chain_bandit.chain_history.records import Acquittal, Refutation
from chain_bandit.crypto.verify import signer
from chain_bandit.protocol.blocks import Kind, Report, Seated
from chain_bandit.protocol.digests import ZERO
from chain_bandit.protocol.errors import Malformed
from chain_bandit.protocol.ledger import Ledger, is_over
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.rewards import Draws, RewardModel, hidden_cost
from chain_bandit.protocol.settlement import Balance, Conduct, Pull
from chain_bandit.protocol.tallies import STALE, Tallies


@dataclass(frozen=True, eq=False)
class Disclosed:
    """What the environment opened after the game: reward model and draws, roles by seat, hidden cost."""

    model: RewardModel
    draws: Draws
    roles: tuple[Conduct, ...]
    cost: int
    means: tuple[int, ...]

    @cached_property
    def liars(self) -> frozenset[int]:
        """Seats labelled A1 or A3."""
        return frozenset(p for p, role in enumerate(self.roles) if role & Conduct.LIAR)

    @cached_property
    def honest(self) -> frozenset[int]:
        """Seats without a label."""
        return frozenset(p for p, role in enumerate(self.roles) if not role)


@lru_cache(maxsize=8)
def disclose(secret: bytes, roles: bytes, model: bytes, seed_0: bytes, parameters: Parameters) -> Disclosed | None:
    """The opened commitment, decoded; None when roles or model are malformed."""
    if any(role > 3 for role in roles):
        return None
    try:
        decoded = RewardModel.decode(model, parameters.arms)
    except Malformed:
        return None
    draws = Draws(decoded, secret, seed_0)
    cost = hidden_cost(secret, seed_0, parameters.provable)
    return Disclosed(decoded, draws, tuple(map(Conduct, roles)), cost, decoded.means)


Whose = Callable[[bytes, bytes, bytes], bytes | None]
"""`whose(digest, signature, expected)` gives the address that signed, and is told whose it should be."""

_signer = lru_cache(maxsize=4096)(signer)


def recovered(digest: bytes, signature: bytes, expected: bytes) -> bytes | None:
    """`crypto.verify.signer`, its verdicts kept for a while."""
    return _signer(digest, signature)


@lru_cache(maxsize=4096)
def draw(disclosed: Disclosed, time: int, seat: int, arm: int, failed: int, count: int = 1) -> int:
    """The rewards of so many pulls from one on, in units, kept for a while."""
    return disclosed.draws.rewards(time, seat, arm, failed, count)


@dataclass(frozen=True, slots=True)
class Deployment:
    """Content of the creating transaction."""

    parameters: Parameters
    environment: bytes
    pool: int
    salt_commitment: bytes
    secret_commitment: bytes
    block: int


@dataclass(slots=True)
class Past:
    """One record as later calls need it: what it is, and what settlement must fit.

    Attributes:
        arm: what the honest pull; None where that rests on a rule that is not here.
        priced: of a block, the arm that its header carries and that arm's global estimator.
        expected: case 2; None when it is not known.
        charged: what the environment declared of it.
        pulls: of an approved round of a sealed game, by seat, until it is settled; None where it is not known.
        reporters: mask of the seats whose reports its block rests on.
        time: the number of its first pull.
        length: how often its arm is pulled.
    """

    kind: Kind
    parent: bytes
    header: bytes = ZERO
    arm: int | None = 0
    failed: int = 0
    priced: tuple[int, int] = (0, 0)
    expected: bool | None = False
    charged: bool | None = None
    pulls: tuple[Pull | None, ...] = ()
    reporters: int = 0
    time: int = 0
    length: int = 1

    @property
    def paid(self) -> bool:
        """Whether settlement has something to say of it, after the burn-in."""
        return self.kind is Kind.APPROVED


@dataclass(frozen=True, slots=True)
class Proven:
    """What proofs against a seat come to.

    Attributes:
        round: the earliest of a report that is proven false.
        named: the round whose tally the last of them rests on.
        kept: units that the seat keeps, the least of all proofs.
        tally: what its receipt of that round says of the tally.
    """

    round: int
    named: int
    kept: int
    tally: bytes


@dataclass(slots=True)
class Numbered:
    """An account that called the contract, as its transactions number it.

    Attributes:
        next: the number of its next one.
        since: the block of its last one.
        bare: whether it certainly has no code of its own, so that nothing but transactions takes its numbers.
    """

    next: int
    since: int
    bare: bool


@dataclass(slots=True)
class ReplayedGame:
    """The running state. `blind` states why records can no longer be followed; empty while they can.

    Attributes:
        bodies: by hash, what the history holds beside the chain block that is replayed.
        bodies_known: whether every body was there so far: the run digest holds the reports.
        unread: seats of which some round's pull is not known, so that neither are its counts and means.
        last: every seat's last receipt; None where it is not known.
        recent: of the last rounds that a report may leave out, where it names one: each seat's pull, and what every
            seat's last receipt was before.
        settlement, row: which settlement the open round's row is in, and which of its rows.
        unasked: where in `survey.pulls` the next row of a round without a choice begins; None while that is not known.
        tallies: of such a game what was given everybody, as the settlements so far say; none where they cannot be read.
        bound: by the last round of a settlement the root that it brought, if the environment signed it.
        shown: proofs of false reports whose roots the environment signed, and where they are.
        rooted: whether all roots of tallies are those that follow from settlements and draws; None before the first.
        proven, by_report, acquitted: proofs of false reports by seat, the seats that nothing else put on the block
            list, and those of which the environment had signed two tallies.
        earned, summed, unsealed: of a sealed game: units in opened tags by seat, whether sums were paid, who revealed.
        numbered: every account that called the contract.
        called: the block of the call before the one that is replayed: what is missing is missing from there on.
        paid_in, paid_out: wei that the history says the contract got and gave away.
        gap, least: by how much that was not what the books say, when it was last looked at, and how far the account
            with least was below nothing.
        weighed: movements in the books, `paid_in` and `paid_out` when it was.
        costly, costs: rounds charged as case 2; what those before it was on the block list cost each seat, in units.
    """

    origin: ContractOrigin
    survey: Survey
    checks: Checks
    on_verified: Callable[[float], None] = lambda seconds: None
    whose: Whose = recovered
    deployment: Deployment | None = None
    seated: list[Seated] = field(default_factory=list)
    addresses: list[bytes] = field(default_factory=list)
    books: AccountTotals = field(default_factory=AccountTotals)
    paid_in: int = 0
    paid_out: int = 0
    gap: int = 0
    least: int = 0
    weighed: tuple[int, int, int] = (0, 0, 0)
    ledger: Ledger | None = None
    digest: bytes = ZERO
    genesis: bytes = ZERO
    seed_0: bytes = ZERO
    separator: bytes = ZERO
    end_block: int = 0
    last_record_block: int = 0
    blind: str = ""
    disclosed: Disclosed | None = None
    live: bool = False
    self_declared: bool = False
    receipts: SettledReceipts = field(default_factory=SettledReceipts)
    counts: list[list[int]] = field(default_factory=list)
    totals: list[list[int]] = field(default_factory=list)
    last: list[Pull | None] = field(default_factory=list)
    unread: set[int] = field(default_factory=set)
    recent: deque[tuple[int, tuple[Pull | None, ...], tuple[Pull | None, ...]]] = field(default_factory=deque)
    settlement: int = 0
    row: int = 0
    unasked: int | None = None
    tallies: Tallies | None = None
    bound: dict[int, bytes] = field(default_factory=dict)
    shown: tuple[tuple[Place | None, Refutation], ...] = ()
    rooted: bool | None = None
    proven: dict[int, Proven] = field(default_factory=dict)
    by_report: set[int] = field(default_factory=set)
    acquitted: dict[int, tuple[Place | None, Acquittal]] = field(default_factory=dict)
    past: MutableMapping[int, Past] = field(default_factory=dict)
    approved: int = 0
    settled_through: int = 0
    rewards: list[int] = field(default_factory=list)
    waiting: list[int] = field(default_factory=list)
    earned: list[int] = field(default_factory=list)
    summed: bool = False
    unsealed: set[int] = field(default_factory=set)
    revealed: bool = False
    handed_back: int = 0
    costly: int = 0
    costs: list[int] = field(default_factory=list)
    bodies: dict[bytes, bytes] = field(default_factory=dict)
    bodies_known: bool = True
    balance: Balance | None = None
    closed: bool = False
    void: bool = False
    burned: int = 0
    withdrawn: dict[bytes, int] = field(default_factory=dict)
    run_digest: bytes = ZERO
    rows: Rows = field(default_factory=Rows)
    nonces: Nonces = field(default_factory=Nonces)
    called: int = 0
    numbered: dict[bytes, Numbered] = field(default_factory=dict)
    alike: Alike | None = None
    findings: dict[tuple[str, int | None], list[int]] = field(default_factory=lambda: defaultdict(list))
    failed: dict[str, str] = field(default_factory=dict)
    answered: set[str] = field(default_factory=set)
    other: Counter[str] = field(default_factory=Counter)

    @property
    def parameters(self) -> Parameters:
        """The deployed parameters; the walk stops before anybody asks for what is not there."""
        if self.deployment is None:
            raise LookupError("the game was not deployed")
        return self.deployment.parameters

    @property
    def environment(self) -> bytes:
        """The account that deployed the game; empty before."""
        return self.deployment.environment if self.deployment else b""

    @property
    def running(self) -> Ledger:
        """The ledger of an opened game."""
        if self.ledger is None:
            raise LookupError("the game was not opened")
        return self.ledger

    @property
    def slashed(self) -> frozenset[int]:
        """Seats that lose the slash: all with a proof against them, but those acquitted of the only one."""
        listed = frozenset(seat for seat, since in enumerate(self.running.blocked_from) if since)
        return listed - (self.by_report & self.acquitted.keys())

    @property
    def kept(self) -> list[int]:
        """What every seat keeps of its rewards, in units."""
        return [
            min(units, self.proven[seat].kept) if seat in self.proven.keys() - self.acquitted.keys() else units
            for seat, units in enumerate(self.rewards)
        ]

    def keep_recent(self, round_: int, pulls: tuple[Pull | None, ...]) -> None:
        """Keep the pulls of a round, before it is taken in, for as long as a report may leave it out."""
        self.recent.append((round_, pulls, tuple(self.last)))
        while self.recent and self.recent[0][0] <= round_ - (round_ + 1) // STALE - self.parameters.failure_limit:
            self.recent.popleft()

    def held(self, seat: int, named: int) -> tuple[list[int], list[int]]:
        """Totals and counts of a seat after a round that a report may name."""
        totals, counts = list(self.totals[seat]), list(self.counts[seat])
        for pulls, _ in self._later(named):
            pull = pulls[seat]
            if pull is not None and pull.arm < len(counts):
                counts[pull.arm] -= pull.count
                totals[pull.arm] -= pull.reward
        return totals, counts

    def last_of(self, seat: int, report: Report) -> Pull | None:
        """A seat's last receipt, up to the round that its report names."""
        found = self.last[seat]
        for _, before in (each for named in report.named for each in self._later(named)):
            found = before[seat]
        return found

    def _later(self, named: int) -> Iterator[tuple[tuple[Pull | None, ...], tuple[Pull | None, ...]]]:
        """What is `recent` of the rounds after one that a report may name, the newest first: mostly of none."""
        for round_, pulls, before in reversed(self.recent):
            if round_ <= named:
                return
            yield pulls, before

    @property
    def over_block(self) -> int:
        """The chain block at which the game ended, once it has."""
        return self.last_record_block if is_over(self.parameters, self.running) else self.end_block

    def is_over(self, block: int) -> bool:
        """Whether an opened game has ended by a chain block."""
        return is_over(self.parameters, self.running) or block > self.end_block

    def is_bare(self, address: bytes) -> bool:
        """Whether nothing but transactions of its own can call anybody in an account's name."""
        account = self.numbered.get(address)
        return account is not None and account.bare

    @property
    def roles(self) -> Sequence[Conduct] | None:
        """Of every seat, as money goes by them: of live rewards nobody's is known, and all pay alike."""
        if self.live:
            return (Conduct.HONEST,) * self.parameters.participants
        return self.disclosed.roles if self.disclosed else None

    def is_honest(self, seat: int) -> bool:
        """Whether the opened roles label the seat honest."""
        return self.disclosed is not None and seat in self.disclosed.honest

    def note(self, kind: str, seat: int | None, round_: int) -> None:
        """Keep a finding about a participant, or about the environment or the game without a seat."""
        self.findings[kind, seat].append(round_)

    def answer(self, kind: str, failed: str, round_: int, seat: int | None = None) -> None:
        """Keep whether a rule of the game answered: where it `failed` a finding, and why the first time."""
        if failed:
            self.note(kind, seat, round_)
            self.failed.setdefault(kind, failed)
        else:
            self.answered.add(kind)
