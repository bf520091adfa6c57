"""Crash-recovery test: games in which nodes are killed at named places and at random, and started again.

    python -m verification.kills [--json FILE] [--random 200] [--at-most N] [--keystores] [--slash]

Games of 20 rounds by four nodes on Anvil. A node that was killed (`nodes/crash.py`) is started again, and is killed
again at the next place of its list, so that one game has several kills of one node. Every place × three occurrences at
a seat, the environment and the relayer; then kills of any node by a timer, several in a game of 40. Of each game: the
audit passes, so that nobody honest lost a reward; no node received two contents in one slot from an honest one, across
restarts (`nodes/message_recorder.py`); nobody is proven false; a node that is started again ends with its game or is
killed; no game takes two minutes; of the round in which a node had resynced and the two that are agreed on after it one
has a block, unless another was killed or away in them; and a resynced seat signs in one of two rounds that are agreed
on. Of each kill of a node with a journal: seconds from its start to its first signature, of a seat in the steps of a
round, and from the last start of any node, as nobody has anything to sign while too few are there; and its own CPU
time, the better measure where the machine has other work. In some games a seat and the relayer are killed in one round,
which is open until both have resynced. A line of JSON a kill; what has come about by the file is not played again. A
game may be over before all its kills, or before a seat has signed again: others follow until every kill has come about,
or `--at-most` were tried. With `--keystores` every game has open places, which four keys of the system's chance join,
and nodes at HOST:PORT, which open their keystores at every start; with `--slash` false reports are proven, in open
games, nobody honest loses its slash, and nobody its reward but of rounds without its report, and while it is away: a
pull is waited for w + 1 blocks there. In both kills are by the timer alone. Exit code 14 where anything is missed, or a
kill never comes about.
"""

import argparse
import json
import math
import os
import random
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import Any

from chain_bandit.auditor.report import AuditReport
from chain_bandit.audits import audit_file
from chain_bandit.chain import accounts
from chain_bandit.chain.anvil import anvil
from chain_bandit.chain.remote import at_url
from chain_bandit.nodes import message_recorder
from chain_bandit.nodes import node_files as files
from chain_bandit.nodes.crash import POINTS, VARIABLE
from chain_bandit.nodes.keystore import create, unlock
from chain_bandit.nodes.open_game import assemble, deploy_open, join
from chain_bandit.nodes.processes import states
from chain_bandit.nodes.up import take_up, up
from chain_bandit.protocol.messages import Phase
from chain_bandit.runs import history_of_node
from chain_bandit.scenario import Scenario

ROUNDS, BOUND_MS, GOAL, LIMIT = 20, 300, 5.0, 120.0
"""Rounds, twice as many with kills by the timer; Δ; seconds to the first signature, and of a game."""

LIAR = 3
"""Equivocates where the relayer is killed after it reported that: elsewhere nobody does."""

A_LIFE, A_GAME, A_LONG_GAME, IN_VAIN = 4, 5, 10, 3
"""Places in a row of one node in one game; kills by the timer in one game, and in one with keystores; times that all
that is left is tried, and nothing of it comes about."""

PASSWORD = "a password of kills"

ENVIRONMENT_ALONE = {"opened", "about to settle", "settled", "about to reveal", "revealed", "costs settled", "closed"}
RELAYER_ALONE = {"about to record", "recorded", "evidence reported"}
SEAT_ALONE = {"joined", "pulled", "unsealed"}
NOT_OF_RELAYER = {"journal appended", "journal synced", "receipt appended", "sent", "record seen", "round closed",
                  "withdrawn"}  # fmt: skip
ONCE = {"started", "joined", "opened", "about to reveal", "revealed", "unsealed", "costs settled", "closed",
        "withdrawn", "evidence reported"}  # fmt: skip
