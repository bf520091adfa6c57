"""The table of rules and lies: what is played of it, what is kept, and that arrays play as a live game does."""

from functools import partial

import pytest

from chain_bandit.game.simulated import replicates
from chain_bandit.protocol.rule import Terms
from chain_bandit.protocol.units import UNIT
from chain_bandit.runner import workers
from chain_bandit.simulation import arrays
from chain_bandit.simulation.arrays import Form, Found, Told, huber
from science import figures, rules
from science.provenance import FIGURES
from tests.few import few

ROUNDS = 90


@pytest.mark.parametrize("seed", few(range(10), every=5))
def test_live_games_and_arrays_are_equal_in_random_cells(seed):
    cases = rules.drawn(2, seed, ROUNDS)
    assert [rules.require_equal(case) for case in cases] == [ROUNDS, ROUNDS]


def test_a_wrong_form_differs_from_the_live_game(monkeypatch):
    case = rules.RuleCell("huber", "swap", 3).scenario(rounds=ROUNDS, burn_in=12)
    right = huber.FORM.estimate

    def wrong(terms: Terms, told: Told) -> Found:
        found = right(terms, told)
        return found._replace(means=UNIT - found.means)

    monkeypatch.setattr(huber, "FORM", Form(wrong))
    arrays.forms.cache_clear()
    with pytest.raises(AssertionError, match="round"):
        rules.require_equal(case)
    arrays.forms.cache_clear()


@pytest.fixture
def short(monkeypatch):
    monkeypatch.setattr(rules, "ROUNDS", 300)
    monkeypatch.setattr(rules, "scenario", partial(figures.scenario, rounds=300))
    monkeypatch.setattr(rules, "processes", lambda jobs: workers.here)


def test_what_is_kept_of_a_cell_is_not_played_again_unless_the_cell_is_another(short, tmp_path, monkeypatch):
    file, asked = tmp_path / "rules.jsonl", rules.places(["option-1", "median"], ["swap", "constant-lie"])
    rows = []
    for row in rules.play(asked, 3, 1):
        rules.written(file, rows := [*rows, row])
        if len(rows) == 3:  # stopped
            break
    played = []

    def noted(play, tasks):
        played.append(tasks)
        return workers.here(play, tasks)

    monkeypatch.setattr(rules, "processes", lambda jobs: noted)
    again = list(rules.play(asked, 3, 1, rules.kept_rows(file)))
    assert (again[:3], len(again), len(played[0])) == (rows, 8, 5)
    rules.written(file, again)
    assert list(rules.play(asked, 3, 1, rules.kept_rows(file))) == again
    assert played[1] == []
    assert len(list(rules.play(asked, 4, 1, rules.kept_rows(file)))) == len(played[2]) == 8


def row(rule, attack, liars):
    wanted = rule, attack, liars
    every = rules.kept_rows(FIGURES / "rules.jsonl")
    return next(each for each in every if (each.get("rule"), each.get("attack"), each.get("liars")) == wanted)


@pytest.mark.parametrize("place", few([
    rules.RuleCell("confidence", "swap", 3), rules.RuleCell("krum", "nobody lies", 1),
    rules.RuleCell("undefended mean", "worse-half", 1), rules.RuleCell("random-rank", "nobody lies", 3),
], every=2), ids=str)  # fmt: skip
def test_a_row_is_what_its_cell_comes_to(place):
    found = row(place.rule, place.attack, place.liars)
    played = replicates(place.scenario(), 100, (figures.ROUNDS,)).regret(*figures.COUNTED)[-1]
    assert found["regret"] == {"mean": played.mean, "low": played.low, "high": played.high}


def test_every_attack_that_lies_is_a_row_or_the_page_says_why_not():
    assert set(rules.TELLING[1:]) | set(rules.UNTOLD) == {
        name for name, kind in rules.TABLED.items() if kind.conduct & rules.Conduct.LIAR
    }
    assert set(rules.UNTOLD) == {"captured-committee", "false-record", "two-faced-report"}
    said = "\n".join(rules.absent([]))
    assert all(f"`{name}`" in said for name in rules.UNTOLD)
