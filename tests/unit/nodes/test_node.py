"""Loop of a node among peers of which up to m may send anything."""

import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic, sleep
from types import SimpleNamespace
from typing import Any

import pytest

from chain_bandit.actors.messages import COMPARISON, ENVIRONMENT, RELAYER, Probe, PullRequest
from chain_bandit.consensus.broadcast import Claim, Frame
from chain_bandit.consensus.certificate import Vote
from chain_bandit.consensus.vector import Vector
from chain_bandit.network import wire
from chain_bandit.network.rate_limit import RateLimit
from chain_bandit.network.round_timer import RoundTimer
from chain_bandit.network.wire import (
    MOST_SAID,
    BodyRequest,
    BodyResponse,
    Envelope,
    EnvelopeKind,
    NodeAddress,
    Owed,
    encode,
)
from chain_bandit.nodes import node as module
from chain_bandit.nodes import round_rules
from chain_bandit.nodes.node import LATE, Node
from chain_bandit.nodes.round_rules import BanditRounds
from chain_bandit.protocol.messages import Phase, Role, Slot, broadcast_value, statement_content
from chain_bandit.protocol.proposal import readable_report
from chain_bandit.scenario import load
from tests.integration.nodes import SMALL

BOUND, STEPS, SECONDS = 0.03, 3, 0.4
"""Delta, the steps of a round, and when its record is there."""

Ledger = Any


@dataclass
class Peers:
    """Links over which peers say what they have to say as soon as they are listened to, one frame after the other."""

    frames: list[tuple[int, bytes]]
    banned: set[int] = field(default_factory=set)
    silent_until: float = 0.0

    def receive(self, seconds: float, but: frozenset[int], together: frozenset[int]) -> list[tuple[int, bytes]]:
        if self.frames and monotonic() >= self.silent_until:
            return [self.frames.pop(0)]
        sleep(seconds)
        return []

    def send(self, to: int, frame: bytes) -> None:
        pass

    def ban(self, peer: int) -> None:
        self.banned.add(peer)


@dataclass
class Watched:
    """A role without a part in anything: its steps, and how the chain was turned to."""

    speaks: bool
    rushing: frozenset[int] = frozenset()
    ticks: list[int] = field(default_factory=list)
    acts: list[tuple[bool, bool]] = field(default_factory=list)
    late_in: set[int] = field(default_factory=set)
    began: list[float] = field(default_factory=list)

    @property
    def address(self) -> int:
        return 0 if self.speaks else COMPARISON

    def begin(self, ledger: Ledger) -> None:
        self.round = ledger.round
        self.began.append(monotonic())

    def tick(self, step: int) -> list[Any]:
        self.ticks.append(step)
        return []

    def act(self, heard: bool, late: bool) -> None:
        self.acts.append((heard, late))
        self.late_in |= {self.round} if late else set()

    def finish(self) -> bool:
        return True

    def waits(self) -> bool:
        return False

    def __getattr__(self, name: str) -> Callable[..., list[Any]]:
        return lambda *given: []


def over(parameters: Any, ledger: Ledger, record: Any = None) -> Ledger:
    return SimpleNamespace(round=ledger.round + 1, time=ledger.time + 1)


def rounds(burn_in: int, horizon: int = 1, compare: int = STEPS - 1) -> BanditRounds:
    parameters = SimpleNamespace(attackers=1, participants=4, report_bytes=100, horizon=horizon, burn_in=burn_in)
    seats = (0, 1, 2, 3)
    schedule = SimpleNamespace(
        steps=STEPS, probe_steps=STEPS, relay_rounds=2, compare=compare, certify=STEPS - 1, certified=False
    )
    rules: Any = SimpleNamespace(
        everybody=seats, parameters=parameters, validators=lambda ledger: seats, quorum=lambda ledger: 3,
        probes=lambda ledger: True, schedule=schedule,
    )  # fmt: skip
    return BanditRounds(rules)


