"""A schedule played by nodes: the loop that processes run, on links and a chain in virtual time.

Every honest seat and the comparison run `nodes.node.Node`. Rounds begin when a node's own view of the chain shows the
last record; its steps end by message and deadline. The adversary controls when its envelopes arrive, and receives
what the honest send as they send it.

All is in time while max(L, D) + P + 2 E + max(D, 2 E) < Delta: L is by how much later than another a view shows a
record (`acts.SKEW` at most), D what a message between seats takes (DELAY), E what one to or from comparison and
environment takes (TRUSTED), and P the longest pause between two looks at the chain (`nodes.node.SHARE` of Delta).
"""

import random
from collections import deque
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from heapq import heappop, heappush
from itertools import count
from math import inf
from typing import Any, cast

from chain_bandit.actors.comparer import Comparer
from chain_bandit.actors.messages import COMPARISON, ENVIRONMENT, RELAYER, Message, PullRequest, Send
from chain_bandit.actors.relayer import Relayer
from chain_bandit.actors.seat import Seat
from chain_bandit.comparison.ideal import IdealComparison
from chain_bandit.consensus.broadcast import Frame
from chain_bandit.consensus.certificate import Vote
from chain_bandit.consensus.echo import Echo
from chain_bandit.consensus.evidence import Equivocation
from chain_bandit.network.wire import Envelope, EnvelopeKind, NodeMessage, Owed, decode, encode
from chain_bandit.nodes.comparer import ComparerRole
from chain_bandit.nodes.follower import Recorded
from chain_bandit.nodes.node import Frames, Node, Wait
from chain_bandit.nodes.role import NodeRole, Post
from chain_bandit.nodes.round_rules import BanditRounds
from chain_bandit.nodes.seat import SeatRole
from chain_bandit.protocol.blocks import Header, Record, approves, seats
from chain_bandit.protocol.blocks import Kind as Ended
from chain_bandit.protocol.ledger import Ledger, records_made
from chain_bandit.protocol.messages import Phase
from chain_bandit.protocol.parameters import Parameters
from verification.schedules.acts import (
    Ahead,
    Carried,
    Corruption,
    Crash,
    Cut,
    FaultSchedule,
    Informed,
    LinkFault,
    Recording,
    Skewed,
    Timed,
    Twins,
)
from verification.schedules.adversary import ByzantineAdversary, SendAs, TwoOfOne
from verification.schedules.invariants import (
    BOTH,
    CountedVotes,
    Relayed,
    SignedContents,
    certificates,
    chains,
    check,
    counted,
    disagree,
    note,
    unproven,
)
from verification.schedules.play import PlayedSchedule, told
from verification.schedules.stage import ScheduleStage
from verification.virtual_network import STEP

BOUND = 0.5
"""Delta in seconds of virtual time."""
MOMENT = BOUND / STEP
TRUSTED = STEP // 20
DELAY = 4 * STEP // 10
COST = 0.004
"""Seconds of its own time that a node is taken to spend on a frame."""
EARLY = 1 / 8
"""Of Delta, before a step's deadline, in which the adversary acts at the latest, though some are not in the step."""
PATIENCE = 2.0
"""Times the longest duration of a round, after which anybody skips it."""


def play(stage: ScheduleStage, schedule: FaultSchedule, logged: bool = False) -> PlayedSchedule:
    """Play a schedule by nodes, on a stage of its size; see `schedules.play.play`."""
    return _Game(stage, schedule, logged).play()


@dataclass
class _Round:
    """One round of the schedule, as the checks look at it: `invariants.Round`.

    Attributes:
        honest: as each was when it closed the round.
        within: seats that are in the round.
        began, entered: when the honest began it, and in which step each is.
        last: the step in which each sent its last message.
        heard: senders whose envelopes of their last step have come, by receiver.
        told: proofs of it that the honest sent the relayer while that takes them, in this round or the next.
        kept: messages of envelopes that go when all but their receiver are a step further, by step, sender, receiver.
    """

    stage: ScheduleStage
    schedule: FaultSchedule
    round: int
    ledger: Ledger
    adversary: ByzantineAdversary
    relayer: Relayer
    honest: dict[int, Seat]
    down: set[int]
    within: dict[int, Seat]
    said: SignedContents = field(default_factory=dict)
    relayed: Relayed = field(default_factory=dict)
    proofs: dict[int, list[Equivocation]] = field(default_factory=dict)
    told: list[Equivocation] = field(default_factory=list)
    counted: CountedVotes = field(default_factory=dict)
    began: dict[int, float] = field(default_factory=dict)
    entered: dict[int, int] = field(default_factory=dict)
    closed: set[int] = field(default_factory=set)
    acted: set[int] = field(default_factory=set)
    heard: dict[int, set[int]] = field(default_factory=dict)
    twins: dict[int, TwoOfOne] = field(default_factory=dict)
    kept: dict[tuple[int, int, int], list[NodeMessage]] = field(default_factory=dict)
    last: dict[int, int] = field(default_factory=dict)
    record: Recorded | None = None


