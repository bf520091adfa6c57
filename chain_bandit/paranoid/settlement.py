"""Settlement of pulls and payments, compared with draws and reports; and the rounds that cost."""

from dataclasses import dataclass
from typing import NamedTuple

from chain_bandit.paranoid import tally as tallies
from chain_bandit.paranoid.calls import Call, tail, word
from chain_bandit.paranoid.counts import opens
from chain_bandit.paranoid.curve import signer
from chain_bandit.paranoid.draws import NOBODY, Disclosed
from chain_bandit.paranoid.packed import Header, Report
from chain_bandit.paranoid.parameters import UNIT, Parameters
from chain_bandit.paranoid.proofs import plain_commitment, tallies_statement
from chain_bandit.paranoid.records import APPROVED, EXPLORATION, OLDEST_PART, Past, Records
from chain_bandit.paranoid.sealed import opened
from chain_bandit.paranoid.words import keccak, number, uint

TAG = 8
"""Bytes of a receipt tag."""
ROOT = 96
"""Bytes of a root of tallies and its signature."""
OTHER_TALLIES = "the tallies that follow are not those that the environment signed: what it gave a seat is not known"
TWO_TALLIES = "the environment signed two tallies for a seat, and which one it follows is not known"


class Pull(NamedTuple):
    """What a seat was given in a round: arm, units, and in how many pulls."""

    arm: int
    reward: int
    pulls: int = 1


NOTHING = Pull(NOBODY, 0, 0)


def packed(p: Parameters, pull: Pull) -> bytes:
    """A settled pull: uint8 arm, uint32 reward; with phases uint8 arm, uint32 pulls, uint64 rewards."""
    return uint(pull.arm, 1) + (uint(pull.pulls, 4) + uint(pull.reward, 8) if p.has_phases else uint(pull.reward, 4))


@dataclass(frozen=True)
class Bound:
    """What a settlement binds of the tallies of its rounds: their root, and the environment's signature."""

    through: int
    root: bytes
    signature: bytes


def settled(through: int, sums: list[int]) -> tuple[str, list[int]]:
    """The event of a settlement: eight bytes a seat, as words behind what is said of their place and length."""
    packed = b"".join(uint(each, 8) for each in sums)
    words = [number((packed + bytes(-len(packed) % 32))[at : at + 32]) for at in range(0, len(packed), 32)]
    return "RewardsSettled", [through, 64, len(packed), *words]


