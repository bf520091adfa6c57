"""Games of processes for tests: started, killed, started again, and held against the same game in one process."""

import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from chain_bandit.nodes import node_files as files
from chain_bandit.nodes.crash import VARIABLE
from chain_bandit.nodes.processes import states
from chain_bandit.nodes.up import up
from chain_bandit.scenario import Scenario
from tests.integration.nodes import COMMAND

NAMES = ("seat-0", "seat-1", "seat-2", "seat-3", "environment", "relayer", "comparison")


class Over(Exception):
    """The test is over, and with it the game."""


class Game:
    """One game that `up` plays in a thread, while a test does what it likes to its processes."""

    def __init__(self, scenario: Scenario, out: Path, chain: str = "anvil", revive: bool = False) -> None:
        self.out, self.lines, self._result, self._error = out, list[str](), None, None
        self.killed: list[str] = []
        self._revive, self._over = revive, threading.Event()
        self.started: dict[str, subprocess.Popen[bytes]] = {}

        def pause(seconds: float) -> None:
            if self._over.wait(seconds):
                raise Over

        def play() -> None:
            try:
                self._result = up(scenario, out, chain, say=self._hear, revives=lambda name: self._revive, pause=pause)
            except Exception as error:  # noqa: BLE001 - raised again by `end`
                self._error = error

        self._thread = threading.Thread(target=play)
        self._thread.start()

    def end(self, seconds: float = 300.0) -> tuple[dict[str, Any], Any]:
        self._thread.join(seconds)
        assert not self._thread.is_alive(), f"the game does not end: {self.tails()}"
        if self._error is not None:
            raise self._error
        assert self._result is not None
        return self._result

    def stop(self) -> None:
        """End it wherever it is: `up` takes its processes with it, and those that were started here go too."""
        self._over.set()
        self._thread.join()
        for process in self.started.values():
            process.kill()
            process.wait()

    def _hear(self, line: str) -> None:
        self.lines.append(line)
        if "signal 9" in line:
            self.killed.append(line.split()[0])

    def stop_reviving(self) -> None:
        """Who is killed from now on stays so."""
        self._revive = False

    def kill(self, name: str) -> None:
        """Kill a node that `up` has started, once it has come to its lock."""
        self.wait(lambda: self.is_up(name))
        pid, before = self._pid(name), self.killed.count(name)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        self.wait(lambda: self.killed.count(name) > before)

    @contextmanager
    def held(self) -> Iterator[None]:
        """No round ends while the block runs: the relayer stands still."""
        self.wait(lambda: self.is_up("relayer"))
        pid = self._pid("relayer")
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def start(self, name: str, crash: str = "") -> None:
        """Take up a node that was killed, as a user does; it may be killed again, at a place of `nodes/crash.py`."""
        with (self.out / name / "log").open("ab") as log:
            self.started[name] = subprocess.Popen(
                [COMMAND, "node", str(self.out / name)], stdout=log, stderr=log,
                env={**os.environ, VARIABLE: crash and f"{name}/{crash}"},
            )  # fmt: skip

    def is_up(self, name: str) -> bool:
        """Whether a node runs, which has come to its lock."""
        return (self.out / files.GAME).exists() and self._pid(name) is not None

    def _pid(self, name: str) -> int | None:
        return next(state.pid for state in states(self.out) if state.name == name)

    def is_back(self, name: str) -> bool:
        """Whether a node that was started again has caught up with its game."""
        return "resynced in round" in self.log(name)

    def log(self, name: str) -> str:
        """What a node has written; nothing before it runs."""
        try:
            return (self.out / name / "log").read_text()
        except OSError:
            return ""

    def rounds(self, name: str) -> list[int]:
        """Those that a node has said the end of."""
        return [int(line.split()[1]) for line in self.log(name).splitlines() if line.startswith("round ")]

    def at_round(self, round_: int, name: str = "seat-0") -> bool:
        return any(each >= round_ for each in self.rounds(name))

    def wait(self, condition: Any, seconds: float = 300.0) -> None:
        until = monotonic() + seconds
        while not condition():
            if self._error is not None:
                raise self._error
            assert monotonic() < until, f"it did not happen in time: {self.tails()}"
            sleep(0.02)

    def tails(self) -> str:
        logs = (path for path in self.out.glob("*/log"))
        return " | ".join(f"{path.parent.name}: {path.read_text()[-300:]}" for path in logs)


@contextmanager
def game(scenario: Scenario, out: Path, revive: bool = False, chain: str = "anvil") -> Iterator[Game]:
    """A game, of which no process is left when the block ends, however it ends."""
    played = Game(scenario, out, chain, revive)
    try:
        yield played
    finally:
        played.stop()


def digests_of(place: Path) -> dict[tuple[int, ...], str]:
    """What a key said, by place; raises where it said two things."""
    said: dict[tuple[int, ...], str] = {}
    for line in (place / "signed.jsonl").read_text().splitlines()[1:]:
        entry = json.loads(line)
        assert tuple(entry["at"]) not in said
        said[tuple(entry["at"])] = entry["digest"]
    return said
