"""Rewards from a file in order."""

from pathlib import Path

import pytest

from chain_bandit.environments.errors import TableInvalid
from chain_bandit.environments.live import PullKey, SourceFailed
from chain_bandit.environments.live_csv import CsvSource

ARMS = ("a", "b")


def source(tmp_path: Path, text: str) -> CsvSource:
    path = tmp_path / "rewards.csv"
    path.write_text(text, encoding="utf-8", newline="")
    return CsvSource(path, ARMS)


def test_the_kth_pull_of_an_arm_takes_its_kth_row_however_often_it_is_asked(tmp_path: Path) -> None:
    rows = source(tmp_path, "reward,arm\r\n0.1,a\r\n0.9,b\r\n0.2,a\r\n")
    keys = [PullKey("", round_, 0) for round_ in range(4)]
    for key, arm in zip(keys, (0, 1, 0, 0), strict=True):
        rows.asked(key, arm)
        rows.asked(key, arm)
    assert [rows.pull(key, arm, 1.0) for key, arm in zip(keys[:3], (0, 1, 0), strict=True)] == ["0.1", "0.9", "0.2"]
    assert rows.pull(keys[0], 0, 1.0) == "0.1"
    with pytest.raises(SourceFailed, match="the file has 2 rows of it, this is pull 3; add rows") as error:
        rows.pull(keys[3], 0, 1.0)
    assert error.value.final


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("arm,rewards\n", "line 1: expected the columns arm, reward, got 'arm, rewards'"),
        ("arm,reward\na,0.1,2\n", "line 2: expected 2 fields, got 3"),
        ("arm,reward\nc,0.1\n", "line 2: expected one of the arms a, b, got 'c'"),
        ("arm,reward\na,0.1\nb,1.5\n", "line 3: expected a number from 0 to 1, got '1.5'"),
        ('arm,reward\na,"0.1\n', "not CSV"),
    ],
)
def test_a_file_that_is_none_is_refused_with_its_line(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(TableInvalid, match=told):
        source(tmp_path, text)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(TableInvalid, match="it is no file"):
        CsvSource(tmp_path / "none.csv", ARMS)