class _Running:
    """A node and what it waits for."""

    def __init__(self, node: Node) -> None:
        self.node, self.game, self.turn = node, node.play(), 0
        self.inbox: dict[int, deque[bytes]] = {}
        self.wait: Wait | None = None
        self.banned: set[int] = set()


class _Line:
    """What takes the frames of one node away; the game waits in its place."""

    def __init__(self, game: "_Game", address: int) -> None:
        self._game, self._address = game, address

    def send(self, to: int, frame: bytes) -> None:
        self._game.sent(self._address, to, frame)

    def ban(self, peer: int) -> None:
        self._game.running[self._address].banned.add(peer)

    @property
    def banned(self) -> frozenset[int]:
        return frozenset(self._game.running[self._address].banned)


class _View:
    """A seat's view of the chain, so many moments behind."""

    def __init__(self, game: "_Game", behind: float) -> None:
        self._game, self._behind, self.accusations = game, behind, dict[int, int]()
        self._round, self._read = 0, -inf

    def next(self, parameters: Parameters, ledger: Ledger) -> Recorded | None:
        if not self._shows(ledger.round):
            self._read = self._game.now
        if not self._shows(ledger.round):
            return None
        self._round = ledger.round + 1
        return self._game.chain[ledger.round][1]

    @property
    def block_time(self) -> float:
        return 0.0

    def knows_more(self) -> bool:
        return self._shows(self._round)

    def _shows(self, round_: int) -> bool:
        """Whether a round's record was there when the chain was asked last."""
        made = self._game.chain.get(round_)
        return made is not None and made[0] + self._behind <= self._read

    def is_liar(self, seat: int) -> bool:
        return False

    def is_over(self) -> bool:
        return False

    def is_closed(self) -> bool:
        return False


class _Receipts:
    """No receipts: the environment of schedules declares that there are none."""

    def get(self, seat: int, round_: int) -> None:
        return None

    def sync(self) -> None:
        pass


class _SeatRole(SeatRole):
    """The role of a seat, which the game is told about as its rounds begin and close."""

    def __init__(self, game: "_Game", seat: Seat, view: _View) -> None:
        nothing = cast(Any, None)
        super().__init__(seat, cast(Any, _Receipts()), None, nothing, nothing, cast(Any, view), nothing)
        self._game = game

    def begin(self, ledger: Ledger) -> None:
        super().begin(ledger)
        self._game.begun(self.address, ledger)

    def tick(self, step: int) -> list[Post]:
        played = self._game.rounds[self._ledger.round]
        if step >= self._rules.schedule.certify:
            played.counted[self.address] = counted(self._seat)
        said = super().tick(step)
        if self._seat.validator.done:
            played.last[self.address] = step
        return said

    def close(self, found: Recorded | None) -> None:
        super().close(found)
        self._game.closed(self.address, self._ledger)


