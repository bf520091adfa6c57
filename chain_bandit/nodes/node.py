"""The loop of a node: rounds begin when the chain shows the last one's record, and advance by message and Δ-timeout.

The chain is the clock. A node sends in a round only if it saw it begin: all that it sent before a restart is then of a
round that is over, so that no loss of its journal makes it sign two contents in one slot.

The loop is a generator: it yields what it waits for and is sent the frames that came. So a process runs it on links
and the system's clock, and schedules run the same one in virtual time (`verification/schedules/nodes.py`).
"""

import sys
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import suppress
from math import inf
from time import monotonic, thread_time
from typing import Any, NamedTuple, Protocol, TypeVar

from chain_bandit.actors.messages import COMPARISON, ENVIRONMENT, RELAYER, CertifiedBlock, Probe, PullRequest, Question
from chain_bandit.consensus.broadcast import Frame
from chain_bandit.consensus.certificate import Vote
from chain_bandit.consensus.evidence import Equivocation
from chain_bandit.consensus.vector import Vector
from chain_bandit.crypto.verify import Verifier
from chain_bandit.network.rate_limit import RateLimit
from chain_bandit.network.round_timer import RoundTimer, Timeliness
from chain_bandit.network.wire import (
    BodyRequest,
    BodyResponse,
    Envelope,
    EnvelopeKind,
    NodeAddress,
    NodeMessage,
    Owed,
    counts_in_its_step,
    decode,
    encode,
    later,
)
from chain_bandit.nodes.addresses import AddressBook, AnnouncementRefused
from chain_bandit.nodes.bodies import BodyExchange
from chain_bandit.nodes.crash import at
from chain_bandit.nodes.observed import Observed
from chain_bandit.nodes.role import NodeRole, Post
from chain_bandit.nodes.round_rules import RoundRules
from chain_bandit.nodes.sign_once import AlreadySigned
from chain_bandit.protocol.errors import Malformed
from chain_bandit.protocol.within_a_round import forget

POLL, GROWTH, LONGEST, SHARE = 0.02, 1.5, 3.0, 0.1
"""Seconds from one question to the chain to the next, while a record is waited for; what each pause is longer than the
last; the longest, in seconds, and of a delay bound or of the time that a block takes, whichever is longer."""

UNHURRIED = 0.1
"""Seconds between two looks after the last round, at first."""

EVIDENCE = (Frame, Vote, Equivocation)
"""Messages that may prove something of the last round."""

BESIDE = (BodyRequest, BodyResponse, NodeAddress)
"""Messages that are independent of their sender's progress in a round."""

MOST_FRAMES = 2
"""Times the longest frame of a seat, that all its envelopes of a round's steps are together at most: the honest send
once what fills one, headers and votes beside it. What comes early is held, so this bounds a node's memory."""

MOST_REPEATS = 64
"""Envelopes of steps in a row, none of them later than its sender's last one: links keep the order of the honest, who
send each once. A chain that goes back, and a restart, may bring a few."""

LATE = 1.5
"""Times a round's longest duration, since one of the honest was there, after which it is let end by its deadline."""


DESERTED = 5.0
"""Seconds without an answer after which the environment is taken to have ended with the game: to start takes less."""

PATIENCE, LEAST = 3, 1 / 16
"""How long a step is waited in for those of whom nothing is needed: times what a quorum took in a step before, and Δ at
the least."""


class EndedEarly(Exception):
    """The chain takes no more records, and has none that was not read."""


class Wait(NamedTuple):
    """What the loop waits for: so many seconds, or the first frame of anybody but those named.

    Soon after the first is as good: nothing can be done until all those in `together` have sent one.
    """

    seconds: float
    but: frozenset[int]
    together: frozenset[int]


Frames = list[tuple[int, bytes]]
"""What came: sender and frame, one a peer at most; empty when the time is over."""

T = TypeVar("T")
Waits = Generator[Wait, Frames, T]


class Outlet(Protocol):
    """What takes frames away, as `network.links.Links` does, and no more from a peer that is banned."""

    def send(self, to: int, frame: bytes) -> None:
        """Put a frame on its way."""
        ...

    def ban(self, peer: int) -> None:
        """Read nothing more from a peer."""
        ...

    @property
    def banned(self) -> frozenset[int]:
        """Peers that are not read any more."""
        ...