def play(
    monkeypatch: pytest.MonkeyPatch, role: Watched, envelope: Envelope, many: int, burn_in: int, horizon: int = 1,
    recorded: int = 9, said: Callable[[str], None] = lambda line: None, peers: Peers | None = None,
    compare: int = STEPS - 1,
) -> Watched:  # fmt: skip
    """A node of four seats, of whom one may be malicious, while some of its peers say something in round 1.

    The chain ends after so many records.
    """
    monkeypatch.setattr(round_rules, "after_burn_in_round", over)
    monkeypatch.setattr(round_rules, "after_record", over)
    began = monotonic()
    found = SimpleNamespace(word="skip", record=None)

    def record(parameters: Any, ledger: Ledger) -> Any:
        assert monotonic() < began + 20 * SECONDS, "a node waits for ever"
        return found if monotonic() > began + SECONDS * ledger.round and ledger.round <= recorded else None

    follower: Any = SimpleNamespace(
        accusations={}, block_time=0.0, is_closed=lambda: True, next=record, knows_more=lambda: False,
        is_over=lambda: monotonic() > began + SECONDS * (recorded + 1),
    )  # fmt: skip
    links = peers or Peers([(3 - each, encode(envelope)) for each in range(many)])
    opening, verifier = SimpleNamespace(round=1, time=1), SimpleNamespace(forget=list)
    given: Any = (role, rounds(burn_in, horizon, compare), opening, links, follower, True, 0, BOUND, verifier, said)
    Node(*given).run(links.receive)
    return role


@pytest.mark.parametrize(("many", "steps"), [(1, [0, 1, 2]), (2, [0])])
def test_no_probing_ends_by_the_word_of_those_who_may_lie(monkeypatch, many, steps):
    ahead = Envelope(EnvelopeKind.NOW, 2, 0, ())
    assert play(monkeypatch, Watched(speaks=True), ahead, many, burn_in=2).ticks == steps


@pytest.mark.parametrize(("many", "is_late"), [(1, False), (2, True)])
def test_no_round_is_late_that_only_those_who_may_lie_have_begun(monkeypatch, many, is_late):
    assert LATE * STEPS * BOUND < SECONDS / 2
    acts = play(monkeypatch, Watched(speaks=False), Envelope(EnvelopeKind.NOW, 1, 0, ()), many, burn_in=1).acts
    assert any(late for _, late in acts) == is_late
    assert not any(heard for heard, _ in acts)


@pytest.mark.parametrize(("many", "is_played"), [(1, False), (2, True)])
def test_no_round_is_over_that_only_those_who_may_lie_insist_on(monkeypatch, many, is_played):
    acts = play(monkeypatch, Watched(speaks=False), Envelope(EnvelopeKind.NOW, 1, 0, (Owed(1),)), many, burn_in=1).acts
    assert any(heard for heard, _ in acts) == is_played


@pytest.mark.parametrize(
    "message",
    [NodeAddress(2, "1.1.1.1:1", 1, b""), BodyRequest(bytes(32)), BodyResponse(b"")],
    ids=["address", "question", "body"],
)
def test_what_is_said_beside_a_round_neither_ends_it_nor_is_an_answer_of_it(monkeypatch, message):
    answered: list[int] = []
    monkeypatch.setattr(RoundTimer, "answered", lambda self, address: answered.append(address))
    said = Envelope(EnvelopeKind.NOW, 1, 0, (message,))
    acts = play(monkeypatch, Watched(speaks=False), said, 3, burn_in=1).acts
    assert not any(heard for heard, _ in acts)
    assert answered == []


@pytest.mark.parametrize(("kind", "many"), [(EnvelopeKind.STEP, 1), (EnvelopeKind.NOW, 2)])
def test_who_asks_for_more_than_a_body_at_a_time_is_not_read(monkeypatch, kind, many):
    peers = Peers([(3, encode(Envelope(kind, 1, 0, (BodyRequest(bytes(32)),) * many)))])
    play(monkeypatch, Watched(speaks=True), SILENCE, 0, burn_in=1, peers=peers)
    assert peers.banned == {3}


