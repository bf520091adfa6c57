"""A small whole game on a real EVM, played without any actor, in which every step can be made to cheat."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from eth_account import Account

from chain_bandit.chain.client import Coordinator
from chain_bandit.chain_history.blocks import History
from chain_bandit.chain_history.bodies import Bodies, with_bodies
from chain_bandit.chain_history.collect import collect
from chain_bandit.crypto.keys import Signer, derive
from chain_bandit.crypto.seal import seal
from chain_bandit.crypto.verify import drawn_hash
from chain_bandit.crypto.vrf_keys import VrfKey
from chain_bandit.protocol import estimation
from chain_bandit.protocol.aggregation import enough_pulls
from chain_bandit.protocol.blocks import (
    Body,
    Header,
    Kind,
    Record,
    Report,
    Seated,
    SignedReport,
    approves,
    mask,
    round_seed,
    seats,
)
from chain_bandit.protocol.digests import ZERO, keccak
from chain_bandit.protocol.estimation import disclose, is_false
from chain_bandit.protocol.ledger import (
    accused,
    after_burn_in_round,
    blocked,
    honest_arm,
    is_over,
    validators,
)
from chain_bandit.protocol.messages import (
    NO_BLOCK,
    Domain,
    Phase,
    Role,
    commitment,
    commitment_salt,
)
from chain_bandit.protocol.parameters import ODDS, BodyMode, Parameters
from chain_bandit.protocol.proposal import with_successors
from chain_bandit.protocol.reputation import radii
from chain_bandit.protocol.rewards import Draws, RewardModel, bernoulli, secret_commitment
from chain_bandit.protocol.rule import Agreed, Own
from chain_bandit.protocol.rules import state_of
from chain_bandit.protocol.ruleset import RuleKind
from chain_bandit.protocol.sealing import noise_seed, nonce, receipt_tags
from chain_bandit.protocol.settlement import NOTHING, Conduct, Pull, case_2, encode_pulls, encode_sums
from chain_bandit.protocol.submission import Submitted
from chain_bandit.protocol.units import UNIT, Means
from chain_bandit.stopwatch import Stopwatch
from tests.rules import estimate, rule
from verification.fast_node import FastNode
from verification.scripted_game import ScriptedGame

M, K, L, T = 4, 2, 4, 30
PARAMETERS = Parameters(
    participants=M, validators=M, arms=K, horizon=T, burn_in=L, liars=1, attackers=1, threshold=2,
    aggregation=rule("option-1"), quorum_choice=0, failure_limit=2, c1_numerator=2, c1_denominator=1, c1_per_report=1,
    body_mode=BodyMode.FULL, unrecorded=1, tolerance=UNIT // 10, skip_penalty=4096, evidence_penalty=65535, cost=0,
    sortition=0, probing=2**64, commanders=2**64,
    wei_per_unit=3, stake=T * UNIT * 3, opening_deadline=20, skip_deadline=4, burn_in_blocks=10, game_blocks=300,
    settlement_window=40,
)  # fmt: skip
COMPACT = replace(PARAMETERS, body_mode=BodyMode.COMPACT)
DRAWS = replace(PARAMETERS, sortition=4 * ODDS // 5, probing=ODDS, commanders=ODDS // 2)
"""Four fifths of the four validate, half of those command."""
WEIGHTS = (2, 1, 40, 3)
"""Trials of the seats of a game whose validators are drawn."""
SEALED = replace(PARAMETERS, sealed=1, unrevealed_penalty=1000, stake=PARAMETERS.stake + 1000)
COMMITTEES = replace(PARAMETERS, validators=3, unrecorded=3)
"""Three of the four validate, and up to three blocks wait for their record."""

PHASES = replace(PARAMETERS, growth=UNIT // 2, horizon=160, stake=160 * UNIT * 3)
"""Each block's arm is pulled half as often as before: 160 pulls in some twenty rounds."""

