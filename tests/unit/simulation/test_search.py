"""The search for the worst lie of a family: it goes on where it was stopped, and is held to other seeds than it saw."""

import json
from argparse import Namespace
from collections.abc import Sequence
from contextlib import nullcontext
from random import Random
from typing import Any

import pytest

from science import search


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"FRESH": 40, "FINALISTS": 2}.items():
        monkeypatch.setattr(search, name, value)


def given(**changes: Any) -> Namespace:
    asked = {"rule": "option-2", "option": [], "exploration": "2/b", "liars": 3, "games": 20 * search.TRIES, "jobs": 1,
             "rushing": False, "random": True, "attack": None, "row": None, "blind": False, "greedy": False,
             "seats": 10, "rounds": 3000, "burn_in": None, "recommended": False,
             "arms": "demo", "changes": {}}  # fmt: skip
    return Namespace(**asked | changes)


def candidate(**options: Any) -> dict[str, Any]:
    return {"attacks": [{"name": "parametric", "options": options}], "split": 0}


@pytest.mark.parametrize(("rule", "blind"), [("option-2", False), ("option-2", True), ("median", False)])
def test_a_search_that_was_stopped_goes_on_to_the_same_end(tmp_path, monkeypatch, rule, blind):
    for size in ("POPULATION", "TOGETHER"):
        monkeypatch.setattr(search, size, 6)
    whole: list[dict[str, Any]] = []
    asked = given(rule=rule, blind=blind, rounds=300 if rule == "median" else 3000)
    row = search.search(asked, whole, tmp_path / "whole.jsonl")
    kept = [json.loads(line) for line in (tmp_path / "whole.jsonl").read_text().splitlines()]
    assert kept == whole
    assert blind or len({json.dumps(each["candidate"]) for each in whole}) == len(whole)
    assert search.search(asked, kept[:7], None) | {"cpu_minutes": 0} == row | {"cpu_minutes": 0}


@pytest.mark.parametrize("rule", ["median", "krum"])
def test_candidates_that_are_played_together_come_to_what_each_does_alone(rule):
    asked, chance = given(rule=rule, rounds=400), Random(5)
    some = [search.drawn(asked, chance) for _ in range(11)]
    some[:2] = candidate(best=-2.0, within=1.0, period=3), candidate(best=-4.0, others=1.5, target=2, wakes=90, most=50)
    some[2]["split"] = 1
    games = [search.replicates(search.case(asked, each, 70), 3, (400,)) for each in some]
    alone = [each.regret(*search.COUNTED)[0].mean for each in games]
    assert search.regrets(asked, some, 3, 70) == alone
    assert len(set(alone)) > 5


def test_after_a_third_of_the_games_candidates_are_changes_of_the_best_three():
    asked, chance = given(games=300 * search.TRIES), Random(7)
    done = [{"candidate": search.drawn(asked, chance), "regret": chance.random(), "games": search.TRIES}
            for _ in range(150)]  # fmt: skip
    best = [row["candidate"] for row in sorted(done, key=lambda row: -row["regret"])[:3]]

    def changes(found: dict[str, Any]) -> int:
        """From the nearest of the best."""
        (new,) = found["attacks"]
        olds = [each["attacks"][0]["options"] for each in best if each["split"] == found["split"]]
        return min((sum(old.get(key) != new["options"].get(key) for key in {*old, *new["options"]}) for old in olds),
                   default=99)  # fmt: skip

    assert all(1 <= changes(search.of_family(asked, done, [{}] * at)) <= 3 for at in range(40))
    assert any(changes(search.of_family(asked, done[:50], [{}] * at)) > 3 for at in range(5))


def test_the_worst_lie_found_costs_more_than_honesty_and_more_than_the_first_that_was_tried():
    tried: list[dict[str, Any]] = []
    row = search.search(given(), tried, None)
    honest = search.told(given(), candidate(best=0.0, second=0.0, others=0.0))
    assert row["regret"]["mean"] > 1.1 * honest["regret"]["mean"]
    assert max(each["regret"] for each in tried) > tried[0]["regret"]
    low, high = row["ratio"][1:]
    assert low < row["ratio"][0] < high
    assert row["worst_game"] >= row["p99"] >= row["regret"]["mean"]


