"""Replay of recorded rewards: a CSV file of `arm,reward,count`, drawn from uniformly with replacement."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from chain_bandit.environments.errors import TableInvalid
from chain_bandit.environments.reward_values import NoReward, reward_units
from chain_bandit.protocol.rewards import Distribution, RewardModel
from chain_bandit.protocol.units import MOST

COLUMNS = ("arm", "reward", "count")

_COUNT = re.compile(r"([0-9]{1,10})(\.0*)?")
"""A whole number, which pandas writes as 3.0 where a column has gaps."""

_MAX_COUNT = 2**32 - 1
_MAX_BYTES = 1 << 26
_MAX_REWARDS = 2**16 - 1


@dataclass(frozen=True, slots=True)
class RecordedTable:
    """The arms of a table in order of first appearance, and the rewards that they pay."""

    names: tuple[str, ...]
    model: RewardModel


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    arm: str
    reward: int
    count: int


def load_table(path: Path) -> RecordedTable:
    """Read the table in `path`: UTF-8, with or without a byte-order mark, any line ending, columns in any order.

    A reward is a number from 0 to 1, as `reward_units` reads it; a count is a whole number from 1 to 2^32 - 1. Counts
    of rows of one arm whose rewards are equal, or round to one, are added up; their sum has the same bound.

    Raises:
        TableInvalid: naming the file, the line and what is wrong there.
    """
    arms: dict[str, dict[int, int]] = {}
    for row in _rows(path):
        if row.arm not in arms and len(arms) == MOST:
            raise TableInvalid(path, row.line, f"more than {MOST} arms")
        rewards = arms.setdefault(row.arm, {})
        count = rewards.get(row.reward, 0) + row.count
        if count > _MAX_COUNT:
            raise TableInvalid(path, row.line, f"the counts of this arm and reward add up to more than {_MAX_COUNT}")
        if row.reward not in rewards and len(rewards) == _MAX_REWARDS:
            raise TableInvalid(path, row.line, f"more than {_MAX_REWARDS} distinct rewards of one arm")
        rewards[row.reward] = count
    if not arms:
        raise TableInvalid(path, 0, "no recorded reward below the header")
    return RecordedTable(tuple(arms), RewardModel(tuple(map(_distribution, arms.values()))))


def _distribution(rewards: dict[int, int]) -> Distribution:
    values = tuple(sorted(rewards))
    return Distribution(values, tuple(rewards[value] for value in values))


def _rows(path: Path) -> Iterator[_Row]:
    reader = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
    try:
        header = next(reader, [])
        if sorted(header) != sorted(COLUMNS):
            raise TableInvalid(path, 1, f"expected the columns {', '.join(COLUMNS)}, got {_quoted(', '.join(header))}")
        columns = [header.index(name) for name in COLUMNS]
        for fields in reader:
            if not fields:
                continue
            if len(fields) != len(COLUMNS):
                raise TableInvalid(path, reader.line_num, f"expected {len(COLUMNS)} fields, got {len(fields)}")
            yield _row(path, reader.line_num, *(fields[column] for column in columns))
    except csv.Error as error:
        raise TableInvalid(path, reader.line_num, f"not CSV: {error}") from error


def _row(path: Path, line: int, arm: str, reward: str, count: str) -> _Row:
    if not arm.strip() or not arm.isprintable():
        raise TableInvalid(path, line, f"expected the name of an arm, got {_quoted(arm)}")
    try:
        units = reward_units(reward)
    except NoReward:
        raise TableInvalid(path, line, f"expected a reward from 0 to 1, got {_quoted(reward)}") from None
    whole = _COUNT.fullmatch(count)
    if not whole or not 1 <= int(whole[1]) <= _MAX_COUNT:
        raise TableInvalid(path, line, f"expected a count from 1 to {_MAX_COUNT}, got {_quoted(count)}")
    return _Row(line, arm, units, int(whole[1]))


def read_text(path: Path) -> str:
    """A file of at most 64 MiB in UTF-8. Raises `TableInvalid`."""
    try:
        if not path.is_file():
            raise TableInvalid(path, 0, "cannot be read: it is no file")
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
        if len(data) > _MAX_BYTES:
            raise TableInvalid(path, 0, f"is larger than {_MAX_BYTES} bytes")
    except OSError as error:
        raise TableInvalid(path, 0, f"cannot be read: {error.strerror}") from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TableInvalid(path, error.object[: error.start].count(b"\n") + 1, "not UTF-8") from error


def _quoted(text: str) -> str:
    return ascii(text if len(text) <= 40 else text[:40] + "...")
