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

from chain_bandit.nodes.crash import VARIABLE
from chain_bandit.nodes.up import NODE, states, up
from chain_bandit.scenario import Scenario

NAMES = ("seat-0", "seat-1", "seat-2", "seat-3", "environment", "relayer", "comparison")


class Game:
    """One game that `up` plays in a thread, while a test does what it likes to its processes."""

    def __init__(self, scenario: Scenario, out: Path, chain: str = "anvil", revive: bool = False) -> None:
        self.out, self.lines, self._result, self._error = out, list[str](), None, None
        self.killed: list[str] = []
        self._revive = revive
        self._started: list[subprocess.Popen[bytes]] = []

        def play() -> None:
            try:
                self._result = up(scenario, out, chain, say=self._hear)
            except Exception as error:  # noqa: BLE001 - raised again by `end`
                self._error = error

        self._thread = threading.Thread(target=play)
        self._thread.start()

    def end(self, seconds: float = 300.0) -> tuple[dict[str, Any], Any]:
        self._thread.join(seconds)
        assert not self._thread.is_alive(), f"the game does not end: {self.tails()}"
        for process in self._started:
            process.wait(10)
        if self._error is not None:
            raise self._error
        assert self._result is not None
        return self._result

    def _hear(self, line: str) -> None:
        """A node that was killed is started again, if that is wanted."""
        self.lines.append(line)
        if "signal 9" in line:
            self.killed.append(line.split()[0])
            if self._revive:
                self.start(self.killed[-1])

    def stop_reviving(self) -> None:
        """Who is killed from now on stays so."""
        self._revive = False

    def kill(self, name: str) -> None:
        state = next(each for each in states(self.out) if each.name == name)
        assert state.pid is not None
        os.kill(state.pid, signal.SIGKILL)
        self.wait(lambda: next(each for each in states(self.out) if each.name == name).pid is None)

    def start(self, name: str) -> "subprocess.Popen[bytes]":
        with (self.out / name / "log").open("ab") as log:
            process = subprocess.Popen(
                [*NODE, str(self.out / name)], stdout=log, stderr=log, env={**os.environ, VARIABLE: ""}
            )
        self._started.append(process)
        return process

    def rounds(self, name: str) -> list[int]:
        """Those that a node has said the end of."""
        try:
            text = (self.out / name / "log").read_text()
        except OSError:
            return []
        return [int(line.split()[1]) for line in text.splitlines() if line.startswith("round ")]

    def at_round(self, round_: int, name: str = "seat-0") -> bool:
        return any(each >= round_ for each in self.rounds(name))

    def wait(self, condition: Any, seconds: float = 300.0) -> None:
        until = monotonic() + seconds
        while not condition():
            assert self._error is None, self._error
            assert monotonic() < until, f"it did not happen in time: {self.tails()}"
            sleep(0.02)

    def tails(self) -> str:
        logs = (path for path in self.out.glob("*/log"))
        return " | ".join(f"{path.parent.name}: {path.read_text()[-300:]}" for path in logs)


@contextmanager
def game(scenario: Scenario, out: Path, revive: bool = False) -> Iterator[Game]:
    played = Game(scenario, out, revive=revive)
    try:
        yield played
    finally:
        if played._thread.is_alive():
            for state in states(out):
                if state.pid is not None:
                    os.kill(state.pid, signal.SIGKILL)
        for process in played._started:
            process.kill()


def digests_of(place: Path) -> dict[tuple[int, ...], str]:
    """What a key said, by place; raises where it said two things."""
    said: dict[tuple[int, ...], str] = {}
    for line in (place / "signed.jsonl").read_text().splitlines()[1:]:
        entry = json.loads(line)
        assert tuple(entry["at"]) not in said
        said[tuple(entry["at"])] = entry["digest"]
    return said