NODES = ("seat-0", "seat-1", "seat-2", "seat-3", "environment", "relayer", "comparison")
OPEN = ("step over:27", "ticked:28", "steps over:4")
"""Of a seat, in the fourth round that is agreed on: its signature of the block is out; before, it repeats itself."""

RELAYER_AWAY = ("about to record:4", *["started:1"] * 3)
"""Leaves that round open until the seat has resynced in it."""

COMMAND = (sys.executable, "-c", "from chain_bandit.cli import main; main()", "node")


@dataclass
class Kill:
    """One.

    Attributes:
        place: of `crash.POINTS` with its occurrence, or "random".
        reached: whether the node came by there.
        signed: whether a seat sent in the steps of a round after that; None where it needs not.
        open: whether it had resynced in the round in which it was killed.
        seconds: from the start of the new process to its first signature; None without a journal, or where it had
            nothing to sign any more.
        alone: of these, those in which no other node was started; all, where none was.
        cpu: its own CPU seconds until then.
    """

    node: str
    place: str
    reached: bool = False
    signed: bool | None = None
    open: bool = False
    seconds: float | None = None
    alone: float | None = None
    cpu: float | None = None
    missed: list[str] = field(default_factory=list)

    @property
    def came_about(self) -> bool:
        """Reached, and survived."""
        return self.reached and self.signed is not False and (self.open or self.place not in OPEN)


@dataclass
class Life:
    """Of a node that was started again: the kill before it, and how many lines of log and journal are older."""

    name: str
    process: "subprocess.Popen[bytes]"
    kill: Kill
    log: int
    journal: int


def named() -> list[Kill]:
    """Every place and occurrence, at each kind of node that comes by there."""
    found = []
    for point, nth in product(POINTS, (1, 2, 3)):
        if nth > 1 and point in ONCE:
            continue
        if point in ENVIRONMENT_ALONE:
            nodes = ["environment"]
        elif point in RELAYER_ALONE:
            nodes = ["relayer"]
        elif point in SEAT_ALONE:
            nodes = ["seat"]
        else:
            nodes = ["seat", "environment", *(["relayer"] if point not in NOT_OF_RELAYER else [])]
        found += [Kill(node, f"{point}:{nth}") for node in nodes]
    return found