class RecordSource(Protocol):
    """What shows the records, as `nodes.follower.Follower` does.

    Attributes:
        accusations: the block list, and from which round on each is on it.
    """

    accusations: dict[int, int]

    @property
    def block_time(self) -> float:
        """Seconds a block; 0 while it is not known."""
        ...

    def next(self, parameters: Any, ledger: Any) -> Any:
        """The record of the open round, which says in a `word` how it ended; None while it is not there."""
        ...

    def knows_more(self) -> bool:
        """Whether what was read tells of more than was given, so that `next` need not ask the chain."""
        ...

    def is_over(self) -> bool:
        """Whether no more records are taken."""
        ...

    def is_closed(self) -> bool:
        """Whether the accounts are final."""
        ...


def calm(bound: float, block_time: float) -> float:
    """Seconds from one question to a chain to the next while nothing happens, for a delay bound and a block time."""
    return min(LONGEST, SHARE * max(bound, block_time))


class Node:
    """Drives one role through a game.

    Args:
        opening: the ledger before round 1.
        live: whether this process ran before the game was open, so that it sees the first round begin.
        last_signed: the last round that the role's key signed in, before this start.
        bound: Δ, in seconds.
        verifier: the actor's, whose memory does not outlive a round.
        say: told a line about each round.
        heard: told every envelope that is read, and its sender.
        clock: seconds, which all waiting is counted in.
        spent: seconds of its own time that the node has taken, which peers are charged.
        observe: told every record, those too that were made before this process began.
        bodies: of a compact game, whose records are completed by them.
        addresses: of a game whose nodes may move while it is played.
    """

    def __init__(
        self, role: NodeRole, rules: RoundRules, opening: Any, links: Outlet, follower: RecordSource, live: bool,
        last_signed: int, bound: float, verifier: Verifier,
        say: Callable[[str], None] = lambda line: print(line, file=sys.stderr, flush=True),
        heard: Callable[[int, Envelope], None] = lambda sender, envelope: None,
        clock: Callable[[], float] = monotonic, spent: Callable[[], float] = thread_time,
        observe: Callable[[Observed], None] = lambda seen: None, bodies: BodyExchange | None = None,
        addresses: AddressBook | None = None,
    ) -> None:  # fmt: skip
        self._observe, self._bodies, self._addresses = observe, bodies, addresses
        self._heard, self._now, self._spent = heard, clock, spent
        self._role, self._rules, self._links, self._follower = role, rules, links, follower
        self._last_signed, self._bound, self._say, self._verifier = last_signed, bound, say, verifier
        self.ledger, self._first = opening, opening.round
        self._everybody = frozenset(rules.everybody) - {role.address}
        self._present = self._everybody
        self._live, self._is_deserted = live, False
        self._insisted: float | None = None
        self._patience = 0.0
        """Seconds that a step lasts which would be over for a settled role, if some are missing."""
        self._insisting: set[int] = set()
        self._living: set[int] = set()
        self._alive: float | None = None
        self._round_timer: RoundTimer | None = None
        self._next: Any = None
        self._furthest = dict.fromkeys(self._everybody, 0)
        self._greeted: set[int] = set()
        self._looked, self._look_at, self._pause, self._is_told = -inf, 0.0, self._shortest, False
        self._rate_limit, self._standing = RateLimit(len(self._everybody)), Timeliness()
        self._noise = RateLimit(len(self._everybody))
        """Charged with what an honest seat never sends much of: a seat over this limit delays its own envelopes, and is
        not awaited."""
        self._places = dict.fromkeys(self._everybody, (-1, -1))
        self._repeats = dict.fromkeys(self._everybody, 0)
        self._said: dict[tuple[int, int], tuple[int, int]] = {}
        """What a seat's envelopes of a round's steps brought, and their bytes: no more than the honest ever send."""
        self._held: dict[tuple[int, int, int], Iterable[NodeMessage]] = {}
        """What came in early: by sender, round and step, of this round and those that are `_soon`; still as bytes, for
        messages may take eight times as many."""

    @property
    def _longest(self) -> float:
        return max(2 * POLL, calm(self._bound, self._follower.block_time))

    @property
    def _shortest(self) -> float:
        return max(POLL, self._longest / 4)  # the relayer tells of a record at once

    def run(self, receive: Callable[[float, frozenset[int], frozenset[int]], Frames]) -> None:
        """Play to the end of the game. `receive` waits as `Wait` says.

        Raises:
            ChainBanditError: what stopped the game.
        """
        game = self.play()
        with suppress(StopIteration):
            wait = next(game)
            while True:
                wait = game.send(receive(*wait))

    def play(self) -> Waits[None]:
        """All rounds, and the end, for a caller that waits in the loop's place. Raises `ChainBanditError`."""
        try:
            yield from self._all_rounds()
            self._say(f"all rounds are recorded, the last is round {self.ledger.round - self._first}")
        except EndedEarly:
            self._say(f"the game ended before round {self.ledger.round}: its last block has passed")
        self._round_timer = None
        pause = UNHURRIED
        while not self._role.finish():
            yield from self._take(pause)
            pause = max(UNHURRIED, min(GROWTH * pause, self._longest))

    # --- a round

    def _all_rounds(self) -> Waits[None]:
        rules = self._rules
        while not rules.is_over(self.ledger):
            self.ledger = rules.listed(self.ledger, self._follower)
            self._begin()
            if self.ledger.round < rules.first_recorded:
                yield from self._burn_in_round()
            else:
                yield from self._recorded_round()
            self._verifier.forget()
            forget()

    def _begin(self) -> None:
        self._began, self._insisted, self._patience = self._now(), None, 0.0
        self._insisting.clear()
        self._look_at, self._pause, self._is_told = self._looked + self._shortest, self._shortest, False
        here = self.ledger.round
        self._held = {key: said for key, said in self._held.items() if key[1] >= here}
        self._said = {key: said for key, said in self._said.items() if key[1] >= here}
        self._role.begin(self.ledger)
        at("round begun")
        self._present |= self._greeted & self._everybody  # until the next round that is played
        self._greeted.clear()
        late = self._links.banned | self._beyond | self._noise.spent(self._began)
        awaited = self._standing.awaited(self._present - late, here)
        voters = frozenset(self._rules.validators(self.ledger))
        least = self._rules.quorum(self.ledger) - (self._role.speaks and self._role.address in voters)
        self._round_timer = RoundTimer(self._began, self._bound, awaited, voters & self._everybody, least)
        self._living, self._alive = set(), None
        for sender, round_, step in self._held:
            if round_ == here:
                self._live_on({sender}, self._began)
                self._round_timer.arrived(sender, step)

    def _burn_in_round(self) -> Waits[None]:
        steps = self._rules.unrecorded_steps(self.ledger)
        if self._live and steps:
            yield from self._play(range(steps), lambda: self._rules.is_one_honest(self._ahead))
        yield from self._settle(self._follower.is_closed)
        self._role.close(None)
        self.ledger = self._rules.after(self.ledger, None)

    def _recorded_round(self) -> Waits[None]:
        played = False
        if not self._is_recorded() and (self._may_speak or not self._role.speaks):
            steps = range(self._rules.steps) if self._role.speaks else self._rules.others[self._role.address]
            played = yield from self._play(steps, self._is_recorded)
        elif self._next is None:
            self._greet()
        found = yield from self._with_body((yield from self._await_record(played)))
        self._post(self._role.recorded(found))
        yield from self._settle(self._follower.is_closed)
        self._role.close(found)
        at("followed")
        took = self._now() - self._began if self._live else None
        if took is not None:
            self._say(self._line(found, took))
        self._observe(
            Observed(
                self.ledger.round, found.word, took, len(self._everybody - self._present),
                len(self._links.banned), len(self._follower.accusations),
            )
        )  # fmt: skip
        self.ledger, self._next = self._rules.after(self.ledger, found), None

    def _line(self, found: Any, took: float) -> str:
        banned = f", not read any more: {sorted(self._links.banned)}" if self._links.banned else ""
        return f"round {self.ledger.round} {found.word} after {took:.3f} s{banned}"

    @property
    def _may_speak(self) -> bool:
        return self._live and self.ledger.round > self._last_signed

    def _play(self, steps: Sequence[int], is_over: Callable[[], bool]) -> Waits[bool]:
        """Steps of a round; False where it is over before them."""
        pace = self._round_timer
        assert pace is not None
        entered = 0
        for step in steps:
            if not self._role.speaks and step - 1 not in steps:
                went_by = yield from self._until_spoken(step, is_over)
                if went_by is not None:
                    return went_by
                pace.restart(self._now() - step * self._bound)
            pace.begin(step)
            at("step begun")
            if self._role.rushing and (yield from self._until(lambda: pace.missing(self._role.rushing), is_over)):
                return False
            said = self._signed(lambda: self._role.tick(step))  # noqa: B023
            at("ticked")
            if self._bodies is not None and (body := self._role.body()):
                self._bodies.kept.add(body)  # before the vote on its block leaves
            if any(isinstance(message, Question) for _, message in said):
                pace.ask(COMPARISON)
            self._post(said, step if self._role.speaks else None)
            self._enter(range(entered, step + 1))
            entered = step + 1
            if (yield from self._until(pace.missing, is_over)):
                return False
            if not self._role.settled():  # else a silent peer may have nothing to send, or time left
                self._standing.lapsed(pace.end(), self.ledger.round)
            at("step over")
            if self._role.is_done():
                pace.begin(self._rules.steps - 1)  # what others send in later steps is read
                self._enter(range(entered, self._rules.steps))
                break
        at("steps over")
        if not (self._is_told or self._ahead):
            self._look_at = self._now() + self._shortest  # the record takes that long, unless somebody tells
        self._standing.kept(pace.awaited)
        self._present = pace.present & self._everybody
        return True

    def _until_spoken(self, step: int, is_over: Callable[[], bool]) -> Waits[bool | None]:
        """Wait until an honest seat is in a step, or beyond it, and be told how `_play` ends where the round is."""
        assert self._round_timer is not None
        while not self._rules.is_one_honest(self._round_timer.heard_since(step)):
            yield from self._take(POLL)
            if is_over():
                return False
            if self._insisted is not None and self._now() > self._insisted + self._bound:
                return True  # the steps went by without us
            self._act(False)
        return None

    def _until(self, missing: Callable[[], frozenset[int]], is_over: Callable[[], bool]) -> Waits[bool]:
        """Take in messages until nobody is missing, or the step's deadline; True when others are in the next round."""
        assert self._round_timer is not None
        began, pace = self._now(), self._round_timer
        while (wanted := missing()) and (left := min(pace.deadline, self._ends(began)) - self._now()) > 0:
            is_past = self._ahead or self._is_told
            if is_past and is_over():
                return True
            # The chain tells that others are ahead, if nobody else does.
            was_enough = pace.is_enough
            yield from self._take(min(left, POLL) if is_past else left, wanted)
            if pace.is_enough and not was_enough:
                self._patience = max(self._patience, PATIENCE * (self._now() - began))
        # A settled node lacks nothing but what a round that was recorded without it does not bring any more.
        return bool(wanted) and self._role.settled() and not self._role.ready() and is_over()

    def _enter(self, steps: Iterable[int]) -> None:
        """Hand the role what came early in these steps."""
        for sender in sorted(self._everybody):
            for early in steps:
                self._deliver(sender, self.ledger.round, self._held.pop((sender, self.ledger.round, early), ()))

    def _ends(self, began: float) -> float:
        """When a step ends though some are missing, because nothing of theirs is needed: they are given a little time.

        What they would send is evidence, or spares bytes.
        """
        return began + max(self._patience, LEAST * self._bound) if self._role.ready() else inf

    def _await_record(self, played: bool) -> Waits[Any]:
        """Retransmit what must arrive, call the contract if that is one's part, until the record is there."""
        again = self._now() + self._bound
        while not self._is_recorded():
            if not self._live:
                self._say(f"resynced in round {self.ledger.round}")
                self._live = True  # the next one begins before our eyes
            self._act(played)
            if self._now() > again:
                said = self._role.insist() if played else []
                self._post(said)
                if not said and self._role.speaks:
                    self._greet()
                again = self._now() + self._bound
            yield from self._take(POLL)
        assert self._next is not None
        return self._next

    def _with_body(self, found: Any) -> Waits[Any]:
        """The record, in a compact game with its block's body: asked for every Δ until somebody gives it.

        Raises `EndedEarly` where the game was closed meanwhile: the others, which had it, are gone.
        """
        if self._bodies is None:
            return found
        again = 0.0
        while (whole := self._bodies.completed(found)) is None:
            if self._now() > again:
                if again and self._follower.is_closed():
                    raise EndedEarly
                self._post(self._bodies.requests(found))
                again = self._now() + self._bound
            yield from self._take(POLL)
        return whole

    def _settle(self, is_over: Callable[[], bool]) -> Waits[None]:
        """Wait for what the round still brings; ask for it every Δ, unless the game is over.

        Where the environment has not answered for `DESERTED` seconds in a game that is over, it is not asked in later
        rounds until it sends something: a node that is many rounds behind follows the records at the chain's speed.
        """
        if self._is_deserted:
            yield from self._take(0.0)
        again, began = 0.0, self._now()
        while self._role.waits() and not (self._is_deserted and is_over()):
            if self._now() > again:
                if again and self._now() > began + DESERTED and is_over():
                    self._is_deserted = True
                    return
                self._post(self._signed(self._role.ask))
                again = self._now() + self._bound
            yield from self._take(POLL)

    def _is_recorded(self) -> bool:
        if self._next is None and (self._now() >= self._look_at or self._follower.knows_more()):
            is_over = self._pause >= self._longest and self._follower.is_over()
            if not self._follower.knows_more():  # else it is not asked
                self._looked = self._now()
            self._next = self._follower.next(self._rules.parameters, self.ledger)
            if is_over and self._next is None:
                raise EndedEarly
            self._look_at, self._pause = self._now() + self._pause, min(GROWTH * self._pause, self._longest)
        return self._next is not None

    def _look_soon(self) -> None:
        """Somebody tells that the record is there."""
        self._look_at, self._pause = -inf, self._shortest

    def _act(self, played: bool) -> None:
        if self._role.act(played, self._is_late()):
            self._greet()
            self._look_soon()

    def _greet(self) -> None:
        """Heartbeat: others wait for nodes that sent in the round before, the relayer ends dead ones.

        From the relayer it announces the record.
        """
        self._send({to: [] for to in (*self._everybody, *self._rules.others)}, EnvelopeKind.NOW, 0)

    def _tell_addresses(self) -> None:
        if self._addresses is not None and (said := self._addresses.due()):
            self._send(dict.fromkeys((*self._everybody, *self._rules.others), said), EnvelopeKind.NOW, 0)

    def _moved(self, sender: int, said: NodeAddress) -> None:
        """Follow a node to its new address; a peer that passes on an unsigned one is not read any more."""
        if self._addresses is None:
            return
        try:
            if self._addresses.take(said):
                self._say(f"{said.address} is at {said.endpoint} now")
        except AnnouncementRefused as refused:
            if refused.forged:
                self._links.ban(sender)
            self._say(f"address of a node from {sender} refused: {refused}")

    def _is_late(self) -> bool:
        longest = self._rules.steps * self._bound
        return self._alive is not None and self._now() > self._alive + LATE * longest

    def _live_on(self, seats: Iterable[int], now: float) -> None:
        """Some are there: a round has come to life when one of them must be honest."""
        self._living |= set(seats)
        if self._alive is None and self._rules.is_one_honest(self._living):
            self._alive = now

    @property
    def _ahead(self) -> frozenset[int]:
        """Seats that declare to be in a later round already."""
        return frozenset(seat for seat, furthest in self._furthest.items() if furthest > self.ledger.round)

    @property
    def _beyond(self) -> frozenset[int]:
        """Seats that declare to be in a round after those that others may be in: they send nothing of this one.

        Of an honest one that is true, and the open round is recorded already. It is not awaited either way.
        """
        soon = max(self._soon, default=self.ledger.round)
        return frozenset(seat for seat, furthest in self._furthest.items() if furthest > soon)

    # --- messages

    def _signed(self, act: Callable[[], list[Post]]) -> list[Post]:
        """The messages of an act; none where it would have to sign a second content in a slot."""
        try:
            return act()
        except AlreadySigned as refused:
            self._say(f"not signed: {refused}")
            return []

    def _post(self, said: Iterable[Post], step: int | None = None) -> None:
        """Send, once all that it rests on is on disk: as a step's envelopes, one to everybody, or as it comes."""
        by_receiver: dict[int, list[NodeMessage]] = {}
        beside: dict[int, list[NodeMessage]] = {}
        if step is not None:
            by_receiver = {to: [] for to in (*self._everybody, *self._listening(step))}
        for to, message in said:
            (by_receiver if to in by_receiver else beside).setdefault(to, []).append(message)
        if by_receiver:
            self._send(by_receiver, EnvelopeKind.STEP, step or 0)
        if beside:
            self._send(beside, EnvelopeKind.NOW, 0)

    def _listening(self, step: int) -> list[int]:
        """Addresses beside the seats that wait for the step: in rounds without a record all, in all steps."""
        all_ = self.ledger.round < self._rules.first_recorded
        return [address for address, steps in self._rules.others.items() if all_ or step in steps]

    def _send(self, by_receiver: Mapping[int, Sequence[NodeMessage]], kind: EnvelopeKind, step: int) -> None:
        if self._bodies is not None:
            self._bodies.kept.sync()
        self._role.sync()
        at("journal synced")
        frames: dict[tuple[int, ...], bytes] = {}
        for to, messages in by_receiver.items():
            alike = tuple(map(id, messages))
            if alike not in frames:
                frames[alike] = encode(Envelope(kind, self.ledger.round, step, tuple(messages)))
            self._links.send(to, frames[alike])
        at("sent")

    def _take(self, seconds: float, together: frozenset[int] = frozenset()) -> Waits[None]:
        """Take in what has come, waiting as `Wait` says."""
        self._tell_addresses()
        spent, waits = self._rate_limit.spent(self._now()), self._role.expects()
        seconds = max(min(seconds, POLL) if spent or waits else seconds, 0.0)
        for sender, frame in (yield Wait(seconds, spent, together)):
            began = self._spent()
            try:
                envelope = self._read(sender, frame)
                is_due = self._is_due(sender, envelope, len(frame))
                is_noise = sender in self._everybody and self._is_noise(sender, envelope)
            except Malformed as error:
                self._links.ban(sender)
                if self._round_timer is not None:
                    self._round_timer.dismiss(sender)
                self._say(f"{sender} is not read any more: {error}")
                continue
            self._heard(sender, envelope)
            self._is_deserted = self._is_deserted and sender != ENVIRONMENT
            self._handle(sender, envelope, frame, is_due)
            if sender in self._everybody and not is_due:
                self._rate_limit.charge(sender, self._spent() - began, self._now())
                if is_noise:
                    self._noise.charge(sender, self._spent() - began, self._now())
            at("taken")
        if self._round_timer is not None:
            for peer in self._beyond | self._noise.spent(self._now()):
                self._round_timer.dismiss(peer)
        self._post(self._role.overdue())

    def _read(self, sender: int, frame: bytes) -> Envelope:
        """The envelope. Raises `Malformed`, also where a seat sends more at once than an honest one ever has to."""
        is_seat = sender in self._everybody
        if is_seat and len(frame) > self._rules.most_bytes:
            raise Malformed("frame", f"at most {self._rules.most_bytes} bytes in this game", f"{len(frame)}")
        envelope = decode(frame)
        bodies = sum(isinstance(message, BodyRequest) for message in envelope.messages)
        if bodies > (envelope.kind is EnvelopeKind.NOW):
            raise Malformed("envelope", "one question for a body, and none in a step", f"{bodies}")
        if is_seat and (said := _said(envelope)) > self._rules.most_said:
            raise Malformed("envelope", f"at most {self._rules.most_said} messages and claims", f"{said}")
        asked = sum(isinstance(message, Owed | PullRequest) for message in envelope.messages)
        if is_seat and asked > (envelope.kind is EnvelopeKind.NOW):  # each may be answered by many receipts
            raise Malformed("envelope", "one pull, or one question what is owed, and none in a step", f"{asked}")
        return envelope

    def _is_due(self, sender: int, envelope: Envelope, size: int) -> bool:
        """Whether this is the one envelope of a sender in a step, of a round that is open here or will be soon.

        Raises `Malformed` where it has more than an honest seat has left to send in the round.
        """
        round_, step = envelope.round, envelope.step
        if envelope.kind is not EnvelopeKind.STEP or step >= self._rules.steps:
            return False
        if round_ == self.ledger.round:
            is_due = self._round_timer is not None and not self._round_timer.has(sender, step)
        else:
            is_due = round_ in self._soon and (sender, round_, step) not in self._held
        if is_due and sender in self._everybody:
            before, held = self._said.get((sender, round_), (0, 0))
            said, held = self._said[sender, round_] = before + _said(envelope), held + size
            if said > self._rules.most_said + self._rules.steps:
                raise Malformed("round", f"at most {self._rules.most_said} messages and claims", f"{said}")
            if held > MOST_FRAMES * self._rules.most_bytes:
                raise Malformed("round", f"at most {MOST_FRAMES * self._rules.most_bytes} bytes", f"{held}")
        return is_due

    def _is_noise(self, sender: int, envelope: Envelope) -> bool:
        """Whether honest seats send few such envelopes: beside steps, or of a step that is not after their last one.

        Raises `Malformed` for too many of the second kind in a row.
        """
        if envelope.kind is EnvelopeKind.NOW:
            return not (envelope.messages and all(isinstance(each, BESIDE) for each in envelope.messages))
        place = envelope.round, envelope.step
        if place > self._places[sender]:
            self._places[sender], self._repeats[sender] = place, 0
            return False
        self._repeats[sender] += 1
        if self._repeats[sender] > MOST_REPEATS:
            raise Malformed("envelope", f"a step after {self._places[sender]}", f"{MOST_REPEATS} earlier ones")
        return True

    def _handle(self, sender: int, envelope: Envelope, frame: bytes, is_due: bool) -> None:
        here, step = self.ledger.round, envelope.step
        if sender in self._everybody:
            if envelope.round > here >= self._furthest[sender]:
                self._look_soon()  # a sender in the next round has seen the record
            self._furthest[sender] = max(self._furthest[sender], envelope.round)
            if envelope.round == here:
                self._live_on({sender}, self._now())
        elif sender == RELAYER and envelope.round == here and not (envelope.messages or self._is_told):
            self._is_told = True  # it has just made the record; it is believed once a round
            self._look_soon()
        if envelope.kind is EnvelopeKind.NOW or sender not in self._everybody:
            beside = envelope.messages and all(isinstance(each, BESIDE) for each in envelope.messages)
            if self._round_timer is not None and envelope.round == here and not beside:
                self._round_timer.answered(sender)
                if sender in self._everybody and envelope.messages:
                    self._insisting.add(sender)
                if self._insisted is None and self._rules.is_one_honest(self._insisting):
                    self._insisted = self._now()
            self._greeted.add(sender)
            at_once = [each for each in envelope.messages if not counts_in_its_step(each)]
            self._deliver(sender, envelope.round, at_once)
        elif envelope.round == here - 1:
            late = [each for each in envelope.messages if isinstance(each, EVIDENCE)]
            self._deliver(sender, envelope.round, late)
        elif not is_due:
            return
        elif envelope.round == here and self._round_timer is not None:
            self._round_timer.arrived(sender, step)
            if step <= self._round_timer.step:
                self._deliver(sender, here, envelope.messages)
            else:
                self._held[sender, here, step] = later(frame)
        else:
            self._held[sender, envelope.round, step] = later(frame)

    @property
    def _soon(self) -> tuple[int, ...]:
        """What others may be in already: the next round, and the first recorded one, to which some come sooner."""
        here, first = self.ledger.round, self._rules.first_recorded
        return (here + 1, max(here + 1, first))

    def _deliver(self, sender: int, round_: int, messages: Iterable[NodeMessage]) -> None:
        for message in messages:
            if isinstance(message, NodeAddress):
                self._moved(sender, message)
                continue
            if isinstance(message, BodyRequest | BodyResponse):
                if self._bodies is not None:
                    self._post(self._bodies.take(sender, message))
                continue
            if self._bodies is not None and isinstance(message, CertifiedBlock) and round_ == self.ledger.round:
                self._bodies.offer(sender, message.body)
            if self._round_timer is None and not isinstance(message, Owed | PullRequest):
                continue  # no round is open
            self._post(self._signed(lambda: self._role.take(sender, round_, message)))  # noqa: B023


def _said(envelope: Envelope) -> int:
    """Messages, claims, values and proofs in an envelope."""
    return len(envelope.messages) + sum(map(_listed, envelope.messages))


def _listed(message: NodeMessage) -> int:
    """What a message lists that takes a signature or a proof to check."""
    match message:
        case Frame():
            return len(message.claims)
        case Vector():
            return len(message.values)
        case Probe():
            return len(message.proofs) + len(message.frame.claims)
    frame = getattr(message, "frame", None)  # of an epoch's stage
    return len(frame.claims) if isinstance(frame, Frame) else 0
