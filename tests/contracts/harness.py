"""The contract on a bare EVM: calls without transactions, from any sender, at any block; and games to play on it."""

import random
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass, replace
from typing import Any

from eth.constants import BLANK_ROOT_HASH, CREATE_CONTRACT_ADDRESS
from eth.db.atomic import AtomicDB
from eth.vm.execution_context import ExecutionContext
from eth.vm.forks.prague.state import PragueState
from eth.vm.message import Message
from eth_abi.abi import encode

from chain_bandit.chain.artifacts import canonical_type, chain_bandit_artifact, tokens_artifact
from chain_bandit.chain.modules import installed
from chain_bandit.chain_history.records import record_event
from chain_bandit.crypto.keys import Signer, source
from chain_bandit.protocol import assumptions, submission
from chain_bandit.protocol.aggregation import global_means
from chain_bandit.protocol.blocks import (
    Body,
    Header,
    Kind,
    Report,
    Seated,
    SignedReport,
    approves,
    mask,
    seats,
)
from chain_bandit.protocol.digests import ZERO, keccak
from chain_bandit.protocol.ledger import (
    after_burn_in_round,
    blocked,
    eligible,
    is_over,
    validators,
)
from chain_bandit.protocol.messages import Domain
from chain_bandit.protocol.parameters import FIELDS, PROOF_BYTES, Parameters
from chain_bandit.protocol.rewards import secret_commitment
from chain_bandit.protocol.settlement import Pull, encode_pulls, encode_sums
from chain_bandit.protocol.submission import Submitted
from chain_bandit.protocol.units import UNIT
from tests.rules import rule
from verification.scripted_game import ScriptedGame