@pytest.mark.parametrize(("many", "steps"), [(1, []), (2, [0, 1, 2])])
def test_nobody_listens_to_a_round_that_only_those_who_may_lie_have_begun(monkeypatch, many, steps):
    begun = Envelope(EnvelopeKind.STEP, 1, 0, ())
    assert play(monkeypatch, Watched(speaks=False), begun, many, burn_in=1).ticks == steps


def test_what_is_said_again_in_a_round_begins_none_after_it(monkeypatch):
    again = Envelope(EnvelopeKind.NOW, 1, 0, (Owed(1),))
    assert play(monkeypatch, Watched(speaks=False), again, 2, burn_in=1, horizon=2).late_in == {1}


def test_a_node_whose_chain_lags_behind_begins_as_soon_as_it_shows_what_others_have_seen(monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "BOUND", 2.0)
    ahead = Envelope(EnvelopeKind.NOW, 2, 0, ())
    began = play(monkeypatch, Watched(speaks=True), ahead, 2, burn_in=1, horizon=2).began
    assert began[1] - began[0] < SECONDS + BOUND / 4


SILENCE = Envelope(EnvelopeKind.NOW, 1, 0, ())


def claims(many: int) -> Frame:
    return Frame(Phase.REPORT, (Claim(3, bytes(100), bytes(64), ()),) * many)