class _Game:
    """One game, its nodes killed at the places of their lists and started again."""

    def __init__(
        self, seed: int, lists: dict[str, list[Kill]], by_timer: int, out: Path, keystores: bool = False,
        slash: bool = False,
    ) -> None:  # fmt: skip
        self._lists, self._out, self._keystores, self._slash = lists, out, keystores, slash
        self.kills = [kill for each in lists.values() for kill in each]
        self._liars = {LIAR} if any(kill.place == "evidence reported:1" for kill in self.kills) else set[int]()
        self._result: list[Any] = []
        self._lives: list[tuple[Life, threading.Thread]] = []
        self._failed: list[str] = []
        self._chance = random.Random(seed)
        rounds = ROUNDS * (4 if keystores else 2 if by_timer else 1)
        scenario = Scenario.model_validate({
            "name": "kills", "seed": seed, "participants": 4, "rounds": rounds,
            "burn_in": 4, "liars": 0, "attackers": 1, "bound_ms": BOUND_MS, "quorum": "two-thirds",
            **({"slash": 0.25} if slash else {"sealed": True}),
            "rewards": {"kind": "bernoulli", "means": [0.9, 0.4]}, "chain": {"settle_every": 4},
            "malicious": [{"seat": seat, "attacks": [{"name": "equivocating-commander"}]} for seat in self._liars],
        })  # fmt: skip
        self._timed = [Kill("", "random") for _ in range(by_timer)]
        os.environ[message_recorder.VARIABLE] = "1"
        os.environ[VARIABLE] = ",".join(f"{node}/{each[0].place}" for node, each in lists.items())
        self._now = {node: each.pop(0) for node, each in lists.items()}
        self._last_start = 0.0
        self._over = threading.Event()
        threads = [
            threading.Thread(target=self._play, args=(scenario,)), threading.Thread(target=self._kill_by_timer)
        ]  # fmt: skip
        most = 2 * LIMIT if keystores else LIMIT
        limit = threading.Timer(most, self._fail, [f"not over after {most:.0f} s"])
        try:
            limit.start()
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:  # where we are interrupted too, no process stays: `up` takes its own with it
            self._over.set()
            for thread in threads:
                thread.join()
            limit.cancel()
            for life, thread in self._lives:  # a thread that starts another one has added it when it ends
                life.process.kill()
                thread.join()

    def _play(self, scenario: Scenario) -> None:
        try:
            if self._keystores:
                self._result.append((None, self._with_keystores(scenario)))
            else:
                self._result.append(up(scenario, self._out, "anvil", say=self._hear, pause=self._pause))
        except Exception as error:  # noqa: BLE001 - it is what the kills of this game came to
            self._result.append(error)

    def _with_keystores(self, scenario: Scenario) -> AuditReport:
        """A game that four join by themselves, each folder with a key of its own; the audit from the chain alone."""
        shared, password = self._out.with_name("shared.json"), self._out.with_name("password")
        password.write_text(PASSWORD)
        os.environ[accounts.PASSWORD] = str(password)
        with anvil() as node:
            secrets = {}
            seats = {name: self._out / name for name in NODES if name.startswith("seat")}
            for name, place in {"organiser": self._out, **seats}.items():
                create(place, name, PASSWORD)
                secrets[name] = unlock(place, PASSWORD)
            ports = [f"127.0.0.1:{port}" for port in free_ports(len(NODES))]
            deploy_open(scenario, node, self._out, secrets["organiser"], ports[len(seats)], shared)
            for (name, place), listen in zip(seats.items(), ports, strict=False):
                join(shared, place, secrets[name], listen)
            game = assemble(shared, [place / files.JOINED for place in seats.values()], shared)
            for place in (self._out / "environment", *seats.values()):
                files.take_game(shared, place)
            take_up(self._out, self._hear, pause=self._pause)
            contract = bytes.fromhex(game.contract[2:])
            with history_of_node(at_url(node.url), contract, game.first_block, None) as history:
                return audit_file(history)

    def _pause(self, seconds: float) -> None:
        if self._over.wait(seconds):
            raise InterruptedError

    def _fail(self, why: str) -> None:
        """End the game: `_pause` raises."""
        self._failed.append(why)
        self._over.set()

    def _hear(self, line: str) -> None:
        if "signal 9" in line:
            self._again(line.split()[0])

    def _again(self, name: str) -> None:
        """Start a node that was killed, with the next place of its list."""
        kill = self._now.pop(name)
        kill.reached = True
        armed = ""
        if self._lists.get(name):
            self._now[name] = self._lists[name].pop(0)
            armed = f"{name}/{self._now[name].place}"
        place = self._out / name
        older = len(log_of(place)), len(spoken(place))
        with (place / files.LOG).open("ab") as log:
            process = subprocess.Popen(
                [*COMMAND, str(place)], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, VARIABLE: armed}, start_new_session=True,
            )  # fmt: skip
        self._last_start = monotonic()
        life = Life(name, process, kill, *older)
        thread = threading.Thread(target=self._follow, args=(life,))
        thread.start()
        self._lives.append((life, thread))

    def _follow(self, life: Life) -> None:
        """Until it is gone, with the time of its first signature; a node that was killed again is started again."""
        began, place, kill, read = monotonic(), self._out / life.name, life.kill, 0
        while (code := life.process.poll()) is None:
            if life.journal and kill.seconds is None and (size := (place / files.SIGNED).stat().st_size) != read:
                read = size
                if any(spoken(place)[life.journal :]):
                    now = monotonic()
                    kill.seconds, kill.alone = now - began, now - max(began, self._last_start)
                    kill.cpu = cpu_of(life.process.pid)
            sleep(0.01)
        if self._result or self._over.is_set():
            return
        if code == -9 and life.name in self._now:
            self._again(life.name)
        elif code and not (self._out / life.name / files.ENDED).exists():  # which is told to go with the game
            self._fail(f"{life.name}, started again, ended with {code}: {(log_of(place) or [''])[-1]}")

    def _kill_by_timer(self) -> None:
        while not (self._result or self._over.is_set() or (self._out / "seat-0" / files.LOG).exists()):
            sleep(0.05)
        for kill in self._timed:
            pause = monotonic() + self._chance.uniform(0.5, 4.0)
            while monotonic() < pause and not self._result:
                sleep(0.02)
            running = [each for each in states(self._out) if each.pid and each.name not in self._now]
            if self._result or not running:
                continue
            state = self._chance.choice(running)
            kill.node, self._now[state.name] = state.name, kill
            self.kills.append(kill)
            assert state.pid is not None
            with suppress(ProcessLookupError):  # it has just ended
                os.kill(state.pid, 9)

    def judge(self) -> None:
        """What every kill of this game missed."""
        (result,) = self._result
        logs = {name: log_of(self._out / name) for name in NODES}
        lives = {name: [life for life, _ in self._lives if life.name == name] for name in NODES}
        missed = self._failed
        if isinstance(result, Exception):
            if not missed:
                missed.append(f"{type(result).__name__}: {result}")
        else:
            _, report = result
            if report.verdict != "passed":
                missed.append(f"audit {report.verdict}: {report.violations}")
            proven = [each for each in report.findings if each.weight.name == "PROOF"]
            missed += [str(each) for each in proven if each.seat not in self._liars]
            starts = {name: [life.log for life in lives[name]] for name in NODES}
            away = absences(logs, starts)
            missed += [
                f"seat {seat} lost its reward of round {row.round}" for row in report.rounds
                for seat, reward in enumerate(row.rewards or ()) if reward is None and seat not in self._liars
                if not (self._slash and (seat not in row.reporters or _is_excused(f"seat-{seat}", row.round, away)))
            ]  # fmt: skip
            missed += [
                f"seat {each.seat} lost {each.penalty} wei" for each in report.accounts
                if each.penalty and each.seat not in self._liars
            ]  # fmt: skip
            missed += no_block_soon(logs, starts)
        missed += [
            f"{each} said two things" for each in message_recorder.said_twice(self._out) if each not in self._liars
        ]
        for name in NODES:
            for life, until in zip(lives[name], [*lives[name][1:], None], strict=False):
                missed += self._judge_life(life, until, logs[name])
        for kill in self.kills:
            kill.missed = missed

    def _judge_life(self, life: Life, until: Life | None, log: list[str]) -> list[str]:
        """Whether a seat signed after its resync; the environment and a liar have nothing that they must sign."""
        here = log[life.log : until.log if until else None]
        back = rounds(here, "resynced in round")[:1]
        life.kill.open = back == [seen(log[: life.log]) + 1]
        if not life.name.startswith("seat") or int(life.name[5:]) in self._liars:
            return []
        said = spoken(self._out / life.name)[life.journal :]
        if life.kill.place not in ("unsealed:1", "withdrawn:1"):
            life.kill.signed = any(said)
        agreed = [number for number, kind in kinds(here).items() if back and number > back[0] and kind != EXPLORATION]
        if len(agreed) > 1 and not any(said[: until.journal - life.journal if until else None]):
            return [f"{life.name} signs nothing in {agreed}, though resynced in round {back[0]}"]
        return []


