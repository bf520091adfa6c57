"""Schedules of receipts and proofs: no honest participant may be proven to have reported falsely (decision 102).

A game without a consensus, from a seed: rounds end as they are drawn, receipts arrive, arrive later or are lost in a
crash, pulls come late, the liar's in any order, the environment waits for them and dies, settlements come now and
then, and a hostile environment withholds, forges or forks its messages on one seat. Environment and its node,
participants, books and witness are those of a live game; signatures are tokens in a book.
"""

from dataclasses import dataclass, field, replace
from enum import Enum
from random import Random
from types import SimpleNamespace
from typing import Any

from chain_bandit.actors.environment import Environment
from chain_bandit.actors.messages import CertifiedBlock, PullRequest, Receipt
from chain_bandit.actors.participant import Participant
from chain_bandit.actors.rules import Rules
from chain_bandit.actors.witness import Witness
from chain_bandit.chain.errors import TransactionReverted
from chain_bandit.consensus.certificate import Certificate
from chain_bandit.crypto.keys import derive
from chain_bandit.crypto.vrf_keys import VrfKey
from chain_bandit.game.books import Books
from chain_bandit.network.wire import Owed
from chain_bandit.nodes.environment import EnvironmentRole
from chain_bandit.nodes.follower import Recorded
from chain_bandit.nodes.role import Post
from chain_bandit.protocol.aggregation import enough_pulls
from chain_bandit.protocol.blocks import Header, Kind, Record, Report, SignedReport, approves, mask, seats
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.ledger import (
    Ledger,
    after_burn_in_round,
    after_record,
    is_over,
    opening,
    records_made,
)
from chain_bandit.protocol.messages import Domain, Phase, Role, Slot
from chain_bandit.protocol.proposal import encoded_header, propose, readable_report
from chain_bandit.protocol.settlement import NOTHING, Conduct, Pull
from chain_bandit.protocol.tallies import FalseReport, SignedTallies, Tally
from chain_bandit.scenario import Scenario
from verification.schedules.counted import Counted
from verification.schedules.keyring import Book, IdealScribe

SEATS, LIAR, VICTIM = 5, 4, 0
"""One seat lies; a hostile environment has it in for another."""

GROWTHS = (0.1, 0.5)
"""Of the games with phases."""

SEALING = bytes(32)
"""Everybody's sealing key."""

WAIT = 9
"""How long the environment waits for pulls."""


class Conspiracy(Enum):
    """What the environment does to the victim."""

    NONE = "nothing: it is honest"
    WITHHOLDS = "gives receipts that never arrive"
    MISCOUNTS = "signs receipts over another tally"
    ROWS = "settles other rewards than it gave, or none"
    FORKS = "signs a second root of each settlement, over another tally"


@dataclass
class _Seat:
    """An honest participant: what it holds, what of it is on disk, and what it has signed.

    Attributes:
        reports: by round and by the round that it names; a report is signed when all receipts are on disk.
        unpulled: approved rounds that it has not asked about yet; the honest do so in order, before they report again.
    """

    participant: Participant
    held: list[Receipt] = field(default_factory=list)
    on_disk: int = 0
    reports: list[tuple[int, Report]] = field(default_factory=list)
    away: int = 0
    unpulled: list[Ledger] = field(default_factory=list)


class _Owner(IdealScribe):
    """The environment's key, which records its signed contents by slot, across restarts of its process.

    Attributes:
        places: as in the journal of a node.
        said_twice: whether it signed two contents in one slot.
    """

    def __init__(self, secret: bytes, book: Book) -> None:
        super().__init__(secret, book)
        self.begin()

    def begin(self) -> None:
        """Nothing is signed yet."""
        self.places: dict[tuple[int, ...], bytes] = {}
        self.said_twice = False

    def state(self, slot: Slot, phase: Phase, role: Role, instance: int, content: bytes) -> bytes:
        """As any key."""
        place, digest = (slot.round, int(phase), int(role), instance), slot.digest(phase, role, instance, content)
        self.said_twice |= self.places.setdefault(place, digest) != digest
        return self.sign(digest)

    def forget(self, through: int) -> None:
        """A journal need not know what is signed no more; this one does."""

    def sync(self) -> None:
        """Nothing is lost."""


