"""docs/rivals.md and its command: what is played, what is kept of it, and that the page has what comes of it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from chain_bandit.mediate.bandit import INCENTIVES
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.simulation.arena import play
from chain_bandit.simulation.incentive import shaped
from chain_bandit.simulation.rivals.registry import RIVALS
from science import rivals
from science.figures import TABLED
from science.rivals import SETUPS, Figure, RivalAsked

DOCS = Path(__file__).resolve().parents[3] / "docs"
PAGE = (DOCS / "rivals.md").read_text(encoding="utf-8").splitlines()


def asked(setup, rival, lie, liars, **changes):
    return RivalAsked(setup, rival, lie, liars, **{"replicates": 2, "horizon": 20} | changes)


@pytest.mark.parametrize("setup", SETUPS)
def test_every_row_has_a_name_of_its_own_and_a_rival_that_there_is(setup):
    rows = SETUPS[setup]().rows
    names = [asked(setup, **row.names) for row in rows]
    assert len(set(names)) == len(rows)
    assert names[-1].row.names == rows[-1].names
    assert {row.rival for row in rows} <= RIVALS.keys()


def test_every_rule_that_pools_meets_every_attack_that_lies_about_means_alone():
    met = {(row.rival, row.lie, row.worlds[0].liars) for row in SETUPS["attacks"]().rows}
    lying = {name for name, kind in TABLED.items() if kind().conduct is Conduct.LIAR and name != "false-record"}
    assert len(lying) == 16
    assert {(rival, lie, liars) for rival in rivals.POOLED for lie in lying for liars in (1, 3)} <= met
    others = ("ucb1", "kl-ucb", "thompson", "gosine", "vial-", "oracle", "demabar", "swarmgov-", "phased-")
    assert set(rivals.POOLED) == {name for name in RIVALS if not name.startswith(others)}


def test_what_was_played_is_kept_and_not_played_again(tmp_path):
    file = tmp_path / "rows.jsonl"
    rows = [asked("zhu", rival, "swap", 1) for rival in ("median", "mean", "krum")]
    found = rivals.figures(rows, 1, file)
    lines = file.read_text().splitlines()
    assert len(lines) == 3
    told = Figure(7, 1.0, 2.0, 3.0, 4.0, (5.0,), None)
    kept = json.dumps(rivals.line(rows[0], told))
    file.write_text(f"{kept}\n")
    again = rivals.figures(rows, 1, file)
    assert list(again) == rows
    assert again == found | {rows[0]: told}
    assert set(file.read_text().splitlines()) == {kept} | {line for line in lines if '"median"' not in line}


def test_of_each_rule_the_worst_lie_is_played_again_on_other_luck():
    costs = {("mean", "swap", 1): 3.0, ("mean", "sybil", 1): 9.0, ("mean", "swap", 3): 7.0, ("median", "swap", 1): 1.0}
    found = {asked("attacks", *names): Figure(2, cost, 0, 0, 0, (), None) for names, cost in costs.items()}
    again = rivals.worst(found, 50)
    assert [(each.rival, each.lie, each.liars) for each in again] == [*costs][1:]
    assert all(each.replicates == 50 and each.seed != rivals.SEED for each in again)
    elsewhere = replace(again[0], horizon=300, replicates=4)
    assert rivals.figure(elsewhere).regret != rivals.figure(replace(elsewhere, seed=rivals.SEED)).regret


@pytest.mark.parametrize("rival", ["ucb1", "mean"])
def test_a_rule_with_an_incentive_plays_the_rows_world_and_lie(rival):
    lie = "none" if rival == "ucb1" else "swap"
    row = next(row for row in SETUPS["zhu"]().rows if row.names == {"rival": rival, "lie": lie, "liars": 1})
    made = shaped(RIVALS[rival](row.malice), INCENTIVES["mate"])
    expected = play(replace(row.worlds[0], horizon=400), made, 4, 1)
    asks = [asked("zhu", name, lie, 1, horizon=400, replicates=4) for name in (f"{rival} with mate", rival)]
    figures = [rivals.figure(each) for each in asks]
    assert figures[0].regret == pytest.approx(expected.regret.mean())
    assert figures[0].sent == expected.sent > figures[1].sent
    assert figures[0].regret != figures[1].regret


def test_incentives_are_told_by_rule_and_set_up_the_least_regret_on_top():
    played = (("ucb1", 9.0, 8.0), ("ucb1 with mate", 3.0, 9.0))
    rows = [
        rivals.line(asked(setup, rule, "none", liars), Figure(2, costs[at], 0.25, 1.5, 0, (), None))
        for at, (setup, liars) in enumerate((("zhu", 1), ("swarmgov", 0))) for rule, *costs in played
    ]  # fmt: skip
    assert [*rivals.incentives(rows)] == [
        "| | `zhu` | sent | `swarmgov` | sent |", "|---|---:|---:|---:|---:|",
        "| `ucb1 with mate` | 3.0 ± 0.2 | 1.50 | 9.0 ± 0.2 | 1.50 |",
        "| `ucb1` | 9.0 ± 0.2 | 1.50 | 8.0 ± 0.2 | 1.50 |",
    ]  # fmt: skip


@pytest.mark.parametrize(("arguments", "sentence"), [
    (["mate", "nobody"], "incentives 'nobody': not a known name"),
    (["mate:x"], "method 'mate:x': takes numbers from 0 to 9,007,199, one for all agents or one an agent: mate:0.5,2"),
    (["mate", "--only", "thompson", "kl-ucb"], "--incentive: thompson, kl-ucb can only learn from rewards of 0 and 1"),
])  # fmt: skip
def test_an_incentive_that_cannot_be_played_is_refused_in_a_sentence(monkeypatch, capsys, arguments, sentence):
    monkeypatch.setattr("sys.argv", ["rivals.py", "zhu", "--incentive", *arguments])
    with pytest.raises(SystemExit) as refused:
        rivals.main()
    assert refused.value.code == 2
    assert capsys.readouterr().err.endswith(f"error: {sentence}\n")


def test_a_file_in_a_folder_that_is_not_there_is_refused_before_anything_is_played(monkeypatch, tmp_path, capsys):
    file = tmp_path / "none" / "rows.jsonl"
    small = ("--only", "ucb1", "--replicates", "2", "--horizon", "20", "--jobs", "1")
    monkeypatch.setattr("sys.argv", ["rivals.py", "zhu", *small, "--json", str(file)])
    with pytest.raises(SystemExit) as refused:
        rivals.main()
    assert refused.value.code == 2
    assert capsys.readouterr().err.endswith(f"error: --json {file}: there is no such folder\n")


BREAKS = """
import numpy as np