CHAIN_ID = 1337
DEAD = bytes.fromhex("000000000000000000000000000000000000dead")
FORTUNE = 10**30
QUARTER = Pull(0, UNIT // 4)
ARTIFACT = chain_bandit_artifact()
FUNCTIONS, EVENTS, ERRORS = (ARTIFACT.members(kind) for kind in ("function", "event", "error"))
TOKENS = tokens_artifact()
TOPICS = {int.from_bytes(e.topic, "big"): e for e in (*EVENTS.values(), *TOKENS.members("event").values())}
SELECTORS = {error.topic[:4]: error for error in (*ERRORS.values(), *TOKENS.members("error").values())}

BASE = Parameters(
    participants=4, validators=4, arms=2, horizon=12, burn_in=4, liars=1, attackers=1, threshold=2,
    aggregation=rule("option-1"), quorum_choice=0, failure_limit=2, c1_numerator=2, c1_denominator=1, c1_per_report=1,
    body_mode=0, unrecorded=1, tolerance=UNIT // 10, skip_penalty=4096, evidence_penalty=65535, cost=0,
    sortition=0, probing=2**64, commanders=2**64, wei_per_unit=3,
    stake=12 * UNIT * 3, opening_deadline=100, skip_deadline=10, burn_in_blocks=20, game_blocks=1000,
    settlement_window=50,
)  # fmt: skip


KEYS = Seated(bytes(20)).keys
"""What a seat without keys registers: nothing but the weight 1."""


def parameters(**changes: Any) -> Parameters:
    """`BASE` with changes; everybody validates and the stake is what they need, unless these are given."""
    if "participants" in changes:
        changes = {"validators": changes["participants"]} | changes
    changed = replace(BASE, **changes)
    if "stake" in changes:
        return changed
    least = assumptions.minimum_stake(changed.horizon, changed.wei_per_unit)
    return replace(changed, stake=least + changed.unrevealed_penalty + changed.slash)


def least_pool(p: Parameters) -> int:
    return assumptions.minimum_pool(p.participants, p.horizon, p.wei_per_unit)


@dataclass(frozen=True)
class Outcome:
    """What a call came to: output or revert data, events as (name, values), gas without the transaction's base.

    There is no gas where the machine counts none that a transaction would pay.
    """

    accepted: bool
    output: bytes
    events: tuple[tuple[str, tuple], ...]
    gas: int | None

    @property
    def error(self) -> tuple:
        """(name, *values) of the custom error."""
        assert not self.accepted, self.events
        if not self.output:
            return ("",)
        error = SELECTORS[self.output[:4]]
        return (error.name, *error.decode_inputs(self.output[4:]))


class Machine:
    """Prague rules without blocks: `block` is whatever the test says it is."""

    def __init__(self) -> None:
        context = ExecutionContext(bytes(20), 1, 1, 0, bytes(32), 10**9, (), CHAIN_ID, 0, 0)
        self.state = PragueState(AtomicDB(), context, BLANK_ROOT_HASH)
        self.block = 1
        self.install()

    def install(self) -> None:
        """Put the modules on the chain that all games share."""
        for address, code in installed().items():
            self.state.set_code(address, code)

    @property
    def block(self) -> int:
        return self.state.block_number

    @block.setter
    def block(self, number: int) -> None:
        self.state.execution_context._block_number = number

    def fund(self, account: bytes, wei: int = FORTUNE) -> None:
        self.state.set_balance(account, wei)

    def deploy(self, sender: bytes, data: bytes, value: int) -> tuple[bytes, Outcome]:
        address = keccak(b"contract", sender, data)[:20]
        message = Message(10**8, CREATE_CONTRACT_ADDRESS, sender, value, b"", data, create_address=address)
        return address, self._apply("apply_create_message", message)

    def call(self, sender: bytes, to: bytes, data: bytes, value: int = 0) -> Outcome:
        """The first call of a transaction of `sender`, which runs the code of `to`."""
        return self._apply("apply_message", Message(10**8, to, sender, value, data, self.state.get_code(to)))

    def _apply(self, how: str, message: Message) -> Outcome:
        context = self.state.get_transaction_context_class()(gas_price=0, origin=message.sender)
        computation = getattr(self.state.computation_class, how)(self.state, message, context)
        if computation.is_error:
            return Outcome(False, computation.output, (), computation.get_gas_used())
        events = tuple(
            (TOPICS[topics[0]].name, TOPICS[topics[0]].decode_inputs(data))
            for _, topics, data in computation.get_log_entries()
        )
        return Outcome(True, computation.output, events, computation.get_gas_used())


def kind_of(header: Header) -> Kind:
    """How a round with this block ends."""
    return Kind.APPROVED if approves(header.means) else Kind.REJECTED


class ArbitraryGame(ScriptedGame):
    """A game whose blocks say whatever the contract takes, by chance: it checks no report."""

    def __init__(self, p: Parameters, signers: Sequence[Signer], chance: random.Random) -> None:
        super().__init__(p, signers)
        self.chance = chance

    def block(
        self, reporters: Iterable[int] | None = None, selected: Sequence[int] | None = None,
        reports: Sequence[Report] | None = None, radii: Sequence[int] | None = None, **changes: object,
    ) -> tuple[Header, bytes]:
        """A block that extends the ledger: its header (with `changes`) and its body; everybody selected by default."""
        p, ledger = self.p, self.ledger
        listed = blocked(ledger, ledger.round)
        present = sorted(seats(p.everybody & ~listed) if reporters is None else reporters)
        given = [self.report() for _ in present] if reports is None else reports
        if radii is None:
            radii = [self.chance.choice((0, 1, UNIT // 20, 2**31 - 1)) for _ in range(p.arms)]
        body = Body(tuple(radii), tuple(SignedReport.of(report, self.chance.randbytes(64)) for report in given))
        everybody = mask(present)
        chosen = (everybody,) * p.arms if selected is None else tuple(selected)
        means = {seat: report.means for seat, report in zip(present, given, strict=True)}
        validated = global_means(means, [frozenset(seats(row & everybody)) for row in chosen])
        header = self.header(present, body, (everybody,) * p.arms, chosen, validated)
        header = replace(header, arm=ledger.round % p.arms)
        if p.vouched:
            header = replace(header, **self.vouched_for())
        header = replace(header, **changes)
        return replace(header, **self.named(header) | changes), body.encode()

    def vouched_for(self) -> dict[str, object]:
        """What a header says on its quorum's word alone: whatever chance says."""
        said: dict[str, object] = {}
        if self.p.keeps_state:
            sizes = [self.chance.choice((0, 1, 7)) for _ in range(self.chance.randint(0, 3))]
            said["states"] = tuple(
                tuple(self.chance.choice((-(2**63), -1, 0, 2**63 - 1)) for _ in range(size)) for size in sizes
            )
        if self.p.is_attested:
            most = self.chance.choice((UNIT, 2 * UNIT, 2**32 - 1))
            said["means"] = tuple(self.chance.randint(0, most) for _ in range(self.p.arms))
            said["accuracies"] = tuple(self.chance.randrange(2**16) for _ in range(self.p.participants))
        return said

    def named(self, header: Header) -> dict[str, int]:
        """What a header says of the next round: the best, or whomever chance draws (proofs are not the contract's)."""
        p, able = self.p, eligible(self.p, self.ledger, self.ledger.round + 1)
        named = {}
        if p.has_committees:
            some = self.chance.sample(seats(able), self.chance.randint(0, able.bit_count()))
            drawn = mask(some) if len(some) >= min(p.least_committee, able.bit_count()) else able
            named["committee"] = self.after(kind_of(header), replace(header, committee=drawn)).committee
        if p.draws_commanders:
            after = self.after(kind_of(header), replace(header, **named, commanders=p.everybody))
            members = seats(validators(after))
            named["commanders"] = mask(self.chance.sample(members, self.chance.randint(0, len(members))))
        return named

    def report(self) -> Report:
        """One that the contract takes as it comes: it does not check the signature."""
        near = self.chance.randrange(UNIT + 1)
        around = (0, UNIT, near, min(UNIT, near + UNIT // 30), self.chance.randrange(UNIT + 1))
        means = tuple(self.chance.choice(around) for _ in range(self.p.arms))
        return Report(means, self.chance.randbytes(32), self.proof(), self.chance.randbytes(21 * self.p.sealed))

    def proof(self) -> bytes:
        """Any bytes: the contract does not look into proofs."""
        return self.chance.randbytes(PROOF_BYTES * self.p.draws)


class Game(ArbitraryGame):
    """One deployed game, and everything that its participants know: keys, roles, secret, the ledger in Python."""

    new_machine: Callable[[], Machine] = Machine

    def __init__(
        self, p: Parameters = BASE, roles: bytes | None = None, pool: int | None = None, name: str = "game",
        model: bytes = b"any model", weights: Sequence[int] = (),
    ):
        self.weights = tuple(weights) or (1,) * p.participants
        keys = (keccak(name.encode(), seat.to_bytes(2, "big")) for seat in range(p.participants))
        super().__init__(p, [Signer(source(key)) for key in keys], random.Random(name))
        self.machine = self.new_machine()
        self.seats = [signer.address for signer in self.signers]
        self.owner = Signer(source(keccak(b"environment")))
        self.environment, self.anybody = self.owner.address, keccak(b"anybody")[:20]
        self.salt, self.secret, self.model = keccak(b"salt"), keccak(b"secret"), model
        self.roles = roles if roles is not None else bytes([1, 2, *bytes(254)])[: p.participants]
        self.pool = least_pool(p) if pool is None else pool
        for account in (*self.seats, self.environment, self.anybody):
            self.machine.fund(account)
        self.commitments = keccak(self.salt), secret_commitment(self.secret, self.roles, self.model)
        self.address, self.deployment = self.machine.deploy(
            self.environment, creation_of(p, *self.commitments), self.pool
        )
        self.digest = p.digest(*self.commitments)
        self.credited = 0  # units that `settle` gave each seat

    @staticmethod
    def seal_key(seat: int) -> bytes:
        """The sealing key of a seat."""
        return keccak(b"seal", seat.to_bytes(2, "big"))

    # Calls

    def call(self, sender: bytes, function: str, *arguments: object, value: int = 0) -> Outcome:
        return self.machine.call(sender, self.address, FUNCTIONS[function].encode(*arguments), value)

    def do(self, sender: bytes, function: str, *arguments: object, value: int = 0) -> Outcome:
        outcome = self.call(sender, function, *arguments, value=value)
        assert outcome.accepted, outcome.error
        return outcome

    def refused(self, sender: bytes, function: str, *arguments: object, value: int = 0) -> tuple:
        return self.call(sender, function, *arguments, value=value).error

    def view(self, function: str, *arguments: object) -> object:
        return FUNCTIONS[function].decode_outputs(self.do(self.anybody, function, *arguments).output)[0]

    # The course of a game

    def open(self) -> "Game":
        seated = [
            Seated(
                seat, b"\2" * (33 - len(seat)) + seat if self.p.draws else bytes(33),
                keccak(self.seal_key(i)) if self.p.sealed else ZERO, self.weights[i],
            )
            for i, seat in enumerate(self.seats)
        ]
        for each in seated:
            self.do(each.address, "join", each.keys, value=each.weight * self.p.stake)
        self.do(self.environment, "open", self.salt)
        self.begin(Domain(CHAIN_ID, self.address, self.digest), seated, self.salt)
        while self.ledger.round < self.p.burn_in:
            self.ledger = after_burn_in_round(self.p, self.ledger)
        return self

    def calldata(self, *blocks: Submitted) -> bytes:
        return FUNCTIONS["submitBlocks"].encode() + submission.encode(self.p, blocks)

    def submit(self, *blocks: Submitted, sender: bytes | None = None) -> Outcome:
        return self.send(self.calldata(*blocks), sender)

    def send(self, data: bytes, sender: bytes | None = None) -> Outcome:
        return self.machine.call(sender or self.anybody, self.address, data)

    def record(self, kind: Kind, header: Header | None = None) -> list[tuple]:
        """The one event of a transaction that ends in this record, and note what it brings."""
        record = self.advance(kind, header)
        return [astuple(record_event(self.p, record, self.ledger.head, self.ledger.committee))]

    def add(self, **block: object) -> None:
        """Record a block, whatever it comes to, and hold what the contract keeps of it against the ledger."""
        header, body = self.block(**block)
        outcome = self.submit(self.submitted(header, body))
        assert outcome.accepted, outcome.error
        assert list(outcome.events) == self.record(kind_of(header), header)

    def approve(self, **block: object) -> None:
        self.add(**block)
        assert self.records[-1][1].kind is Kind.APPROVED

    def reject(self) -> None:
        """Nobody is selected for the last arm."""
        everybody = self.p.everybody & ~blocked(self.ledger, self.ledger.round)
        before = len(self.records)
        self.add(selected=(*[everybody] * (self.p.arms - 1), 0))
        assert self.records[before][1].kind is Kind.REJECTED

    def skip(self) -> None:
        outcome = self.do(self.anybody, "skip", self.next_committee(), *self.certificate(ZERO))
        assert list(outcome.events) == self.record(Kind.SKIP)

    def skip_after_deadline(self) -> None:
        self.machine.block += self.p.skip_deadline + self.p.burn_in_blocks + 1
        outcome = self.do(self.anybody, "skipAfterDeadline", self.next_committee())
        assert list(outcome.events) == self.record(Kind.SKIP)

    def check(self) -> None:
        """What the contract says of its state, against the ledger in Python."""
        p, ledger = self.p, self.ledger
        assert self.view("head") == ledger.head
        assert tuple(self.view("reputations")) == ledger.reputations
        progress = (ledger.round, ledger.failures, min(ledger.skips, 255), ledger.explorations)
        assert self.view("progress")[:4] == progress
        assert self.view("progress")[8] == ledger.time - ledger.round
        assert self.view("isOver") == is_over(p, ledger)
        assert self.view("blocked") == blocked(ledger, ledger.round)
        assert [self.view("blockedFrom", seat) for seat in range(p.participants)] == list(ledger.blocked_from)

    def play_out(self) -> "Game":
        while not is_over(self.p, self.ledger):
            self.approve()
        return self

    # The end

    def paid_rounds(self, through: int) -> list[int]:
        return [
            record.round
            for _, record, _ in self.records
            if record.kind is Kind.APPROVED and self.p.burn_in < record.round <= through
        ]

    def settle(self, through: int, pull: Pull = QUARTER) -> None:
        first = self.view("settledThrough")
        rounds = [r for r in self.paid_rounds(through) if r > first]
        outcome = self.do(
            self.environment, "settleRewards", through, encode_pulls([pull] * self.p.participants) * len(rounds)
        )
        self.credited += len(rounds) * pull.reward
        sums = encode_sums([self.credited] * self.p.participants)
        assert outcome.events == (("RewardsSettled", (through, sums)),)

    def reveal(self) -> Outcome:
        return self.do(self.environment, "reveal", self.secret, self.roles, self.model)

    def entries(self, costly: Iterable[int] = ()) -> list[tuple]:
        """Every record, newest first, as `settleCosts` takes them."""
        return list(map(astuple, self.cost_entries(set(costly))))

    def held(self) -> int:
        """Wei in the contract."""
        return self.machine.state.get_balance(self.address)


def forwarder(to: bytes) -> bytes:
    """Code that passes calldata and wei on to an account, and passes back what comes of it."""
    # calldatacopy; call(gas, to, value, 0, size, 0, 0); returndatacopy; revert or return with it.
    return bytes.fromhex("365f5f375f5f365f3473") + to + bytes.fromhex("5af13d5f5f3e602a573d5ffd5b3d5ff3")


ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""Of secp256k1."""


def high_s(signature: bytes) -> bytes:
    """The other signature of the same content: s above half the order, the parity flipped."""
    s = int.from_bytes(signature[32:], "big")
    parity, s = s >> 255, s & (2**255 - 1)
    return signature[:32] + ((1 - parity) << 255 | ORDER - s).to_bytes(33, "big")[-32:]


def hexed(address: bytes) -> str:
    """An address as the ABI decoder spells it."""
    return "0x" + address.hex()


RESERVED = 8
"""Fields of the parameters' last part."""


def tuple_of(fields: Sequence[int]) -> tuple:
    """The contract's struct as the ABI decoder spells it."""
    types = canonical_type(next(each for each in ARTIFACT.abi if each.get("name") == "parameters")["outputs"][0])
    kinds = re.findall(r"\w+", types)
    given = zip(fields, kinds, strict=True)
    values = [value.to_bytes(32, "big") if kind == "bytes32" else value for value, kind in given]
    return (*values[:-RESERVED], tuple(values[-RESERVED:]))


def creation_of(p: Parameters, salt_commitment: bytes, secret_commitment: bytes, **changed: int) -> bytes:
    """The data of a creation, with fields of the struct changed."""
    fields = dict(zip(FIELDS, p.fields(), strict=True)) | changed
    (constructor,) = (entry for entry in ARTIFACT.abi if entry["type"] == "constructor")
    types = ["address", *map(canonical_type, constructor["inputs"])]
    struct = tuple_of(tuple(fields.values()))
    arguments = (ARTIFACT.bytecode[-20:], struct, salt_commitment, secret_commitment, p.declaration)
    return ARTIFACT.bytecode[:-32] + encode(types, arguments)