class _Kept:
    """What the environment gave, as `nodes.receipts.KeptReceipts` has it in a file."""

    def __init__(self) -> None:
        self.by_seat: list[dict[int, Receipt]] = [{} for _ in range(SEATS)]

    def last(self, seat: int) -> int:
        """The round of a seat's last receipt."""
        return max(self.by_seat[seat], default=0)

    def get(self, seat: int, round_: int) -> Receipt | None:
        """A seat's receipt of a round."""
        return self.by_seat[seat].get(round_)

    def since(self, seat: int, round_: int, most: int = 0) -> list[Receipt]:
        """All from a round on, in order."""
        return [each for at, each in sorted(self.by_seat[seat].items()) if at >= round_]

    def add(self, seat: int, receipt: Receipt) -> None:
        """Keep one."""
        self.by_seat[seat].setdefault(receipt.round, receipt)

    def sync(self) -> None:
        """Nothing is lost."""


class _Hostile(Environment):
    """The live environment, but for one seat."""

    def __init__(self, stage: "ReceiptStage", roles: list[Conduct], conspiracy: Conspiracy) -> None:
        super().__init__(stage.rules, stage.scenario.model, roles, b"\6" * 32, stage.owner, stage.verifier)
        self.conspiracy = conspiracy

    def pulls(self, round_: int) -> tuple[Pull, ...]:
        """With `ROWS` the victim was given another reward than it has a receipt of."""
        return self._told(super().pulls(round_))

    def observed(self, round_: int) -> tuple[Pull, ...]:
        """So in the burn-in, which anybody computes of a sealed game."""
        observed = super().observed(round_)
        return observed if self.rules.parameters.sealed else self._told(observed)

    def _told(self, pulls: tuple[Pull, ...]) -> tuple[Pull, ...]:
        own = pulls[VICTIM]
        if self.conspiracy is not Conspiracy.ROWS or own == NOTHING:
            return pulls
        is_sealed = self.rules.parameters.sealed  # of another reward there is no tag
        return (NOTHING if is_sealed else replace(own, reward=own.reward ^ 1), *pulls[1:])

    def _receipt(self, past: Any, seat: int, arm: int) -> Receipt:
        """With `MISCOUNTS` the victim's show another tally now and then."""
        receipt = super()._receipt(past, seat, arm)
        if seat == VICTIM and self.conspiracy is Conspiracy.MISCOUNTS and receipt.round % 5 == 0:
            receipt = replace(receipt, tally=keccak(receipt.tally))
            content, slot = self.rules.receipt_content(receipt), self.rules.slot(past.ledger)
            signature = self._signer.state(slot, Phase.REWARD, Role.ENVIRONMENT, seat, content)
            receipt = replace(receipt, signature=signature)
        return receipt


class _Roaming(Participant):
    """Pulls another arm than the block's in every seventh round."""

    def arm(self, ledger: Ledger) -> int | None:
        """Its honest arm, or the next one."""
        honest = super().arm(ledger)
        assert honest is not None
        return (honest + (ledger.round % 7 == 0)) % self.rules.parameters.arms