LIAR = 3
ROLES = bytes((0, 0, 0, Conduct.LIAR))
MODEL = RewardModel((bernoulli(7 * UNIT // 10), bernoulli(3 * UNIT // 10)))

REJECTED, SKIPPED, LATE = 8, 12, 13
"""Rounds in which the game stumbles: too few reports; a signed skip; a skip by deadline, with its exploration."""

Hook = Callable[..., object]


def same(value: object, *_: object) -> object:
    """The honest hook: nothing changes."""
    return value


def lie(means: tuple[int, ...], seat: int, t: int) -> tuple[int, ...]:
    """Seat 3 turns the means around."""
    return tuple(UNIT - mean for mean in means) if seat == LIAR and t > 5 else means


@dataclass
class Script:
    """Where a game may cheat: every hook takes the honest value first."""

    means: Hook = lie
    counts: Hook = same
    report_signature: Hook = same
    proof: Hook = same
    successors: Hook = same
    bits: Hook = same
    header: Hook = same
    body: Hook = same
    signers: Hook = same
    radii: Hook = same
    pull: Hook = same
    often: Hook = same
    """How many pulls of a phase a seat is given."""
    costly: Hook = same
    option: Hook = same
    says: Hook = same
    """By which disclosure seats report, whatever the game names."""
    draw: Hook = same
    record: Hook = same
    """What a report of a sealed game hides: the pull of the last receipt."""
    tags: Hook = same
    """What settlement carries of a round of a sealed game."""
    sums: Hook = same
    seal_key: Hook = same
    """What a seat seals with, and draws noise from, whatever it registered."""
    kind: Callable[[int], str] = lambda t: {SKIPPED: "skip", LATE: "late"}.get(t, "block")
    parameters: Parameters = PARAMETERS
    weights: tuple[int, ...] = (1,) * M
    batch: int = 1
    each: bool = False
    """Whether every block of a batch has signatures of its own, as it must where there are committees."""
    accused: dict[int, int] = field(default_factory=dict)
    """Before which round which seat is proven to have equivocated."""
    offence: tuple[Phase, Role] = (Phase.BLOCK, Role.COMMANDER)
    reporters: Callable[[int], tuple[int, ...]] = lambda t: (0, 3) if t == REJECTED else (0, 1, 2, 3)
    opened_seals: tuple[int, ...] = (0, 1, 2, 3)
    roles: bytes = ROLES
    last: int = T
    finish: str = "withdrawn"
    extra: list[str] = field(default_factory=list)


def rich(**changes: object) -> Script:
    """A game with everything in it: committees, batches, a liar who equivocates and is on the block list in the end."""
    return replace(
        Script(parameters=COMMITTEES, batch=3, accused={20: LIAR}, roles=bytes((0, 0, 0, 3))), **changes  # type: ignore[arg-type]
    )


GAMES: dict[str, Script] = {
    "honest": Script(),
    "batched": Script(parameters=replace(PARAMETERS, unrecorded=3), batch=3),
    "sealed": Script(parameters=SEALED),
    "drawn": Script(parameters=DRAWS),
    "weighed": Script(parameters=DRAWS, weights=WEIGHTS),
    "full": rich(),
    "compact": rich(parameters=replace(COMMITTEES, body_mode=BodyMode.COMPACT)),
    "void": Script(finish="void"),
    "void, with a block list": rich(finish="void"),
    "called off": Script(finish="called off"),
    "running": Script(last=20, finish="running"),
    "phases": Script(parameters=PHASES),
    "phases, compact": Script(parameters=replace(PHASES, body_mode=BodyMode.COMPACT, unrecorded=3, cost=1), batch=3),
    "with a key kept": Script(parameters=SEALED, opened_seals=(0, 1, 2)),
}
"""Games that many tests look at and none goes on with: each is played once."""


class Played(ScriptedGame):
    """Plays a script from deployment to withdrawal; `history` is what the chain kept.

    Args:
        chain: makes a node on which accounts have so many wei.
    """

    def __init__(
        self, script: Script, seed: int = 8, chain: Callable[[Mapping[bytes, int]], Any] = FastNode
    ) -> None:
        super().__init__(script.parameters, [Signer(derive(seed, "main", seat)) for seat in range(M)])
        self.script, self.costly = script, set[int]()
        self.said = replace(self.p, disclosure=script.says(self.p.disclosure))
        self.bodies = Bodies()
        self.waiting: list[Submitted] = []
        self.owner = Signer(derive(seed, "environment"))
        self.vrf_keys = [VrfKey(derive(seed, "vrf", seat)) for seat in range(M)]
        self.seal_keys = [derive(seed, "seal", seat) for seat in range(M)]
        self.accounts = [Account.from_key(signer.secret) for signer in (*self.signers, self.owner)]
        self.outsider = Signer(derive(seed, "outsider"))
        self.node = chain({each.address: 10**20 for each in (*self.signers, self.owner, self.outsider)})
        self.environment = self.accounts[-1]
        self.salt, self.secret = derive(seed, "opening"), derive(seed, "secret")
        self._deploy()
        if script.finish == "called off":
            self.node.mine(self.p.opening_deadline)
            self._withdraw()
            return
        self._open()
        for _ in range(1, L):
            self._receive(honest_arm(self.p, self.ledger))
            self.ledger = after_burn_in_round(self.p, self.ledger)
        while self.ledger.round <= script.last and not self.is_over:
            self._round()
        if script.finish != "running":
            self._finish()

    @property
    def is_over(self) -> bool:
        """Whether all pulls are made."""
        return is_over(self.p, self.ledger)

    @cached_property
    def history(self) -> History:
        """All blocks of the game, as they are when one first asks: of several tests each goes through them again."""
        history = with_bodies(self.chain, self.bodies)
        return History(history.origin, tuple(history.blocks))

    @property
    def chain(self) -> History:
        """What a node has of it: no body of a compact game."""
        return collect(self.contract.rpc.ask, self.contract.address, 1)

    def _deploy(self) -> None:
        model = MODEL.encode()
        commitments = keccak(self.salt), secret_commitment(self.secret, self.script.roles, model)
        pool = 2 * M * self.p.horizon * UNIT * 3 + 17
        self.contract = Coordinator.deploy(
            self.node.line, self.environment, self.p, *commitments, pool, Stopwatch()
        )
        for account, seated in zip(self.accounts[:M], self.seated, strict=True):
            self.contract.join(account, seated)
        self.game = self.p.digest(*commitments)

    def _open(self) -> None:
        self.contract.open(self.environment, self.salt)
        self.begin(Domain(self.node.chain_id, self.contract.address, self.game), self.seated, self.salt)
        assert self.contract.genesis() == self.genesis
        self.draws = Draws(MODEL, self.secret, self.seed_0)
        self.counts, self.totals = [[0] * K for _ in range(M)], [[0] * K for _ in range(M)]
        self.last, self.sums, self.unsettled = [NOTHING] * M, [0] * M, b""

    @property
    def seated(self) -> list[Seated]:
        """Keys are registered where they are used."""
        p = self.p
        keys = zip(self.signers, self.vrf_keys, self.seal_keys, self.script.weights, strict=True)
        return [
            Seated(signer.address, vrf.public_key if p.draws else bytes(33), keccak(seal) if p.sealed else ZERO, weight)
            for signer, vrf, seal, weight in keys
        ]

    def prove(self, seat: int, t: int) -> bytes:
        """The proof in a seat's report of round t."""
        return self.vrf_keys[seat].prove(round_seed(self.seed_0, t + 1))[1]

    def _draw(self, seat: int, arm: int, count: int) -> int:
        at = self.ledger
        drawn = sum(self.draws.reward(time, seat, arm, at.failed) for time in range(at.time, at.time + count))
        return self.script.draw(drawn, at.round, seat, arm)

    def _receive(self, arm: int) -> None:
        for seat in range(M):
            self.last[seat] = Pull(arm, self.draws.reward(self.ledger.time, seat, arm, self.ledger.failed))
            self.counts[seat][arm] += 1
            self.totals[seat][arm] += self.last[seat].reward

    def _round(self) -> None:
        t, how, p = self.ledger.round, self.script.kind(self.ledger.round), self.p
        if t in self.script.accused:
            self._accuse(self.script.accused[t])
        if how == "block":
            self._block(t)
        else:
            self._flush()
            committee = self.next_committee()
            if how == "skip":
                self.contract.skip(self.accounts[0], committee, *self.certificate(NO_BLOCK))
            else:
                self.node.mine(p.skip_deadline + (p.burn_in_blocks if t == L else 0))
                self.contract.skip_after_deadline(self.accounts[1], committee)
            self.advance(Kind.SKIP)
            assert self.contract.head() == self.ledger.head
        if (self.ledger.round > L + 1 and self.ledger.round % 5 == 0) or self.is_over:
            self._settle()

    def _accuse(self, seat: int) -> None:
        """The seat says two things in the open slot."""
        proof = self.equivocation(seat, *self.script.offence, (b"1" * 32, b"2" * 32))
        self.contract.report_equivocation(self.accounts[0], seat, proof.calldata())
        self.ledger = accused(self.ledger, seat, self.contract.next_round() + self.p.evidence_delay)

    def certificate(self, content: bytes, signers: Iterable[int] | None = None) -> tuple[int, bytes]:
        usual = seats(validators(self.ledger))[: self.quorum] if signers is None else signers
        return super().certificate(content, self.script.signers(usual, self.ledger.round))

    def _report(self, seat: int, t: int) -> SignedReport:
        signed = self.signed_report(seat, self.report(seat, t))
        return replace(signed, signature=self.script.report_signature(signed.signature, seat, t))

    def report(self, seat: int, t: int) -> Report:
        """What a seat reports."""
        script = self.script
        seed = noise_seed(script.seal_key(self.seal_keys[seat], seat, t), self.seed_0)
        own = Own.of(t, self.totals[seat], self.counts[seat], seed)
        means = script.means(disclose(self.said, own), seat, t)
        counts = script.counts(tuple(self.counts[seat]), seat, t)
        proof = script.proof(self.prove(seat, t), seat, t, self) if self.p.draws else b""
        return Report(means, self.committed(counts, seat, t), proof, self._sealed(seat, t))

    def committed(self, counts: tuple[int, ...], seat: int, t: int) -> bytes:
        """The commitment to counts in a seat's report."""
        key = self.seal_keys[seat] if self.p.sealed else self.seed_0
        return commitment(counts, commitment_salt(key, t, seat))

    def _sealed(self, seat: int, t: int) -> bytes:
        if not self.p.sealed:
            return b""
        key = self.script.seal_key(self.seal_keys[seat], seat, t)
        return seal(key, nonce(self.game, t, seat), self.script.record(self.last[seat], seat, t))

    def _hashes(self, reports: dict[int, SignedReport], t: int) -> dict[int, bytes]:
        """What honest validators take for proven."""
        seed, found = round_seed(self.seed_0, t + 1), {}
        for seat, report in reports.items():
            output = drawn_hash(self.seated[seat].vrf_key, seed, report.report.proof)
            if output is not None:
                found[seat] = output
        return found

    def _block(self, t: int) -> None:
        p, script, listed = self.p, self.script, blocked(self.ledger, t)
        reporters = tuple(seat for seat in script.reporters(t) if not listed >> seat & 1)
        reports = {seat: self._report(seat, t) for seat in reporters}
        means = {seat: report.report.means for seat, report in reports.items()}
        bits = {
            seat: enough_pulls(script.counts(tuple(self.counts[seat]), seat, t), self.ledger.pulls, p.threshold)
            for seat in reporters
        }
        bits = script.bits(bits, t)
        made_by = script.option(p.aggregation, t)
        seed, pulls, hashes = round_seed(self.seed_0, t), self.ledger.pulls, self._hashes(reports, t)
        agreed = Agreed(t, seed, means, bits, pulls, self.ledger.means, self.ledger.reputations, hashes)
        counted = agreed.without(estimation.left_out(p, agreed.reputations) if p.vouched else frozenset())
        validated, selected, *_ = estimate(
            made_by, counted.reports, counted.bits, p.liars, K, seed, pulls, self.ledger.means
        )
        body = Body(script.radii(radii(self.ledger.pulls), t), tuple(reports[seat] for seat in reporters))
        candidates = [mask(seat for seat in reporters if bits[seat][arm]) for arm in range(K)]
        header = self.header(reporters, body, candidates, tuple(map(mask, selected)), validated)
        header = script.header(header, t, means)
        header = script.successors(self._with_rules(header, agreed, validated), t)
        block = Submitted.of(p, header, body.encode(), 0, b"")
        header, _ = block.opened(p, t, self.ledger.head, listed)  # a contract that computes means lets nobody else
        raw = header.encode(p)
        kind = Kind.APPROVED if approves(header.means) else Kind.REJECTED
        self.bodies.add(script.body(body.encode(), t))
        held = [frozenset(seats(row)) & frozenset(reporters) for row in header.selected]
        lied = {
            seat for seat in reporters
            if script.roles[seat] & Conduct.LIAR
            and is_false(self.said, Own.of(t, self.totals[seat], self.counts[seat]), means[seat])
        }  # fmt: skip
        costly = kind is Kind.APPROVED and t > L and case_2(held, lied)
        chosen, signatures = self.certificate(keccak(raw))
        if self.waiting and not (script.each or p.has_committees):
            self.waiting[-1] = replace(self.waiting[-1], signers=0, signatures=b"")
        self.waiting.append(replace(block, signers=chosen, signatures=signatures))
        if script.costly(costly, t):
            self.costly.add(t)
        self.advance(kind, header)
        if len(self.waiting) >= script.batch or self.is_over:
            self._flush()

    def _with_rules(self, header: Header, agreed: Agreed, validated: Means) -> Header:
        """What rules that are not the contract's own make of a round, and who validates the next one."""
        p, states, kept = self.p, self.ledger.states, ((), ())
        if p.vouched:
            first = estimation.estimate(p, state_of(p, states, RuleKind.AGGREGATION), agreed)
            second = estimation.weigh(p, state_of(p, states, RuleKind.REPUTATION), agreed, first)
            kept = first.state, second.state
            if header.means == validated:  # nobody has cheated with it
                header = replace(header, means=first.means, accuracies=second.weights)
        return with_successors(p, self.ledger, header, agreed, kept)[0]

    def _flush(self) -> None:
        """Record the blocks that wait."""
        if self.waiting:
            blocks = [block.encode(self.p) for block in self.waiting]
            self.contract.submit_blocks(self.accounts[self.ledger.round % M], blocks)
            self.waiting = []
            assert self.contract.head() == self.ledger.head

    def on_record(self, record: Record) -> None:
        if record.kind is Kind.APPROVED and record.round > L:
            self._pull(record.round, record.header.length if record.header else 1)
        elif record.kind is Kind.EXPLORATION:
            self._receive(self.ledger.explorations % K)
        elif record.round == L:
            self._receive(honest_arm(self.p, self.ledger))

    def _pull(self, t: int, length: int) -> None:
        pulls = []
        for seat in range(M):
            arm = self.script.pull(honest_arm(self.p, self.ledger), seat, t)
            if arm is None or blocked(self.ledger, t) >> seat & 1:
                pulls.append(NOTHING)
                continue
            count = self.script.often(length, seat, t)
            reward = self._draw(seat, arm, count)
            self.counts[seat][arm] += count
            self.totals[seat][arm] += reward
            self.last[seat] = Pull(arm, reward, count)
            self.sums[seat] += reward
            pulls.append(self.last[seat])
        if self.p.sealed:
            self.unsettled += self.script.tags(receipt_tags(self.secret, self.seed_0, t, pulls), t)
        else:
            self.unsettled += encode_pulls(pulls, self.p.has_phases)

    def _settle(self) -> None:
        self._flush()
        self.contract.settle_rewards(self.environment, self.ledger.round - 1, self.unsettled)
        self.unsettled = b""

    def _finish(self) -> None:
        if self.script.finish == "void":
            self.node.mine(self.p.settlement_window)
        else:
            self.contract.reveal(self.environment, self.secret, self.script.roles, MODEL.encode())
            entries = self.cost_entries(self.costly)
            self.contract.settle_costs(self.environment, entries[:10])
            self.contract.settle_costs(self.environment, entries[10:])
            if self.p.sealed:
                self.contract.settle_sums(self.environment, encode_sums(self.script.sums(self.sums)))
                for seat in self.script.opened_seals:
                    self.contract.reveal_seal(self.accounts[seat], self.seal_keys[seat])
                if len(self.script.opened_seals) < M:
                    self.node.mine(self.p.settlement_window)
        self.contract.close(self.accounts[2])
        self._withdraw()

    def _withdraw(self) -> None:
        for account in self.accounts[: M if self.script.finish == "void" else None]:  # the environment has lost all
            self.contract.withdraw(account)


def with_header(t: int, **changes: object) -> Hook:
    """A header hook that changes fields in one round; a change may be a function of the old value."""

    def change(header: Header, round_: int, _: object) -> Header:
        if round_ != t:
            return header
        return replace(
            header, **{name: value(getattr(header, name)) if callable(value) else value
                       for name, value in changes.items()}
        )  # fmt: skip

    return change
