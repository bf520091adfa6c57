"""The numbers beside the pictures of the results are what the commands give."""

import json
from math import isclose, log
from types import SimpleNamespace

import numpy as np
import pytest

from chain_bandit.crypto.keys import derive
from chain_bandit.game.simulated import replicates
from chain_bandit.scenario import Scenario
from chain_bandit.simulation.kernel import encoding
from chain_bandit.simulation.replicates import measure
from science import communication, figures, pages
from science.bars import Span
from science.provenance import FIGURES
from tests.close import close
from tests.few import few


def said(name):
    return json.loads((FIGURES / f"{name}.json").read_text())


def test_the_demo_is_what_its_command_gives_and_its_honest_lose_less_than_alone():
    """In all rounds, all money counted; a plain mean under the same lies does not, nor does the paper's preset."""
    found, about = said("demo")["figures"], said("demo")
    for rounds, share, games in ((1_000, 0.80, about["seeds"][1] + 1), (10_000, 0.32, 0)):
        line = found["regret"][str(rounds)]
        names = figures.OURS, figures.ALONE, figures.OWN, figures.NONE
        ours, alone, own, undefended = (Span(**line[name]["all"]) for name in names)
        assert ours.over(alone).high < share
        assert ours.high < own.low < own.high < undefended.low
        assert found["below alone from"][str(rounds)] <= 200
        if games:
            again = replicates(figures.demo_games(rounds)[figures.OURS], games, (rounds,), 2)
            assert close(figures.vars_of(again.regret()[0]), line[figures.OURS]["all"])
            assert close(figures.vars_of(again.regret("cost")[0]), line[figures.OURS]["cost"])
    whole = found["regret"]["10000"]
    ours, ucb1 = (Span(**whole[name]["all"]) for name in ("a block a round", "with ucb1, a block a round"))
    assert ucb1.over(Span(**whole[figures.ALONE]["all"])).high < 0.33
    assert whole[figures.OURS]["all"]["mean"] < 1.15 * ours.mean
    short = found["regret"]["1000"]
    assert short["the paper's preset"]["all"]["low"] > short[figures.ALONE]["all"]["high"]


def test_without_numba_no_option_is_named_that_is_none(monkeypatch, capsys):
    monkeypatch.setattr(figures, "AVAILABLE", False)
    monkeypatch.setattr("sys.argv", ["figures"])
    with pytest.raises(SystemExit):
        figures.main()
    error = capsys.readouterr().err
    assert 'numba: pip install "chain-bandit[fast]"' in error
    assert "--engine" not in error


def test_under_the_worst_lie_that_was_found_the_recommended_preset_loses_less_than_half_of_what_alone_does():
    found = pages.rows("recommended")
    assert {(row["rushing"], row["games"] >= 10_000, row["liars"]) for row in found} == {
        (False, True, 3), (True, True, 3),
    }  # fmt: skip
    assert all(row["ratio"][2] <= 0.45 for row in found)


def test_from_which_round_on_ours_is_below_alone():
    alone = tuple(SimpleNamespace(mean=float(at)) for at in range(8, 88, 8))
    for means, first in (([31, 39, 49, 55, 63], 56), ([31, 39, 47, 55, 63], 32), ([31, 39, 47, 55, 64], 72)):
        ours = np.arange(32, 72, 8), tuple(SimpleNamespace(mean=each) for each in means), {}
        assert figures.below_from(ours, alone) == first


CELLS = [
    ("heat", "sign-flip", "confidence"), ("heat", "late-chain", "option-1"), ("heat", "sybil", figures.NONE),
    ("heat-1", "two-faced-report", "confidence"), ("heat-1", "swap", "option-1"),
]  # fmt: skip