class ReceiptStage:
    """The cast of open schedules without phases, of those with some growth, or of sealed ones.

    Attributes:
        others: of schedules with phases and of sealed ones.
        key: from which salts of counts follow.
    """

    def __init__(self, growth: float = 0.0, sealed: bool = False) -> None:
        self.others = [] if growth or sealed else [*map(ReceiptStage, GROWTHS), ReceiptStage(sealed=True)]
        self.scenario = Scenario.model_validate({
            "name": "receipts", "participants": SEATS, "rounds": 240 if growth else 48, "growth": growth,
            "sealed": sealed,
            "burn_in": 8, "liars": 1, "attackers": 1,
            "failure_limit": 3, "slash": 0.25, "rewards": {"kind": "bernoulli", "means": [0.7, 0.4]},
            "malicious": [{"seat": LIAR, "attacks": [{"name": "constant-lie"}]}],
        })  # fmt: skip
        self.book = Book()
        self.signers = [IdealScribe(derive(77, "participant", seat), self.book) for seat in range(SEATS)]
        self.owner = _Owner(derive(77, "environment"), self.book)
        self.verifier = IdealScribe.verifier(self.book)
        self.rules = Rules(
            self.scenario.parameters, Domain(1, b"\1" * 20, b"\2" * 32), [each.address for each in self.signers],
            self.owner.address, b"\4" * 32, b"\5" * 32, [bytes(33)] * SEATS,
        )  # fmt: skip
        self.key = SEALING if sealed else self.rules.seed_0

    def participant(self, seat: int) -> Participant:
        """A fresh one."""
        vrf: VrfKey = None  # type: ignore[assignment]  # nobody is drawn
        kind = _Roaming if seat == LIAR else Participant
        return kind(self.rules, seat, self.signers[seat], vrf, SEALING, self.verifier)


def play(stage: ReceiptStage, seed: int) -> Counted:
    """Play the schedule of a seed."""
    stage = Random(f"stage of {seed}").choice([stage, stage, *stage.others])
    stage.book.clear()
    stage.owner.begin()
    return _Schedule(stage, seed).play()