EXPLORATION = "exploration"
BLOCK = {"approved", "rejected"}


def log_of(place: Path) -> list[str]:
    """Log lines of a node; none where it has no log yet."""
    path = place / files.LOG
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def spoken(place: Path) -> list[bool]:
    """Of each whole line of a node's journal, whether it is of what we wait for: of a seat, of a round's steps."""
    path = place / files.SIGNED
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    phases = [json.loads(line).get("at", (0, 0))[1] for line in lines]
    return [phase in (Phase.REPORT, Phase.BLOCK) if place.name.startswith("seat") else phase > 0 for phase in phases]


def rounds(log: Sequence[str], start: str) -> list[int]:
    """The number after these words, of each line that starts with them."""
    return [int(line.removeprefix(start).split()[0]) for line in log if line.startswith(f"{start} ")]


def kinds(log: Sequence[str]) -> dict[int, str]:
    """Of the rounds whose end a node saw, in order."""
    words = [line.split() for line in log if line.startswith("round ")]
    return {int(word[1]): word[2] for word in words}


def seen(log: Sequence[str]) -> int:
    """The last round that was over for a node."""
    return max([0, *rounds(log, "round"), *(number - 1 for number in rounds(log, "resynced in round"))])


def absences(logs: Mapping[str, Sequence[str]], starts: Mapping[str, Sequence[int]]) -> list[tuple[str, int, float]]:
    """Of each start: the node, the first round that it had not seen end before, and the one in which it had resynced.

    Args:
        logs: by node.
        starts: how many lines the log had before each start.
    """
    away = []
    for name, lines in starts.items():
        for start, end in zip(lines, [*lines[1:], None], strict=False):
            here = logs[name][start:end]
            back = [*rounds(here, "resynced in round"), *rounds(here, "round")]
            if back or end is None:
                away.append((name, seen(logs[name][:start]) + 1, min(back, default=math.inf)))
    return away