@pytest.mark.parametrize(("picture", "attack", "rule"), few(CELLS, 3))
def test_a_cell_of_the_heat_map_is_what_its_command_gives(picture, attack, rule):
    about = said(picture)
    first, last = about["seeds"]
    assert first == 0
    found = figures.FigureBench(last + 1, 2).lost(figures.scenario(rule, attack, liars=about["figures"]["liars"]))
    assert close(figures.vars_of(found), about["figures"]["regret"][attack][rule])


@pytest.mark.parametrize(("picture", "liars"), [("heat", 3), ("heat-1", 1)])
def test_a_heat_map_has_every_attack_or_says_that_it_is_not_simulated(picture, liars):
    """Whatever is worst is then worst of all that there are, those on the consensus too."""
    found = said(picture)["figures"]
    assert found["liars"] == liars
    assert found["not simulated"] == ["captured-committee"]
    assert found["regret"].keys() | set(found["not simulated"]) == figures.TABLED.keys()
    for rule, attack in found["worst"].items():
        assert found["regret"][attack][rule]["mean"] == max(row[rule]["mean"] for row in found["regret"].values())


def test_who_breaks_the_consensus_is_within_a_bound_of_its_own():
    """Liars are counted by f alone: nobody's silence is excused where nobody may be silent."""
    for attack, attackers in (("swap", 0), ("late-chain", 3), ("two-faced-report", 3)):
        made = figures.scenario("option-1", attack)
        assert (made.liars, made.attackers) == (3, attackers)
        assert list(made.attacks()) == [7, 8, 9]
    assert figures.scenario(figures.NONE, "swap").liars == 0


def test_the_oracle_is_ucb_on_the_rewards_of_all_and_alone_it_is_worse():
    bench = figures.FigureBench(40, 1)
    alone, pooled = (bench.pooled(seats)[:, -1].mean() for seats in ([0], range(7)))
    assert pooled < alone / 3
    assert 150 < alone < 300  # docs/rivals.md has 229.5 over 200 games


def test_the_divergence_is_that_of_its_definition():
    assert figures.divergence(0.3, 0.3) == 0
    assert isclose(figures.divergence(0.5, 0.25), 0.5 * log(2) + 0.5 * log(0.5 / 0.75))


def test_a_phase_saves_blocks_messages_and_gas():
    rows = [row for growth in (0.0, 0.25, 1.0) for row in communication.measure(growth, 500, 4, 1)]
    first, *later = (row.blocks for row in rows)
    assert first == 500 - communication.scenario(500, 0).parameters.burn_in + 1
    assert first > 4 * later[0] > 5 * later[1]
    for count in ("rounds", "signatures", "bytes", "records"):
        few_, fewer, fewest = (getattr(row.wire, count) for row in rows)
        assert few_ > 3 * fewer > 3 * fewest, count
    assert rows[0].gas > rows[1].gas > rows[2].gas


def test_what_is_sent_is_counted_once_a_recipient_and_a_game_is_extended_by_what_a_round_adds():
    assert communication.size((b"abc", 7, {1: b"xy"})) == 3 + 8 + 8 + 2
    short, longer, whole = (communication.live(communication.scenario(rounds, 0.0)) for rounds in (100, 150, 300))
    guessed = short.extended(longer, 4)
    assert guessed.rounds == whole.rounds == 300 - 32 + 1  # no consensus in the burn-in
    for count in ("signatures", "bytes", "records", "settlements"):
        assert getattr(guessed, count) == pytest.approx(getattr(whole, count), rel=0.12), count


POINTS = [(figures.NONE, 1), (figures.NONE, 9), (figures.TRIMMED, 0), ("confidence", 0)]


@pytest.mark.parametrize(("rule", "liars"), few(POINTS, 2))
def test_a_point_of_the_breakdown_is_what_its_command_gives(rule, liars):
    about = said("breakdown")
    row = about["figures"][rule][liars]
    found = figures.FigureBench(about["seeds"][1] + 1, 2).lost(figures.scenario(rule, row["attack"], 20, liars))
    assert close({"share": liars / 20, "attack": row["attack"]} | figures.vars_of(found), row)


