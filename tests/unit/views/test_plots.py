import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from itertools import pairwise

import pytest

from chain_bandit.views import plots
from chain_bandit.views.canvas import runs, spread, themed, thinned
from chain_bandit.views.view_model import ViewModel

DRAWN = ["regret_from_start", "regret_after_burn_in", "arms_pulled", "consensus_lanes", "reputations", "money", "gas"]


@pytest.fixture(scope="module")
def facts(sample):
    return ViewModel.of(*sample.run)


@pytest.mark.parametrize("name", DRAWN)
def test_plot_is_deterministic_svg_without_a_date_or_an_address(facts, name):
    text = getattr(plots, name)(facts)
    assert text == getattr(plots, name)(facts)
    root = ET.fromstring(text)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root.get("aria-label")
    assert "metadata" not in text
    assert "nan" not in text.lower().replace("nano", "")


def test_plots_do_not_depend_on_the_users_configuration(facts):
    import matplotlib

    before = plots.money(facts)
    with matplotlib.rc_context({"font.size": 30, "svg.fonttype": "path", "lines.linewidth": 9}):
        assert plots.money(facts) == before
        assert matplotlib.rcParams["font.size"] == 30


def test_curves_are_named_at_their_end(facts):
    text = plots.regret_from_start(facts)
    for name in ("chain_bandit ", "UCB1 alone ", "oracle, pooled ", ">burn-in<"):
        assert name in text


def test_every_arm_has_a_panel_with_its_truth_best_first(facts):
    panels = plots.estimators(facts)
    assert [name for name, _ in panels] == ["arm 2", "arm 1", "arm 0"]
    assert ">0.800<" in panels[0][1]


def test_lanes_name_every_seat_with_its_role(facts):
    text = plots.consensus_lanes(facts)
    for participant in facts.participants:
        assert f">{plots.seat_name(participant)}<" in text


def test_lanes_show_the_block_list_and_no_silence_of_who_is_on_it(facts):
    listed = [row for row in facts.rows if 3 in row.blocked]
    assert listed
    assert facts.participants[3].blocked_from == listed[0].round
    assert not any(plots._silent(row, 3) for row in listed)
    nobody = replace(facts.report, rounds=[replace(row, blocked=()) for row in facts.rows])
    assert plots.consensus_lanes(ViewModel(facts.manifest, nobody, facts.columns)) != plots.consensus_lanes(facts)


def test_reputation_lines_are_named_at_their_end_and_marked_where_the_list_begins(facts):
    twins = [
        replace(row, reputations=[row.reputations[0], *row.reputations[:1], *row.reputations[2:]])
        for row in facts.report.rounds
        if row.reputations
    ]
    text = plots.reputations(ViewModel(facts.manifest, replace(facts.report, rounds=twins), facts.columns))
    assert "liar and attacker 3  0.00" in text
    assert re.search(r"honest 0 and 1 more  0\.\d\d", text)
    assert "#a0408c" in text
    bare = replace(facts.report, game={**facts.report.game, "blocked_from": []})
    assert "#a0408c" not in plots.reputations(ViewModel(facts.manifest, bare, facts.columns))


def test_plots_of_a_history_without_records_are_empty(facts, sample):
    empty = ViewModel(facts.manifest, replace(sample.report, rounds=[], accounts=[]), facts.columns)
    assert plots.consensus_lanes(empty) == plots.reputations(empty) == plots.money(empty) == plots.gas(empty) == ""
    assert plots.estimators(empty) == []


def test_themed_colours_follow_the_page_and_keep_a_default(facts):
    text = themed(plots.gas(facts))
    assert "var(--blue, #0072b2)" in text


def test_thinned_keeps_both_ends():
    assert thinned(range(10), 20) == list(range(10))
    kept = thinned(range(10_000), 400)
    assert (kept[0], kept[-1]) == (0, 9_999)
    assert len(kept) == 400


def test_spread_keeps_labels_apart_and_in_order():
    placed = spread([1.0, 1.1, 5.0, 1.05], 0.5)
    assert placed[2] == 5.0
    near = [placed[0], placed[3], placed[1]]
    assert near == sorted(near)
    assert all(b - a >= 0.5 - 1e-9 for a, b in pairwise(near))
    assert abs(sum(near) / 3 - 1.05) < 1e-9


def test_runs_finds_stretches():
    assert runs([1, 1, 0, 1], lambda value: value == 1) == [(0, 2), (3, 1)]
    assert runs([], bool) == []