def test_games_that_settle_on_a_worse_arm_are_counted():
    """Against a mean that nobody is left out of, three liars at the ends decide for good."""
    found = search.told(given(liars=0), candidate())
    assert found["locked"] == 0
    assert found["ratio"][0] == pytest.approx(found["regret"]["mean"] / found["oracle"]["mean"])
    lies = candidate(best=-1000.0, second=1000.0, others=1000.0)
    with pytest.MonkeyPatch.context() as planted:
        original = search.case
        planted.setattr(search, "case", lambda asked, candidate, seed: original(asked, candidate, seed).model_copy(
            update={"liars": 0}
        ))  # fmt: skip
        assert search.told(given(), lies)["locked"] > 20


@pytest.mark.parametrize(("rule", "tries", "candidates", "rounds", "least"), [
    ("option-1", 6, 200, 3_000, 4.0), pytest.param("confidence", 16, 625, 10_000, 1.3, marks=pytest.mark.deep),
])  # fmt: skip
def test_from_chance_alone_it_finds_what_costs_a_rule_most(monkeypatch, rule, tries, candidates, rounds, least):
    """In 10,000 rounds `few-counts` costs Option 1 5.8 times the oracle, a lie on its edge `confidence` 1.44 to 1.47
    times: what 20,000 games come to from two starts; from 5,000 to 7,000 on they are above 1.3 (docs/robust.md)."""
    monkeypatch.setattr(search, "TRIES", tries)
    row = search.search(given(rule=rule, games=candidates * tries, rounds=rounds), [], None)
    assert row["ratio"][0] >= least


def test_what_is_reported_is_of_no_seed_that_was_searched_and_the_best_of_the_finalists(monkeypatch):
    """First tries, what confirms them, finalists and the report: each has games of its own."""
    asked: list[tuple[int, int, int]] = []

    def scored(given: Any, candidates: Sequence[Any], games: int, seed: int) -> list[float]:
        asked.append((seed, games, len(candidates)))
        return [abs(each["attacks"][0]["options"]["best"]) % 7 for each in candidates]

    monkeypatch.setattr(search, "regrets", scored)
    monkeypatch.setattr(search, "told", lambda given, candidate: {})
    monkeypatch.setattr(search.provenance, "made", lambda *seeds: {})
    done: list[dict[str, Any]] = []
    row = search.search(given(games=60 * search.TRIES), done, None)
    spans = {range(seed, seed + games) for seed, games, _ in asked}
    assert len(spans) == 3
    assert min(span.start for span in spans) >= search.FRESH
    assert all(a is b or not set(a) & set(b) for a in spans for b in spans)
    assert sum(games * many for _, games, many in asked[:-1]) == search.spent(done)
    assert any(games == search.CONFIRMING * search.TRIES for _, games, many in asked if many)
    of = [each["candidate"] for each in sorted(done, key=lambda each: -each["regret"])[: search.FINALISTS]]
    assert row["worst"] == max(of, key=lambda each: abs(each["attacks"][0]["options"]["best"]) % 7)


def test_candidates_of_another_search_are_refused(monkeypatch, tmp_path, capsys):
    kept, short = tmp_path / "kept.jsonl", ["--games", "16", "--rounds", "300", "--random", "--candidates"]
    monkeypatch.setattr(search, "FRESH", 10)
    for rule, refused in (("option-2", False), ("option-2", False), ("median", True)):
        monkeypatch.setattr("sys.argv", ["search", "--rule", rule, *short, str(kept)])
        with pytest.raises(SystemExit) if refused else nullcontext():
            search.main()
    assert "candidates of another search" in capsys.readouterr().err


def test_a_search_without_a_family_comes_to_lies_that_cost_more(monkeypatch):
    monkeypatch.setattr(search, "TRIES", 4)
    tried: list[dict[str, Any]] = []
    search.search(given(blind=True, games=4 * 3 * search.POPULATION), tried, None)
    first, last = (tried[: search.POPULATION], tried[-search.POPULATION :])
    assert sum(row["regret"] for row in last) > 1.1 * sum(row["regret"] for row in first)


def test_greedy_lies_are_searched_by_how_far_they_go(monkeypatch):
    monkeypatch.setattr(search, "TRIES", 4)
    tried: list[dict[str, Any]] = []
    row = search.search(given(greedy=True, rounds=300, games=12 * search.TRIES), tried, None)
    assert len({each["candidate"]["attacks"][0]["options"]["farthest"] for each in tried}) == len(tried) > 1
    (told,) = list(search.table([row]))[2:]
    assert "of greedy lies" in told
    assert "`greedy farthest=" in told
    honest = search.told(given(rounds=300), candidate(best=0.0, second=0.0, others=0.0))
    assert row["regret"]["mean"] > honest["regret"]["mean"]
