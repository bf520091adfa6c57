"""Denial-of-service test: a game of processes attacked by a third of its seats and by strangers, and one left alone.

    python verification/siege.py [--nodes 4] [--rounds 600] [--frames 1000000] [--bound-ms 500] [--certified]
    python verification/siege.py --by stuffed
    python verification/siege.py --by measured
    python verification/siege.py --by early

Both games are played on Anvil by n nodes, one after the other; the last floor((n - 1) / 3) seats are corrupt. In the
second game they equivocate in their reports and as commanders, and stand still now and then; a process with their keys
writes junk on links to the first three seats, environment, relayer and comparison, well-formed as long as it has frames
left (so that no node hangs up), then giant and undecodable; and a process without any key holds connections half open
and talks no TLS.

With --by stuffed the corrupt seats follow the protocol, but fill their envelopes of a round's steps, which are free,
with as many claims, certificates and questions as an envelope may have, each of which takes one or two signatures to
refuse or an answer, and ask for all their receipts 31 times a round; with --by measured only as far as they are read
on. With --by early they write empty envelopes of later rounds before each of their own to a seat, so many that it reads
theirs just in time.

Printed: blocks a second of honest seats after ten rounds, or half of a shorter game; resident memory of the first
three seats when the first round ended, at most, at the end. Exit code 14 where the besieged make less of the blocks a
second of those left alone than the goal, where memory grew by more than `MOST_MB`, where any honest seat is proven
false, or an audit fails.
"""

import argparse
import json
import os
import random
import signal
import socket
import ssl
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import Any

from rich.console import Console
from rich.table import Table

from chain_bandit.actors.messages import ENVIRONMENT, RELAYER, Question, Receipt
from chain_bandit.consensus.broadcast import Claim, Frame
from chain_bandit.consensus.certificate import Certificate
from chain_bandit.crypto.keys import Signer
from chain_bandit.network.links import Links
from chain_bandit.network.wire import (
    MOST_BYTES,
    MOST_SAID,
    Envelope,
    EnvelopeKind,
    Owed,
    decode,
    encode,
    most_bytes,
)
from chain_bandit.nodes import node_files as files
from chain_bandit.nodes import node_start as node_start_module
from chain_bandit.nodes import start as start_module
from chain_bandit.nodes.follower import Recorded
from chain_bandit.nodes.load import load
from chain_bandit.nodes.processes import states
from chain_bandit.nodes.role import Post
from chain_bandit.nodes.seat import SeatRole
from chain_bandit.nodes.up import up
from chain_bandit.protocol.messages import NO_BLOCK, Phase, Role, statement_content
from chain_bandit.scenario import Scenario

WATCHED = ("seat-0", "seat-1", "seat-2")
"""Honest nodes that are measured, and besieged with all that the corrupt can write."""
STUFFED, MEASURED, EARLY = "stuffed", "measured", "early"
PLAYING = STUFFED, MEASURED, EARLY
"""Sieges by the corrupt seats' own nodes."""
GOAL, MOST_MB = 0.6, 64.0
LOOK, STANDS, RUNS = 0.05, 1.0, 5.0
"""Seconds between two looks at memory; for which the corrupt stand still, and run."""

SETTLED = 10
"""Rounds that are not counted, or half of a shorter game: nodes are started anew in them."""

HALF_OPEN, AT_A_TIME = 256, 50

EARLY_FRAMES, LATER = 16, 1_000
"""Empty envelopes before each one, and the first round that they are of."""

RECEIPT_BYTES = 16
"""Of an empty receipt."""


@dataclass
class _Played:
    """One game."""

    besieged: bool
    rounds: int = 0
    blocks: int = 0
    seconds: float = 0.0
    blocks_per_second: float = 0.0
    mb: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    """Resident, of honest nodes: when the first round ended, at most, at the end."""
    sent: dict[str, int] = field(default_factory=dict)
    audit: str = ""
    accused: list[int] = field(default_factory=list)


