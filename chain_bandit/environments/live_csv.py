"""Rewards from a CSV file of `arm,reward` in order: the k-th pull of an arm takes the arm's k-th row."""

import csv
import io
from pathlib import Path
from threading import Lock

from chain_bandit.environments.errors import TableInvalid
from chain_bandit.environments.live import PullKey, SourceFailed
from chain_bandit.environments.reward_values import NoReward, reward_units
from chain_bandit.environments.table import read_text

COLUMNS = ("arm", "reward")


def is_file(source: str) -> bool:
    """Whether the source of somebody's rewards is a file, and no URL or callable."""
    return source.endswith(".csv") and "://" not in source


class CsvSource:
    """Reads the file once; rows that are added later count once it is opened anew.

    Args:
        arms: their names; every row is of one of them.

    Raises:
        TableInvalid: naming the file, the line and what is wrong there.
    """

    def __init__(self, path: Path, arms: tuple[str, ...]) -> None:
        self.name, self._arms = path.name, arms
        self._rewards = _read(path, arms)
        self._rows: dict[PullKey, int] = {}
        self._taken = [0] * len(arms)
        self._lock = Lock()

    @property
    def rows(self) -> dict[str, int]:
        """How many each arm has."""
        return {arm: len(rewards) for arm, rewards in zip(self._arms, self._rewards, strict=True)}

    def asked(self, key: PullKey, arm: int) -> None:
        """The next row of the arm is this pull's."""
        with self._lock:
            if key not in self._rows:
                self._rows[key] = self._taken[arm]
                self._taken[arm] += 1

    def pull(self, key: PullKey, arm: int, seconds: float) -> object:
        """The reward in its row. Raises `SourceFailed`, which is final, where the file has no more of the arm."""
        with self._lock:
            row = self._rows[key]
        if row >= len(self._rewards[arm]):
            has = f"the file has {len(self._rewards[arm])} rows of it, this is pull {row + 1}"
            raise SourceFailed(f"{has}; add rows and start again", final=True)
        return self._rewards[arm][row]


def _read(path: Path, arms: tuple[str, ...]) -> list[list[str]]:
    rewards: list[list[str]] = [[] for _ in arms]
    reader = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
    try:
        header = next(reader, [])
        if sorted(header) != sorted(COLUMNS):
            raise TableInvalid(path, 1, f"expected the columns {', '.join(COLUMNS)}, got {', '.join(header)[:40]!a}")
        for fields in reader:
            if not fields:
                continue
            if len(fields) != len(COLUMNS):
                raise TableInvalid(path, reader.line_num, f"expected {len(COLUMNS)} fields, got {len(fields)}")
            arm, reward = (fields[header.index(name)] for name in COLUMNS)
            if arm not in arms:
                known = ", ".join(arms)
                raise TableInvalid(path, reader.line_num, f"expected one of the arms {known}, got {arm[:40]!a}")
            reward_units(reward)
            rewards[arms.index(arm)].append(reward)
    except csv.Error as error:
        raise TableInvalid(path, reader.line_num, f"not CSV: {error}") from error
    except NoReward as error:
        raise TableInvalid(path, reader.line_num, str(error)) from error
    return rewards
