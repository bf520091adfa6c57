"""A game's contract in a few lines, with its real interface: calldata, views, events and errors are the shipped ones.

It models open games in which everybody is honest and validates, without a slash or a paid burn-in: joining, opening,
records, settlement, reveal, costs, closing, withdrawals and refunds. A state is never changed: each block keeps its
own, so that a reorganisation costs nothing. `tests/contracts/test_model_game.py` holds it against the contract itself.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from eth_abi.abi import decode as abi_decode
from eth_abi.abi import encode as abi_encode

from chain_bandit.actors.messages import CertifiedBlock
from chain_bandit.actors.rules import Rules
from chain_bandit.chain.artifacts import Member, chain_bandit_artifact
from chain_bandit.consensus.certificate import Certificate
from chain_bandit.game.plan import Plan
from chain_bandit.protocol.aggregation import enough_pulls
from chain_bandit.protocol.blocks import Kind, Record, Report, approves
from chain_bandit.protocol.digests import ZERO, keccak
from chain_bandit.protocol.errors import Malformed
from chain_bandit.protocol.ledger import (
    Ledger,
    after_burn_in_round,
    after_record,
    is_over,
    opening,
    records_made,
)
from chain_bandit.protocol.messages import NO_BLOCK, Domain, commitment, commitment_salt
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.proposal import propose
from chain_bandit.protocol.rewards import hidden_cost, secret_commitment
from chain_bandit.protocol.settlement import decode_pulls, encode_sums
from chain_bandit.protocol.submission import Submitted, decode
from chain_bandit.protocol.units import NO_PULL, UNIT
from chain_bandit.scenario import Scenario
from verification.scripted_game import ScriptedGame

ADDRESS = b"\xc0" * 20
"""Where the contract is."""

FUNCTIONS, EVENTS, ERRORS = (chain_bandit_artifact().members(kind) for kind in ("function", "event", "error"))
_BY_SELECTOR = {each.topic[:4]: each for each in FUNCTIONS.values()}

NAMES = {selector: each.name for selector, each in _BY_SELECTOR.items()}
"""Of functions, by selector."""


class Reverted(Exception):
    """The contract refuses a call."""

    def __init__(self, name: str, *arguments: object) -> None:
        super().__init__(name)
        self.name, self.arguments = name, arguments

    @property
    def data(self) -> bytes:
        """What it returns."""
        return encoded_error(self.name, self.arguments)


@lru_cache(maxsize=4096)
def encoded_error(name: str, arguments: tuple[object, ...]) -> bytes:
    """An error as the contract returns it."""
    return ERRORS[name].encode(*arguments)


class Cast(ScriptedGame):
    """Everybody in a game of one size, and what a quorum certifies in each of its rounds: the same in every schedule.

    Args:
        seats: who take part.
        rounds: T.
        skip_deadline, window, opening_deadline, game_blocks: blocks of the chain.

    Attributes:
        certified: what each certificate's signatures are of: round, parent, content.
    """

    def __init__(
        self, seats: int, rounds: int, chain_id: int, skip_deadline: int = 4, window: int = 80,
        opening_deadline: int = 70, game_blocks: int = 400, address: bytes = ADDRESS,
    ) -> None:  # fmt: skip
        self.scenario = Scenario.model_validate({
            "name": "chains", "participants": seats, "rounds": rounds, "burn_in": 2, "liars": 0, "attackers": 0,
            "rewards": {"kind": "bernoulli", "means": [0.5]}, "failure_limit": 2, "pull_wait": 1,
            "chain": {"settle_every": 2, "skip_deadline": skip_deadline, "opening_deadline": opening_deadline},
        })  # fmt: skip
        self.scenario.__dict__["pull_wait"] = 0.3  # nobody pulls
        self.plan = Plan(self.scenario)
        p = replace(self.scenario.parameters, settlement_window=window, game_blocks=game_blocks)
        self.plan.parameters = p
        super().__init__(p, self.plan.participants)
        self.seated, self.everybody = self.plan.seated, (*self.plan.addresses, self.plan.environment.address)
        self.domain = Domain(chain_id, address, self.plan.game)
        self.begin(self.domain, self.seated, self.plan.salt)
        self.first = self.ledger
        for _ in range(p.burn_in - 1):
            self.first = after_burn_in_round(p, self.first)
        self.certified: dict[bytes, tuple[int, bytes, bytes]] = {}
        self._blocks: dict[bytes, CertifiedBlock] = {}
        self._skips: dict[bytes, Certificate] = {}
        self.rules_of = lru_cache(maxsize=64)(self._rules_of)
        self.executed: dict[Any, Any] = {}

    def _rules_of(self, seed_0: bytes, genesis: bytes) -> Rules:
        addresses, keys = [each.address for each in self.seated], [each.vrf_key for each in self.seated]
        environment = self.plan.environment.address
        return Rules(self.p, self.domain, addresses, environment, seed_0, genesis, keys)

    def block(self, ledger: Ledger) -> CertifiedBlock:
        """The block that a quorum certifies in the open round."""
        made = self._blocks.get(ledger.head)
        if made is None:
            self.ledger, p, pulls = ledger, self.p, ledger.pulls
            reports = {
                seat: self.signed_report(seat, Report(
                    (UNIT // 2,) * p.arms, commitment(pulls, commitment_salt(self.seed_0, ledger.round, seat))))
                for seat in range(p.participants)
            }  # fmt: skip
            header, body = propose(p, ledger, reports, dict.fromkeys(reports, enough_pulls(pulls, pulls, p.threshold)))
            encoded = header.encode(p)
            certificate = Certificate(keccak(encoded), *self.certificate(keccak(encoded)))
            self.certified[certificate.signatures] = ledger.round, ledger.head, keccak(encoded)
            made = self._blocks[ledger.head] = CertifiedBlock(encoded, body, certificate)
        return made

    def skip(self, ledger: Ledger) -> Certificate:
        """A quorum's "no block"."""
        made = self._skips.get(ledger.head)
        if made is None:
            self.ledger = ledger
            made = self._skips[ledger.head] = Certificate(NO_BLOCK, *self.certificate(NO_BLOCK))
            self.certified[made.signatures] = ledger.round, ledger.head, NO_BLOCK
        return made


