"""Schedules of receipts and proofs: is an honest participant ever proven to have reported falsely (decision 102)?

A game without a consensus, from a seed: rounds end as they are drawn, receipts arrive, arrive later or are lost in a
crash, settlements come now and then, and a hostile environment withholds, forges or forks what it says of one seat.
Environment, participants, books and witness are those of a live game; signatures are tokens in a book.
"""

from collections import Counter
from dataclasses import dataclass, field, replace
from enum import Enum
from random import Random
from typing import Any

from chain_bandit.actors.environment import Environment
from chain_bandit.actors.messages import RELAYER, CertifiedBlock, PullRequest, Receipt
from chain_bandit.actors.participant import Participant
from chain_bandit.actors.rules import Rules
from chain_bandit.actors.witness import Witness
from chain_bandit.consensus.certificate import Certificate
from chain_bandit.crypto.keys import derive
from chain_bandit.crypto.vrf_keys import VrfKey
from chain_bandit.game.books import Books
from chain_bandit.protocol.aggregation import enough_pulls
from chain_bandit.protocol.blocks import Header, Kind, Record, Report, SignedReport, approves, mask, seats
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.ledger import (
    Ledger,
    after_burn_in_round,
    exploration_arm,
    honest_arm,
    opening,
    records_made,
)
from chain_bandit.protocol.messages import Domain, Phase, Role, receipt_content
from chain_bandit.protocol.proposal import encoded_header, propose, readable_report
from chain_bandit.protocol.settlement import NOTHING, Conduct, Pull
from chain_bandit.protocol.tallies import FalseReport, Tally
from chain_bandit.scenario import Scenario
from chain_bandit.schedules.keyring import Book, IdealScribe

SEATS, LIAR, VICTIM = 5, 4, 0
"""One seat lies; a hostile environment has it in for another."""


class Conspiracy(Enum):
    """What the environment does to the victim."""

    NONE = "nothing: it is honest"
    WITHHOLDS = "gives receipts that never arrive"
    MISCOUNTS = "signs receipts over another tally"
    ROWS = "settles other rewards than it gave"
    FORKS = "signs a second root of each settlement, over another tally"


@dataclass
class Played:
    """What a schedule came to.

    Attributes:
        violations: what did not hold, a line each.
        seen: how often what happened.
    """

    violations: list[str] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)


@dataclass
class _Seat:
    """An honest participant: what it holds, what of it is on disk, and what it has signed.

    Attributes:
        reports: by round and by the round that it names; a report is signed when all receipts are on disk.
    """

    participant: Participant
    held: list[Receipt] = field(default_factory=list)
    on_disk: int = 0
    reports: list[tuple[int, Report]] = field(default_factory=list)
    away: int = 0


class _Hostile(Environment):
    """The live environment, but for one seat."""

    def __init__(self, stage: "Stage", roles: list[Conduct], conspiracy: Conspiracy) -> None:
        super().__init__(stage.rules, stage.scenario.model, roles, b"\6" * 32, stage.owner, stage.verifier)
        self.conspiracy = conspiracy
        self._kept: list[list[Receipt]] = [[] for _ in roles]

    def pulls(self, round_: int) -> tuple[Pull, ...]:
        """With `ROWS` the victim was given another reward than it has a receipt of."""
        return self._told(super().pulls(round_))

    def observed(self, round_: int) -> tuple[Pull, ...]:
        """So in the burn-in."""
        return self._told(super().observed(round_))

    def _told(self, pulls: tuple[Pull, ...]) -> tuple[Pull, ...]:
        own = pulls[VICTIM]
        if self.conspiracy is not Conspiracy.ROWS or own == NOTHING:
            return pulls
        return (Pull(own.arm, own.reward ^ 1), *pulls[1:])

    def _receipt(self, past: Any, seat: int, arm: int) -> Receipt:
        """Kept, as a node keeps them in a file; with `MISCOUNTS` the victim's say another tally now and then."""
        receipt = super()._receipt(past, seat, arm)
        if seat == VICTIM and self.conspiracy is Conspiracy.MISCOUNTS and receipt.round % 5 == 0:
            other = keccak(receipt.tally)
            content, slot = receipt_content(receipt.arm, receipt.reward, other), self.rules.slot(past.ledger)
            signature = self._signer.state(slot, Phase.REWARD, Role.ENVIRONMENT, seat, content)
            receipt = Receipt(receipt.round, receipt.arm, receipt.reward, other, signature)
        self._kept[seat].append(receipt)
        return receipt

    def arrives(self, seat: int, receipt: Receipt) -> bool:
        """Whether a receipt is ever handed out."""
        return not (seat == VICTIM and self.conspiracy is Conspiracy.WITHHOLDS and receipt.round % 3 == 0)

    def owed(self, seat: int, since: int) -> list[Receipt]:
        """All that a seat was given after a round, as far as it is handed out; who forks hands nothing out twice."""
        if seat == VICTIM and self.conspiracy is Conspiracy.FORKS:
            return []
        return [each for each in self._kept[seat] if each.round > since and self.arrives(seat, each)]


