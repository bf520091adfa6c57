"""The search for the worst lie of a family: it goes on where it was stopped, and is held to other seeds than it saw."""

import json
from argparse import Namespace
from typing import Any

import pytest

from benchmarks import search


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"ROUNDS": 3000, "FRESH": 40, "FINALISTS": 2}.items():
        monkeypatch.setattr(search, name, value)


def given(**changes: Any) -> Namespace:
    asked = {"rule": "option-2", "option": [], "exploration": "2/b", "liars": 3, "games": 20 * search.TRIES, "jobs": 1,
             "rushing": False, "random": True, "attack": None}  # fmt: skip
    return Namespace(**asked | changes)


def test_a_search_that_was_stopped_goes_on_to_the_same_end(tmp_path):
    whole: list[dict[str, Any]] = []
    row = search.search(given(), whole, tmp_path / "whole.jsonl")
    kept = [json.loads(line) for line in (tmp_path / "whole.jsonl").read_text().splitlines()]
    assert kept == whole
    assert search.search(given(), kept[:7], None) == row


def test_the_worst_lie_found_costs_more_than_honesty_and_more_than_the_first_that_was_tried():
    tried: list[dict[str, Any]] = []
    row = search.search(given(), tried, None)
    honest = search.told(given(), {"attack": "parametric", "options": {"best": 0.0, "second": 0.0, "others": 0.0}})
    assert row["regret"]["mean"] > 1.1 * honest["regret"]["mean"]
    assert max(each["regret"] for each in tried) > tried[0]["regret"]
    low, high = row["ratio"][1:]
    assert low < row["ratio"][0] < high
    assert row["worst_game"] >= row["p99"] >= row["regret"]["mean"]


def test_games_that_settle_on_a_worse_arm_are_counted():
    """Against a mean that nobody is left out of, three liars at the ends decide for good."""
    found = search.told(given(liars=0), {"attack": "parametric", "options": {}})
    assert found["locked"] == 0
    assert found["ratio"][0] == pytest.approx(found["regret"]["mean"] / found["oracle"]["mean"])
    lies = {"attack": "parametric", "options": {"best": -1000.0, "second": 1000.0, "others": 1000.0}}
    with pytest.MonkeyPatch.context() as planted:
        original = search.case
        planted.setattr(search, "case", lambda asked, candidate, seed: original(asked, candidate, seed).model_copy(
            update={"liars": 0}
        ))  # fmt: skip
        assert search.told(given(), lies)["locked"] > 20