class _Game:
    """A schedule while nodes play it."""

    def __init__(self, stage: ScheduleStage, schedule: FaultSchedule, logged: bool) -> None:
        self.stage, self.schedule, self.result, self._logged = stage, schedule, PlayedSchedule(), logged
        stage.book.clear()
        self.now, self._count = 0.0, count()
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._steps = stage.rules.schedule
        self._first = stage.ledger.round
        self.corrupt = sorted(schedule.corrupt)
        self.gone: set[int] = set()
        self._latest: dict[tuple[int, int], float] = {}
        self._dying: set[int] = set()
        self.chain: dict[int, tuple[float, Recorded]] = {}
        self.rounds: dict[int, _Round] = {}
        self.running: dict[int, _Running] = {}
        self._judged = self._unproven = 0
        self._hash = sha256()
        self._decoded: dict[bytes, Envelope] = {}
        self._chance = random.Random(schedule.order).random
        self._spent = 0.0
        self._read_acts()

    def _read_acts(self) -> None:
        acts = self.schedule.acts
        self._behind = {act.seat: act.by * MOMENT for act in acts if isinstance(act, Skewed)}
        self._links = {(a.round, a.step, a.sender, a.to): a.delays for a in acts if isinstance(a, LinkFault)}
        self._cuts = [(a, frozenset(a.group)) for a in acts if isinstance(a, Cut)]
        self._crashes = {(a.round, a.seat): a for a in acts if isinstance(a, Crash)}
        self._falls = {(a.round, a.step): a.seat for a in acts if isinstance(a, Corruption)}
        self._recordings = {a.round: a for a in reversed(acts) if isinstance(a, Recording)}
        self._carried = next((a for a in acts if isinstance(a, Carried)), Carried(DELAY, ()))
        self._timed = {(a.round, a.step, a.seat, v): a for a in acts if isinstance(a, Timed) for v in a.victims}
        self._aheads = [a for a in acts if isinstance(a, Ahead)]
        self._informed = {(a.round, a.step, a.seat, a.victim) for a in acts if isinstance(a, Informed)}

    # --- virtual time

    def play(self) -> PlayedSchedule:
        """Every round, to the end of the last one at each running node."""
        stage, limit = self.stage, self.schedule.rounds * 20 * self._steps.steps * BOUND
        for number in range(self.schedule.size.validators):
            if number not in self.corrupt:
                self._start(number, stage.ledger, live=True, last=0)
        comparer = Comparer(stage.rules, IdealComparison(stage.rules.parameters.horizon))
        self._run(COMPARISON, ComparerRole(comparer), _View(self, 0.0), stage.ledger, live=True, last=0)
        while self._judged < self.schedule.rounds or self._unproven:
            if not self._events or self.now > limit:
                self._found("C-3 a node waits for ever")
                break
            self.now, _, event = heappop(self._events)
            event()
        self.result.digest, self.result.corrupt = self._hash.digest(), tuple(self.corrupt)
        return self.result

    def _at(self, moment: float, event: Callable[[], None]) -> None:
        heappush(self._events, (max(moment, self.now), next(self._count), event))

    def _start(self, number: int, ledger: Ledger, live: bool, last: int) -> None:
        view = _View(self, self._behind.get(number, 0.0))
        self._run(number, _SeatRole(self, self.stage.seats[number], view), view, ledger, live, last)

    def _run(self, address: int, role: NodeRole, view: _View, ledger: Ledger, live: bool, last: int) -> None:
        stage = self.stage
        node = Node(
            role, BanditRounds(stage.rules), ledger, _Line(self, address), view, live, last, BOUND, stage.verifier,
            say=lambda line: None, clock=lambda: self.now, spent=self._clocked,
        )  # fmt: skip
        one = self.running[address] = _Running(node)
        self._at(self.now, lambda: self._resume(address, one, []))

    def _clocked(self) -> float:
        self._spent += COST
        return self._spent

    def _resume(self, address: int, one: _Running, frames: Frames) -> None:
        """Let a node go on until it waits with nothing there."""
        while self.running.get(address) is one:
            wait = one.wait = one.game.send(frames if one.turn else None)  # type: ignore[arg-type]
            one.turn += 1
            frames = self._waiting(one)
            if not frames:
                self._at(self.now + wait.seconds, partial(self._timeout, address, one, one.turn))
                return

    def _timeout(self, address: int, one: _Running, turn: int) -> None:
        if one.turn == turn and self.running.get(address) is one:
            self._resume(address, one, [])

    def _waiting(self, one: _Running) -> Frames:
        assert one.wait is not None
        return [
            (sender, frames.popleft())
            for sender, frames in one.inbox.items()
            if frames and sender not in one.wait.but
        ]

    def _arrive(self, sender: int, to: int, frame: bytes) -> None:
        one = self.running.get(to)
        if one is None or sender in one.banned:
            return
        if self._logged:
            self._hash.update(repr((self.now, sender, to, frame)).encode())
        envelope = self._decoded.get(frame)
        if envelope is not None and envelope.kind is EnvelopeKind.STEP:
            played = self.rounds[envelope.round]
            if to not in played.closed and played.last.get(sender) == envelope.step:
                played.heard.setdefault(to, set()).add(sender)
        one.inbox.setdefault(sender, deque()).append(frame)
        if one.wait is not None and sender not in one.wait.but:
            self._resume(to, one, self._waiting(one))

    def _read(self, frame: bytes) -> Envelope:
        if frame not in self._decoded:
            self._decoded[frame] = decode(frame)
        return self._decoded[frame]

    # --- rounds

    def _round(self, ledger: Ledger) -> _Round:
        """The round, which opens as the first one begins it."""
        if ledger.round not in self.rounds:
            stage, schedule, place = self.stage, self.schedule, ledger.round - self._first
            within: dict[int, Seat] = {}
            adversary = ByzantineAdversary(stage, schedule, within, self.result.used)
            adversary.corrupt = self.corrupt
            adversary.begin(place, ledger)
            relayer = Relayer(stage.rules, stage.verifier)
            relayer.begin(ledger)
            made = self.rounds[ledger.round] = _Round(
                stage, schedule, place, ledger, adversary, relayer, {}, set(self.gone), within
            )
            for act in schedule.acts:
                if isinstance(act, Twins) and act.round == place and act.seat in self.corrupt:
                    made.twins[act.seat] = TwoOfOne(stage, act)
                    made.twins[act.seat].begin(ledger)
            if place < schedule.rounds:
                longest = PATIENCE * self._steps.steps * BOUND
                self._at(self.now + longest, lambda: self._record(made, patient=False))
        return self.rounds[ledger.round]

    def begun(self, number: int, ledger: Ledger) -> None:
        """A node has begun a round."""
        played = self._round(ledger)
        played.began.setdefault(number, self.now)
        played.within[number] = self.stage.seats[number]

    def closed(self, number: int, ledger: Ledger) -> None:
        """A node is done with a round: what it holds of it is kept for the checks."""
        played, seat = self.rounds[ledger.round], self.stage.seats[number]
        kept = copy(seat)
        kept.validator = copy(seat.validator)
        played.honest[number] = kept
        played.proofs[number] = seat.validator.equivocations()
        played.closed.add(number)
        del played.within[number]
        self._at(self.now, self._judge)

    @property
    def _alive(self) -> set[int]:
        return {number for number in self.running if number >= 0}

    def _record(self, played: _Round, patient: bool = True) -> None:
        """The record of a round: of the certificate that there is, or of its deadline."""
        if played.ledger.round in self.chain:
            return
        parameters, ledger, relayer = self.stage.rules.parameters, played.ledger, played.relayer
        act = self._recordings.get(played.round)
        found = Recorded(Record(ledger.round, Ended.SKIP), None, relayer.skip)
        if relayer.block is not None and not (act is not None and act.skips and relayer.skip is not None):
            header = Header.decode(relayer.block.header, parameters)
            kind = Ended.APPROVED if approves(header.means) else Ended.REJECTED
            record = Record(ledger.round, kind, header, relayer.block.certificate.content)
            found = Recorded(record, relayer.block, relayer.block.certificate)
        elif relayer.skip is None and patient:
            return
        played.record = found
        for record in records_made(parameters, ledger, found.record):
            self.chain[record.round] = self.now, found if record is found.record else Recorded(record)

    # --- what is sent

    def sent(self, sender: int, to: int, frame: bytes) -> None:
        """A node of the honest sends."""
        is_new = frame not in self._decoded
        envelope = self._read(frame)
        played = self.rounds.get(envelope.round)
        if played is None or not self._reaches(played, sender, to, envelope):
            return
        if sender >= 0:
            self._heard(played, sender, to, envelope, is_new)
            if envelope.kind is EnvelopeKind.STEP and played.entered.get(sender, -1) < envelope.step:
                self._enter(played, sender, envelope.step)
        if to == ENVIRONMENT:
            self._answer(sender, envelope)
        elif to == RELAYER:
            for message in envelope.messages:
                if isinstance(message, Equivocation) and envelope.round <= message.slot.round + 1:
                    of = self.rounds.get(message.slot.round)  # the corrupt may equivocate in the one before all others
                    if of is not None:
                        of.told.append(message)
            self._at(self.now + self._brief(), lambda: self._relay(played, sender, envelope))
        elif to in self.corrupt:
            self._to_twin(played, sender, to, envelope)
        else:
            for delay in self._delays(played, sender, to, envelope):
                moment = self.now + delay * MOMENT
                moment = self._latest[sender, to] = max(moment, self._latest.get((sender, to), 0.0))  # as links do
                self._at(moment, lambda: self._arrive(sender, to, frame))

    def _reaches(self, played: _Round, sender: int, to: int, envelope: Envelope) -> bool:
        """Whether the sender lives to send it."""
        crash = self._crashes.get((played.round, sender))
        if crash is not None and (envelope.kind, envelope.step) == (EnvelopeKind.STEP, crash.step):
            if sender not in self.gone:
                self._die(played, sender)
            return to in crash.reached
        return sender in self.running and sender not in self._dying

    def _die(self, played: _Round, number: int) -> None:
        """A seat is gone until another process of it is there, which has read the chain. It stays honest."""
        self.gone.add(number)
        self._dying.add(number)
        for each in self.rounds.values():
            if number not in each.closed:
                each.down.add(number)
        life = self.running[number]

        def end() -> None:
            self._dying.discard(number)
            if self.running.get(number) is life:
                del self.running[number]
                self._judge()

        def again() -> None:
            if number in self.corrupt or number in self.running:
                return
            self._start(number, played.ledger, live=False, last=played.ledger.round)

        self._at(self.now, end)
        self._at(self.now + (0.05 + 2 * self._chance()) * BOUND, again)

    def _delays(self, played: _Round, sender: int, to: int, envelope: Envelope) -> tuple[int, ...]:
        if sender < 0 or to < 0:
            return (self._brief_moments(),)
        step = envelope.step if envelope.kind is EnvelopeKind.STEP else played.entered.get(sender, 0)
        for cut, group in self._cuts:
            within = cut.round == played.round and cut.step <= step < cut.step + cut.steps
            if within and (sender in group) != (to in group):
                return ()
        usual = (1 + int(self._chance() * self._carried.most),)
        if sender in self._carried.slow or to in self._carried.slow:
            usual = (DELAY,)
        return self._links.get((played.round, step, sender, to), usual)

    def _brief_moments(self) -> int:
        return 1 + int(self._chance() * min(TRUSTED, self._carried.most))

    def _brief(self) -> float:
        return self._brief_moments() * MOMENT

    def _heard(self, played: _Round, sender: int, to: int, envelope: Envelope, is_new: bool) -> None:
        """The adversary overhears everything; what the honest send in their own name is kept for the checks."""
        for said in envelope.messages:
            message = cast(Message, said)
            self.result.sent += note(sender, (to,), message, played.said, played.relayed)
            if not is_new:
                continue
            for violation in chains(sender, message, self.schedule.size):
                self._found(violation)
            played.adversary.hear(message)

    def _answer(self, sender: int, envelope: Envelope) -> None:
        """The environment: nothing comes of a round that the chain has, and everybody is told."""
        for message in envelope.messages:
            round_ = message.since if isinstance(message, Owed) else envelope.round
            if isinstance(message, Owed | PullRequest) and round_ in self.chain:
                frame = encode(Envelope(EnvelopeKind.NOW, round_, 0, (Owed(round_),)))
                delay = self._brief() + self._brief()
                self._at(self.now + delay, lambda: self._arrive(ENVIRONMENT, sender, frame))  # noqa: B023

    def _relay(self, played: _Round, sender: int, envelope: Envelope) -> None:
        for message in envelope.messages:
            self._to_relayer(played, sender, message)

    def _to_relayer(self, played: _Round, sender: int, message: NodeMessage) -> None:
        """The relayer, which may be an ally: it records when it likes, by which certificate it likes."""
        had = played.relayer.block, played.relayer.skip
        played.relayer.on_message(sender, cast(Message, message))
        if (played.relayer.block, played.relayer.skip) != had:
            act = self._recordings.get(played.round)
            after = act.after * MOMENT if act is not None else self._brief()
            self._at(self.now + after, lambda: self._record(played))

    def _to_twin(self, played: _Round, sender: int, to: int, envelope: Envelope) -> None:
        twin = played.twins.get(to)
        if twin is not None:
            for message in envelope.messages:
                twin.on_message(sender, cast(Message, message))

    # --- the adversary

    def _enter(self, played: _Round, number: int, step: int) -> None:
        """An honest seat is in a step; once all are, or shortly before it is over for the first, the adversary acts."""
        played.entered[number] = step
        behind = {each for each in self._alive if each in played.began and played.entered.get(each, -1) < step}
        if not behind or any(before == step - 1 and behind == {to} for before, _, to in played.kept):
            self._at(self.now, lambda: self._act(played, step))
        deadline = played.began[number] + (step + 1 - EARLY) * BOUND
        self._at(deadline, lambda: self._act(played, step))

    def _act(self, played: _Round, step: int) -> None:
        if step in played.acted:
            return
        played.acted.add(step)
        fallen = self._falls.get((played.round, step))
        if fallen in self.running and fallen is not None:
            del self.running[fallen]
            self.corrupt.append(fallen)
            self.corrupt.sort()
            for each in self.rounds.values():
                each.honest.pop(fallen, None)
        by_pair: dict[tuple[int, int], list[NodeMessage]] = {}
        for number in self.corrupt:
            for to in (*self._alive, COMPARISON):
                by_pair[number, to] = []
            if step == 0:
                by_pair[number, COMPARISON].append(self.stage.report(played.ledger, number, 0)[1])
            twin = played.twins.get(number)
            if twin is not None:
                said = twin.on_tick(step)
                for send in said:
                    played.adversary.hear(send.message)
                self._give(played, by_pair, number, said)
        for sent in played.adversary.on_tick(step):
            hand = sent.seat if isinstance(sent, SendAs) else self._hand(sent.message)
            self._give(played, by_pair, hand, [Send(sent.to, sent.message)])
        for (number, to), messages in by_pair.items():
            self._envelope(played, step, number, to, messages)
        for act in self._aheads:
            if (act.round, act.step) == (played.round, step) and act.seat in self.corrupt:
                frame = encode(Envelope(EnvelopeKind.NOW, played.ledger.round + 1, 0, ()))
                for to in act.victims:
                    self._arrive_later(self.now + MOMENT, act.seat, to, frame)

    def _give(
        self, played: _Round, by_pair: dict[tuple[int, int], list[NodeMessage]], hand: int, sends: list[Send]
    ) -> None:
        for send in sends:
            for to in send.to:
                if to == RELAYER:
                    self._to_relayer(played, hand, send.message)
                elif (hand, to) in by_pair:
                    by_pair[hand, to].append(send.message)

    def _hand(self, message: Message) -> int:
        """Whose envelope a message goes in."""
        match message:
            case Frame(claims=((instance, *_), *_)) if instance in self.corrupt:
                return instance
            case Vote(seat=seat) if seat in self.corrupt:
                return seat
        return self.corrupt[0] if self.corrupt else -9

    def _envelope(self, played: _Round, step: int, number: int, to: int, messages: list[NodeMessage]) -> None:
        if (played.round, step, number, to) in self._informed and (step, number, to) not in played.kept:
            played.kept[step, number, to] = messages
            deadline = played.began.get(to, self.now) + (step + 1) * BOUND - 2 * MOMENT
            self._at(deadline, lambda: self._inform(played, step, number, to, []))
            return
        if (step - 1, number, to) in played.kept:
            self._inform(played, step - 1, number, to, messages)
            messages = []
        timed = self._timed.get((played.round, step, number, to))
        moment = self.now + MOMENT
        if timed is not None:
            if timed.offset is None:
                return
            anchor = played.began.get(timed.anchor, self.now)
            moment = max(moment, anchor + (step + 1) * BOUND + timed.offset * MOMENT)
        self._step_at(moment, played, step, number, to, messages)

    def _inform(self, played: _Round, step: int, number: int, to: int, later: list[NodeMessage]) -> None:
        """Send what was kept, with what its sender sends a step later."""
        kept = played.kept.pop((step, number, to), None)
        if kept is not None:
            self._step_at(self.now + MOMENT, played, step, number, to, [*kept, *later])

    def _step_at(
        self, moment: float, played: _Round, step: int, number: int, to: int, messages: list[NodeMessage]
    ) -> None:
        """A corrupt seat's envelope of a step arrives then."""
        frame = encode(Envelope(EnvelopeKind.STEP, played.ledger.round, step, tuple(filter(_is_written, messages))))
        self._arrive_later(moment, number, to, frame)
        if self._logged and messages:
            what = "; ".join(told(cast(Message, message)) for message in messages)
            self.result.trace.append(f"round {played.round} at {moment:.4f} s: {number} to {to}: {what}")

    def _arrive_later(self, moment: float, sender: int, to: int, frame: bytes) -> None:
        self._at(moment, lambda: self._arrive(sender, to, frame))

    # --- the checks

    def _judge(self) -> None:
        """Every round that is closed at all running nodes, in order."""
        while self._judged < self.schedule.rounds:
            played = self.rounds.get(self._first + self._judged)
            if played is None and self._first + self._judged in self.chain:
                self._judged += 1
                continue  # an exploration round
            if played is None or not self._alive or not self._alive <= played.closed:
                return
            self._judged += 1
            if played.entered:
                self._judge_round(played)

    def _judge_round(self, played: _Round) -> None:
        calm = self._is_calm(played.round)
        for number in [number for number in played.honest if number in self.corrupt]:
            del played.honest[number]
        everybody = {number: seat for number, seat in played.honest.items() if number not in played.down}
        absent = {n for n in everybody if n not in played.last} if calm else set[int]()
        played.down |= absent  # it left before its last step, for the record was there
        if len(everybody) > len(absent):
            whole = all(played.heard.get(n, set()) >= everybody.keys() - {n} for n in everybody if n not in absent)
            for violation in check(played, calm, calm and whole, self._lockstep if calm else ()):
                self._found(violation)
            if calm:
                self._unproven += 1
                living = {n: self.running[n] for n in self._alive & everybody.keys() - absent}
                self._at(self.now + BOUND, lambda: self._judge_late(played, living))
        record = played.record
        assert record is not None
        if calm and self.can_certify(played):
            header = record.record.header
            if header is None:
                self._found("C-3 a round in time ends in no block")
            elif not everybody.keys() <= set(seats(header.reporters)):
                self._found("C-2 the recorded block leaves out an honest report that was in time")
        alive = {number: seat for number, seat in played.honest.items() if number not in played.down}
        self.result.disagreed += disagree(alive)
        self.result.doubled += certificates(played) > 1
        self.result.certified.append("block" if played.relayer.block else "skip" if played.relayer.skip else "nothing")
        for number, seat in alive.items():
            self.result.accused.update(proof.instance for proof in played.proofs[number])
            self.result.drops.update(seat.validator.drops)
            if self._logged:
                when = f"began at {played.began[number]:.4f} s"
                signed = seat.validator.signed[:2].hex()
                self.result.ends.append(f"round {played.round} seat {number} {when}, signs {signed}")

    @property
    def _lockstep(self) -> tuple[Phase, ...]:
        """Phases in which a node waits for others though it has what it needs."""
        size = self.schedule.size
        return () if size.certified else BOTH if size.steps.header_relays else (Phase.REPORT,)

    def _judge_late(self, played: _Round, living: dict[int, _Running]) -> None:
        """Headers and votes are evidence in the next round too."""
        self._unproven -= 1
        there = {
            n: played.honest[n] for n, life in living.items() if self.running.get(n) is life and n in played.honest
        }
        if self._is_calm(played.round + 1) and not self._dying:
            for violation in unproven(played, there, (*self._lockstep, Phase.BLOCK), True):
                self._found(f"{violation}, though all has come")

    def can_certify(self, played: _Round) -> bool:
        size = self.schedule.size
        return self.stage.rules.quorum(played.ledger) <= size.validators - size.attackers

    def _is_calm(self, round_: int) -> bool:
        return all(self.schedule.is_calm(each) for each in range(round_ + 1))

    def _found(self, violation: str) -> None:
        if violation not in self.result.violations:
            self.result.violations.append(violation)


def _is_written(message: NodeMessage) -> bool:
    """Whether any reader takes it for a message: for others the sender is not read any more."""
    match message:
        case Vote(seat=seat):
            return 0 <= seat < 2**32
        case Echo(single=single, several=several, tags=tags):  # a tag has as many bytes as it is of seats
            return bool(tags) and not (single | several) >> len(tags)
        case Frame(claims=claims):
            return all(0 <= seat < 2**32 for claim in claims for seat in (claim.instance, *dict(claim.relays)))
    return True