class Pays:
    information, sent = "nothing", 0.0

    def __init__(self, world, replicates, coins):
        pass

class Nothing(Pays):
    def shape(self, t, arms, rewards):
        return rewards + np.nan

class Never(Pays):
    def shape(self, t, arms, rewards):
        raise TypeError("never")
"""


@pytest.mark.parametrize(("name", "code", "sentence"), [
    ("breaks:Nothing", 3, "incentive 'Nothing': no number for everybody in round 1"),
    ("breaks:Never", 3, "rule 'ucb1 with breaks:Never': TypeError: never"),
    ("mate:0.5,2", 2, "method 'mate:0.5,2': has 2 tokens, and there are 10 agents"),
])  # fmt: skip
def test_an_incentive_that_breaks_ends_the_command_in_a_sentence(monkeypatch, tmp_path, capsys, name, code, sentence):
    (tmp_path / "breaks.py").write_text(BREAKS)
    monkeypatch.syspath_prepend(tmp_path)
    small = ("--only", "ucb1", "--replicates", "2", "--horizon", "20", "--jobs", "1")
    monkeypatch.setattr("sys.argv", ["rivals.py", "zhu", *small, "--incentive", name])
    with pytest.raises(SystemExit) as refused:
        rivals.main()
    assert refused.value.code == code
    assert capsys.readouterr() == ("", f"rivals.py: error: {sentence}\n")


def test_mate_is_mate_with_a_token_of_1_and_not_with_another():
    names = ("mate", "mate:1", "mate:0.5")
    one, same, half = (rivals.figure(asked("zhu", f"ucb1 with {name}", "none", 1, horizon=200)) for name in names)
    assert one == same != half


def test_the_page_has_the_rows_of_its_set_up_in_order_and_none_that_was_brought():
    names = [("ucb1 with mate", "none"), ("median", "swap"), ("policy mine", "swap"), ("ucb1", "none")]
    rows = [
        rivals.line(asked("zhu", rival, lie, 1), Figure(2, 1.0, 0.25, 1.5, 0, (), None))
        for rival, lie in names
    ]  # fmt: skip
    assert [each.rival for each in rivals.kept(rows, "zhu")] == ["ucb1", "median"]
    assert not rivals.kept(rows, "attacks")


def test_the_tables_are_those_of_the_page():
    found = {
        asked("attacks", rival, lie, liars): Figure(2, cost, 0.25, 4, 0, (), None)
        for liars, rival, lie, cost in (
            (1, "mean", "swap", 3.2), (1, "median", "swap", 1.0), (1, "mean", "sybil", 9.0),
            (1, "median", "sybil", 0.0), (1, "oracle", "none", 1.0), (3, "mean", "swap", 5.0),
        )
    }  # fmt: skip
    assert [*rivals.matrix(found, 1)] == [
        "| f = 1 | `mean` | `median` |", "|---|---:|---:|", "| `swap` | 3 | **1** |", "| `sybil` | **9** | 0 |"
    ]  # fmt: skip
    worst = {each: found[each] for each in found if (each.rival, each.lie) == ("mean", "swap")}
    assert [*rivals.worst_table(worst)] == [
        "| rule | sent | f = 1 | under | f = 3 | under |", "|---|---:|---:|---|---:|---|",
        "| `mean` | 4 | 3.2 ± 0.2 | swap | 5.0 ± 0.2 | swap |",
    ]  # fmt: skip


def table(liars):
    """By lie and rule, the cells of a table of the page."""
    start = next(at for at, line in enumerate(PAGE) if line.startswith(f"| f = {liars} |"))
    end = next(at for at, line in enumerate(PAGE) if at > start and not line.startswith("|"))
    head, _, *rows = ([cell.strip(" *`") for cell in line.strip("|").split("|")] for line in PAGE[start:end])
    return {(row[0], rule): cell for row in rows for rule, cell in zip(head[1:], row[1:], strict=True)}


@pytest.mark.parametrize(
    ("rival", "lie", "liars"), [("fed-mom", "sleeper", 1), ("mean", "worse-half", 1), ("confidence", "radius", 3)]
)
def test_a_cell_of_the_page_is_what_its_command_gives(rival, lie, liars):
    games = SETUPS["attacks"]().screen
    found = rivals.figure(asked("attacks", rival, lie, liars, replicates=games, horizon=10_000))
    assert table(liars)[lie, rival] == f"{found.regret:.0f}"


@pytest.mark.parametrize("ours", ["option-1", "confidence"])
def test_under_each_attack_the_arena_has_what_compiled_games_have(ours):
    """Two engines that share neither draws nor loops; games have a burn-in, whose regret docs/results.md leaves out."""
    played = json.loads((DOCS / "figures" / "heat.json").read_text())["figures"]["regret"]
    burn_in = 4 * 10 * (0.5 - (0.5 + 0.45 + 0.4 + 0.3) / 4)
    page, compared = table(3), 0
    for lie in played.keys() - {"false-record"}:
        if (lie, ours) in page:
            expected = played[lie][ours]["mean"] + burn_in
            assert float(page[lie, ours]) == pytest.approx(expected, rel=0.12), lie
            compared += 1
    assert compared >= 15