@pytest.mark.parametrize(("each", "is_banned"), [(MOST_SAID * 4 // STEPS, False), (MOST_SAID * 4 - 1, True)])
def test_a_seat_that_says_more_in_the_steps_of_a_round_than_the_honest_ever_do_is_not_read(
    monkeypatch, each, is_banned
):
    frames = [(3, encode(Envelope(EnvelopeKind.STEP, 1, step, (claims(each),)))) for step in range(STEPS)]
    peers = Peers([*frames, *((2, frame) for _, frame in frames[:1])])
    play(monkeypatch, Watched(speaks=True), SILENCE, 0, burn_in=1, peers=peers)
    assert peers.banned == ({3} if is_banned else set())


@pytest.mark.parametrize(("size", "is_banned"), [(0.6, False), (0.7, True)])
def test_a_seat_that_sends_more_bytes_in_the_steps_of_a_round_than_the_honest_ever_do_is_not_read(
    monkeypatch, size, is_banned
):
    """One long content counts as one claim, and what comes early is held."""
    content = bytes(int(size * rounds(1).most_bytes))
    said = Frame(Phase.REPORT, (Claim(3, content, bytes(64), ()),))
    frames = [(3, encode(Envelope(EnvelopeKind.STEP, 1, step, (said,)))) for step in range(3)]
    peers = Peers([*frames, (2, encode(Envelope(EnvelopeKind.STEP, 1, 0, ())))])
    play(monkeypatch, Watched(speaks=True), SILENCE, 0, burn_in=1, peers=peers)
    assert peers.banned == ({3} if is_banned else set())


@pytest.mark.parametrize("kind", EnvelopeKind)
@pytest.mark.parametrize(("many", "is_banned"), [(MOST_SAID * 4 - 1, False), (MOST_SAID * 4, True)])
def test_a_seat_that_says_more_in_one_envelope_than_the_honest_ever_do_is_not_read(monkeypatch, kind, many, is_banned):
    peers = Peers([(3, encode(Envelope(kind, 1, 0, (claims(many),))))])
    play(monkeypatch, Watched(speaks=True), SILENCE, 0, burn_in=1, peers=peers)
    assert peers.banned == ({3} if is_banned else set())


@pytest.mark.parametrize(
    "message",
    [
        Vector(1, 8, (Claim(3, bytes(100), bytes(64)),) * MOST_SAID * 4),
        Probe(((3, bytes(81)),) * MOST_SAID * 4, Frame(Phase.BLOCK, ())),
    ],
    ids=["values", "proofs"],
)
def test_what_takes_as_long_to_check_as_a_claim_counts_as_one(monkeypatch, message):
    peers = Peers([(3, encode(Envelope(EnvelopeKind.STEP, 1, 0, (message,))))])
    play(monkeypatch, Watched(speaks=True), SILENCE, 0, burn_in=1, peers=peers)
    assert peers.banned == {3}


@pytest.mark.parametrize("version", [wire.VERSION - 1, wire.VERSION + 1])
def test_a_node_of_another_version_is_not_read(monkeypatch, version):
    """For the others it is away: nothing that it says counts, well-formed or not."""
    with monkeypatch.context() as other:
        other.setattr(wire, "VERSION", version)
        frame = encode(Envelope(EnvelopeKind.STEP, 1, 0, ()))
    peers = Peers([(3, frame), (2, encode(Envelope(EnvelopeKind.STEP, 1, 0, ())))])
    role = play(monkeypatch, Watched(speaks=True), SILENCE, 0, burn_in=1, peers=peers)
    assert peers.banned == {3}
    assert role.ticks, "the others play on"


def test_what_it_may_say_is_as_much_in_the_next_round(monkeypatch):
    frames = [(3, encode(Envelope(EnvelopeKind.STEP, round_, 0, (claims(MOST_SAID * 4 - 1),)))) for round_ in (1, 2)]
    peers = Peers(frames)
    play(monkeypatch, Watched(speaks=True), SILENCE, 0, burn_in=1, horizon=2, peers=peers)
    assert peers.banned == set()


@pytest.mark.parametrize("message", [Owed(1), PullRequest(0, bytes(64))])
@pytest.mark.parametrize(
    ("kind", "many", "is_banned"),
    [(EnvelopeKind.STEP, 1, True), (EnvelopeKind.NOW, 1, False), (EnvelopeKind.NOW, 2, True)],
)
def test_what_is_answered_at_length_is_asked_for_once_and_not_in_a_step_where_it_is_free(
    monkeypatch, message, kind, many, is_banned
):
    peers = Peers([(3, encode(Envelope(kind, 1, 0, (message,) * many)))])
    play(monkeypatch, Watched(speaks=True), SILENCE, 0, burn_in=1, peers=peers)
    assert peers.banned == ({3} if is_banned else set())


def test_the_one_envelope_of_a_step_is_free_and_what_comes_besides_is_charged(monkeypatch):
    charged: list[int] = []
    monkeypatch.setattr(RateLimit, "charge", lambda self, peer, seconds, now: charged.append(peer))
    step = encode(Envelope(EnvelopeKind.STEP, 1, 0, ()))
    peers = Peers([(3, step), (2, step), (3, step), (1, encode(SILENCE))])
    play(monkeypatch, Watched(speaks=True), SILENCE, 0, burn_in=1, peers=peers)
    assert list(dict.fromkeys(charged)) == [3, 1]


def test_a_game_whose_last_block_has_passed_ends_before_its_last_round(monkeypatch):
    said: list[str] = []
    silence = Envelope(EnvelopeKind.NOW, 1, 0, ())
    monkeypatch.setattr(module, "LONGEST", 0.1)
    played = play(monkeypatch, Watched(False), silence, 0, burn_in=1, horizon=9, recorded=1, said=said.append)
    assert played.round == 2
    assert said[-1] == "the game ended before round 2: its last block has passed"


def test_nothing_that_was_computed_for_a_round_is_held_after_it(monkeypatch):
    """A cache of a thousand digests takes a thousand rounds to come in: it grew by 1.6 to 3.3 kB in each."""
    content, report = bytes(range(64)), bytes(range(100))
    before = sys.getrefcount(content), sys.getrefcount(report)

    @dataclass
    class Stating(Watched):
        def tick(self, step: int) -> list[Any]:
            Slot(bytes(32), self.round, bytes(32)).digest(Phase.REPORT, Role.COMMANDER, 0, content)
            broadcast_value(Phase.BLOCK, content, b"")
            statement_content(Phase.BLOCK, content)
            readable_report(report, load(SMALL).parameters, 1, 0)
            assert sys.getrefcount(content) > before[0]
            return super().tick(step)

    assert play(monkeypatch, Stating(speaks=True), SILENCE, 0, burn_in=1).ticks
    assert (sys.getrefcount(content), sys.getrefcount(report)) == before


STEP, POLL, SPOKEN = EnvelopeKind.STEP, module.POLL, 0.003


def looks(
    monkeypatch: pytest.MonkeyPatch, said: list[tuple[float, int, Envelope]], record: float,
    role: Watched | None = None, seats: tuple[int, ...] = (1, 2, 3), bound: float = 9.0, block_time: float = 0.0,
) -> list[float]:  # fmt: skip
    """When a seat asks the chain for the record of round 1, in seconds of a clock of the test's own.

    Of its peers these seats send all that they send in the steps at `SPOKEN`, and the rest at its times.
    """
    monkeypatch.setattr(round_rules, "after_record", over)
    now, asked, found = [0.0], list[float](), SimpleNamespace(word="approved", record=None)

    def next_(parameters: Any, ledger: Ledger) -> Any:
        asked.append(now[0])
        return found if now[0] >= record else None

    follower: Any = SimpleNamespace(
        accusations={}, block_time=block_time, is_closed=bool, is_over=bool, next=next_, knows_more=bool
    )  # fmt: skip
    links, opening = Peers([]), SimpleNamespace(round=1, time=1)
    role = role or Watched(speaks=True)
    role.clock = lambda: now[0]  # type: ignore[attr-defined]
    given: Any = (role, rounds(1), opening, links, follower, True, 0, bound, SimpleNamespace(forget=list))
    game = Node(*given, say=lambda line: None, clock=lambda: now[0]).play()
    steps = [(SPOKEN, seat, Envelope(STEP, 1, step, ())) for step in range(STEPS) for seat in seats]
    due = sorted([*steps, *said], key=lambda each: each[0])
    wait = next(game)
    while True:
        came = [each for each in due[:1] if each[0] <= now[0] + wait.seconds]
        now[0] = max(now[0], came[0][0]) if came else now[0] + wait.seconds
        del due[: len(came)]
        try:
            wait = game.send([(sender, encode(envelope)) for _, sender, envelope in came])
        except StopIteration:
            return asked


def test_the_chain_is_asked_at_once_where_the_relayer_tells_of_the_record_and_once_a_round(monkeypatch):
    told = [(each, RELAYER, Envelope(EnvelopeKind.NOW, 1, 0, ())) for each in (0.005, 0.006)]
    alone = looks(monkeypatch, [], 1.0)
    longest = min(module.LONGEST, module.SHARE * 9.0)
    first = SPOKEN + longest / 4
    assert alone[0] == 0.0
    assert first <= alone[1] < first + POLL, "a quarter of the longest pause, in a game of such a Delta"
    assert alone[-1] == pytest.approx(1.0, abs=0.5), "nobody has to tell"
    assert looks(monkeypatch, told[:1], 0.005) == [0.0, 0.005]
    during_the_steps = [(0.002, RELAYER, told[0][2])]
    assert looks(monkeypatch, during_the_steps, 0.001) == [0.0, 0.002], "the steps are over with the record"
    early = looks(monkeypatch, told, 1.0)
    assert early[:2] == [0.0, 0.005]
    assert 0.006 not in early
    assert len(early) <= len(alone) + 1


def test_a_chain_is_asked_ten_times_a_block_however_short_the_delay_bound_is(monkeypatch):
    """Seven nodes on a chain of a block each twelve seconds ask some ten requests a second."""
    asked = looks(monkeypatch, [], 12.0, bound=0.5, block_time=12.0)
    assert 10 <= len(asked) <= 17
    assert len(looks(monkeypatch, [], 12.0, bound=0.5, block_time=0.2)) > 200


def test_who_is_in_the_next_round_tells_of_the_record_too(monkeypatch):
    assert looks(monkeypatch, [(0.005, 2, Envelope(EnvelopeKind.NOW, 2, 0, ()))], 0.005) == [0.0, 0.005]


@pytest.mark.parametrize("lies_at", [0.001, 0.005])
def test_the_relayer_is_heard_though_a_seat_has_lied_that_the_record_is_there(monkeypatch, lies_at):
    lie, hint = (Envelope(EnvelopeKind.NOW, round_, 0, ()) for round_ in (2, 1))
    assert looks(monkeypatch, [(lies_at, 2, lie), (0.25, RELAYER, hint)], 0.25)[-1] == 0.25


@pytest.mark.parametrize("ahead", [[5, 6], [5] * 3], ids=["of later rounds", "of one"])
def test_a_seat_that_declares_to_be_far_ahead_is_not_awaited(monkeypatch: pytest.MonkeyPatch, ahead: list[int]) -> None:
    """Junk before each envelope delays it until just before the step's deadline, so that it never misses one."""
    early = [(0.001, 3, Envelope(STEP, round_, 0, ())) for round_ in ahead]
    late = [(9.0 * (step + 1) - 0.1, 3, Envelope(STEP, 1, step, ())) for step in range(STEPS)]
    assert steps_of(monkeypatch, [*early, *late]) == pytest.approx(SPOKEN)
    assert steps_of(monkeypatch, late) > 9.0, "a slow seat is awaited"


def test_a_seat_that_sends_more_beside_steps_than_the_honest_do_is_not_awaited(monkeypatch: pytest.MonkeyPatch) -> None:
    silence = [(0.001, 3, Envelope(EnvelopeKind.NOW, 1, 0, ()))]
    late = [(9.0 * (step + 1) - 0.1, 3, Envelope(STEP, 1, step, ())) for step in range(STEPS)]
    assert steps_of(monkeypatch, [*silence * 200, *late]) < 1.0
    assert steps_of(monkeypatch, [*silence * 5, *late]) > 9.0


@pytest.mark.parametrize(("many", "is_banned"), [(module.MOST_REPEATS, False), (module.MOST_REPEATS + 1, True)])
def test_a_seat_that_sends_steps_out_of_order_again_and_again_is_not_read(monkeypatch, many, is_banned):
    later, earlier = (3, encode(Envelope(STEP, 2, 1, ()))), (3, encode(Envelope(STEP, 1, 0, ())))
    peers = Peers([later, *[later, earlier] * (many // 2), *[later] * (many % 2)])
    play(monkeypatch, Watched(speaks=True), SILENCE, 0, burn_in=1, peers=peers)
    assert peers.banned == ({3} if is_banned else set())


@dataclass
class Timed(Watched):
    ticked: list[float] = field(default_factory=list)

    def tick(self, step: int) -> list[Any]:
        self.ticked.append(self.clock())
        return super().tick(step)


def steps_of(monkeypatch: pytest.MonkeyPatch, said: list[tuple[float, int, Envelope]]) -> float:
    """When a seat begins its last step of round 1, while seats 1 and 2 have sent all at `SPOKEN`."""
    role = Timed(speaks=True)
    looks(monkeypatch, said, 9.0 * STEPS + 1, role, (1, 2))
    return role.ticked[STEPS - 1]


def test_who_reads_many_records_at_once_is_back_when_the_chain_has_no_more(monkeypatch):
    """Not after what was read first: the others went on while it was taken in."""
    monkeypatch.setattr(round_rules, "after_record", over)
    now, read, lines, role = [0.0], [0], list[str](), Watched(speaks=True)
    found = SimpleNamespace(word="approved", record=None)
    follower: Any = SimpleNamespace(accusations={}, block_time=0.0, is_closed=bool, is_over=bool)
    follower.knows_more = lambda: read[0] >= role.round

    def next_(parameters: Any, ledger: Ledger) -> Any:
        if not follower.knows_more():
            read[0] = 9 if read[0] else 3
        now[0] += 0.5
        return found if follower.knows_more() else None

    follower.next = next_
    opening, verifier = SimpleNamespace(round=1, time=1), SimpleNamespace(forget=list)
    given: Any = (role, rounds(1, horizon=12), opening, Peers([]), follower, False, 0, 9.0, verifier, lines.append)
    game = Node(*given, clock=lambda: now[0]).play()
    next(game)
    assert lines == ["resynced in round 10"]
    assert not role.ticks


def behind(
    monkeypatch: pytest.MonkeyPatch, is_over: bool, burn_in: int = 1,
    said: Callable[[float], list[int]] = lambda now: [],
) -> tuple[int, float]:  # fmt: skip
    """The round and the time at which a node ends, or gives up, that lacks the receipts of a hundred rounds.

    All of them are recorded. From whom something comes is told by the time.
    """
    monkeypatch.setattr(round_rules, "after_record", over)
    monkeypatch.setattr(round_rules, "after_burn_in_round", over)
    monkeypatch.setattr(Watched, "waits", lambda self: True)
    now, role, bound = [0.0], Watched(speaks=True), 1.0
    found = SimpleNamespace(word="approved", record=None)
    follower: Any = SimpleNamespace(
        accusations={}, block_time=0.0, is_closed=lambda: is_over, is_over=bool,
        next=lambda *given: found, knows_more=lambda: True,
    )  # fmt: skip
    opening, verifier = SimpleNamespace(round=1, time=1), SimpleNamespace(forget=list)
    given: Any = (role, rounds(burn_in, 100), opening, Peers([]), follower, burn_in == 1, 0, bound, verifier, str)
    game, frame = Node(*given, clock=lambda: now[0]).play(), encode(Envelope(EnvelopeKind.NOW, 1, 0, ()))
    with suppress(StopIteration):
        now[0] += next(game).seconds
        while now[0] < 40:
            now[0] += 0.001  # of the node's own
            now[0] += game.send([(sender, frame) for sender in said(now[0])]).seconds
    return role.round, now[0]


@pytest.mark.parametrize("burn_in", [1, 4])
def test_a_node_far_behind_waits_for_a_receipt_once_in_a_game_that_is_over(monkeypatch, burn_in):
    """Not a bound in each of a hundred rounds, of the burn-in too; in a game that goes on it waits for the first."""
    assert behind(monkeypatch, True, burn_in) == (100, pytest.approx(module.DESERTED, abs=1.5))
    assert behind(monkeypatch, False, burn_in) == (1, pytest.approx(40, abs=1.5))


def test_an_environment_that_is_there_after_all_is_asked_again(monkeypatch):
    """After each of its messages, however few."""
    assert behind(monkeypatch, True, said=lambda now: [ENVIRONMENT] if now > 4.5 else [])[0] < 20


def test_listeners_get_the_envelopes_of_the_steps_that_concern_them(monkeypatch):
    """The comparison until it is asked, environment and relayer the first and last; of the burn-in everybody all."""
    sent: list[tuple[int, int, int]] = []

    @dataclass
    class Noted(Peers):
        def send(self, to: int, frame: bytes) -> None:
            said = wire.decode(frame)
            if said.kind is STEP:
                sent.append((to, said.round, said.step))

    play(monkeypatch, Watched(speaks=True), SILENCE, 0, burn_in=2, horizon=2, peers=Noted([]), compare=1)
    steps = {(to, round_): [step for a, b, step in sent if (a, b) == (to, round_)] for to, round_, _ in sent}
    assert steps == {
        **{(to, 1): [0, 1, 2] for to in (1, 2, 3, COMPARISON, ENVIRONMENT, RELAYER)},
        **{(to, 2): [0, 1, 2] for to in (1, 2, 3)},
        (COMPARISON, 2): [0, 1], (ENVIRONMENT, 2): [0, 2], (RELAYER, 2): [0, 2],
    }  # fmt: skip


def test_a_listener_takes_what_was_said_to_it_in_steps_that_it_does_not_wait_for(monkeypatch):
    taken: list[Any] = []

    @dataclass
    class Taking(Watched):
        @property
        def address(self) -> int:
            return RELAYER

        def take(self, sender: int, round_: int, message: Any) -> list[Any]:
            taken.append((sender, message))
            return []

    vote = Vote(3, bytes(32), bytes(64))
    between = (3, encode(Envelope(STEP, 1, 1, (vote,))))
    said = [(each, encode(Envelope(STEP, 1, step, ()))) for step in (0, STEPS - 1) for each in (1, 2, 3)]
    role = play(monkeypatch, Taking(speaks=False), SILENCE, 0, burn_in=1, peers=Peers([between, *said]))
    assert taken == [(3, vote)]
    assert role.ticks == [0, STEPS - 1]
    assert (True, False) in role.acts, "the round was heard to its end"


@pytest.mark.parametrize(("last_of", "bounds"), [((0, 1, 2), 0), ((1, 2), 1)])
def test_a_listener_waits_a_delay_bound_from_when_the_honest_are_in_its_last_step(monkeypatch, last_of, bounds):
    """Seat 3 says nothing from the first step on, seat 0 in the last one."""
    monkeypatch.setattr(sys.modules[__name__], "BOUND", 0.1)

    @dataclass
    class Timed(Watched):
        at: list[float] = field(default_factory=list)

        @property
        def address(self) -> int:
            return RELAYER

        def tick(self, step: int) -> list[Any]:
            self.at.append(monotonic())
            return super().tick(step)

        def act(self, heard: bool, late: bool) -> None:
            self.at += [monotonic()] if heard else []
            super().act(heard, late)

    steps = ((0, (0, 1, 2)), (STEPS - 1, last_of))
    said = [(each, encode(Envelope(STEP, 1, step, ()))) for step, seats in steps for each in seats]
    role = play(monkeypatch, Timed(speaks=False), SILENCE, 0, burn_in=1, peers=Peers(said))
    assert role.ticks == [0, STEPS - 1]
    first, last, acted, *_ = role.at
    assert BOUND <= last - first < 2 * BOUND, "seat 3 is waited for in the first step"
    assert bounds * BOUND <= acted - last < (bounds + 0.5) * BOUND, "and no more in the last one"


def test_a_listener_s_wait_does_not_begin_before_an_honest_seat_is_in_the_step(monkeypatch):
    """The round is alive from its first step on, and at its last one after more than a delay bound."""
    monkeypatch.setattr(sys.modules[__name__], "BOUND", 0.1)

    @dataclass
    class Heard(Watched):
        def tick(self, step: int) -> list[Any]:
            if not step:
                peers.silent_until = monotonic() + 1.5 * BOUND
            assert not step or len(peers.frames) == 2, "its last step begins with the envelopes of the honest"
            return super().tick(step)

        @property
        def address(self) -> int:
            return RELAYER

    said = [(each, encode(Envelope(STEP, 1, step, ()))) for step in (0, STEPS - 1) for each in (0, 1, 2, 3)]
    peers = Peers(said)
    assert play(monkeypatch, Heard(speaks=False), SILENCE, 0, burn_in=1, peers=peers).ticks == [0, STEPS - 1]
