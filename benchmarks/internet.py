"""Rounds of nodes in cloud regions, in virtual time: seconds and bytes of a round, under loss and churn.

    python -m benchmarks.internet [--sizes 4 10 31 64 100 256] [--plot FILE]

The loop of nodes, their machines and the frames are those of processes (`verification/schedules/nodes.py`); links are
modelled as docs/internet.md says. Signatures are tokens of 64 bytes, computing takes no time, and a record is on the
chain at once. Everybody validates and commands, m = floor((n - 1) / 3), quorum two thirds. Delta is the least that
docs/consensus.md allows for the slowest links of a round without loss, rounded up to 10 ms. Exit code 14 where a round
without loss or churn is not certified.
"""

import argparse
import json
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from math import ceil, floor
from pathlib import Path
from typing import Any
from unittest.mock import patch

from chain_bandit.actors.messages import ENVIRONMENT, RELAYER, PullRequest
from chain_bandit.network.links import GATHER
from chain_bandit.network.wire import Envelope, EnvelopeKind, Owed, decode, encode
from chain_bandit.nodes import node
from chain_bandit.protocol.blocks import Kind
from chain_bandit.protocol.ledger import Ledger
from science import provenance
from science.figures import INK, PALE, begin, save
from verification.schedules import nodes
from verification.schedules.acts import FaultSchedule, GameSize
from verification.schedules.invariants import disagree
from verification.schedules.stage import ScheduleStage

REGIONS = "Virginia", "Frankfurt", "Tokyo", "São Paulo", "Singapore", "Oregon", "Mumbai", "Sydney"
ROUND_TRIPS = (
    (90, 165, 120, 215, 65, 190, 215), (230, 195, 160, 145, 120, 250), (285, 70, 100, 125, 115), (325, 175, 300, 330),
    (165, 60, 95), (220, 140), (150,),
)  # fmt: skip
"""Milliseconds between a region and each that follows it: typical values, which nobody measured for this."""
BETWEEN = [
    [1 if one == other else ROUND_TRIPS[min(one, other)][abs(one - other) - 1] for other in range(len(REGIONS))]
    for one in range(len(REGIONS))
]
SEGMENT, AROUND = 1_400, 78
"""Bytes of a packet, and around a frame: its length, TLS 1.3, TCP and IPv4."""
SLOWEST_TIMER = 0.2
"""Seconds beyond a round trip after which TCP sends again what was lost (RFC 6298, with Linux' least variance)."""
ROUNDS = {4: 24, 10: 24, 31: 12, 64: 6, 100: 3, 256: 1}
"""That are played, by n."""
STAY = 3
"""Rounds that a node is away."""
AMPLE = 5.0
"""A Delta that no link exceeds, in seconds."""


@dataclass(frozen=True)
class Network:
    """What lies between nodes. Delays are a half of a round trip and up to `jitter` of it more.

    Attributes:
        bandwidth: bits a second that a node sends, one frame after another.
        loss: the chance that a packet is lost.
        away: the share of nodes that are away at a time.
        equal: milliseconds of a round trip between all, in place of the regions'.
    """

    bandwidth: float = 100e6
    jitter: float = 0.1
    loss: float = 0.0
    away: float = 0.0
    equal: float | None = None

    def round_trip(self, one: int, other: int) -> float:
        """Seconds; environment, relayer and comparison are in the first region."""
        if self.equal is not None:
            return self.equal / 1e3
        return BETWEEN[max(one, 0) % len(REGIONS)][max(other, 0) % len(REGIONS)] / 1e3


CALM, LOSSY, AWAY = "no loss", "loss 1 %", "a tenth away"
CASES = {
    CALM: (Network(), 1), "loss 0.1 %": (Network(loss=0.001), 1), LOSSY: (Network(loss=0.01), 1),
    AWAY: (Network(away=0.1), 1), f"{AWAY}, 2Δ": (Network(away=0.1), 2),
}  # fmt: skip
"""The network, and how many times the least Delta of one without loss."""
DELAYS: dict[str, Callable[[int], int]] = {
    "m + 1 delays (Dolev and Strong)": lambda n: (n - 1) // 3 + 1, "7 delays (HotStuff)": lambda n: 7,
    "3 delays (PBFT, Tendermint)": lambda n: 3,
}  # fmt: skip
"""By n, of agreement alone."""