class Stage:
    """The cast of every schedule."""

    def __init__(self) -> None:
        self.scenario = Scenario.model_validate({
            "name": "receipts", "participants": SEATS, "rounds": 48, "burn_in": 8, "liars": 1, "attackers": 1,
            "failure_limit": 3, "slash": 0.25, "rewards": {"kind": "bernoulli", "means": [0.7, 0.4]},
            "malicious": [{"seat": LIAR, "attacks": [{"name": "constant-lie"}]}],
        })  # fmt: skip
        self.book = Book()
        self.signers = [IdealScribe(derive(77, "participant", seat), self.book) for seat in range(SEATS)]
        self.owner = IdealScribe(derive(77, "environment"), self.book)
        self.verifier = IdealScribe.verifier(self.book)
        self.rules = Rules(
            self.scenario.parameters, Domain(1, b"\1" * 20, b"\2" * 32), [each.address for each in self.signers],
            self.owner.address, b"\4" * 32, b"\5" * 32, [bytes(33)] * SEATS,
        )  # fmt: skip

    def participant(self, seat: int) -> Participant:
        """A fresh one."""
        vrf: VrfKey = None  # type: ignore[assignment]  # nobody is drawn
        return Participant(self.rules, seat, self.signers[seat], vrf, bytes(32), self.verifier)


def play(stage: Stage, seed: int) -> Played:
    """Play the schedule of a seed."""
    stage.book.clear()
    return _Schedule(stage, seed).play()


