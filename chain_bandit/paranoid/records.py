"""Rounds from the opening on: the kind of each record, the validators after it, and the reputations it changes."""

from copy import copy
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil

from chain_bandit.paranoid import arms, rules
from chain_bandit.paranoid.calls import Call, tail, word
from chain_bandit.paranoid.curve import proven, signer
from chain_bandit.paranoid.packed import Body, Header, Seats, Submitted, opened, seats, submitted
from chain_bandit.paranoid.parameters import UNIT
from chain_bandit.paranoid.proofs import Lies, acquits, false_report, shows
from chain_bandit.paranoid.setup import Setup
from chain_bandit.paranoid.statements import BLOCK, COMMANDER, REPORT, SIGNED_ONCE, SIGNER, statement
from chain_bandit.paranoid.verdict import Round, Verdict
from chain_bandit.paranoid.words import Broken, keccak, number, uint

KINDS = {1: "approved", 2: "rejected", 3: "skip", 4: "exploration"}
APPROVED, REJECTED, SKIP, EXPLORATION = KINDS
NO_BLOCK = bytes(32)
START = 32768
"""Everybody's first reputation."""
OLDEST_PART = 16
"""A report may rest on a tally that is older by this part of the rounds, in a game without phases."""

Event = tuple[str, list[int]]


@dataclass
class Past:
    """One record, as settlement will ask for it.

    Attributes:
        failed: rounds that failed before it.
        time: the number of its first pull.
        length: how often everybody pulls.
        left_out: by reputation, of its block; None where that is not known.
        pulls: n_ref before it.
        arm: what the honest pulled, paid or not; None when nobody pulled.
        body: None without a block, or where nobody brought it.
    """

    round: int
    kind: int
    parent: bytes
    failed: int
    pulls: list[int]
    arm: int | None
    blocked: Seats
    row: Round
    header: Header | None = None
    digest: bytes = NO_BLOCK
    body: Body | None = None
    left_out: Seats | None = frozenset()
    time: int = 0
    length: int = 1