class _Schedule:
    """One game; what the environment's node asks of the chain it is told here.

    Attributes:
        closed, revealed: never, for the node's last steps.
    """

    closed = revealed = False

    def __init__(self, stage: ReceiptStage, seed: int) -> None:
        self.stage, self.rules, self.chance = stage, stage.rules, Random(seed)
        self.parameters, self.roles = stage.scenario.parameters, [Conduct.HONEST] * SEATS
        self.roles[LIAR] = Conduct.LIAR
        self.ledger = opening(self.parameters, self.rules.genesis, self.rules.seed_0)
        self.conspiracy = self.chance.choice([Conspiracy.NONE, *Conspiracy])
        self.kept, self.now, self.settled, self.unrecorded = _Kept(), 0.0, 0, 0
        self.chain = SimpleNamespace(settle_every=self.chance.choice([1, 2, 5]))
        self.witness = Witness(self.rules, stage.verifier)
        self.seats = [_Seat(stage.participant(seat)) for seat in range(SEATS)]
        self.past: list[tuple[Ledger, Recorded | None]] = []
        self.ledgers: dict[int, Ledger] = {}
        self.signed: dict[tuple[int, int], list[Tally]] = {}
        self.recorded: dict[tuple[int, int], Kind] = {}
        self.arms: dict[int, int] = {}
        self.proofs: dict[int, FalseReport] = {}
        self.taken: list[SignedTallies] = []
        self.answered, self.handed_out = frozenset[int](), set[int]()
        self.played = Counted()
        self.loss, self.failing = self.chance.choice([0.0, 0.1, 0.5]), self.chance.choice([0.0, 0.1, 0.3])
        self.late = self.chance.choice([0.0, 0.1, 0.3])
        self._boot()

    def play(self) -> Counted:
        """Rounds 1 to T, then what must hold."""
        while not is_over(self.parameters, self.ledger):
            if self.past:
                self._happen()
            self._begin()
            if self.ledger.round < self.parameters.burn_in:
                for number in range(SEATS):
                    self._fetch(number)
                self._close(None)
                self.ledger = after_burn_in_round(self.parameters, self.ledger)
            else:
                self._round(self.ledger)
        self.now = float("inf")
        self.node.finish()
        self._check()
        self.played.seen[self.conspiracy.value] += 1
        self.played.seen["game with phases"] += self.parameters.has_phases
        self.played.seen["sealed game"] += self.parameters.sealed
        return self.played

    @property
    def _is_honest(self) -> bool:
        return self.conspiracy is Conspiracy.NONE

    # --- the environment's node, and the chain that it sees

    def _boot(self) -> None:
        """A process of the environment; it begins with what is on its disk."""
        environment = _Hostile(self.stage, self.roles, self.conspiracy)
        self.environment = environment
        first = opening(self.parameters, self.rules.genesis, self.rules.seed_0)
        given: Any = (
            environment, Books(self.parameters, environment, first), self, self.kept, self.stage.owner, self, None,
            None, self, self, WAIT, lambda: self.now,
        )  # fmt: skip
        self.node = EnvironmentRole(*given)

    def _reboot(self) -> None:
        """It was killed, and reads all records again; the liar pulls meanwhile what it likes."""
        self._boot()
        self.played.seen["environment killed"] += 1
        for ledger, found in self.past:
            self.node.begin(ledger)
            if found is not None:
                self.node.recorded(found)
            self.node.close(found)
            if self.chance.random() < 0.6:
                self._pull_anything(ledger)

    def settled_through(self) -> int:
        """As the contract has it."""
        return self.settled

    def next_round(self) -> int:
        """As the contract has it."""
        return self.unrecorded

    def settle_rewards(self, wallet: object, through: int, pulls: bytes) -> None:
        """To the contract; of phases it is too late now and then. Raises `TransactionReverted`."""
        if self.parameters.has_phases and not is_over(self.parameters, self.ledger) and self.chance.random() < 0.2:
            self.played.seen["late settlement"] += 1
            raise TransactionReverted("settleRewards", "NotLastRound", (through, through + 1))
        self.settled = through
        self._settle(through, pulls)

    def settle(self) -> None:
        """All that was sent is in a block."""

    def settle_sums(self, wallet: object, sums: bytes) -> None:
        """To the contract, after a sealed game."""
        self._take(self.witness.on_sums(sums))

    def reveal(self, wallet: object, secret: bytes, roles: bytes, model: bytes) -> None:
        """To the contract, after the game; in a sealed one the honest reveal their keys too, the liar if it likes."""
        if not self.parameters.sealed:
            return
        self._take(self.witness.on_secret(secret, model))
        for number in self.chance.sample(range(SEATS), SEATS):
            if number == LIAR and self.chance.random() < 0.5:
                self.played.seen["kept sealing key"] += 1
            else:
                self._take(self.witness.on_key(number, SEALING))

    def rest(self) -> None:
        """Nothing else is on the chain."""

    def on_record(self, ledger: Ledger, found: Recorded) -> None:
        """The environment's node proves nothing here."""

    # --- rounds

    def _happen(self) -> None:
        """Participants go away, resync or die, and fetch what they missed."""
        self.now += self.chance.choice([0, 0, 1, WAIT])
        if self.chance.random() < 0.02:
            self._reboot()
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
                self._come(number)

    def _come(self, number: int) -> None:
        """For all receipts that it has not asked for yet, in order."""
        seat = self.seats[number]
        if seat.away:
            return
        if number == LIAR:  # in any order, or never
            self._pull_anything(self.chance.choice([ledger for ledger, _ in self.past[-6:]]))
        while seat.unpulled:
            self._pull(number, seat.unpulled.pop(0))
        self._fetch(number)

    def _pull(self, number: int, ledger: Ledger) -> list[Post]:
        """The answers to a pull; all of them arrive, or none does."""
        said = list[Post]()
        for asked in self.seats[number].participant.pull(ledger):
            assert isinstance(asked.message, PullRequest)
            said += self._told(number, self.node.take(number, ledger.round, asked.message))
        return said

    def _pull_anything(self, ledger: Ledger) -> None:
        """The liar does so out of order."""
        self.played.seen["pull out of order"] += bool(self._pull(LIAR, ledger))

    def _fetch(self, number: int) -> None:
        """Whatever it was given since its last receipt."""
        seat = self.seats[number]
        if not seat.away:
            self._told(number, self.node.take(number, self.ledger.round, Owed(seat.participant.received + 1)))

    def _told(self, number: int, said: list[Post]) -> list[Post]:
        """The messages that arrive; a forking environment hands nothing out twice."""
        seat, told = self.seats[number], list[Post]()
        lost = seat.away or self.chance.random() < self.loss
        for to, message in said:
            if to != number:
                continue
            if lost or (isinstance(message, Receipt) and not self._is_handed_out(number, message.round)):
                self.played.seen["lost receipt"] += 1
                continue
            told.append((to, message))
            if isinstance(message, Receipt):
                self.played.seen["empty receipt"] += message.arm >= self.parameters.arms
                if seat.participant.on_receipt(self.ledgers[message.round], message):
                    seat.held.append(message)
        return told

    def _is_handed_out(self, number: int, round_: int) -> bool:
        if number != VICTIM or self.conspiracy not in (Conspiracy.WITHHOLDS, Conspiracy.FORKS):
            return True
        if self.conspiracy is Conspiracy.WITHHOLDS:
            return round_ % 3 != 0
        is_new = round_ not in self.handed_out
        self.handed_out.add(round_)
        return is_new

    def _begin(self) -> None:
        self.ledgers[self.ledger.round] = self.ledger
        self.node.begin(self.ledger)

    def _close(self, found: Recorded | None) -> None:
        self.past.append((self.ledger, found))
        self.node.close(found)

    def _round(self, ledger: Ledger) -> None:
        """A round from L on: reports, a block or none, pulls, records."""
        p = self.parameters
        for step in range(self.chance.randrange(3)):
            self.node.tick(step)
        if self.chance.random() < self.failing:
            self._end(Recorded(Record(ledger.round, Kind.SKIP)))
            return
        header, body = self._block(ledger)
        encoded, digest = encoded_header(header, p)
        certificate = self._certificate(ledger, digest)
        kind = Kind.APPROVED if approves(header.means) else Kind.REJECTED
        for number in seats(header.reporters):
            self.recorded[ledger.round, number] = kind if ledger.round > p.burn_in else Kind.REJECTED
        self._end(Recorded(Record(ledger.round, kind, header, digest), CertifiedBlock(encoded, body, certificate)))

    def _block(self, ledger: Ledger) -> tuple[Header, bytes]:
        """The block over the reports that came; what is signed and did not come may still be shown to anybody."""
        p, signed, bits = self.parameters, dict[int, SignedReport](), {}
        for number, seat in enumerate(self.seats):
            if seat.away or seat.unpulled:
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

    def _end(self, found: Recorded) -> None:
        """The open round is recorded, and the exploration that may come with it."""
        p, self.answered = self.parameters, frozenset()
        if (header := found.record.header) is not None:
            self.arms[header.round] = header.arm
        made = records_made(p, self.ledger, found.record)
        self.unrecorded = made[-1].round + 1
        for at, record in enumerate(made):
            each, ledger = Recorded(record) if at else found, self.ledger
            if at:
                self.played.seen["exploration"] += 1
                self._begin()
            said = self.node.recorded(each)
            for number in range(SEATS):
                self._told(number, said)
            if record.kind is Kind.APPROVED and ledger.round > p.burn_in:
                self._pulls(ledger)
            self.witness.on_record(ledger, record, each.block.body if each.block else b"")
            self._close(each)
            self.ledger = after_record(p, ledger, record)
            self.node.act(True, False)

    def _pulls(self, ledger: Ledger) -> None:
        """On the open round's block: at once, or when it is over."""
        answered = set()
        for number, seat in enumerate(self.seats):
            if seat.away or seat.unpulled or self.chance.random() < self.late:
                seat.unpulled += [ledger] * (number != LIAR)
                continue
            told = self._pull(number, ledger)
            if seat.participant.received == ledger.round or any(isinstance(each, Owed) for _, each in told):
                answered.add(number)
        self.answered = frozenset(answered)

    # --- settlements and what must hold

    def _settle(self, through: int, pulls: bytes) -> None:
        self.played.seen["settlement"] += 1
        self._take(self.witness.on_settlement(through, pulls))

    def _take(self, proofs: list[FalseReport]) -> None:
        """What the contract was told proves this, and may have opened tallies."""
        for proof in proofs:
            self.played.seen["proof"] += 1
            self.proofs[proof.seat] = proof
        if self.witness._is_blind:  # of a sealed game: rounds that anybody computes are not what was drawn
            if not (self.parameters.sealed and self.conspiracy is Conspiracy.ROWS):
                self.played.violations.append("tallies follow from what is settled")
            return
        said = self.witness._signed[-1:]
        if said == self.taken:
            return
        self.taken = said
        for own in said[0].tallies:
            self.signed.setdefault((own.round, own.seat), []).append(own)
            if own.seat == VICTIM and self.conspiracy is Conspiracy.FORKS:
                more = tuple(total + count for total, count in zip(own.totals, own.counts, strict=True))
                self.signed[own.round, own.seat].append(replace(own, credited=0, totals=more))

    def _check(self) -> None:
        """No leaf that the environment signed convicts the honest for good."""
        for number, seat in enumerate(self.seats):
            receipts = {each.round: each for each in seat.held}
            for round_, report in seat.reports if number != LIAR else ():
                (named,) = report.named
                for own in self.signed.get((named, number), ()):
                    if not own.lies(report, round_, self.stage.key):
                        continue
                    self.played.seen["framed"] += 1
                    held = receipts.get(named)
                    if self._is_honest:
                        self.played.violations.append("an honest report follows from the tally that it names")
                    elif named >= self.parameters.burn_in - 1 and (held is None or held.tally == own.digest):
                        self.played.violations.append("who was framed has the receipt that acquits it")
        if self.stage.owner.said_twice and self.conspiracy is not Conspiracy.MISCOUNTS:
            self.played.violations.append("the environment signs one content in a slot")
        if not self._is_honest:
            return
        self._check_paid()
        for number, receipts in enumerate(self.kept.by_seat):
            for round_, receipt in receipts.items():
                if any(own.digest != receipt.tally for own in self.signed.get((round_, number), ())):
                    self.played.violations.append("a receipt says the tally that the root of its round does")
        if any(seat != LIAR for seat in self.proofs):
            self.played.violations.append("nobody honest is proven a liar")
        lies = [round_ for round_, report in self.seats[LIAR].reports if self._is_lie(round_, report)]
        found = self.proofs.get(LIAR)
        if (found.slot.round if found else None) != min(lies, default=None):
            self.played.violations.append("the first false report in a block is proven")

    def _check_paid(self) -> None:
        """Settled rewards are those of receipts of approved rounds, of the blocks' arms and the seats that reported."""
        for number in range(SEATS):
            given = self.kept.since(number, 0)
            paid = [each for each in given if self.recorded.get((each.round, number)) is Kind.APPROVED]
            due = sum(each.reward for each in paid if each.arm == self.arms[each.round])
            if due != self.environment.sums[number]:
                self.played.violations.append("who reports is paid what its receipts say, and nobody else")

    def _is_lie(self, round_: int, report: Report) -> bool:
        if (round_, LIAR) not in self.recorded:
            return False
        (named,) = report.named
        return any(own.lies(report, round_, self.stage.key) for own in self.signed.get((named, LIAR), ()))