@dataclass(frozen=True, slots=True)
class Storage:
    """What the contract holds after a block; `None` and emptiness before the opening.

    Attributes:
        paid: wei that accounts have put in and taken out, by account.
        units: credited to each seat.
        approved: rounds.
        cursor, cursor_round: where the walk back over the records is.
    """

    roster: tuple[bytes, ...] = ()
    keys: tuple[bytes, ...] = ()
    registered: bytes = ZERO
    ledger: Ledger | None = None
    seed: bytes = ZERO
    genesis: bytes = ZERO
    last_record: int = 0
    end_block: int = 0
    settled: int = 0
    units: tuple[int, ...] = ()
    approved: frozenset[int] = frozenset()
    revealed: int | None = None
    cursor: bytes = ZERO
    cursor_round: int = 0
    closed: bool = False
    costs_void: bool = False
    share: int = 0
    environment: int = 0
    burned: int = 0
    withdrawn: frozenset[bytes] = frozenset()
    paid_in: tuple[tuple[bytes, int], ...] = ()
    paid_out: tuple[tuple[bytes, int], ...] = ()


Logs = tuple[tuple[bytes, bytes], ...]
"""Topic and data of each event."""


@dataclass
class ModelGame:
    """The contract of one game.

    Args:
        created_in: its block.
    """

    cast: Cast
    created_in: int
    p: Parameters = field(init=False)

    def __post_init__(self) -> None:
        """Its terms."""
        self.p = self.cast.p
        self.owner, self.pool = self.cast.plan.environment.address, self.cast.plan.pool
        self.open_until = self.created_in + self.p.opening_deadline

    def first(self) -> Storage:
        """As it is created."""
        return Storage(paid_in=((self.owner, self.pool),))

    def run(self, state: Storage, sender: bytes, value: int, data: bytes, number: int) -> tuple[Storage, Logs]:
        """Carry a call out in block `number`. Raises `Reverted`."""
        function = _BY_SELECTOR.get(data[:4])
        act = None if function is None else _CALLS.get(function.name)
        if function is None or act is None:
            raise Reverted("NotAGame", ADDRESS)
        arguments = (data[4:],) if function.name == "submitBlocks" else arguments_of(function, data[4:])
        return act(self, state, sender, value, number, *arguments)

    def view(self, state: Storage, data: bytes, number: int) -> bytes:
        """What a view returns, by the state after block `number`. Raises `Reverted`."""
        function = _BY_SELECTOR[data[:4]]
        answer = _VIEWS[function.name](self, state, number, *arguments_of(function, data[4:]))
        return encoded(function.outputs, answer)

    # --- what a call needs

    def time(self, state: Storage) -> int:
        """Number of the open round's first pull; in these games the round itself."""
        return state.ledger.round if state.ledger else 0

    def is_over(self, state: Storage, number: int) -> bool:
        """Whether it takes no more records."""
        if state.ledger is None:
            return False
        return is_over(self.p, state.ledger) or number > state.end_block

    def over_block(self, state: Storage) -> int:
        """The block with which it was over."""
        assert state.ledger is not None
        return state.last_record if is_over(self.p, state.ledger) else state.end_block

    def owed(self, state: Storage, account: bytes, number: int) -> int:
        """Wei that an account can withdraw."""
        refunded = state.end_block == 0 and number > self.open_until
        if account in state.withdrawn or not (refunded or state.closed):
            return 0
        if account == self.owner:
            return self.pool if refunded else state.environment
        if account not in state.roster:
            return 0
        deposit = self.p.stake * self._weight(state, account)
        if refunded:
            return deposit
        due = deposit + state.units[state.roster.index(account)] * self.p.wei_per_unit
        return due + state.share if state.costs_void else due

    def _weight(self, state: Storage, account: bytes) -> int:
        return int.from_bytes(state.keys[state.roster.index(account)][65:67])

    def _require_opening(self, state: Storage, number: int) -> None:
        if state.genesis != ZERO:
            raise Reverted("AlreadyOpened", state.genesis)
        if number > self.open_until:
            raise Reverted("OpeningMissed", number, self.open_until)

    def _require_owner(self, sender: bytes) -> None:
        if sender != self.owner:
            raise Reverted("NotEnvironment", sender, self.owner)

    def _opened(self, state: Storage, number: int) -> Ledger:
        if state.ledger is None:
            raise Reverted("NotOpened", number, self.open_until)
        return state.ledger

    def _running(self, state: Storage, number: int) -> Ledger:
        ledger = self._opened(state, number)
        if self.is_over(state, number):
            raise Reverted("GameIsOver", self.over_block(state))
        return ledger

    def _ended(self, state: Storage, number: int) -> Ledger:
        ledger = self._opened(state, number)
        if not self.is_over(state, number):
            raise Reverted("GameNotOver", ledger.round, number, state.end_block)
        return ledger

    def _require_window(self, state: Storage, number: int) -> None:
        if state.closed:
            raise Reverted("AlreadyClosed", state.costs_void)
        deadline = self.over_block(state) + self.p.settlement_window
        if number > deadline:
            raise Reverted("WindowPassed", number, deadline)

    # --- the calls

    def join(self, state: Storage, sender: bytes, value: int, number: int, keys: bytes) -> tuple[Storage, Logs]:
        """A seat is taken."""
        self._require_opening(state, number)
        if sender == self.owner:
            raise Reverted("EnvironmentCannotJoin", sender)
        if len(keys) != 67:
            raise Reverted("WrongKeysLength", len(keys), 67)
        if (weight := int.from_bytes(keys[65:])) != 1:
            raise Reverted("WeightOutOfRange", weight, 1)
        if sender in state.roster:
            raise Reverted("AlreadyJoined", sender, state.roster.index(sender))
        if len(state.roster) == self.p.participants:
            raise Reverted("SeatsFilled", self.p.participants)
        if value != self.p.stake:
            raise Reverted("WrongStake", value, self.p.stake)
        after = replace(
            state, roster=(*state.roster, sender), keys=(*state.keys, keys),
            registered=keccak(state.registered + keys), paid_in=(*state.paid_in, (sender, value)),
        )  # fmt: skip
        return after, (event("Joined", len(state.roster), sender),)

    def open(self, state: Storage, sender: bytes, value: int, number: int, salt: bytes) -> tuple[Storage, Logs]:
        """The game begins."""
        self._require_owner(sender)
        self._require_opening(state, number)
        if keccak(salt) != self.cast.plan.salt_commitment:
            raise Reverted("WrongSalt", keccak(salt), self.cast.plan.salt_commitment)
        if len(state.roster) != self.p.participants:
            raise Reverted("SeatsMissing", len(state.roster), self.p.participants)
        seed = keccak(b"".join(state.roster) + state.registered + salt)
        genesis = keccak(self.cast.plan.game + seed)
        ledger = opening(self.p, genesis, seed)
        for _ in range(self.p.burn_in - 1):
            ledger = after_burn_in_round(self.p, ledger)
        after = replace(
            state, seed=seed, genesis=genesis, ledger=ledger, last_record=number,
            end_block=number + self.p.game_blocks, settled=self.p.burn_in, units=(0,) * self.p.participants,
        )  # fmt: skip
        return after, (event("Opened", genesis),)

    def submit_blocks(
        self, state: Storage, sender: bytes, value: int, number: int, data: bytes
    ) -> tuple[Storage, Logs]:
        """Rounds end in blocks."""
        ledger = self._running(state, number)
        record = Record(0, Kind.SKIP)
        blocks = decode(self.p, data)
        approved = set[int]()
        for each in blocks:
            if is_over(self.p, ledger):
                raise Reverted("GameIsOver", number)
            try:
                header, _ = each.opened(self.p, ledger.round, ledger.head, 0)
            except Malformed:
                raise Reverted("EstimatorOutOfRange") from None
            digest = keccak(header.encode(self.p))
            self._check(state, ledger, each, digest)
            kind = Kind.APPROVED if approves(header.means) else Kind.REJECTED
            if kind is Kind.APPROVED:
                approved.add(ledger.round)
            ledger, record = self._recorded(ledger, Record(ledger.round, kind, header, digest))
        return self._after(state, ledger, record, number, frozenset(approved))

    def skip(
        self, state: Storage, sender: bytes, value: int, number: int, committee: int, signers: int, signatures: bytes
    ) -> tuple[Storage, Logs]:
        """A round ends in a quorum's "no block"."""
        ledger = self._running(state, number)
        self._check(state, ledger, Submitted(signers, signatures, b"", b"", b""), NO_BLOCK)
        return self._skipped(state, ledger, number)

    def skip_after_deadline(
        self, state: Storage, sender: bytes, value: int, number: int, committee: int
    ) -> tuple[Storage, Logs]:
        """A round ends by its deadline."""
        ledger = self._running(state, number)
        deadline = state.last_record + self.p.skip_deadline
        if ledger.round == self.p.burn_in:
            deadline += self.p.burn_in_blocks
        if number <= deadline:
            raise Reverted("DeadlineNotPassed", number, deadline)
        return self._skipped(state, ledger, number)

    def _skipped(self, state: Storage, ledger: Ledger, number: int) -> tuple[Storage, Logs]:
        ledger, record = self._recorded(ledger, Record(ledger.round, Kind.SKIP))
        return self._after(state, ledger, record, number, frozenset())

    def _check(self, state: Storage, ledger: Ledger, said: Submitted, content: bytes) -> None:
        """Certificates are those of the cast; of a game with other seats there are none."""
        is_theirs = state.roster == self.cast.plan.addresses
        if not is_theirs or self.cast.certified.get(said.signatures) != (ledger.round, ledger.head, content):
            raise Reverted("InvalidSignature", 0, state.roster[0])

    def _recorded(self, ledger: Ledger, record: Record) -> tuple[Ledger, Record]:
        for made in records_made(self.p, ledger, record):
            ledger = after_record(self.p, ledger, made)
        return ledger, made

    def _after(
        self, state: Storage, ledger: Ledger, last: Record, number: int, approved: frozenset[int]
    ) -> tuple[Storage, Logs]:
        after = replace(state, ledger=ledger, last_record=number, approved=state.approved | approved)
        return after, (event("Recorded", last.round, int(last.kind), ledger.head),)

    def settle_rewards(
        self, state: Storage, sender: bytes, value: int, number: int, through: int, pulls: bytes
    ) -> tuple[Storage, Logs]:
        """Rewards are credited."""
        self._require_owner(sender)
        ledger = self._opened(state, number)
        if self.is_over(state, number):
            self._require_window(state, number)
        if through <= state.settled:
            raise Reverted("AlreadySettled", through, state.settled)
        if through >= ledger.round:
            raise Reverted("RoundNotRecorded", through, ledger.round - 1)
        rounds = [round_ for round_ in range(state.settled + 1, through + 1) if round_ in state.approved]
        size, units = 5 * self.p.participants, list(state.units)
        if len(pulls) != size * len(rounds):
            raise Reverted("WrongPullsLength", len(pulls), size * len(rounds))
        for at, round_ in enumerate(rounds):
            for seat, pull in enumerate(decode_pulls(pulls[size * at : size * (at + 1)], self.p.participants)):
                if not (pull.reward <= UNIT if pull.arm < self.p.arms else pull.arm == NO_PULL and not pull.reward):
                    raise Reverted("InvalidPull", round_, seat, pull.arm, pull.reward)
                units[seat] += pull.reward
        return replace(state, settled=through, units=tuple(units)), (
            event("RewardsSettled", through, encode_sums(units)),
        )

    def reveal(
        self, state: Storage, sender: bytes, value: int, number: int, secret: bytes, roles: bytes, model: bytes
    ) -> tuple[Storage, Logs]:
        """The environment's commitment is opened."""
        self._require_owner(sender)
        ledger = self._ended(state, number)
        self._require_window(state, number)
        if len(roles) != self.p.participants:
            raise Reverted("WrongRolesLength", len(roles), self.p.participants)
        if (found := secret_commitment(secret, roles, model)) != self.cast.plan.secret_commitment:
            raise Reverted("WrongSecret", found, self.cast.plan.secret_commitment)
        if state.revealed is not None:
            raise Reverted("AlreadyRevealed", state.revealed)
        cost = hidden_cost(secret, state.seed, self.p.provable)
        after = replace(state, revealed=cost, cursor=ledger.head, cursor_round=ledger.round - 1)
        return after, (event("Revealed", cost),)

    def settle_costs(
        self, state: Storage, sender: bytes, value: int, number: int, entries: Sequence[Any]
    ) -> tuple[Storage, Logs]:
        """Records are handed back; nobody lied, so that none costs."""
        self._require_owner(sender)
        self._ended(state, number)
        self._require_window(state, number)
        if state.revealed is None:
            raise Reverted("NotRevealed")
        cursor, round_ = state.cursor, state.cursor_round
        for at, (parent, kind, _, header) in enumerate(entries):
            if round_ < self.p.burn_in:
                raise Reverted("NoRecordLeft", at)
            digest = Record(round_, Kind(kind), None, keccak(header) if header else ZERO).head(parent)
            if digest != cursor:
                raise Reverted("WrongRecord", round_, digest, cursor)
            cursor, round_ = parent, round_ - 1
        return replace(state, cursor=cursor, cursor_round=round_), (event("CostsSettled", round_ + 1, 0),)

    def close(self, state: Storage, sender: bytes, value: int, number: int) -> tuple[Storage, Logs]:
        """The accounts are final."""
        ledger = self._ended(state, number)
        if state.closed:
            raise Reverted("AlreadyClosed", state.costs_void)
        is_disclosed = state.revealed is not None and state.cursor_round + 1 == self.p.burn_in
        complete = is_disclosed and state.settled + 1 >= ledger.round
        deadline = self.over_block(state) + self.p.settlement_window
        if not complete and number <= deadline:
            raise Reverted("Unfinished", number, deadline)
        left = self.pool - sum(state.units) * self.p.wei_per_unit
        if complete:
            after = replace(state, closed=True, environment=left)
        else:
            share, burned = divmod(left, self.p.participants)
            after = replace(state, closed=True, costs_void=True, share=share, burned=burned)
        return after, (event("Closed", not complete, after.burned),)

    def withdraw(self, state: Storage, sender: bytes, value: int, number: int) -> tuple[Storage, Logs]:
        """An account takes what it is owed."""
        amount = self.owed(state, sender, number)
        if not amount:
            raise Reverted("NothingOwed", sender)
        after = replace(
            state, withdrawn=state.withdrawn | {sender}, paid_out=(*state.paid_out, (sender, amount))
        )
        return after, (event("Withdrawn", sender, amount),)

    # --- the views

    def _progress(self, state: Storage, number: int) -> tuple[int, ...]:
        ledger = state.ledger
        if ledger is None:
            return (0,) * 9
        low = ledger.round & ~63
        approvals = sum(1 << (round_ & 63) for round_ in state.approved if low <= round_ < ledger.round)
        return (
            ledger.round, ledger.failures, ledger.skips, ledger.explorations, state.last_record, state.end_block, 0,
            approvals, 0,
        )  # fmt: skip

    def _seat_of(self, state: Storage, number: int, account: str) -> int:
        address = bytes.fromhex(account[2:])
        if address not in state.roster:
            raise Reverted("NotParticipant", address)
        return state.roster.index(address)

    def _participant_at(self, state: Storage, number: int, seat: int) -> bytes:
        if seat >= len(state.roster):
            raise Reverted("SeatEmpty", seat, len(state.roster))
        return state.roster[seat]