class Records:
    """The state that follows from the records so far: of the open round `round`, which begins with pull `time`, and of
    everybody."""

    def __init__(self, setup: Setup, verdict: Verdict) -> None:
        p = setup.p
        self.setup, self.verdict = setup, verdict
        self.round = self.time = p.burn_in
        self.head, self.last_block = setup.genesis, setup.opened_in
        self.failed = self.failures = self.skips = self.explorations = 0
        self.pulls = [len(range(arm, p.burn_in - 1, p.arms)) for arm in range(p.arms)]  # round t pulls arm t - 1 mod K
        self.force: Past | None = None
        self.committee: Seats = frozenset(p.seats)
        self.blocked_from = [0 for _ in p.seats]
        self.liars: Seats = frozenset()
        self.reputations = [START for _ in p.seats]
        self.lies = Lies()
        self.keys: dict[int, bytes] = {}
        self.past: list[Past] = []
        verdict.place = "record", self.round

    def beside(self, verdict: Verdict) -> "Records":
        """The same state, for a call that is only tried."""
        other = copy(self)
        other.verdict, other.past = verdict, self.past[-1:]
        other.pulls, other.blocked_from = list(self.pulls), list(self.blocked_from)
        other.reputations, other.lies = list(self.reputations), self.lies.copy()
        return other

    def blocked(self, round_: int) -> Seats:
        """D of a round."""
        return frozenset(seat for seat in self.setup.p.seats if 0 < self.blocked_from[seat] <= round_)

    def barred(self, round_: int) -> Seats:
        """Those of D that do not validate: all but those listed for a false report."""
        return self.blocked(round_) - self.liars

    @property
    def validators(self) -> Seats:
        """Validators of the open round."""
        return self.committee - self.barred(self.round)

    def honest_arm(self, header: Header | None) -> int:
        """The honest arm of the open round; as recorded where it rests on a rule that is not here."""
        p, force = self.setup.p, self.force
        if self.round <= p.burn_in or force is None or force.header is None:
            return (self.round - 1) % p.arms
        reports = rules.counted(p, force.header.selected, force.header.candidates, force.left_out)
        if reports is None or p.once("policy"):
            assert header is not None  # nobody pulls without a block after round L
            reason = f"{p.once('policy') or p.once('aggregation')}, has one implementation"
            reason += "" if p.once("policy") else ": what an estimator counts for is not known"
            self.verdict.once("arm", f"{reason}, arms are taken as recorded")
            return header.arm % p.arms
        seed = rules.round_seed(self.setup.seed, self.round)
        return arms.learning_arm(p, self.time, seed, self.pulls, force.header.means, reports)

    @property
    def is_over(self) -> bool:
        """Whether all T pulls are made."""
        return self.time > self.setup.p.horizon

    def _length(self, arm: int, left: int) -> int:
        """How often the arm of a block of the open round is pulled, when so many pulls are left."""
        p = self.setup.p
        wanted = ceil(Fraction(p.growth, UNIT) * self.pulls[arm]) if self.round > p.burn_in else 1
        return max(1, min(wanted, left))

    def blocks(self, call: Call) -> None:
        """One or several blocks in a row; where everybody validates, one without signers stands on the next."""
        waiting: list[int] = []
        blocks = list(submitted(call.data, self.setup.p))
        if not blocks:
            raise Broken("there is no block in a submission")
        most = self.setup.p.unrecorded + 1
        self.verdict.same("record", self.round, f"whether at most {most} blocks waited", True, len(blocks) <= most)
        for block in blocks:
            if self.is_over:
                raise Broken("there is a block after the last round")
            waiting.append(self.round)
            self._block(block, call)
            if block.signers:
                waiting.clear()
        self.verdict.same("certificate", self.round - 1, "blocks that nobody vouches for", [], waiting)
        self._said(call)

    def _block(self, block: Submitted, call: Call) -> None:
        p, verdict, t, header = self.setup.p, self.verdict, self.round, block.header
        header.round, header.parent, header.blocked = t, self.head, self.blocked(t)
        verdict.same("blocklist", t, "reporters on the block list", frozenset(), header.reporters & header.blocked)
        verdict.same("arm", t, "arm", self.honest_arm(header), header.arm)
        left = p.horizon - self.time + 1
        if p.has_phases:
            verdict.same("arm", t, "pulls of the arm", self._length(header.arm, left), header.length)
        if not 1 <= header.length <= left:
            raise Broken("a block is of no pull, or of more than are left")
        raw = block.body if block.body is not None else call.bodies.get(header.body)
        header.body = keccak(raw) if raw is not None else header.body
        body = None
        if raw is None:
            for what in ("report", "radii", "selection", "means", "accuracy"):
                verdict.cannot(what, "the body of a block is not in the history")
        else:
            body = opened(raw, header.reporters, p)
        row = Round(t, "", None, tuple(sorted(self.validators)), tuple(sorted(header.blocked)))
        left_out = rules.left_out(p, self.reputations)
        if body is not None:
            self._check_reports(t, body)
            self._check_values(header, body, row, left_out)
        row.means = row.means or tuple(header.means)
        row.selected = row.selected or tuple(tuple(sorted(each)) for each in header.selected)
        kind = APPROVED if all(mean <= 2 * UNIT for mean in header.means) else REJECTED
        successors = self._drawn(header, body)
        digest = keccak(header.encode(p))
        if block.signers or p.has_committees:
            self._check_certificate(digest, block.signers, block.signatures)
        pulls = list(self.pulls)
        past = Past(
            t, kind, self.head, self.failed, pulls, None, header.blocked, row, header, digest, body, left_out
        )
        for seat, lane in enumerate(header.accuracies):
            old = self.reputations[seat]
            self.reputations[seat] = lane if p.weighs else old - old // 8 + lane // 8
        self._record(past, header.committee, successors)

    def _check_reports(self, t: int, body: Body) -> None:
        for seat, report in body.reports.items():
            digest = statement(self.setup.domain, t, self.head, REPORT, COMMANDER, seat, keccak(report.content))
            author = signer(digest, report.signature)
            self.verdict.same("report", t, f"author of seat {seat}'s report", self.setup.addresses[seat], author)
            self.verdict.same("report", t, f"range of seat {seat}'s report", True, max(report.means) <= UNIT)
            if report.named is not None:
                older = 0 if self.setup.p.has_phases else t // OLDEST_PART
                oldest = max(self.setup.p.burn_in - 1, t - 1 - self.failures - older)
                allowed = oldest <= report.named <= t - 1
                self.verdict.same("report", t, f"whether seat {seat}'s report may name its round", True, allowed)

    def _check_values(self, header: Header, body: Body, row: Round, left_out: Seats | None) -> None:
        p, verdict, t = self.setup.p, self.verdict, self.round
        radii = [rules.radius(count) for count in self.pulls]
        verdict.same("radii", t, "radii", radii, body.radii)
        reported = {seat: report.means for seat, report in body.reports.items()}
        seed = rules.round_seed(self.setup.seed, t)
        strangers = frozenset().union(*header.candidates, *header.selected) - header.reporters
        single = p.once("aggregation")
        if strangers or not single:
            verdict.same("selection", t, "seats in A or B that did not report", frozenset(), strangers)
        candidates = [row & header.reporters for row in header.candidates]
        held = [row & header.reporters for row in header.selected]
        taken = "B and estimators are" if p.attests_values else "B is"
        alone = f"{single}, has one implementation: {taken} taken as recorded"
        if single:
            verdict.once("selection", alone)
        elif left_out is None:
            reason = f"{p.once('reputation')}, has one implementation: whom it leaves out, and B, are taken as recorded"
            verdict.once("selection", reason)
        else:
            chosen = rules.selected(p, reported, [row - left_out for row in candidates], seed, self.pulls)
            row.selected = tuple(tuple(sorted(each)) for each in chosen)
            verdict.same("selection", t, "selected", chosen, header.selected)
        means = [rules.global_mean([reported[seat][arm] for seat in held[arm]]) for arm in range(p.arms)]
        header.means = header.means or means
        if single and p.attests_values:
            verdict.once("means", alone)
        else:
            row.means = tuple(means)
            verdict.same("means", t, "means", means, header.means)
        lanes = [
            rules.accuracy(p, reported[seat], header.means, body.radii) if seat in reported else 0 for seat in p.seats
        ]
        header.accuracies = header.accuracies or lanes
        if p.once("reputation"):
            verdict.once("accuracy", f"{p.once('reputation')}, has one implementation: weights are taken as recorded")
        else:
            verdict.same("accuracy", t, "accuracies", lanes, header.accuracies)

    def _check_certificate(self, content: bytes, signers: Seats, signatures: list[bytes]) -> None:
        t, verdict, members = self.round, self.verdict, self.validators
        verdict.same("certificate", t, "signers that do not validate", frozenset(), signers - members)
        least = self.setup.p.quorum(len(members))
        verdict.same("certificate", t, f"whether {least} signed", True, len(signers) >= least)
        digest = statement(self.setup.domain, t, self.head, BLOCK, SIGNER, 0, content)
        for seat, signature in zip(sorted(signers), signatures, strict=True):
            author = signer(digest, signature)
            verdict.same("certificate", t, f"signature of seat {seat}", self.setup.addresses[seat], author)

    def _drawn(self, header: Header, body: Body | None) -> tuple[Seats, Seats] | None:
        """Whom the proofs of a block draw as validators and as commanders of the next round."""
        p, following = self.setup.p, self.round + 1
        if not p.draws:
            return None
        if body is None:
            self.verdict.cannot("committee", "the proofs of a block are not in the history")
            return None
        seed, out = rules.round_seed(self.setup.seed, following), self.barred(following)
        validators, commanders = set(), set()
        for seat in sorted(header.reporters - out):
            output = proven(self.setup.vrf_keys[seat], seed, body.reports[seat].proof)
            if output is not None and rules.is_drawn(output[:16], self.setup.weights[seat], p.sortition):
                validators.add(seat)
            if output is not None and rules.is_drawn(output[16:], 1, p.commanders):
                commanders.add(seat)
        return frozenset(validators), frozenset(commanders)

    def skip(self, call: Call) -> None:
        """A round without a block, on a quorum's word or after the deadline."""
        named = number(word(call.data, 0))
        if call.name == "skip":
            signers, raw = seats(number(word(call.data, 1))), tail(call.data, 2)
            if len(raw) != 64 * len(signers) or signers - set(self.setup.p.seats):
                raise Broken("a skip has not one signature for each signer")
            self._check_certificate(NO_BLOCK, signers, [raw[at : at + 64] for at in range(0, len(raw), 64)])
        if self.is_over:
            raise Broken("there is a skip after the last round")
        t, blocked, members = self.round, self.blocked(self.round), self.validators
        row = Round(t, "", None, tuple(sorted(members)), tuple(sorted(blocked)))
        for seat in members:
            self.reputations[seat] = max(0, self.reputations[seat] - self.setup.p.skip_penalty)
        past = Past(t, SKIP, self.head, self.failed, list(self.pulls), None, blocked, row)
        chosen = self.setup.p.has_committees
        if not chosen:
            self.verdict.same("committee", self.round, "committee named where everybody validates", 0, named)
        self._record(past, seats(named) if chosen else None, None)
        self._said(call)

    def _record(self, past: Past, named: Seats | None, drawn: tuple[Seats, Seats] | None) -> None:
        """End the open round, and the next one where failures call for an exploration; then check the validators."""
        p = self.setup.p
        arm = self.honest_arm(past.header) if past.kind == APPROVED or past.round == p.burn_in else None
        self._end(past, arm)
        if past.kind == APPROVED:
            self.failures, self.force = 0, past
        else:
            self.failures, self.failed = self.failures + 1, self.failed + 1
        self.skips = self.skips + 1 if past.kind == SKIP else 0
        proofs_count = past.kind != SKIP
        if self.failures >= p.failure_limit and not self.is_over:
            blocked = self.blocked(self.round)
            row = Round(self.round, "", None, (), tuple(sorted(blocked)))
            after = Past(self.round, EXPLORATION, self.head, self.failed, list(self.pulls), None, blocked, row)
            self._end(after, self.explorations % p.arms)
            self.explorations, self.failures, proofs_count = self.explorations + 1, 0, False
        self._succeed(past, named, drawn, proofs_count)

    def _end(self, past: Past, arm: int | None) -> None:
        t = self.round
        self.head = keccak(self.head, uint(t * 256 + past.kind, 32), past.digest)
        past.time = self.time
        if past.header is not None and past.kind == APPROVED:
            past.length = past.row.length = past.header.length
        if arm is not None:
            self.pulls[arm] += past.length
        past.arm = past.row.arm = arm
        self.round, self.time = t + 1, self.time + past.length
        self.verdict.place = "record", self.round
        for seat in self.setup.p.seats:
            if self.blocked_from[seat] == self.round:
                self.reputations[seat] = max(0, self.reputations[seat] - self.setup.p.evidence_penalty)
        past.row.kind, past.row.reputations = KINDS[past.kind], tuple(self.reputations)
        self.past.append(past)
        self.verdict.rounds.append(past.row)

    def _succeed(
        self, past: Past, named: Seats | None, drawn: tuple[Seats, Seats] | None, proofs_count: bool
    ) -> None:
        """Validators and commanders of the round that is open now, against those named."""
        p, verdict, t = self.setup.p, self.verdict, past.round
        everybody = frozenset(p.seats) - self.barred(self.round)
        seed = rules.round_seed(self.setup.seed, self.round)
        committee, chance, left_out = everybody, proofs_count, rules.left_out(p, self.reputations)
        among = everybody - (left_out or frozenset())
        among = among if len(among) >= (p.quorum(0) if p.sortition else p.validators) else everybody
        if p.by_reputation:
            committee = rules.best(p, self.reputations, everybody, self.skips, seed)
        elif p.chooses and proofs_count and named is not None:
            least = min(p.validators, len(everybody))
            about = f"whether {least} who are eligible were chosen, or more"
            taken = named <= among or named == everybody
            verdict.same("committee", t, about, True, taken and len(named) >= least)
            verdict.once("committee", f"{p.once('selection')}, has one implementation: its choice is taken as recorded")
            committee = named
        elif p.sortition and proofs_count:
            if drawn is None:
                self.committee = named or everybody
                return
            there = drawn[0] & among
            chance = len(there) >= p.quorum(len(there))
            committee = there if chance else everybody
            if left_out is None and named is not None:
                verdict.same("committee", t, "validators who are not eligible", frozenset(), named - everybody)
                reason = f"{p.once('reputation')}, has one implementation: who validates is taken as recorded"
                verdict.once("committee", reason)
                committee = named
        self.committee = committee if named is None else named
        if named is not None:
            verdict.same("committee", t, "next committee", committee, named)
        if p.draws_commanders and past.header is not None and (drawn is not None or not proofs_count):
            commanders = drawn[1] & committee if drawn is not None and chance else committee
            if p.chooses and past.header.commanders == committee == everybody:  # maybe since the rule chose too few
                commanders = everybody
            verdict.same("commanders", t, "next commanders", commanders, past.header.commanders)

    def _said(self, call: Call) -> None:
        """The one event of a transaction names its last record."""
        last, expected = self.past[-1], self.event()
        name, values = call.events[0] if len(call.events) == 1 else ("", [])
        if name != expected[0] or len(values) != len(expected[1]):
            self.verdict.same("record", last.round, "events", "one of the last record", call.events)
            return
        self.verdict.same("kind", last.round, "kind", (last.round, last.kind), (values[0], values[1]))
        self.verdict.same("record", last.round, "digest of the history", self.head.hex(), uint(values[2], 32).hex())
        self.verdict.same("record", last.round, "next committee in the event", expected[1][3:], values[3:])
        self.last_block = call.block

    def event(self) -> tuple[str, list[int]]:
        """The event of a transaction that ends here; where not everybody validates, with the next validators."""
        last = self.past[-1]
        said = [last.round, last.kind, number(self.head)]
        if not self.setup.p.has_committees:
            return "Recorded", said
        return "RecordedWithCommittee", [*said, sum(1 << seat for seat in self.committee)]

    def accuse(self, call: Call) -> None:
        """A proof of equivocation, and the round from which it counts."""
        p, verdict, t = self.setup.p, self.verdict, self.round
        seat, round_ = number(word(call.data, 0)), number(word(call.data, 1))
        parent, phase, role = word(call.data, 2), number(word(call.data, 3)), number(word(call.data, 4))
        if seat >= p.participants:
            raise Broken("an accusation names no seat")
        instance = 0 if role == SIGNER else seat
        contents = word(call.data, 5), word(call.data, 8)
        authors = [
            signer(
                statement(self.setup.domain, round_, parent, phase, role, instance, content),
                word(call.data, place + 1) + word(call.data, place + 2),
            )
            for content, place in zip(contents, (5, 8), strict=True)
        ]
        proves = (phase, role) in SIGNED_ONCE and contents[0] != contents[1]
        verdict.same("evidence", t, f"whether two contents accuse seat {seat}", True, proves)
        verdict.same("evidence", t, f"who signed against seat {seat}", [self.setup.addresses[seat]] * 2, authors)
        if seat in self.lies.alone:  # listed for a false report: no acquittal spares it the slash any more
            self.lies.alone -= {seat}
            due: list[Event] = [("Accused", [seat, self.blocked_from[seat]])]
        else:
            listed = self.blocked_from[seat]
            verdict.same("blocklist", t, f"round that seat {seat} was listed from before", 0, listed)
            due = self._listed(seat)
        verdict.same("blocklist", t, f"listing of seat {seat}", due, call.events)

    def _listed(self, seat: int) -> list[Event]:
        """Put a seat on the block list, unless it is there; what a proof says of it."""
        since = self.round + 3 + self.setup.p.unrecorded
        if self.blocked_from[seat]:
            return []
        self.blocked_from[seat] = since
        return [("Accused", [seat, since])]

    def prove(self, call: Call) -> list[Event]:
        """A proof of a false report; the events that are due."""
        proof, t = false_report(call.data), self.round
        lie, seat = shows(self.setup, proof, self.keys, t, self.verdict), proof.seat
        before = self.lies.proven.get(seat)
        first = before is None or lie.round < before.round or lie.kept < before.kept
        first = first and seat not in self.lies.acquitted
        about = f"whether the report of seat {seat} in round {lie.round} makes any difference"
        if before is not None:
            lie = replace(lie, round=min(lie.round, before.round), kept=min(lie.kept, before.kept))
        self.verdict.same("evidence", t, about, True, first)
        self.lies.proven[seat] = lie
        self.lies.rests |= {(proof.through, proof.root, lie.named, seat, proof.tally)}
        due = self._listed(seat)
        if due:
            self.lies.alone |= {seat}
            self.liars |= {seat}
        due.append(("Voided", [seat, lie.round, lie.kept]))
        self.verdict.same("blocklist", t, f"events of the proof against seat {seat}", due, call.events)
        return due

    def acquit(self, call: Call) -> list[Event]:
        """A seat's receipt and its tally contradict each other; the events that are due."""
        seat = acquits(self.setup, call.data, self.lies, self.round, self.verdict)
        del self.lies.proven[seat]
        self.lies.acquitted |= {seat}
        due: list[Event] = [("Acquitted", [seat])]
        self.verdict.same("blocklist", self.round, f"events of the acquittal of seat {seat}", due, call.events)
        return due