class Settlement:
    """Receipts of every seat so far, and what was settled.

    Attributes:
        at: the records by round.
        keys: sealing keys that were revealed, by seat.
        rows: by approved round after the burn-in, what was settled of it; with tallies by every round with receipts.
        bound: settlements, of a sealed game the sums, whose tallies have not all been computed yet.
        tallies: what seats were given up to the end of rounds that reports may still name.
        lasts: the last pull of every seat by then.
        unread: seats of which some pull is not known.
        earned: settled units, by seat.
        waiting: units of a paid burn-in, by seat, until its first settled pull after that.
        rooted: whether all roots of tallies so far are those that follow; None before the first.
        doubted: differences of reports or arms from receipts, which may be others than those that the environment gave.
        pulls: by round, what was settled; of a sealed game what its tags open to. None where not known.
        costly: by approved round, whether it is case 2; None where not known.
    """

    def __init__(self, records: Records, opened: Disclosed | None, keys: dict[int, bytes]) -> None:
        p = records.setup.p
        self.records, self.opened, self.keys = records, opened, keys
        self.at = {past.round: past for past in records.past}
        self.rows: dict[int, bytes] = {}
        self.bound: list[Bound] = []
        self.tallies: dict[int, list[bytes]] = {}
        self.leaves: list[bytes] = []
        self.lasts: dict[int, list[Pull]] = {}
        self.held = 0
        self.through = p.burn_in
        self.counts = [[0] * p.arms for _ in p.seats]
        self.totals = [[0] * p.arms for _ in p.seats]
        self.last = [NOTHING for _ in p.seats]
        self.unread: set[int] = set()
        self.earned = [0 for _ in p.seats]
        self.waiting = [0 for _ in p.seats]
        self.rooted: bool | None = None
        self.doubted: list[tuple[str, int | None, str]] = []
        self.pulls: dict[int, list[Pull | None]] = {}
        self.costly: dict[int, bool | None] = {}

    def take(self, calls: list[Call], reached: list[int]) -> None:
        """Cut what was settled into rounds; `reached` is the last one that was recorded by each of the calls."""
        p, verdict = self.records.setup.p, self.records.verdict
        size, credited = p.participants * (TAG if p.sealed else p.pull), [0 for _ in p.seats]
        waiting = [0 for _ in p.seats]
        for call, last in zip(calls, reached, strict=True):
            through, data = number(word(call.data, 0)), tail(call.data, 1)
            if p.has_phases:
                verdict.same("reward", None, f"last round of the settlement through round {through}", last, through)
            due = list(range(1, p.burn_in + 1)) if p.paid_burn_in and self.through == p.burn_in else []
            due += [past.round for past in self.records.past
                    if past.kind == APPROVED and self.through < past.round <= through]
            paid = size * len(due)
            expected = paid + (self._bind(through, data[paid:]) if p.bound else 0)
            verdict.same("reward", None, f"bytes of the settlement through round {through}", expected, len(data))
            for place, t in enumerate(due):
                self.rows[t] = data[size * place : size * (place + 1)]
                for seat in () if p.sealed else p.seats:
                    pull = self._read(t, seat) or NOTHING
                    waiting[seat] += pull.reward
                    if t > p.burn_in and pull.arm != NOBODY:
                        credited[seat], waiting[seat] = credited[seat] + waiting[seat], 0
            self.through = through
            said = settled(through, [] if p.sealed else credited)
            verdict.same("reward", None, "event of a settlement", [said], call.events)

    def take_sums(self, calls: list[Call]) -> None:
        """What the sums of a sealed game bind of its tallies."""
        p, last = self.records.setup.p, self.records.round - 1
        at = 8 * p.participants
        for call in calls:
            data = tail(call.data, 0)
            self.records.verdict.same("reward", None, "bytes of the sums", at + ROOT * p.provable, len(data))
            if p.provable:
                self.bound.append(Bound(last, data[at : at + 32], data[at + 32 :]))

    def _bind(self, through: int, data: bytes) -> int:
        """Take what stands behind the rows of paid rounds: root, signature, rows of others. How long it should be."""
        p, first = self.records.setup.p, not self.bound
        self.bound.append(Bound(through, data[:32], data[32:ROOT]))
        rounds = list(range(1, p.burn_in + 1)) if first and not p.paid_burn_in else []
        rounds += [past.round for past in self.records.past
                   if past.kind == EXPLORATION and self.through < past.round <= through]
        size = p.participants * p.pull
        for place, t in enumerate(rounds):
            self.rows[t] = data[ROOT + size * place : ROOT + size * (place + 1)]
        return ROOT + size * len(rounds)

    def _read(self, t: int, seat: int) -> Pull | None:
        """What is settled of a seat in a round of an open game; None where nothing is."""
        p = self.records.setup.p
        found = self.rows.get(t, b"")[p.pull * seat : p.pull * (seat + 1)]
        if not found:
            return None
        if p.has_phases:
            return Pull(found[0], number(found[5:]), number(found[1:5]))
        return Pull(found[0], number(found[1:]), int(found[0] != NOBODY))

    def replay(self) -> None:
        """Give everybody its receipts, round by round, and hold reports and payments against them."""
        p = self.records.setup.p
        self._check_roots()
        for t in range(1, p.burn_in):
            self._receive(t, (t - 1) % p.arms)
            self._stand(t)
        for past in self.records.past:
            self._check_reports(past)
            if past.kind == APPROVED and past.round > p.burn_in:
                self._settle(past)
            elif past.arm is not None:
                self._receive(past.round, past.arm)
            self._stand(past.round)
        for each in self.doubted if self.bound or not self.rooted else ():
            self.records.verdict.differences.pop(each, None)
            self.records.verdict.cannot(each[0], OTHER_TALLIES)
        if self.held < len(self.records.lies.rests):
            self.records.verdict.cannot("evidence", "the tally that a proven report names is not known")

    def _receive(self, t: int, arm: int) -> None:
        """A round whose arm nobody chooses: of games with tallies its rows are settled, as of a paid burn-in."""
        p = self.records.setup.p
        for seat in p.seats:
            if p.bound or (p.paid_burn_in and t <= p.burn_in):
                self._given(t, seat, arm)
            else:
                is_drawn = self.opened is not None and not self.opened.live
                self._pulled(t, seat, Pull(arm, self._drawn(t, seat, arm) if is_drawn else 0))

    def _given(self, t: int, seat: int, arm: int) -> None:
        p, pull = self.records.setup.p, self._read(t, seat)
        if pull is None:
            self.unread.add(seat)
            return
        self.records.verdict.same("arm", t, f"arm that seat {seat} was given", arm, pull.arm)
        if p.paid_burn_in and t <= p.burn_in:
            self.waiting[seat] += pull.reward
        self._take_pull(t, seat, pull)

    def _drawn(self, t: int, seat: int, arm: int) -> int:
        """What the pulls of a round give: those of a phase have their numbers in a row."""
        assert self.opened is not None
        past, draw = self.at.get(t), self.opened.draw
        if past is None:  # of the burn-in
            return draw(t, seat, arm, 0)
        return sum(draw(past.time + place, seat, arm, past.failed) for place in range(past.length))

    def _pulled(self, t: int, seat: int, pull: Pull) -> None:
        self.counts[seat][pull.arm] += pull.pulls
        self.totals[seat][pull.arm] += pull.reward
        self.last[seat] = pull

    def _stand(self, t: int) -> None:
        """Everybody's tally after a round, and the root of those that a settlement ends with."""
        p, verdict = self.records.setup.p, self.records.verdict
        if not p.provable or t < p.burn_in - 1 or self.unread:
            return
        now = [tallies.packed(self.earned[seat], self.counts[seat], self.totals[seat]) for seat in p.seats]
        self.tallies[t], self.lasts[t] = now, list(self.last)
        for _, _, named, seat, tally in self.records.lies.rests:
            if named == t:
                self.held += 1
                verdict.same("evidence", t, f"tally of seat {seat} under a proof", now[seat].hex(), tally.hex())
        for kept in self.tallies, self.lasts:
            kept.pop(t - 2 - t // OLDEST_PART - p.failure_limit, None)  # the oldest that a report may name
        self.leaves += [tallies.leaf(t, seat, tally) for seat, tally in enumerate(now)]
        if self.bound and self.bound[0].through == t:
            bound = self.bound.pop(0)
            root = tallies.root(self.leaves)
            same = verdict.same("reward", t, f"root of the tallies through round {t}", root.hex(), bound.root.hex())
            self.rooted = same and self.rooted is not False
            self.leaves = []

    def _check_roots(self) -> None:
        """Signer of the roots; that proofs rest on no other of the same settlement, and receipts on no other tally."""
        setup, verdict = self.records.setup, self.records.verdict
        for bound in self.bound:
            author = signer(tallies_statement(setup, bound.through, bound.root), bound.signature)
            about = f"who signed the tallies through round {bound.through}"
            verdict.same("reward", bound.through, about, setup.environment, author)
        for seat in sorted(self.records.lies.acquitted):
            about = f"tallies of seat {seat} that the environment signed, of one round"
            verdict.same("reward", None, about, "one", "two")
        settled = {bound.through: bound.root for bound in self.bound}
        for through, root, *_ in sorted(self.records.lies.rests):
            about = f"root of the tallies through round {through} that the environment signed for a proof"
            verdict.same("reward", through, about, settled.get(through, root).hex(), root.hex())

    def _own(self, seat: int, report: Report) -> tuple[list[int], list[int]]:
        """Counts and means that a report rests on: of the round that it names, or of all receipts so far."""
        if report.named is not None and (then := self.tallies.get(report.named)):
            return tallies.read(then[seat], self.records.setup.p.arms)[1:]
        return self.counts[seat], self.means(seat)

    def means(self, seat: int) -> list[int]:
        """The means of a seat's receipts; 0 of an arm it never pulled."""
        return [total // count if count else 0
                for total, count in zip(self.totals[seat], self.counts[seat], strict=True)]

    def _check_reports(self, past: Past) -> None:
        """Counts, bits and honest means; and whether a liar's false report is in force."""
        p, verdict, t = self.records.setup.p, self.records.verdict, past.round
        if past.kind == APPROVED and t > p.burn_in:
            self.costly[t] = past.row.costly = self._case_2(past)
        if past.body is None or past.header is None:
            return
        for seat, report in past.body.reports.items():
            honest = self.opened is not None and self.opened.is_honest(seat)
            if seat in self.records.lies.acquitted:
                verdict.cannot("report", TWO_TALLIES)
                verdict.cannot("bits", TWO_TALLIES)
                continue
            if honest and seat not in self.unread:
                if p.once("disclosure"):
                    once = f"{p.once('disclosure')}, has one implementation: what reports say is taken as recorded"
                    verdict.once("report", once)
                else:
                    means = self._own(seat, report)[1]
                    self._hold("report", t, f"means of honest seat {seat}", means, report.means)
                if p.sealed:
                    self._check_record(t, seat, report)
            elif self.opened is not None and self.opened.declared:
                verdict.trusted["report"] += 1
            self._check_bits(past, past.header, seat, report)

    def _hold(self, what: str, t: int, about: str, expected: object, found: object) -> bool:
        """Hold a report or an arm against receipts, which are not those that were given where a root is another one."""
        same = self.records.verdict.same(what, t, about, expected, found)
        if not same and self.records.setup.p.provable:
            self.doubted.append((what, t, about))
        return same

    def _check_record(self, t: int, seat: int, report: Report) -> None:
        """What an honest report sealed is its seat's last receipt, up to the round that it names."""
        setup, verdict, key = self.records.setup, self.records.verdict, self.keys.get(seat)
        if key is None:
            verdict.cannot("report", "a sealing key is not revealed")
            return
        nonce = keccak(setup.game, b"seal", uint(t, 4), uint(seat, 2))[:12]
        last = self.last if report.named is None else self.lasts.get(report.named, self.last)
        receipt = packed(setup.p, last[seat])
        self._hold("report", t, f"sealed record of seat {seat}", receipt, opened(key, nonce, report.record))

    def _check_bits(self, past: Past, header: Header, seat: int, report: Report) -> None:
        p, verdict, t = self.records.setup.p, self.records.verdict, past.round
        malicious = self.opened is not None and not self.opened.is_honest(seat)
        key = self.keys.get(seat) if p.sealed else self.records.setup.seed
        salt = keccak(key, b"counts", uint(t, 4), uint(seat, 2)) if key is not None else b""
        counts = self._own(seat, report)[0]
        known = bool(salt) and opens(report.commitment, counts, salt)
        if p.provable and key is not None:  # a proof takes no other form
            known = report.commitment == plain_commitment(key, t, seat, counts)
        if seat in self.unread or (not known and self.opened is None):
            verdict.cannot("bits", "what a seat pulled, or whether it is honest, is not known")
        elif malicious and not known:
            verdict.trusted["bits"] += 1
        elif not salt:
            verdict.cannot("bits", "a sealing key is not revealed")
        elif self._hold("bits", t, f"whether the commitment of seat {seat} is to its counts", True, known):
            bits = [count * p.threshold > pulled for count, pulled in zip(counts, past.pulls, strict=True)]
            verdict.same("bits", t, f"bits of seat {seat}", bits, [seat in row for row in header.candidates])

    def _case_2(self, past: Past) -> bool | None:
        """Whether a seat that lies, by its role, is in some B with a report that its receipts do not give."""
        if self.opened is None or past.header is None:
            return None
        held = frozenset().union(*past.header.selected) & past.header.reporters
        liars = [seat for seat in sorted(held) if self.opened.roles[seat] & 1]
        single = self.records.setup.p.once("disclosure")
        if liars and single:
            self.records.verdict.once("cost", f"{single}, has one implementation: rounds of case 2 are as recorded")
        if liars and (single or past.body is None or self.unread & set(liars)):
            return None
        reports = past.body.reports if past.body else {}
        return any(reports[seat].means != self._own(seat, reports[seat])[1] for seat in liars)

    def _settle(self, past: Past) -> None:
        p, verdict, t = self.records.setup.p, self.records.verdict, past.round
        row = self.rows.get(t, b"")
        size = len(row) // p.participants
        pulls: list[Pull | None] = []
        for seat in p.seats:
            tag = row[size * seat : size * (seat + 1)]
            pull = self._opened(past, seat, tag) if p.sealed else self._read(t, seat)
            pulls.append(pull)
            if pull is None:
                self.unread.add(seat)
                continue
            if seat in past.blocked:
                verdict.same("blocklist", t, f"pull of seat {seat}", NOTHING, pull)
            elif p.provable and past.header is not None and seat not in past.header.reporters:
                verdict.same("reward", t, f"pull of seat {seat}, whose report is not in the block", NOTHING, pull)
            else:
                if p.provable and past.header is not None and pull.arm not in (past.header.arm, NOBODY):
                    verdict.same("reward", t, f"pull of seat {seat}, of another arm than the block's", NOTHING, pull)
                self._check_honest(t, seat, past.arm, pull)
            self.earned[seat] += pull.reward
            if pull.arm != NOBODY:
                self.earned[seat], self.waiting[seat] = self.earned[seat] + self.waiting[seat], 0
            self._take_pull(t, seat, pull)
        self.pulls[t] = pulls
        if None not in pulls:
            past.row.rewards = tuple(pull.reward if pull.arm < p.arms else None for pull in pulls if pull)

    def _check_honest(self, t: int, seat: int, arm: int | None, pull: Pull) -> None:
        if self.opened is None or pull == NOTHING or not self.opened.is_honest(seat):
            return
        if seat in self.records.lies.acquitted:
            self.records.verdict.cannot("arm", TWO_TALLIES)
        else:
            self._hold("arm", t, f"arm that honest seat {seat} pulled", arm, pull.arm)

    def _take_pull(self, t: int, seat: int, pull: Pull) -> None:
        """What a seat was given, as settled, against the draw."""
        verdict, past, phases = self.records.verdict, self.at.get(t), self.records.setup.p.has_phases
        if pull.arm >= self.records.setup.p.arms:
            verdict.same("reward", t, f"pull of seat {seat}", NOTHING, pull)
            return
        if self.opened is None:
            verdict.cannot("reward", "the environment's secret is not revealed")
        elif not phases or verdict.same("reward", t, f"pulls of seat {seat}", past.length if past else 1, pull.pulls):
            if self.opened.live:
                most = UNIT * pull.pulls
                verdict.same("reward", t, f"whether the reward of seat {seat} is too high", False, pull.reward > most)
                verdict.trusted["reward"] += 1
            else:
                verdict.same("reward", t, f"reward of seat {seat}", self._drawn(t, seat, pull.arm), pull.reward)
        self._pulled(t, seat, pull)

    def _opened(self, past: Past, seat: int, tag: bytes) -> Pull | None:
        """The pull whose receipt tag this is."""
        verdict, t = self.records.verdict, past.round
        if self.opened is None:
            verdict.cannot("reward", "the environment's secret is not revealed")
            return None
        if not tag:
            return None
        arms = range(self.records.setup.p.arms)
        possible = [NOTHING, *(Pull(arm, self._drawn(t, seat, arm)) for arm in arms)]
        said = self.opened.secret, self.records.setup.seed, b"receipt", uint(t, 4), uint(seat, 2)
        for pull in possible:
            if keccak(*said, packed(self.records.setup.p, pull))[:TAG] == tag:
                verdict.same("reward", t, f"receipt tag of seat {seat}", tag, tag)
                return pull
        verdict.same("reward", t, f"receipt tag of seat {seat}", "a tag of some pull", tag.hex())
        return None

    def cost(self, past: Past) -> int:
        """Units that a case-2 round takes from the honest and gives the others (protocol.md: Settlement)."""
        if self.opened is None or past.header is None:
            return 0
        if self.records.setup.p.cost == 0:
            return self.opened.cost * past.length
        arm = past.header.arm
        apart = min(UNIT, abs(past.header.means[arm] - self.opened.means(arm)))
        return self.opened.cost * apart**2 // UNIT**2 * past.length