def corrupt_of(seats: int) -> range:
    """The last floor((n - 1) / 3)."""
    return range(seats - (seats - 1) // 3, seats)


def scenario_of(seats: int, rounds: int, bound_ms: int, certified: bool, equivocating: bool) -> Scenario:
    """Two thirds certify: of four any three seats."""
    corrupt = corrupt_of(seats)
    attacks = [{"name": "two-faced-report"}, {"name": "equivocating-commander"}]
    return Scenario.model_validate({
        "name": "siege", "participants": seats, "rounds": rounds, "burn_in": 4, "liars": len(corrupt),
        "attackers": len(corrupt), "bound_ms": bound_ms, "quorum": "two-thirds",
        "vectors": "certified" if certified else "plain",
        "rewards": {"kind": "bernoulli", "means": [0.9, 0.4]},
        "malicious": [{"seat": seat, "attacks": attacks} for seat in corrupt] if equivocating else [],
    })  # fmt: skip


def play(seats: int, rounds: int, bound_ms: int, certified: bool, by: list[str], frames: int, out: Path) -> _Played:
    besieged, stuffed = bool(by), len(by) == 1 and by[0] in PLAYING
    found, result, over = _Played(besieged), list[Any](), threading.Event()
    scenario = scenario_of(seats, rounds, bound_ms, certified, besieged and not stuffed)

    def pause(seconds: float) -> None:
        if over.wait(seconds):
            raise InterruptedError

    def game() -> None:
        try:
            result.append(up(scenario, out, "anvil", say=lambda line: None, pause=pause))
        except Exception as error:  # noqa: BLE001 - raised again below
            result.append(error)

    thread = threading.Thread(target=game)
    thread.start()
    enemies: list[subprocess.Popen[str]] = []
    last = out / f"seat-{corrupt_of(seats)[-1]}"
    turn, stopped, memory = 0.0, False, dict[str, list[float]]()
    try:
        while thread.is_alive():
            sleep(LOOK)
            now = monotonic()
            if besieged and not enemies and (rounds_of(last) if stuffed else (out / files.GAME).exists()):
                if stuffed:
                    tell(seats, out, signal.SIGKILL)
                keys = corrupt_of(seats) if stuffed else corrupt_of(seats)[:1]
                enemies = [start(kind, seats, at, out, frames) for kind in by for at in keys]
            made = rounds_of(out / WATCHED[0])
            if not made:
                continue
            for name in WATCHED:
                if (mb := resident(out / name)) is not None:
                    memory.setdefault(name, []).append(mb)
            if besieged and not stuffed and now > turn:
                stopped = not stopped and len(made) < rounds - 8
                turn = now + (STANDS if stopped else RUNS)
                tell(seats, out, signal.SIGSTOP if stopped else signal.SIGCONT)
    finally:  # where we are interrupted too, no process stays: `up` takes its own with it
        over.set()
        thread.join()
        for process in enemies:
            process.terminate()
            sent = json.loads(process.communicate()[0] or "{}")
            found.sent |= {what: found.sent.get(what, 0) + count for what, count in sent.items()}
    if isinstance(result[0], Exception):
        raise result[0]
    _, report = result[0]
    made = rounds_of(out / WATCHED[0])
    made = made[min(SETTLED, len(made) // 2) :]
    found.rounds, found.seconds = len(made), sum(seconds for _, seconds in made)
    found.blocks = sum(kind in ("approved", "rejected") for kind, _ in made)
    found.blocks_per_second = found.blocks / found.seconds
    found.mb = {name: (each[0], max(each), each[-1]) for name, each in memory.items()}
    found.audit = report.verdict
    found.accused = sorted({each.seat for each in report.findings if each.weight.name == "PROOF"})
    return found


def rounds_of(place: Path) -> list[tuple[str, float]]:
    """Kind and seconds of each round that a node has seen the end of."""
    try:
        lines = (place / files.LOG).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    words = [line.replace(",", "").split() for line in lines if line.startswith("round ")]
    return [(word[2], float(word[4])) for word in words]


def resident(place: Path) -> float | None:
    """MB of a node's memory, as far as it is in RAM."""
    try:
        pid = int((place / files.PID).read_text())
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, ValueError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6 or None  # none of a process that is gone


def tell(seats: int, out: Path, number: int) -> None:
    """The corrupt seats' own nodes."""
    names = {f"seat-{seat}" for seat in corrupt_of(seats)}
    for state in states(out):
        if state.name in names and state.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(state.pid, number)


def start(kind: str, seats: int, seat: int, out: Path, frames: int) -> "subprocess.Popen[str]":
    command = [sys.executable, __file__, "--hostile", kind, str(seat), str(out)]
    command += ["--nodes", str(seats), "--frames", str(frames)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


# --- the hostile


class _Ended(BaseException):
    """Told to end."""


def hostile(kind: str, seats: int, seat: int, out: Path, frames: int) -> None:
    """Until told to end; then what was sent, as JSON. Of a stuffed seat alone, else of all corrupt ones."""

    def end(number: int, frame: Any) -> None:
        raise _Ended

    signal.signal(signal.SIGTERM, end)
    os.chdir(out)
    sent: dict[str, int] = {}
    sockets = [str(Path(name) / "socket") for name in (*WATCHED, "environment", "relayer", "comparison")]
    with suppress(_Ended):
        if kind == EARLY:
            EarlyLinks.sent, node_start_module.Links = sent, EarlyLinks  # type: ignore[attr-defined]
            load()
            start_module.Start(Path(f"seat-{seat}")).run()
        elif kind in PLAYING:
            start_stuffed(kind, seats, seat, sent)
        elif kind == "flood":
            links = [(at, socket_) for at in corrupt_of(seats) for socket_ in sockets]
            junk = [framed(each) for each in well_formed(seats)]
            for at, socket_ in links:
                given = (at, socket_, junk, frames // len(links), sent)
                threading.Thread(target=flood, args=given, daemon=True).start()
        else:
            strangers(sockets, sent)
        while True:
            signal.pause()
    print(json.dumps(sent))


class Stuffed(SeatRole):
    """A seat that plays along, with all that fits into its envelopes besides."""

    signer: Signer
    is_measured: bool
    seats: int
    sent: dict[str, int]

    def tick(self, step: int) -> list[Post]:
        """What it should send, and as many claims as the envelope has room for."""
        if step and self.is_measured:
            return super().tick(step)
        said, phase = super().tick(step), Phase.REPORT if step < self._rules.schedule.propose else Phase.BLOCK
        size = self._rules.parameters.report_bytes if phase is Phase.REPORT else 32
        room = MOST_SAID * self.seats - 4 - self.seats
        claims = tuple(self._claim(phase, os.urandom(size)) for _ in range(room))
        self.sent["claims"] = self.sent.get("claims", 0) + room
        others = [number for number in self._rules.everybody if number != self.address]
        none = Certificate(NO_BLOCK, 0b111, b"".join(claim.signature for claim in claims[:3]))
        asked: list[Post] = [each for each in said if isinstance(each[1], Question)] * room  # requests pend
        return [*said, *((to, Frame(phase, claims)) for to in others), *[(RELAYER, none)] * room, *asked]

    def recorded(self, found: Recorded) -> list[Post]:
        """The pull, and the same question many times over."""
        questions: list[Post] = [] if self.is_measured else [(ENVIRONMENT, Owed(1))] * (MOST_SAID * self.seats - 1)
        self.sent["questions"] = self.sent.get("questions", 0) + len(questions)
        return [*super().recorded(found), *questions]

    def _claim(self, phase: Phase, content: bytes) -> Claim:
        """Its commander's signature is true, and has to be looked at; the relay's is none."""
        digest = self._rules.slot(self._ledger).digest(
            phase, Role.COMMANDER, self.address, statement_content(phase, content)
        )
        chain = tuple((number, os.urandom(32) + bytes(16) + os.urandom(16)) for number in (0, 1))
        return Claim(self.address, content, self.signer.sign(digest), chain)


def start_stuffed(kind: str, seats: int, seat: int, sent: dict[str, int]) -> None:
    load()
    begun = start_module.Start(Path(f"seat-{seat}"))
    assert begun.key.secret is not None
    Stuffed.signer, Stuffed.is_measured = Signer(begun.key.secret), kind == MEASURED
    Stuffed.seats, Stuffed.sent = seats, sent
    start_module.SeatRole = Stuffed  # type: ignore[attr-defined]
    begun.run()


class EarlyLinks(Links):
    """Links of a seat that delays its own envelopes at their readers."""

    sent: dict[str, int]
    _later = count(8 * LATER)

    def send(self, to: int, frame: bytes) -> None:
        """The frame; where it is of a step, and for a seat, behind empty ones of later rounds."""
        if to >= 0 and decode(frame).kind is EnvelopeKind.STEP:
            for _ in range(EARLY_FRAMES):
                round_, step = divmod(next(self._later), 8)
                super().send(to, encode(Envelope(EnvelopeKind.STEP, round_, step, ())))
            self.sent["early envelopes"] = self.sent.get("early envelopes", 0) + EARLY_FRAMES
        super().send(to, frame)


def flood(seat: int, endpoint: str, junk: list[bytes], frames: int, sent: dict[str, int]) -> None:
    """With a corrupt seat's key: junk that decodes, then what no honest node writes, then knocking again and again."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(Path(f"seat-{seat}") / files.LINK)
    chance, here = random.Random(f"{seat} {endpoint}"), 0
    while True:
        line = socket.socket(socket.AF_UNIX)
        line.settimeout(5)
        with suppress(OSError), line:
            line.connect(endpoint)
            with context.wrap_socket(line) as tls:
                while here < frames:
                    batch = chance.choices(junk, k=AT_A_TIME)
                    tls.sendall(b"".join(batch))
                    here += len(batch)
                    sent["junk frames"] = sent.get("junk frames", 0) + len(batch)
                tls.sendall(framed(chance.randbytes(200)))
                tls.sendall((MOST_BYTES + 1).to_bytes(4, "big") + bytes(MOST_BYTES))
                sent["giant frames"] = sent.get("giant frames", 0) + 1
        sleep(0.02)


def well_formed(seats: int) -> list[bytes]:
    """Envelopes that decode: of all rounds and steps, empty, with claims of noise, nearly too large."""
    chance, some = random.Random(seats), []
    for round_ in range(5, 60):
        for step in range(8):
            relays = ((chance.choice(corrupt_of(seats)), chance.randbytes(64)),)
            claims = tuple(
                Claim(chance.randrange(seats), chance.randbytes(32), chance.randbytes(64), relays)
                for _ in range(chance.choice((0, 1, 8)))
            )
            phase = chance.choice((Phase.REPORT, Phase.BLOCK))
            some.append(encode(Envelope(chance.choice(list(EnvelopeKind)), round_, step, (Frame(phase, claims),))))
    p = scenario_of(seats, 60, 500, False, True).parameters
    room = most_bytes(seats, p.report_bytes, p.attackers) // MOST_SAID // seats - RECEIPT_BYTES
    padded = tuple(Receipt(round_, 0, 0, chance.randbytes(room), b"") for round_ in range(MOST_SAID * seats - 2))
    return some + [encode(Envelope(kind, round_, 0, padded)) for kind in EnvelopeKind for round_ in range(5, 60)]


def framed(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def strangers(sockets: list[str], sent: dict[str, int]) -> None:
    """Without a key: lines held open, and noise in place of a handshake."""
    chance, held = random.Random(1), list[socket.socket]()
    while True:
        line = socket.socket(socket.AF_UNIX)
        line.settimeout(0.5)
        try:
            line.connect(chance.choice(sockets))
            if chance.random() < 0.3:
                line.sendall(chance.randbytes(500))
            held.append(line)
            sent["half-open links"] = sent.get("half-open links", 0) + 1
        except OSError:
            sleep(0.02)
        if len(held) > HALF_OPEN:
            held.pop(chance.randrange(len(held))).close()
        sleep(0.005)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nodes", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=600)
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--bound-ms", type=int, default=500)
    parser.add_argument("--certified", action="store_true", help="vectors of reports are certified")
    ways = ["flood", "strangers", *PLAYING]
    parser.add_argument("--by", nargs="+", default=ways[:2], choices=ways)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--hostile", nargs=3, metavar=("KIND", "SEAT", "FOLDER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.nodes < len(WATCHED) + 1:
        parser.error("--nodes: a siege takes four nodes, of which the last is corrupt")
    if len(arguments.by) > 1 and set(PLAYING) & set(arguments.by):
        parser.error(f"--by: {', '.join(PLAYING)} are sieges of their own")
    if arguments.hostile:
        kind, seat, out = arguments.hostile
        hostile(kind, arguments.nodes, int(seat), Path(out), arguments.frames)
        return 0
    with TemporaryDirectory() as folder:
        size = arguments.nodes, arguments.rounds, arguments.bound_ms, arguments.certified
        games = [
            play(*size, by, arguments.frames, Path(folder) / str(len(by))) for by in (list[str](), arguments.by)
        ]
    alone, besieged = games
    ratio = besieged.blocks_per_second / alone.blocks_per_second
    table = Table(title=f"A siege (n = {arguments.nodes}, {arguments.rounds} rounds, Δ = {arguments.bound_ms} ms)")
    for name in ("game", "rounds", "blocks", "blocks/s", "MB at first", "at most", "at the end", "audit"):
        table.add_column(name, justify="right")
    for game, name in ((alone, "left alone"), (besieged, "besieged")):
        figures = [f"{max(each[i] for each in game.mb.values()):.0f}" for i in range(3)]
        table.add_row(name, str(game.rounds), str(game.blocks), f"{game.blocks_per_second:.2f}", *figures, game.audit)
    Console().print(table)
    print(f"besieged by {besieged.sent}: {ratio:.2f} of the blocks a second")
    if arguments.json:
        arguments.json.write_text(json.dumps({"ratio": ratio, "games": [asdict(each) for each in games]}) + "\n")
    grown = max(most - first for first, most, _ in besieged.mb.values())
    honest_proven = alone.accused or set(besieged.accused).difference(corrupt_of(arguments.nodes))
    audits = {game.audit for game in games} != {"passed"} or honest_proven
    checked = {
        f"blocks a second ({GOAL} of those left alone)": ratio < GOAL,
        f"memory ({grown:.0f} MB more, {MOST_MB:.0f} allowed)": grown > MOST_MB,
        "audit": audits,
    }
    missed = [what for what, is_missed in checked.items() if is_missed]
    if missed:
        print("missed: " + ", ".join(missed), file=sys.stderr)
    return 14 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
