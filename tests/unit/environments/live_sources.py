"""Sources of rewards for tests: each pull is written down, and answered as a script says."""

import threading
from collections.abc import Callable
from pathlib import Path

from chain_bandit.append_log import AppendLog, AppendLogFile
from chain_bandit.environments.live import PullKey
from chain_bandit.environments.live_rewards import LiveRewards
from chain_bandit.protocol.ledger import Ledger
from chain_bandit.protocol.rewards import Wanted

GAME = bytes(range(32))
ARMS = ("first", "second")


class Scripted:
    """Answers with what `script` gives of key, arm and attempt, from 1 on; what it raises is raised."""

    name = "script"

    def __init__(self, script: Callable[[PullKey, int, int], object]) -> None:
        self.asked_for: list[PullKey] = []
        self.pulled: list[PullKey] = []
        self._script, self._lock = script, threading.Lock()

    def asked(self, key: PullKey, arm: int) -> None:
        self.asked_for.append(key)

    def pull(self, key: PullKey, arm: int, seconds: float) -> object:
        with self._lock:
            self.pulled.append(key)
            attempt = self.pulled.count(key)
        return self._script(key, arm, attempt)


class Asked:
    """`LiveRewards` of a scripted source, and what it said."""

    def __init__(
        self, script: Callable[[PullKey, int, int], object], path: Path | None = None, timeout: float = 0.3,
        patience: float = 60.0,
    ) -> None:  # fmt: skip
        self.source, self.said = Scripted(script), list[str]()
        lines = AppendLog() if path is None else AppendLogFile(path)
        self.rewards = LiveRewards(self.source, GAME, ARMS, timeout, lines, self.said.append, patience)

    def one(self, round_: int, seat: int = 0, arm: int = 0, count: int = 1, must: bool = False) -> int | None:
        """The reward of one seat, waited for."""
        ledger, wanted = Ledger(round_, b"", (0, 0)), Wanted(seat, arm, count)
        self.rewards.ask(ledger, [wanted], must)
        return self.rewards.reward(ledger, wanted)
