"""A whole game: opening, burn-in, rounds, settlement, end (protocol.md: Steps; walked through in architecture.md)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from operator import add

from chain_bandit.actors.messages import CertifiedBlock
from chain_bandit.actors.witness import Witness
from chain_bandit.append_log import AppendLog
from chain_bandit.comparison.session_log import SessionLog
from chain_bandit.consensus.certificate import Certificate
from chain_bandit.consensus.evidence import Equivocation
from chain_bandit.crypto.verify import Verifier
from chain_bandit.game.books import Books, RoundPlayed
from chain_bandit.game.errors import LockstepBroken
from chain_bandit.game.plan import Plan
from chain_bandit.game.recorder import Recorder
from chain_bandit.game.wiring import Actors
from chain_bandit.protocol.blocks import Header, Kind, Record, approves
from chain_bandit.protocol.ledger import (
    accused,
    after_burn_in_round,
    exploration_arm,
    honest_arm,
    is_over,
    records_made,
)
from chain_bandit.protocol.parameters import ACCUSED_AHEAD, Parameters
from chain_bandit.protocol.submission import Submitted
from chain_bandit.protocol.tallies import FalseReport
from chain_bandit.scenario import Scenario


@dataclass
class GameProgress(Books):
    """What a game keeps while it runs."""

    evidence: list[Equivocation] = field(default_factory=list)
    reported: set[int] = field(default_factory=set)
    """Seats against which evidence was handed in."""
    false_reports: list[FalseReport] = field(default_factory=list)
    certified: list[Submitted] = field(default_factory=list)
    """Blocks that wait to be recorded."""
    due: list[tuple[int, int, bytes]] = field(default_factory=list)
    """What recording them must give: (round, kind, head)."""


class Game:
    """Plays a scenario with every actor in this process, over a synchronous network.

    Args:
        order: the addresses in the order in which actors act within a step; must not matter.
        session_log: what the comparison's sessions came to when the game was played before.
        pulls: where pulls of live rewards are kept, and were when the game was played before.
    """

    def __init__(
        self,
        scenario: Scenario,
        recorder: Recorder,
        plan: Plan | None = None,
        verifier: Verifier | None = None,
        order: Sequence[int] | None = None,
        session_log: SessionLog | None = None,
        pulls: AppendLog | None = None,
    ) -> None:
        self.scenario, self.recorder = scenario, recorder
        self.plan = plan or Plan(scenario)
        self.verifier = verifier or Verifier()
        self._order, self._session_log, self._pulls = order, session_log, pulls

    def play(self) -> Iterator[RoundPlayed]:
        """Open the game and yield its rounds one after the other; then settle and close it.

        Raises:
            ChainBanditError: what the recorder refuses, an attack that raises, or a broken invariant.
        """
        self._open()
        try:
            yield from self._rounds()
            self._submit()
            self._list_accused(self.parameters.horizon + self.parameters.evidence_delay)
            self._settle(force=True)
            self._show()
            self.recorder.finish(self.progress.entries[::-1])
        finally:
            self.cast.close()

    def _rounds(self) -> Iterator[RoundPlayed]:
        parameters = self.parameters
        while not is_over(parameters, self.progress.ledger):
            if self.progress.ledger.round < parameters.burn_in:
                yield self._burn_in_round()
            else:
                yield from self._recorded_round()
            self._check_lockstep()
            self.verifier.forget()

    @property
    def run_digest(self) -> bytes:
        """One hash over all decided rounds so far."""
        return self.progress.digest

    @property
    def parameters(self) -> Parameters:
        """The canonical parameters."""
        return self.plan.parameters

    def _open(self) -> None:
        domain = self.recorder.open(self.plan)
        self.cast = Actors(self.plan, domain, self.verifier, self._order, self._session_log, self._pulls)
        self.progress = GameProgress(self.parameters, self.cast.environment, self.cast.opening)
        self._witness = Witness(self.cast.rules, self.verifier)

    def _burn_in_round(self) -> RoundPlayed:
        """A round before L: receipts for everybody, no consensus but for probes, no record."""
        ledger = self.progress.ledger
        arm = honest_arm(self.parameters, ledger)
        before, found = self.cast.statements, frozenset[int]()
        self.cast.begin(ledger)
        if self.cast.rules.probes(ledger):
            self.cast.probe()
            found = self._collect_evidence()
        self.cast.give(arm)
        self.progress.ledger = after_burn_in_round(self.parameters, ledger)
        return RoundPlayed(ledger.round, None, arm, accused=found, statements=self.cast.statements - before)

    def _recorded_round(self) -> Iterator[RoundPlayed]:
        """A round from L on: consensus, pulls, record; an exploration round may come with a failure."""
        self._list_accused(self.progress.ledger.round + ACCUSED_AHEAD)
        ledger, parameters = self.progress.ledger, self.parameters
        before = self.cast.statements
        self.cast.begin(ledger)
        self.cast.play_round()
        found = self._collect_evidence()
        block, body = self.cast.relayer.block, b""
        if block is not None:
            header, body = Header.decode(block.header, parameters), block.body
            kind = Kind.APPROVED if approves(header.means) else Kind.REJECTED
            record = Record(ledger.round, kind, header, block.certificate.content)
            self._certified(header, block)
            self.cast.publish(block)
        else:
            record = Record(ledger.round, Kind.SKIP)
        if ledger.round == parameters.burn_in:
            self.cast.give(honest_arm(parameters, ledger))
        yield from self._advance(record, body, found, self.cast.statements - before)
        if block is None:
            self._skip(self.cast.relayer.skip)
        elif record.kind is not Kind.APPROVED or len(self.progress.certified) == self.scenario.chain.batch:
            self._submit()  # nothing is signed on top of an exploration round that waits, see `evidence_delay`
        self._settle()

    def _advance(
        self, record: Record, body: bytes, found: frozenset[int], statements: int
    ) -> Iterator[RoundPlayed]:
        """Move the ledger by everything that the record brings."""
        parameters, progress = self.parameters, self.progress
        for each in records_made(parameters, progress.ledger, record):
            if each.kind is Kind.EXPLORATION:
                self.cast.begin(progress.ledger)
                self.cast.give(exploration_arm(parameters, progress.ledger))
            self._witness.on_record(progress.ledger, each, body)
            ended = progress.add(each, body)
            played = replace(ended, accused=found, statements=statements, aborted=self.cast.aborted)
            progress.due.append((each.round, int(each.kind), progress.ledger.head))
            if each.kind is Kind.EXPLORATION:
                self._check_lockstep()
            yield played
            statements = 0

    def _certified(self, header: Header, block: CertifiedBlock) -> None:
        """Put a block with those that wait; where one quorum is enough, the one before it gives up its own."""
        waiting, parameters = self.progress.certified, self.parameters
        if waiting and not self.scenario.certifies_each:
            waiting[-1] = replace(waiting[-1], signers=0, signatures=b"")
        certificate = block.certificate
        waiting.append(Submitted.of(parameters, header, block.body, certificate.signers, certificate.signatures))

    def _submit(self) -> None:
        """Record the blocks that wait."""
        if self.progress.certified:
            self.recorder.submit(self.progress.certified)
            self.progress.certified = []
            self._expect()

    def _skip(self, certificate: Certificate | None) -> None:
        """Record the skip of the last round, after the blocks that wait."""
        progress = self.progress
        committee = progress.ledger.committee if self.parameters.has_committees else 0
        skipped = next(index for index, (_, kind, _) in enumerate(progress.due) if kind == Kind.SKIP)
        due, progress.due = progress.due[skipped:], progress.due[:skipped]
        self._submit()
        progress.due = due
        if certificate:
            self.recorder.skip(committee, certificate)
        else:
            self.recorder.skip_after_deadline(committee)
        self._expect()

    def _expect(self) -> None:
        """Tell the recorder what the last call must come to: the last of the rounds that it records."""
        last, self.progress.due = self.progress.due[-1], []
        self.recorder.expect(last)

    def _collect_evidence(self) -> frozenset[int]:
        """Proofs of equivocation that honest validators hold of this round, one an accused seat and role.

        The first one against a seat goes to the contract at once, also where a false report has listed it: no acquittal
        of that spares it then.
        """
        found = {
            (proof.instance, proof.phase, proof.role): proof
            for seat in self.cast.honest
            for proof in seat.equivocations()
        }
        progress = self.progress
        proofs = [found[key] for key in sorted(found)]
        progress.evidence += proofs
        for proof in proofs:
            seat, ledger = proof.instance, progress.ledger
            is_listed = ledger.blocked_from[seat] and not ledger.liars >> seat & 1
            if not (is_listed or seat in progress.reported):
                self.recorder.report(proof)
                progress.reported.add(seat)
        return frozenset(instance for instance, _, _ in found)

    def _list_accused(self, through: int) -> None:
        """Put on the block list the seats that the contract lists by round `through`, on anybody's evidence."""
        for seat, since in self.recorder.accusations(through).items():
            if not self.progress.ledger.blocked_from[seat]:
                lied = bool(self.recorder.liars() >> seat & 1)
                self.progress.ledger = accused(self.progress.ledger, seat, since, lied)

    def _settle(self, force: bool = False) -> None:
        """Settle rewards, several rounds in one transaction, once all of them are recorded."""
        if self.progress.certified:
            return
        progress = self.progress
        settlement = progress.settlement(0 if force else self.scenario.chain.settle_every)
        if settlement is not None:
            progress.settled()
            self.recorder.settle_rewards(*settlement)
            self._prove(self._witness.on_settlement(*settlement))

    def _show(self) -> None:
        """Open what was hidden; of a sealed game that proves false reports."""
        sums, keys = self.progress.sums() if self.parameters.sealed else b"", self.cast.revealed
        self.recorder.show(sums, keys)
        self._prove(self._witness.on_sums(sums))
        self._prove(self._witness.on_secret(self.plan.secret, self.plan.model))
        for seat, key in enumerate(keys):
            if key is not None:
                self._prove(self._witness.on_key(seat, key))

    def _prove(self, proofs: Sequence[FalseReport]) -> None:
        for proof in proofs:
            self.recorder.prove(proof)
            self.progress.false_reports.append(proof)

    def _check_lockstep(self) -> None:
        """Honest counts equal n_ref after every round, failed ones included; less what was forfeited."""
        for seat in self.cast.honest:
            forfeited = self.cast.environment.forfeited[seat.number]
            if tuple(map(add, seat.participant.counts, forfeited)) != self.progress.ledger.pulls:
                raise LockstepBroken(
                    self.progress.ledger.round - 1, seat.number, self.progress.ledger.pulls, seat.participant.counts
                )