@dataclass(frozen=True)
class _Row:
    """Rounds of one size in one case.

    Attributes:
        bound, least: Delta, and what it has to be at least for the slowest message; seconds.
        slowest: message between seats, in seconds.
        certified, disagreed: rounds with a block, and with two blocks of honest seats.
        seconds: of a round, in the mean.
        frames, bytes: that a node sends in a round, encoded.
        vectors: "certified" where these end the broadcast of reports; steps are then those of a round without faults.
    """

    validators: int
    steps: int
    case: str
    bound: float
    least: float
    slowest: float
    rounds: int
    certified: int
    disagreed: int
    seconds: float
    frames: float
    bytes: float
    vectors: str = "plain"


class Internet(nodes._Game):
    """A game of nodes on such a network, without an adversary.

    Attributes:
        sent_frames, sent_bytes: by seats, encoded.
        slowest: seconds that a message took, between seats and to or from others.
    """

    def __init__(self, stage: ScheduleStage, network: Network, rounds: int, seed: int) -> None:
        super().__init__(stage, FaultSchedule(stage.size, (), rounds, seed, ()), logged=False)
        self.network = network
        self._behind = {seat: network.round_trip(RELAYER, seat) / 2 for seat in range(stage.size.validators)}
        self._free = dict[int, float]()
        self._last = dict[tuple[int, int], float]()
        self._due = dict[int, tuple[int, set[int]]]()
        self.sent_frames = self.sent_bytes = 0
        self.slowest = {True: 0.0, False: 0.0}
        self.outcomes = dict[int, tuple[bool, bool]]()

    def sent(self, sender: int, to: int, frame: bytes) -> None:
        """Put a frame on its way, which a node that is away does not."""
        envelope = self._read(frame)
        played = self.rounds.get(envelope.round)
        if played is None or not (sender < 0 or sender in self.running):
            return
        if sender >= 0 and played.round < self.schedule.rounds:
            self.sent_frames += 1
            self.sent_bytes += len(frame)
        arrives = self._arrival(sender, to, len(frame) + AROUND)
        among_seats = sender >= 0 and to >= 0
        self.slowest[among_seats] = max(self.slowest[among_seats], arrives - self.now)
        if to == ENVIRONMENT:
            self._at(arrives, partial(self._answer, sender, envelope))
        elif to == RELAYER:
            self._at(arrives, partial(self._relay, played, sender, envelope))
        else:
            self._at(arrives, partial(self._arrive, sender, to, frame))

    def _arrival(self, sender: int, to: int, size: int) -> float:
        """When so many bytes are there: after what the sender sends before, and what the link carries before."""
        network, link = self.network, (sender, to)
        self._free[sender] = left = max(self.now, self._free.get(sender, 0.0)) + 8 * size / network.bandwidth
        trip = network.round_trip(*link)
        delay, again = trip / 2 * (1 + network.jitter * self._chance()), trip + SLOWEST_TIMER
        lost = 1 - (1 - network.loss) ** ceil(size / SEGMENT)
        while self._chance() < lost:
            delay, again = delay + again, 2 * again
        self._last[link] = arrives = max(left + delay, self._last.get(link, 0.0))
        return arrives

    def _arrive(self, sender: int, to: int, frame: bytes) -> None:
        """Wake the node as `network.links` does: for the last of those it waits for, or a little after the first."""
        one = self.running.get(to)
        if one is None or sender in one.banned:
            return
        one.inbox.setdefault(sender, deque()).append(frame)
        if one.wait is None or sender in one.wait.but:
            return
        turn, due = self._due.get(to, (-1, set[int]()))
        if turn != one.turn:
            turn, due = self._due[to] = one.turn, set(one.wait.together)
            self._at(self.now + GATHER, partial(self._timeout, to, one, turn))
        due.discard(sender)
        if not due:
            self._timeout(to, one, turn)

    def _timeout(self, address: int, one: nodes._Running, turn: int) -> None:
        if one.turn == turn and self.running.get(address) is one:
            self._resume(address, one, self._waiting(one))

    def _brief(self) -> float:
        return 0.0

    def _answer(self, sender: int, envelope: Envelope) -> None:
        for message in envelope.messages:
            round_ = message.since if isinstance(message, Owed) else envelope.round
            if isinstance(message, Owed | PullRequest) and round_ in self.chain:
                self.sent(ENVIRONMENT, sender, encode(Envelope(EnvelopeKind.NOW, round_, 0, (Owed(round_),))))

    def _record(self, played: nodes._Round, patient: bool = True) -> None:
        """Record a round, once, of which the relayer tells everybody (decision 131)."""
        round_ = played.ledger.round
        if round_ not in self.chain:
            super()._record(played, patient)
            for to in list(self.running) if round_ in self.chain else ():
                self.sent(RELAYER, to, encode(Envelope(EnvelopeKind.NOW, round_, 0, ())))

    def begun(self, number: int, ledger: Ledger) -> None:
        """Note it; as the first node begins a round others may leave."""
        if ledger.round not in self.rounds and self.network.away:
            self._at(self.now, partial(self._change, ledger))
        super().begun(number, ledger)

    def _change(self, ledger: Ledger) -> None:
        """Others go away, and those that were away start again."""
        n, block = self.schedule.size.validators, (ledger.round - self._first) // STAY
        many = ceil(self.network.away * n)
        gone = {(block * many + each) % n for each in range(many)}
        for number in gone - self.gone:
            del self.running[number]
        for number in self.gone - gone:
            self._start(number, ledger, live=False, last=ledger.round)
        for round_, played in self.rounds.items():  # a restarted node takes no part in these
            (played.down if round_ == ledger.round else played.closed).update(self.gone - gone)
        self.gone = gone

    def closed(self, number: int, ledger: Ledger) -> None:
        """Note how the round ended."""
        super().closed(number, ledger)
        played = self.rounds[ledger.round]
        record = self.chain[ledger.round][1].record
        there = {each: seat for each, seat in played.honest.items() if each in played.last and each not in played.down}
        self.outcomes[ledger.round] = record.kind is not Kind.SKIP, disagree(there)