def test_the_breakdown_has_every_rule_under_every_share_of_liars_and_the_lies_that_were_left_out_once():
    """No worst of a few: what is worst of all in the heat maps is among those that are tried."""
    assert {"optimiser", "worse-half", "sybil"} < set(figures.LYING) < set(said("heat")["figures"]["regret"])
    for rows in said("breakdown")["figures"].values():
        assert [row["share"] for row in rows] == [liars / 20 for liars in range(10)]
        assert rows[0]["attack"] is None
        assert all(row["attack"] in figures.LYING for row in rows[1:])


@pytest.mark.parametrize("attack", ["optimiser", "swap", "sleeper"])
def test_the_three_options_play_the_same_games_where_one_stands_for_them(attack):
    options = ("option-1", "option-2", "option-3")
    sums = [replicates(figures.scenario(rule, attack, 20, 6), 2, (2_000,)).sums for rule in options]
    assert (sums[0] == sums[1]).all()
    assert (sums[1] == sums[2]).all()
    assert sums[0].any()


def test_the_screen_finds_the_lie_that_is_planted_as_the_worst(monkeypatch):
    monkeypatch.setattr(figures, "LYING", ("copycat", "worse-half", "mimic"))
    assert figures.worst_lies(figures.NONE, 20, 6, 1)[0] == "worse-half"


def test_time_by_size_is_of_three_decades_and_a_third_of_liars():
    assert figures.DECADES[-1] == 1_000 * figures.DECADES[0]
    assert 10**1.5 < figures.DECADES[-1] / figures.DECADES[-figures.LATE] < 10**1.6
    for at, sizes in enumerate(figures.SIZES.values()):
        assert tuple(size[at] for size in sizes) == figures.DECADES
        for seats, arms in sizes:
            p, rules, lies = figures.sized(seats, arms, 7, "constant-lie")
            assert (rules.participants, rules.arms, len(rules.environment.truth)) == (seats, arms, arms)
            assert (p.burn_in, p.horizon) == (2 * arms, 2 * arms + 7)
            assert rules.liars == len(lies) == (seats - 1) // 3


@pytest.mark.parametrize("lie", figures.LIES)
def test_a_game_of_some_size_is_that_of_its_scenario_and_begins_as_a_shorter_one(lie):
    given = Scenario.model_validate({
        "name": "same", "participants": 10, "rounds": 114, "burn_in": 64, "liars": 3, "attackers": 0,
        "rewards": {"kind": "bernoulli", "means": [0.7, *([0.5] * 31)]},
        "adversary": {"liars": 3, "estimators": [{"name": lie, "options": figures.LIES[lie]}]},
    })  # fmt: skip
    given.check()
    found = replicates(given, 1, (65, 114)).sums[0]
    key = encoding.keys(derive(0, "secret"), derive(0, "seed_0"))
    assert (measure(*figures.sized(10, 32, 50, lie), [key], (65, 114)).sums[0] == found).all()
    assert (measure(*figures.sized(10, 32, 1, lie), [key], (65,)).sums[0] == found[:1]).all()


def test_the_time_of_a_round_has_nothing_of_the_burn_in_and_takes_the_least(monkeypatch):
    asked = []

    def spent(p, rules, cast, keys, marks):
        asked.append(p.horizon - p.burn_in)
        other_work = 0.0 if len(asked) in (3, 6) else len(asked)
        return SimpleNamespace(cpu_seconds=5.0 + 0.01 * p.burn_in + 2e-6 * asked[-1] + other_work)

    monkeypatch.setattr(figures, "measure", spent)
    assert figures.a_round(10, 1_000, "sign-flip", repeats=4) == pytest.approx(2e-6)
    assert asked == 4 * [1, 1 + figures.AFTER]


def test_exponents_are_those_of_the_points():
    slope, offset = figures.exponent([(x, 3 * x**1.5) for x in (1, 7, 40)])
    assert (slope, offset) == pytest.approx((1.5, log(3)))