def _is_excused(name: str, round_: int, away: Sequence[tuple[str, int, float]]) -> bool:
    """Whether a seat was away, or its pull of that round may have been on its way when it was killed."""
    return any(who == name and first - 1 <= round_ < back for who, first, back in away)


def no_block_soon(logs: Mapping[str, Sequence[str]], starts: Mapping[str, Sequence[int]]) -> list[str]:
    """Of the first three rounds after each start in which nobody else was killed or away, see `absences`."""
    known = {number: kind for log in logs.values() for number, kind in kinds(log).items()}
    agreed = sorted(number for number, kind in known.items() if kind != EXPLORATION)
    away = absences(logs, starts)
    missed = []
    for name, _, back_in in away:
        three = [number for number in agreed if number >= back_in][:3]
        others = any(first <= max(three, default=0) and last > back_in for _, first, last in away)
        if len(three) == 3 and not others and not BLOCK & {known[number] for number in three}:
            missed.append(f"no block in {three}, though {name} was back")
    return missed


def cpu_of(pid: int) -> float | None:
    """Seconds; None of a process that is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


_Plan = tuple[dict[str, list[Kill]], int]
"""Of a game: the places of its nodes, of each one after the other, or how many kills by the timer."""


def left(kills: Sequence[Kill], by_timer: int, keystores: bool = False, slash: bool = False) -> list[_Plan]:
    """The games that are to be played after these kills; which of the seats goes by turns."""
    missing = by_timer - sum(kill.place == "random" and kill.came_about for kill in kills)
    most = A_LONG_GAME if keystores else A_GAME
    timed: list[_Plan] = [({}, min(most, missing - done)) for done in range(0, missing, most)]
    if keystores or slash:
        return timed
    known = {(kill.node.split("-")[0], kill.place) for kill in kills if kill.came_about}
    wanted = [kill for kill in named() if (kill.node, kill.place) not in known]
    in_a_row = 1 if kills else A_LIFE  # what did not come about is first in its game
    made: list[_Plan] = []
    for node in ("relayer", "seat", "environment"):
        queue = [kill for kill in wanted if kill.node == node]
        for number, first in enumerate(range(0, len(queue), in_a_row)):
            name = f"seat-{number % 4}" if node == "seat" else node
            made.append(({name: queue[first : first + in_a_row]}, 0))
    open_ = {(kill.node, kill.place) for kill in kills if kill.came_about}
    for place, node in product(OPEN, NODES[:3]):
        if (node, place) not in open_:
            made.append(({node: [Kill(node, place)], "relayer": [Kill("relayer", each) for each in RELAYER_AWAY]}, 0))
    return [*made, *timed]


def free_ports(count: int) -> list[int]:
    """So many free ones in a row, below those that the system gives to connections, which would take them meanwhile."""
    while True:
        first = random.randrange(20_000, 32_000)
        with ExitStack() as stack, suppress(OSError):
            for port in range(first, first + count):
                stack.enter_context(socket.create_server(("127.0.0.1", port)))
            return list(range(first, first + count))


def played(seed: int, lists: dict[str, list[Kill]], by_timer: int, keystores: bool, slash: bool) -> list[Kill]:
    """What came of the kills of one game."""
    for name, each in lists.items():
        for kill in each:
            kill.node = name
    with TemporaryDirectory() as folder:
        game = _Game(seed, lists, by_timer, Path(folder) / "game", keystores, slash)
        game.judge()
    return game.kills


def slowest(kills: Sequence[Kill]) -> float:
    """Seconds."""
    return max((kill.seconds for kill in kills if kill.seconds is not None), default=0.0)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--random", type=int, default=200)
    parser.add_argument("--at-most", type=int, default=10**6, help="kills, of which the rest is for the next time")
    parser.add_argument("--keystores", action="store_true", help="games with open places and keys of their own")
    parser.add_argument("--slash", action="store_true", help="open games in which false reports are proven")
    arguments = parser.parse_args()
    kept = arguments.json.read_text() if arguments.json and arguments.json.exists() else ""
    kills = [Kill(**json.loads(line)) for line in kept.splitlines()]
    most = len(kills) + arguments.at_most
    to_play = left(kills, arguments.random, arguments.keystores, arguments.slash)
    in_vain = 0
    while to_play and len(kills) < most:
        before = len(kills)
        random.Random(before).shuffle(to_play)  # a sample has some of all
        for lists, by_timer in to_play:
            here = played(len(kills), lists, by_timer, arguments.keystores, arguments.slash)
            kills += here
            said = f"this game {sum(kill.came_about for kill in here)} of {len(here)}, {slowest(here):.1f} s at most"
            print(f"{len(kills)} kills; {said} to a signature", *{each for kill in here for each in kill.missed},
                  flush=True)
            if arguments.json:
                with arguments.json.open("a") as file:
                    file.writelines(json.dumps(asdict(kill)) + "\n" for kill in here)
            if len(kills) >= most:
                break
        in_vain = 0 if any(kill.came_about for kill in kills[before:]) else in_vain + 1
        if in_vain == IN_VAIN:
            print("never came about:", *(f"{kill.node} {kill.place}" for kill in kills[before:]))
            return 14
        to_play = left(kills, arguments.random, arguments.keystores, arguments.slash)
    seconds = sorted(kill.seconds for kill in kills if kill.seconds is not None)
    bad = [kill for kill in kills if kill.missed]
    over = sum(each > GOAL for each in seconds)
    alone = max((kill.alone for kill in kills if kill.alone is not None), default=0.0)
    came_about = sum(kill.came_about for kill in kills)
    print(f"{came_about} of {len(kills)} kills came about; {len(bad)} in games that missed something")
    if seconds:
        median = seconds[len(seconds) // 2]
        cpu = max((kill.cpu for kill in kills if kill.cpu is not None), default=0.0)
        print(f"at most {cpu:.1f} s of CPU from start to signature")
        print(f"start to signature: median {median:.1f} s, at most {slowest(kills):.1f} s, {over} over {GOAL} s")
        print(f"from the last start of any node: at most {alone:.1f} s")
    return 14 if bad or alone > GOAL else 0


if __name__ == "__main__":
    sys.exit(main())