def play(stage: ScheduleStage, case: str, network: Network, bound: float, rounds: int, seed: int = 0) -> _Row:
    """Play so many rounds in virtual time under a Delta of so many seconds."""
    read = lru_cache(1 << 14)(decode)
    with patch.object(nodes, "BOUND", bound), patch.object(node, "decode", read), patch.object(nodes, "decode", read):
        game = Internet(stage, network, rounds, seed)
        game.play()
    ends = [game.outcomes.get(game._first + at, (False, False)) for at in range(rounds)]
    certified, disagreed = map(sum, zip(*ends, strict=True))
    views, share = game._behind.values(), stage.size.validators * rounds
    certifies, steps = stage.size.certified, stage.rules.schedule.certify + 1
    return _Row(
        stage.size.validators, steps, case, bound,
        least_bound(game.slowest[True], game.slowest[False], max(views) - min(views)), game.slowest[True], rounds,
        certified, disagreed, game.now / rounds, game.sent_frames / share, game.sent_bytes / share,
        "certified" if certifies else "plain",
    )  # fmt: skip


def least_bound(between: float, beside: float, views: float) -> float:
    """The least Delta by the inequality in docs/consensus.md, where D, E and L are these."""
    rest = max(views, between) + 2 * beside + max(between, 2 * beside)
    return (floor(100 * max(rest / (1 - node.SHARE), rest + 2 * node.POLL)) + 1) / 100