class _Schedule:
    def __init__(self, stage: Stage, seed: int) -> None:
        self.stage, self.rules, self.chance = stage, stage.rules, Random(seed)
        self.parameters, roles = stage.scenario.parameters, [Conduct.HONEST] * SEATS
        roles[LIAR] = Conduct.LIAR
        self.environment = _Hostile(stage, roles, self.chance.choice([Conspiracy.NONE, *Conspiracy]))
        self.books = Books(
            self.parameters, self.environment, opening(self.parameters, self.rules.genesis, self.rules.seed_0)
        )
        self.witness = Witness(self.rules, stage.verifier)
        self.seats = [_Seat(stage.participant(seat)) for seat in range(SEATS)]
        self.ledgers: dict[int, Ledger] = {}
        self.signed: dict[tuple[int, int], list[Tally]] = {}
        self.recorded: dict[tuple[int, int], Kind] = {}
        self.proofs: dict[int, FalseReport] = {}
        self.answered = frozenset[int]()
        self.played = Played()
        self.loss, self.failing = self.chance.choice([0.0, 0.1, 0.5]), self.chance.choice([0.0, 0.1, 0.3])

    def play(self) -> Played:
        """Rounds 1 to T, then what must hold."""
        while self.books.ledger.round <= self.parameters.horizon:
            self._happen()
            if self.books.ledger.round < self.parameters.burn_in:
                self._give(self.books.ledger, honest_arm(self.parameters, self.books.ledger))
                self.books.ledger = after_burn_in_round(self.parameters, self.books.ledger)
            else:
                self._round(self.books.ledger)
            if self.chance.random() < 0.3 or self.books.ledger.round > self.parameters.horizon:
                self._settle()
        self._check()
        self.played.seen[self.environment.conspiracy.value] += 1
        return self.played

    @property
    def _is_honest(self) -> bool:
        return self.environment.conspiracy is Conspiracy.NONE

    def _happen(self) -> None:
        """Who goes away, comes back or dies, and fetches what it missed."""
        for number, seat in enumerate(self.seats):
            seat.away = max(0, seat.away - 1)
            if not seat.away and self.chance.random() < 0.04:
                seat.away = self.chance.choice([1, 2, 9])
            if self.chance.random() < 0.04:  # killed: what was not on disk is lost
                seat.held, seat.participant = seat.held[: seat.on_disk], self.stage.participant(number)
                for receipt in seat.held:
                    seat.participant.on_receipt(self.ledgers[receipt.round], receipt)
                self.answered -= {number}
                self.played.seen["killed"] += 1
            if self.chance.random() < 0.5:
                self._fetch(number)

    def _fetch(self, number: int) -> None:
        seat = self.seats[number]
        if not seat.away:
            for receipt in self.environment.owed(number, seat.participant.received):
                self._take(number, receipt)

    def _take(self, number: int, receipt: Receipt) -> None:
        seat = self.seats[number]
        if seat.participant.on_receipt(self.ledgers[receipt.round], receipt):
            seat.held.append(receipt)

    def _arrive(self, number: int, receipt: Receipt) -> bool:
        """A receipt leaves; whether it is there in time."""
        lost = self.seats[number].away or self.chance.random() < self.loss
        if lost or not self.environment.arrives(number, receipt):
            self.played.seen["lost receipt"] += 1
            return False
        self._fetch(number)
        self._take(number, receipt)
        return True

    def _give(self, ledger: Ledger, arm: int) -> None:
        """A round in which everybody is given a receipt."""
        self._begin(ledger)
        self._given(ledger, arm)

    def _begin(self, ledger: Ledger) -> None:
        self.ledgers[ledger.round] = ledger
        self.environment.begin(ledger)

    def _given(self, ledger: Ledger, arm: int) -> None:
        for send in self.environment.give(arm):
            assert isinstance(send.message, Receipt)
            self._arrive(send.to[0], send.message)

    def _round(self, ledger: Ledger) -> None:
        """A round from L on: reports, a block or none, pulls, records."""
        p = self.parameters
        self._begin(ledger)
        if self.chance.random() < self.failing:
            self.answered = frozenset()
            self._end(Record(ledger.round, Kind.SKIP), b"")
            return
        header, body = self._block(ledger)
        encoded, digest = encoded_header(header, p)
        certificate = self._certificate(ledger, digest)
        kind = Kind.APPROVED if approves(header.means) else Kind.REJECTED
        if ledger.round == p.burn_in:
            self._given(ledger, honest_arm(p, ledger))
        elif kind is Kind.APPROVED:
            self.environment.on_message(RELAYER, CertifiedBlock(encoded, body, certificate))
            self._pull(ledger)
        for number in seats(header.reporters):
            self.recorded[ledger.round, number] = kind if ledger.round > p.burn_in else Kind.REJECTED
        self._end(Record(ledger.round, kind, header, digest), body)

    def _block(self, ledger: Ledger) -> tuple[Header, bytes]:
        """The block over the reports that came; what is signed and did not come may still be shown to anybody."""
        p, signed, bits = self.parameters, dict[int, SignedReport](), {}
        for number, seat in enumerate(self.seats):
            if seat.away:
                continue
            self._sync(seat)
            report, opening_ = seat.participant.report(ledger)
            if number == LIAR and self.chance.random() < 0.3:
                report = replace(report, means=tuple(mean ^ 1 for mean in report.means))
            seat.reports.append((ledger.round, report))
            is_readable = readable_report(report.encode(), p, ledger.round, ledger.failures) is not None
            if self._is_honest and number in self.answered and not is_readable:
                self.played.violations.append("who has the receipt of the last round reports in the next")
            if is_readable and (self.chance.random() < 0.95 or number in self.answered):
                signed[number] = SignedReport.of(report, bytes(64))
                bits[number] = enough_pulls(opening_.counts, ledger.pulls, p.threshold)
        return propose(p, ledger, signed, bits)

    def _sync(self, seat: _Seat) -> None:
        """Receipts are on disk before a report leaves that rests on them."""
        seat.on_disk = len(seat.held)

    def _certificate(self, ledger: Ledger, content: bytes) -> Certificate:
        members = range(self.rules.quorum(ledger))
        slot = self.rules.slot(ledger)
        votes = [self.stage.signers[seat].state(slot, Phase.BLOCK, Role.SIGNER, 0, content) for seat in members]
        return Certificate(content, mask(members), b"".join(votes))

    def _pull(self, ledger: Ledger) -> None:
        answered = set()
        for number, seat in enumerate(self.seats):
            for asked in () if seat.away else seat.participant.pull(ledger):
                assert isinstance(asked.message, PullRequest)
                sends = self.environment.late_pull(number, ledger.round, asked.message)
                answered |= set() if sends else {number}
                for send in sends:
                    assert isinstance(send.message, Receipt)
                    self.played.seen["empty receipt"] += send.message.arm >= self.parameters.arms
                    if self._arrive(number, send.message) and seat.participant.received == ledger.round:
                        answered.add(number)
        self.answered = frozenset(answered)

    def _end(self, record: Record, body: bytes) -> None:
        for each in records_made(self.parameters, self.books.ledger, record):
            if each.kind is Kind.EXPLORATION:
                ledger = self.books.ledger
                self._give(ledger, exploration_arm(self.parameters, ledger))
                self.answered = frozenset()
                self.played.seen["exploration"] += 1
            self.witness.on_record(self.books.ledger, each, body)
            self.books.add(each, body)

    # --- settlements and what must hold

    def _settle(self) -> None:
        said = self.books.settlement(0)
        if said is None:
            return
        self.played.seen["settlement"] += 1
        for proof in self.witness.on_settlement(*said):
            self.played.seen["proof"] += 1
            self.proofs[proof.seat] = proof
        if self.witness._is_blind:
            self.played.violations.append("tallies follow from what is settled")
            return
        for own in self.witness._signed[-1].tallies:
            self.signed.setdefault((own.round, own.seat), []).append(own)
            if own.seat == VICTIM and self.environment.conspiracy is Conspiracy.FORKS:
                more = tuple(total + count for total, count in zip(own.totals, own.counts, strict=True))
                self.signed[own.round, own.seat].append(replace(own, credited=0, totals=more))

    def _check(self) -> None:
        """No leaf that the environment signed convicts the honest for good."""
        for number, seat in enumerate(self.seats):
            receipts = {each.round: each for each in seat.held}
            for round_, report in seat.reports if number != LIAR else ():
                (named,) = report.named
                for own in self.signed.get((named, number), ()):
                    if own.is_told(report, round_, self.rules.seed_0):
                        continue
                    self.played.seen["framed"] += 1
                    held = receipts.get(named)
                    if self._is_honest:
                        self.played.violations.append("an honest report follows from the tally that it names")
                    elif named >= self.parameters.burn_in - 1 and (held is None or held.tally == own.digest):
                        self.played.violations.append("who was framed has the receipt that acquits it")
        if not self._is_honest:
            return
        self._check_paid()
        if any(seat != LIAR for seat in self.proofs):
            self.played.violations.append("nobody honest is proven a liar")
        lies = [round_ for round_, report in self.seats[LIAR].reports if self._is_lie(round_, report)]
        found = self.proofs.get(LIAR)
        if (found.slot.round if found else None) != min(lies, default=None):
            self.played.violations.append("the first false report in a block is proven")

    def _check_paid(self) -> None:
        """Settled rewards are those of receipts of approved rounds, of the seats that reported."""
        for number in range(SEATS):
            given = self.environment.owed(number, 0)
            due = sum(each.reward for each in given if self.recorded.get((each.round, number)) is Kind.APPROVED)
            if due != self.environment.sums[number]:
                self.played.violations.append("who reports is paid what its receipts say, and nobody else")

    def _is_lie(self, round_: int, report: Report) -> bool:
        if (round_, LIAR) not in self.recorded:
            return False
        (named,) = report.named
        return any(not own.is_told(report, round_, self.rules.seed_0) for own in self.signed.get((named, LIAR), ()))

