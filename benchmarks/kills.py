"""Games of processes in which nodes are killed at named places and at random, and started again: is anything lost?

    python benchmarks/kills.py [--json FILE] [--random 200] [--at-most N]

Games of 20 rounds by four nodes on Anvil. A node that was killed (`nodes/crash.py`) is started again, and is killed
again at the next place of its list, so that one game has several kills of one node. Every place × three occurrences at
a seat, the environment and the relayer; then kills of any node by a timer, several in a game. Of each game: the audit
passes, so that nobody honest lost a reward; no node heard anybody honest say two things in one slot, in whatever lives
(`nodes/tap.py`); nobody is proven false; and of the
round in which the last killed node was back and the two after it one has a block. Of each kill of a node with a
journal: seconds from its start to its first signature, of the clock and of its own CPU time, which says more where
the machine has other work. A line of JSON a kill; what has come about by the file is not played again. A game may be
over before all its kills: others follow until every place was reached and all kills by the timer have come about, or
`--at-most` were tried. Exit code 14 where anything is missed, or a place is never reached.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import Any

from chain_bandit.nodes import place as files
from chain_bandit.nodes import tap
from chain_bandit.nodes.crash import POINTS, VARIABLE
from chain_bandit.nodes.processes import states
from chain_bandit.nodes.up import up
from chain_bandit.scenario import Scenario

ROUNDS, BOUND_MS, GOAL = 20, 300, 5.0
LIAR = 3
"""Equivocates where the relayer is killed after it reported that: elsewhere nobody does."""

A_LIFE, A_GAME = 4, 5
"""Places in a row of one node in one game; kills by the timer in one game."""

ENVIRONMENT_ALONE = {"opened", "about to settle", "settled", "about to reveal", "revealed", "costs settled", "closed"}
RELAYER_ALONE = {"about to record", "recorded", "evidence reported"}
SEAT_ALONE = {"joined", "pulled"}
NOT_OF_RELAYER = {"journal appended", "journal synced", "receipt appended", "sent", "record seen", "round closed",
                  "withdrawn"}  # fmt: skip
ONCE = {"started", "joined", "opened", "about to reveal", "revealed", "costs settled", "closed", "withdrawn",
        "evidence reported"}  # fmt: skip
NODES = ("seat-0", "seat-1", "seat-2", "seat-3", "environment", "relayer", "comparison")
COMMAND = (sys.executable, "-c", "from chain_bandit.cli import main; main()", "node")


@dataclass
class Kill:
    """One.

    Attributes:
        place: of `crash.POINTS` with its occurrence, or "random".
        reached: whether the node came by there.
        seconds: from the start of the new process to its first signature; None without a journal, or where it had
            nothing to sign any more.
        cpu: its own CPU seconds until then.
    """

    node: str
    place: str
    reached: bool = False
    seconds: float | None = None
    cpu: float | None = None
    missed: list[str] = field(default_factory=list)


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


class Game:
    """One game, its nodes killed at the places of their lists and started again."""

    def __init__(self, seed: int, lists: dict[str, list[Kill]], by_timer: int, out: Path) -> None:
        self._lists, self._out = lists, out
        self.kills = [kill for each in lists.values() for kill in each]
        self._liars = {LIAR} if any(kill.place == "evidence reported:1" for kill in self.kills) else set[int]()
        self._result: list[Any] = []
        self._lives: list[tuple[str, subprocess.Popen[bytes], Kill, int]] = []
        self._chance = random.Random(seed)
        scenario = Scenario.model_validate({
            "name": "kills", "seed": seed, "participants": 4, "rounds": ROUNDS, "burn_in": 4, "liars": 0,
            "attackers": 1, "bound_ms": BOUND_MS, "quorum": "two-thirds",
            "rewards": {"kind": "bernoulli", "means": [0.9, 0.4]}, "chain": {"settle_every": 4},
            "malicious": [{"seat": seat, "attacks": [{"name": "equivocating-commander"}]} for seat in self._liars],
        })  # fmt: skip
        self._timed = [Kill("", "random") for _ in range(by_timer)]
        os.environ[tap.VARIABLE] = "1"
        os.environ[VARIABLE] = ",".join(f"{node}/{each[0].place}" for node, each in lists.items())
        self._now = {node: each.pop(0) for node, each in lists.items()}
        self._back: dict[str, int] = {}
        self._over = threading.Event()
        threads = [
            threading.Thread(target=self._play, args=(scenario,)), threading.Thread(target=self._kill_by_timer)
        ]  # fmt: skip
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:  # where we are interrupted too, no process stays: `up` takes its own with it
            self._over.set()
            for thread in threads:
                thread.join()
            for _, process, _, _ in self._lives:
                process.kill()
                process.wait()

    def _play(self, scenario: Scenario) -> None:
        try:
            self._result.append(up(scenario, self._out, "anvil", say=self._hear, pause=self._pause))
        except Exception as error:  # noqa: BLE001 - it is what the kills of this game came to
            self._result.append(error)

    def _pause(self, seconds: float) -> None:
        if self._over.wait(seconds):
            raise InterruptedError

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
        before = size(place / files.SIGNED)
        self._back[name] = len((place / files.LOG).read_text(encoding="utf-8").splitlines())
        with (place / files.LOG).open("ab") as log:
            process = subprocess.Popen(
                [*COMMAND, str(place)], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, VARIABLE: armed}, start_new_session=True,
            )  # fmt: skip
        self._lives.append((name, process, kill, before))
        threading.Thread(target=self._follow, args=(name, process, kill, before)).start()

    def _follow(self, name: str, process: "subprocess.Popen[bytes]", kill: Kill, before: int) -> None:
        """Until it has signed, or is gone; who was killed again is started again."""
        began, signed = monotonic(), self._out / name / files.SIGNED
        while process.poll() is None:
            if before and kill.seconds is None and size(signed) > before:
                kill.seconds, kill.cpu = monotonic() - began, cpu_of(process.pid)
            sleep(0.01)
        if process.returncode == -9 and name in self._now and not self._result:
            self._again(name)

    def _kill_by_timer(self) -> None:
        while not self._result and not (self._out / "seat-0" / files.LOG).exists():
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
            os.kill(state.pid, 9)

    def judge(self) -> None:
        """What every kill of this game missed."""
        (result,) = self._result
        missed = []
        if isinstance(result, Exception):
            missed.append(f"{type(result).__name__}: {result}")
        else:
            _, report = result
            if report.verdict != "passed":
                missed.append(f"audit {report.verdict}: {report.violations}")
            proven = [each for each in report.findings if each.weight.name == "PROOF"]
            missed += [str(each) for each in proven if each.seat not in self._liars]
            missed += [f"{each} said two things" for each in tap.said_twice(self._out) if each not in self._liars]
            missed += self._no_block_soon()
        for kill in self.kills:
            kill.missed = missed

    def _no_block_soon(self) -> list[str]:
        """Of the rounds after the last one was back; none are where it was only after the last round."""
        kinds: dict[int, str] = {}
        last = 0
        for name in NODES:
            lines = (self._out / name / files.LOG).read_text(encoding="utf-8").splitlines()
            said = [(number, line.split()) for number, line in enumerate(lines) if line.startswith("round ")]
            kinds |= {int(word[1]): word[2] for _, word in said}
            after = [int(word[1]) for number, word in said if number >= self._back.get(name, len(lines))]
            last = max([last, *after[:1]])
        soon = [kinds.get(round_) for round_ in range(last, last + 3)]
        if 0 < last <= ROUNDS - 2 and not {"approved", "rejected"} & set(soon):
            return [f"no block in rounds {last} to {last + 2}: {soon}"]
        return []


def cpu_of(pid: int) -> float | None:
    """Seconds; None of a process that is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def size(path: Path) -> int:
    """0 of a file that is not there."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


Plan = tuple[dict[str, list[Kill]], int]
"""Of a game: the places of one node, one after the other, or how many kills by the timer."""


def left(kills: Sequence[Kill], by_timer: int) -> list[Plan]:
    """The games that are to be played after these kills; which of the seats goes by turns."""
    known = {(kill.node.split("-")[0], kill.place) for kill in kills if kill.reached}
    wanted = [kill for kill in named() if (kill.node, kill.place) not in known]
    in_a_row = 1 if kills else A_LIFE  # what did not come about is first in its game
    made: list[Plan] = []
    for node in ("relayer", "seat", "environment"):
        queue = [kill for kill in wanted if kill.node == node]
        for number, first in enumerate(range(0, len(queue), in_a_row)):
            name = f"seat-{number % 4}" if node == "seat" else node
            made.append(({name: queue[first : first + in_a_row]}, 0))
    missing = by_timer - sum(kill.place == "random" and kill.reached for kill in kills)
    return [*made, *(({}, min(A_GAME, missing - done)) for done in range(0, missing, A_GAME))]


def played(seed: int, lists: dict[str, list[Kill]], by_timer: int) -> list[Kill]:
    """What came of the kills of one game."""
    for name, each in lists.items():
        for kill in each:
            kill.node = name
    with TemporaryDirectory() as folder:
        game = Game(seed, lists, by_timer, Path(folder) / "game")
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
    arguments = parser.parse_args()
    kept = arguments.json.read_text() if arguments.json and arguments.json.exists() else ""
    kills = [Kill(**json.loads(line)) for line in kept.splitlines()]
    most = len(kills) + arguments.at_most
    to_play = left(kills, arguments.random)
    while to_play and len(kills) < most:
        before = len(kills)
        random.Random(before).shuffle(to_play)  # a sample has some of all
        for lists, by_timer in to_play:
            here = played(len(kills), lists, by_timer)
            kills += here
            said = f"this game {sum(kill.reached for kill in here)} of {len(here)}, {slowest(here):.1f} s at most"
            print(f"{len(kills)} kills; {said} to a signature", *{each for kill in here for each in kill.missed},
                  flush=True)
            if arguments.json:
                with arguments.json.open("a") as file:
                    file.writelines(json.dumps(asdict(kill)) + "\n" for kill in here)
            if len(kills) >= most:
                break
        if not any(kill.reached for kill in kills[before:]):
            print("never reached:", *(f"{kill.node} {kill.place}" for kill in kills[before:]))
            return 14
        to_play = left(kills, arguments.random)
    seconds = sorted(kill.seconds for kill in kills if kill.seconds is not None)
    bad = [kill for kill in kills if kill.missed]
    slow_ones = sum(each > GOAL for each in seconds)
    reached = sum(kill.reached for kill in kills)
    print(f"{reached} of {len(kills)} kills came about; {len(bad)} in games that missed something")
    if seconds:
        median = seconds[len(seconds) // 2]
        cpu = max((kill.cpu for kill in kills if kill.cpu is not None), default=0.0)
        print(f"at most {cpu:.1f} s of CPU from start to signature")
        print(f"start to signature: median {median:.1f} s, at most {slowest(kills):.1f} s, {slow_ones} over {GOAL} s")
    return 14 if bad or slow_ones else 0


if __name__ == "__main__":
    sys.exit(main())