def measure(validators: int, certified: bool = False) -> Iterator[_Row]:
    """Every case; that without loss under a Delta that nothing exceeds, for its steps end by message."""
    size, rounds = GameSize(validators, (validators - 1) // 3, certified=certified), ROUNDS[validators]
    stage = ScheduleStage(size)
    yield (calm := play(stage, CALM, CASES[CALM][0], AMPLE, rounds))
    for case, (network, times) in CASES.items() if validators < max(ROUNDS) else ():
        if case != CALM:
            yield play(stage, case, network, calm.least * times, rounds)


def table() -> Iterator[str]:
    """As docs/internet.md has it, from the numbers beside the picture."""
    rows = json.loads((provenance.FIGURES / "internet.json").read_text(encoding="utf-8"))["figures"]["rows"]
    yield f"| n (m) | steps | Δ | frames | kB | {' | '.join(CASES)} |"
    yield "|---|" + "---:|" * (len(CASES) + 4)
    for calm in _of(CALM, rows):
        n, kind = calm["validators"], calm.get("vectors", "plain")
        alike = [row for row in rows if (row["validators"], row.get("vectors", "plain")) == (n, kind)]
        shown = [_shown(row) for case in CASES for row in _of(case, alike)]
        certified = ", certified" if kind == "certified" else ""
        yield (
            f"| {n} ({(n - 1) // 3}){certified} | {calm['steps']} | {calm['least']:.2f} | {calm['frames']:,.0f} "
            f"| {calm['bytes'] / 1e3:,.1f} | {' | '.join(shown)} |{' |' * (len(CASES) - len(shown))}"
        )


def _of(case: str, rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [row for row in rows if row["case"] == case]


def _shown(row: Mapping[str, Any]) -> str:
    """Seconds of a round; how many are certified where that is not all."""
    lacking = "" if row["certified"] == row["rounds"] else f" ({row['certified']} of {row['rounds']})"
    return f"{row['seconds']:.2f}{lacking}"


def plot(rows: Sequence[Mapping[str, Any]], file: Path) -> None:
    """Seconds and bytes of a round by n, beside what other systems need on the slowest link."""
    plt = begin()
    figure, (time, sent) = plt.subplots(1, 2, figsize=(11.4, 4.8), layout="constrained", width_ratios=(3, 2))
    certified = [row for row in _of(CALM, rows) if row["vectors"] == "certified"]
    rows = [row for row in rows if row["vectors"] == "plain"]
    calm = _of(CALM, rows)
    sizes = [row["validators"] for row in calm]
    for case, colour in ((LOSSY, "#D55E00"), ("loss 0.1 %", "#E69F00"), (AWAY, "#009E73"), (CALM, "#0072B2")):
        seconds = [row["seconds"] for row in _of(case, rows)]
        time.plot(sizes[: len(seconds)], seconds, "o-", color=colour, label=case)
    seconds = [row["seconds"] for row in certified]
    time.plot(sizes[: len(seconds)], seconds, "s--", color="#0072B2", label=f"{CALM}, certified vectors")
    for (name, delays), style in zip(DELAYS.items(), ("-", "--", ":"), strict=True):
        time.plot(sizes, [delays(row["validators"]) * row["slowest"] for row in calm], style, color=INK, label=name)
    time.plot(sizes, [2 * row["least"] for row in calm], "-.", color="#888888", label="2Δ (Sync HotStuff)")
    wire = [(row["bytes"] + AROUND * row["frames"]) / 1e3 for row in calm]
    sent.plot(sizes, wire, "s--", color="#0072B2", label="with TLS, TCP and IP")
    sent.plot(sizes, [row["bytes"] / 1e3 for row in calm], "o-", color="#0072B2", label="encoded frames")
    for axes, label in ((time, "seconds of a round"), (sent, "kB that a node sends in a round")):
        axes.set(xscale="log", yscale="log", xlabel="validators", ylabel=label)
        axes.set_xticks(sizes, map(str, sizes))
        axes.set_xticks([], minor=True)
        axes.yaxis.set_major_formatter("{x:g}")
        axes.grid(color=PALE, linewidth=0.6)
        axes.legend(frameon=False, fontsize=9)
    time.set_title(f"Nodes in {len(REGIONS)} cloud regions, in virtual time", fontsize=11, loc="left")
    save(plt, figure, file, {})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", choices=ROUNDS, default=list(ROUNDS))
    parser.add_argument("--plot", type=Path, metavar="FILE", help="write the plot (.svg or .png) and its numbers")
    options = parser.parse_args()
    provenance.require_clean(options.plot)
    command, rows = " ".join(["python", "-m", "benchmarks.internet", *sys.argv[1:]]), list[dict[str, Any]]()
    for size in options.sizes:
        for row in (*measure(size), *(measure(size, certified=True) if size < max(ROUNDS) else ())):
            rows.append(asdict(row))
            sent = f"{row.frames:,.0f} frames, {row.bytes / 1e3:,.1f} kB a node"
            case = f"n = {size}, {row.vectors}, {row.case}, Δ = {row.bound:.2f} s"
            print(f"{case}: {_shown(rows[-1])} s, {sent}", flush=True)
        if options.plot:
            plot(rows, options.plot)
            about = {"command": command, "figures": {"rows": rows}} | provenance.made(0, 1)
            options.plot.with_suffix(".json").write_text(json.dumps(about, indent=1, sort_keys=True) + "\n")
    return 14 if any(row["certified"] < row["rounds"] for row in _of(CALM, rows)) else 0


if __name__ == "__main__":
    sys.exit(main())