@lru_cache
def _fields(p: Parameters) -> tuple[Any, ...]:
    """The parameters as the contract returns them."""
    (kinds,) = FUNCTIONS["parameters"].outputs
    named, reserved = (part.strip("()").split(",") for part in kinds[1:-1].split(",("))
    given = [
        value.to_bytes(32, "big") if kind == "bytes32" else value
        for kind, value in zip((*named, *reserved), p.fields(), strict=True)
    ]
    return (*given[: len(named)], tuple(given[len(named) :]))


Act = Callable[..., tuple[Storage, Logs]]

_CALLS: dict[str, Act] = {
    "join": ModelGame.join, "open": ModelGame.open, "submitBlocks": ModelGame.submit_blocks, "skip": ModelGame.skip,
    "skipAfterDeadline": ModelGame.skip_after_deadline, "settleRewards": ModelGame.settle_rewards,
    "reveal": ModelGame.reveal, "settleCosts": ModelGame.settle_costs, "close": ModelGame.close,
    "withdraw": ModelGame.withdraw,
}  # fmt: skip

_VIEWS: dict[str, Callable[..., Any]] = {
    "genesis": lambda game, state, number: state.genesis,
    "head": lambda game, state, number: state.ledger.head if state.ledger else ZERO,
    "nextRound": lambda game, state, number: state.ledger.round if state.ledger else 0,
    "progress": ModelGame._progress,
    "seatOf": ModelGame._seat_of,
    "participantAt": ModelGame._participant_at,
    "settledThrough": lambda game, state, number: state.settled,
    "blockedFrom": lambda game, state, number, seat: 0,
    "provenFrom": lambda game, state, number, seat: 0,
    "provenBy": lambda game, state, number, seat: 0,
    "blocked": lambda game, state, number: 0,
    "liars": lambda game, state, number: 0,
    "isOver": ModelGame.is_over,
    "opened": lambda game, state, number: state.end_block != 0,
    "closed": lambda game, state, number: state.closed,
    "owed": lambda game, state, number, account: game.owed(state, bytes.fromhex(account[2:]), number),
    "game": lambda game, state, number: game.cast.plan.game,
    "environment": lambda game, state, number: game.owner,
    "pool": lambda game, state, number: game.pool,
    "parameters": lambda game, state, number: _fields(game.p),
}


@lru_cache(maxsize=20_000)
def event(name: str, *values: object) -> tuple[bytes, bytes]:
    """Topic and data of an event."""
    member = EVENTS[name]
    return member.topic, abi_encode(member.inputs, values)


@lru_cache(maxsize=20_000)
def arguments_of(function: Member, data: bytes) -> tuple[Any, ...]:
    """Arguments of a call."""
    return abi_decode(function.inputs, data)


@lru_cache(maxsize=20_000)
def encoded(kinds: tuple[str, ...], answer: Any) -> bytes:
    """What a view returns, encoded."""
    return abi_encode(kinds, (answer,))
