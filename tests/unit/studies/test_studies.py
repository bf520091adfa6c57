"""Presets, folders and results of MEDIATE's experiments: all that can be had without PyTorch."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet as pq
import pytest
from matplotlib.axes import Axes
from rich.console import Console

from chain_bandit.mediate.exchange import Improvement
from chain_bandit.mediate.games.harvest import HarvestRules
from chain_bandit.mediate.games.names import game_of
from chain_bandit.mediate.token_rule import Mate, Size, TokenRuleOptions
from chain_bandit.studies import checkpoint
from chain_bandit.studies.folder import StudyRefused, finished, study
from chain_bandit.studies.presets import PRESETS, PUBLISHED, RIVALS, TOKENS, Part, UnknownPreset, parts_of, worthwhile
from chain_bandit.studies.progress import RemainingTime
from chain_bandit.studies.results import Results, ResultsUnreadable, interval, joined, read, write
from chain_bandit.studies.switches import Switches, SwitchInvalid, switched
from chain_bandit.views import fixed_tokens
from chain_bandit.views import study as view

PART = Part("rescaled-coin-game-2", ("naive", "mate"), (0, 1, 2), 4)
KNOWN = {"format": "chain-bandit-mediate/2", "preset": "smoke", "seed": 0, "switches": {}, "version": "0"}


def results(part: Part = PART) -> Results:
    shape = part.epochs, len(part.methods), len(part.runs)
    coins, own = np.full(shape, 10.0), np.arange(np.prod(shape), dtype=float).reshape(shape) % 10
    coins[1, 0, 0] = own[1, 0, 0] = 0
    return Results(part, -own, {"coins": coins, "own": own}, np.ones(shape))


def test_the_paper_preset_has_every_method_of_table_1_at_its_size():
    every = {(part.game, method) for part in PRESETS["paper"] for method in part.methods}
    assert {(game, method) for game, said in PUBLISHED.items() for method in said} <= every
    assert {part.epochs for part in PRESETS["paper"]} == {5000}
    for game, method in every:
        runs = [part.runs for part in PRESETS["paper"] if part.game == game and method in part.methods]
        assert sorted(run for some in runs for run in some) == list(range(8))
    assert len(TOKENS) + len(RIVALS) == 8
    for parts in PRESETS.values():
        assert len({part.name for part in parts}) == len(parts)


def test_the_presets_of_figure_1_have_the_papers_tokens():
    central = (0, 0.25, 0.5, 0.75, 1, 1.5, 2, 2.5, 3, 4, 8)
    named = [part.methods for part in PRESETS["tokens"]]
    assert [[Mate.named(method) for method in methods] for methods in named] == [[Mate((x,)) for x in central]] * 8
    games = [(part.game, part.runs) for part in PRESETS["tokens"]]
    five = [(0, 1, 2, 3), (4,)]
    four = ("coin-game-2", "rescaled-coin-game-2", "coin-game-4", "coin-game-6")
    assert games == [(game, runs) for game in four for runs in five]
    assert [(part.game, part.runs) for part in PRESETS["token-pairs"]] == [("coin-game-2", runs) for runs in five]
    for part in PRESETS["token-pairs"]:
        naive, *paired = part.methods
        assert naive == "naive"
        pairs = [(one, other) for one in (0.25, 0.5, 1, 2, 4) for other in (0.25, 0.5, 1, 2, 4)]
        assert [Mate.named(method) for method in paired] == [Mate(pair) for pair in pairs]


def test_a_short_study_is_not_worth_a_second_process():
    assert worthwhile(PRESETS["smoke"]) == 1
    assert worthwhile(PRESETS["paper"]) > 100
    assert worthwhile((Part("ipd", ("naive",), (0, 1), 24_000),)) == 2  # 2.5 ms an epoch and run


def test_an_unknown_preset_or_game_is_refused_by_name():
    with pytest.raises(UnknownPreset, match=r"no preset 'x'; there are smoke, reduced, paper") as error:
        parts_of("x")
    assert error.value.exit_code == 2
    with pytest.raises(UnknownPreset, match=r"no game in smoke 'chess'"):
        parts_of("smoke", ("chess",))
    assert {part.game for part in parts_of("smoke", ("ipd",))} == {"ipd"}


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads are counted where Linux lists them")
def test_reading_starts_no_thread(tmp_path):
    """A process that ended beside one of pyarrow's was aborted, one in fourteen on a busy machine."""
    write(tmp_path / "x.parquet", results())
    code = f"""
import os, sys
from pathlib import Path
from chain_bandit.studies.presets import Part
from chain_bandit.studies.results import read
before = len(os.listdir("/proc/self/task"))
read(Path(sys.argv[1]), {PART!r})
print(len(os.listdir("/proc/self/task")) - before)
"""
    asked = [sys.executable, "-c", code, str(tmp_path / "x.parquet")]
    assert subprocess.run(asked, check=True, capture_output=True, text=True).stdout == "0\n"


def test_results_come_back_as_they_were_written(tmp_path):
    path, made = tmp_path / "x.parquet", results()
    write(path, made)
    again = read(path, PART)
    assert again.welfare.tolist() == made.welfare.tolist()
    assert again.counts["own"].tolist() == made.counts["own"].tolist()
    assert again.tokens.tolist() == made.tokens.tolist()
    with pytest.raises(ResultsUnreadable, match="does not have the 30 rows"):
        read(path, replace(PART, epochs=5))
    with pytest.raises(ResultsUnreadable, match="is no results of"):
        read(path, replace(PART, game="ipd"))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ResultsUnreadable):
        read(path, PART)


@pytest.mark.parametrize(
    "other",
    [replace(PART, game="coin-game-2"), replace(PART, methods=("mate", "naive")), replace(PART, runs=(4, 5, 6))],
)
def test_results_of_something_else_are_refused(tmp_path, other):
    write(tmp_path / "x.parquet", results(other))
    with pytest.raises(ResultsUnreadable, match="has rows of something else than rescaled-coin-game-2"):
        read(tmp_path / "x.parquet", PART)


@pytest.mark.parametrize("change", ["backwards", "structs", "words", "without"])
def test_a_table_that_is_not_what_was_written_is_refused(tmp_path, change):
    path = tmp_path / "x.parquet"
    write(path, results())
    table = pq.read_table(path)
    if change == "backwards":
        table = table.take(list(reversed(range(len(table)))))
    elif change == "without":
        table = table.drop_columns(["run"])
    else:
        values = [{"x": 1.0}] * len(table) if change == "structs" else ["much"] * len(table)
        table = table.set_column(4, "welfare", pyarrow.array(values))
    pq.write_table(table, path)
    with pytest.raises(ResultsUnreadable):
        read(path, PART)


def test_a_checkpoint_with_any_bit_changed_is_none(tmp_path):
    path = tmp_path / "x.kept"
    arrays = {"epochs": np.array(3), "a": np.arange(6.0).reshape(2, 3), "b": np.ones(4, np.float32)}
    checkpoint.write(path, arrays)
    good = path.read_bytes()
    assert len(good) == 32 + 8 + 48 + 16
    for bit in range(8 * len(good)):
        spoilt = bytearray(good)
        spoilt[bit // 8] ^= 1 << bit % 8
        path.write_bytes(spoilt)
        assert checkpoint.read(path, arrays) is None
    short, long = good[32:-1], good[32:] + b"\0"  # each behind the digest that is its own
    for spoilt in (b"", *(checkpoint._digest(path, arrays, each) + each for each in (short, long))):
        path.write_bytes(spoilt)
        assert checkpoint.read(path, arrays) is None
    path.write_bytes(good)
    found = checkpoint.read(path, arrays)
    assert {name: each.tolist() for name, each in found.items()} == {n: each.tolist() for n, each in arrays.items()}
    assert checkpoint.read(path, arrays | {"b": np.ones(2)}) is None  # as many bytes of something else
    assert checkpoint.read(path.rename(tmp_path / "y.kept"), arrays) is None
    assert checkpoint.read(tmp_path, arrays) is None
    assert checkpoint.read(tmp_path / "none", arrays) is None


def test_first_epochs_are_those_of_all():
    made = results().first(2)
    assert made.part == replace(PART, epochs=2)
    assert made.welfare.tolist() == results().welfare[:2].tolist()
    assert made.until(1)[1].tolist() == results().until(1)[1].tolist() == [0.3, 0.4, 0.5]


def test_parts_of_the_same_methods_are_one_with_all_their_runs():
    one, other = results(), results(replace(PART, runs=(3, 4, 5)))
    beside = results(replace(PART, methods=("lio",), runs=(0,)))
    whole, alone = joined([one, beside, other])
    assert whole.part.runs == (0, 1, 2, 3, 4, 5)
    assert whole.welfare[:, :, :3].tolist() == one.welfare.tolist()
    assert whole.counts["own"][:, :, 3:].tolist() == other.counts["own"].tolist()
    assert whole.tokens.shape == whole.welfare.shape
    assert alone.part == beside.part


def test_own_coins_are_a_share_of_the_coins_and_an_epoch_without_any_counts_for_nothing():
    made = results()
    assert made.measured[0, 1].tolist() == [0.3, 0.4, 0.5]
    assert np.isnan(made.measured[1, 0, 0])
    assert made.final()[0, 0] == pytest.approx((0.0 + 0.2 + 0.8) / 3)


def test_an_interval_is_students():
    mean, half = interval(np.array([1.0, 2.0, 3.0]))
    assert mean == 2
    assert half == pytest.approx(4.302653 / 3**0.5, rel=1e-6)  # t of 2 degrees, 97.5 %
    assert np.isnan(interval(np.array([1.0]))[1])


def test_a_curve_is_the_mean_of_the_epochs_up_to_each(monkeypatch):
    monkeypatch.setattr(view, "SMOOTHED", 2)
    values = np.repeat(np.arange(30.0)[:, np.newaxis], 2, axis=1)
    values[2, 0] = np.nan
    epochs, mean, _ = view.smooth(values)
    assert epochs == list(range(1, 31))
    assert mean.tolist() == [0, 0.5, (1 + 1.5) / 2, (3 + 2.5) / 2, *(at - 0.5 for at in range(4, 30))]
    assert view.smooth(values[:10])[1].tolist() == [0, 1, 1, *range(3, 10)]  # a tenth of ten: none but its own


def test_the_time_left_is_by_what_was_played_and_not_by_what_was_found():
    quick, slow = Part("ipd", ("naive",), (0,), 10), Part("harvest-6", ("naive",), (0,), 10)
    left = RemainingTime((quick, slow), 100.0)
    assert left.words(100.0) == ""
    assert left.epochs(quick, 10, 10) == 10  # there already
    assert left.epochs(slow, 2, 2) == 12
    assert left.seconds(105.0) is None
    assert left.epochs(slow, 4, 2) == 14
    assert left.seconds(160.0) == pytest.approx(3 * 60)
    assert left.words(160.0) == "3 min left"


@pytest.mark.parametrize(
    "manifest",
    [
        b"", b"[]", b"{", b"[" * 60000, json.dumps(KNOWN | {"preset": "x"}).encode(),
        json.dumps(KNOWN | {"version": 1}).encode(), json.dumps(KNOWN | {"switches": []}).encode(),
    ],
)  # fmt: skip
def test_a_folder_of_something_else_is_refused(tmp_path, manifest):
    (tmp_path / "study.json").write_bytes(manifest)
    with pytest.raises(StudyRefused, match="is not the folder of a study"):
        study(tmp_path)


def test_a_pipe_in_the_place_of_what_says_what_a_folder_is_keeps_nobody(tmp_path):
    os.mkfifo(tmp_path / "study.json")
    code = "from chain_bandit.cli import main; main()"
    command = [sys.executable, "-c", code, "mediate", "table", str(tmp_path)]
    said = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert (said.returncode, said.stderr) == (3, f"error: {tmp_path}: is not the folder of a study of MEDIATE\n")


def test_a_study_of_which_nothing_is_finished_says_so(tmp_path):
    (tmp_path / "study.json").write_text(json.dumps(KNOWN))
    with pytest.raises(StudyRefused, match="no part of this study is finished"):
        finished(tmp_path)


def test_notes_are_of_what_the_table_has():
    alone = said(view.table([swept("coin-game-2", ("mate:0.5",), [[0.5, 0.6]])], {}))
    assert "mate:0.5" in alone
    assert "paper's" not in alone
    assert "One less another" not in alone
    both = said(view.table([results(replace(PART, methods=("mediate-i", "mediate-s")))], {}))
    assert "Table 1 is the paper's" in both
    assert "One less another" in both
    other = said(view.table([results()], {"size": "code", "last_value": False, "\x1b[2J": 1})).replace("\n", "")
    assert "Played in another way than the paper's: -o \\u001b[2J=1 -o last_value=false -o size=code." in other


def test_pictures_and_table_name_every_method():
    made = view.pictures([results()])
    assert list(made) == ["rescaled-coin-game-2", "rescaled-coin-game-2-tokens"]
    assert all("naive" in picture and "mate" in picture for picture in made.values())
    rows = view.rows([results()])
    assert [(row["method"], row["published"], row["epochs"], row["runs"]) for row in rows] == [
        ("naive", 0.50, 4, 3), ("mate", 0.69, 4, 3),
    ]  # fmt: skip


def test_mediate_i_and_s_are_compared_run_by_run():
    part = Part("ipd", ("mediate-s", "naive", "mediate-i"), (0, 1, 2), 60)
    welfare = np.zeros((60, 3, 3))
    welfare[-50:, 0] = -400, -350, -500
    welfare[-50:, 2] = -399, -348, -497  # the runs lie far apart, the pairs do not
    *_, row = view.rows([Results(part, welfare, {"cooperations": welfare}, np.ones((60, 3, 3)))])
    assert (row["method"], row["mean"], row["runs"], row["over"]) == ("mediate-i less mediate-s", 2, 3, 50)
    assert row["half"] == pytest.approx(4.302653 / 3**0.5, rel=1e-6)
    assert (row["token"], row["published"]) == (0, None)
    assert "less" not in str([each["method"] for each in view.rows([results()])])


def said(renderable) -> str:
    console = Console(width=80, file=StringIO())
    console.print(renderable)
    return console.file.getvalue()


def test_a_table_says_of_how_many_epochs_its_means_are():
    assert "mean of the last 4 epochs and 95 % interval" in said(view.table([results()], {}))
    long = Part("ipd", ("naive",), (0, 1), 80)
    zeros = np.zeros((80, 1, 2))
    made = Results(long, zeros, {"cooperations": zeros}, zeros)
    assert "mean of the last 50 epochs" in said(view.table([made], {}))


@pytest.mark.parametrize(("game", "bounds"), [("ipd", (-600, -300)), ("rescaled-coin-game-2", (0, 1))])
def test_a_band_ends_where_what_is_measured_does(game, bounds, monkeypatch):
    """Two runs, one at each end: Student's interval goes far beyond both."""
    part, ends = Part(game, ("naive",), (0, 1), 3), np.broadcast_to(np.array(bounds, float), (3, 1, 2))
    counts = {"cooperations": ends} if game == "ipd" else {"coins": np.ones((3, 1, 2)), "own": ends}
    made, drawn = Results(part, ends, counts, np.zeros((3, 1, 2))), []
    monkeypatch.setattr(Axes, "fill_between", lambda axes, x, low, high, **style: drawn.append((low, high)))
    view.curves([made])
    low, high = drawn[0]
    assert (low.tolist(), high.tolist()) == ([bounds[0]] * 3, [bounds[1]] * 3)


def swept(game: str, methods: tuple[str, ...], own: list[list[float]]) -> Results:
    """Own coins of each method and run, the same in every epoch."""
    part, values = Part(game, methods, tuple(range(len(own[0]))), 2), np.broadcast_to(own, (2, len(own), len(own[0])))
    return Results(part, values, {"coins": np.full(values.shape, 10.0), "own": 10 * values}, np.ones(values.shape))


def test_where_tokens_are_swept_a_curve_goes_by_the_token(monkeypatch):
    drawn = []
    monkeypatch.setattr(Axes, "errorbar", lambda axes, x, mean, half, **style: drawn.append((x, mean, half)))
    one = swept("coin-game-2", ("mate:2", "mate:0", "mate:0.5"), [[0.2, 0.3, 0.4], [0.5, 0.5, 0.5], [0.0, 0.9, 0.9]])
    other = swept("coin-game-4", ("mate:0.5", "mate:8"), [[0.1], [0.2]])
    made = view.pictures([one, other])
    assert list(made) == ["tokens"]
    (x, mean, (below, above)), (after, single, (none, no)) = drawn
    assert np.round(x).tolist() == [0, 1, 2]  # of 0, 0.5, 2 and 8
    assert np.round(after).tolist() == [1, 3]
    assert mean == pytest.approx([0.5, 0.6, 0.3])
    student = 4.302653 * 0.1 / 3**0.5  # t of 2 degrees, 97.5 %, and the standard deviation of 0.2, 0.3 and 0.4
    assert (below[2], above[2]) == pytest.approx((student, student), rel=1e-6)
    assert (below[1], above[1]) == pytest.approx((0.6, 0.4))  # no share is below 0 or above 1
    assert single.tolist() == [0.1, 0.2]
    assert not np.any(none)
    assert not np.any(no)
    ticks = re.findall(r"<text[^>]*>([\d.]+)</text>", made["tokens"])
    assert ticks[:4] == ["0", "0.5", "2", "8"]


def test_where_two_agents_have_tokens_a_map_has_a_cell_for_each_pair(monkeypatch):
    told = []
    monkeypatch.setattr(fixed_tokens, "block", lambda axes, top, *given: told.append(given))
    methods = ("naive", "mate:0.25,0.25", "mate:0.25,4", "mate:4,0.25", "mate:4,4")
    made = view.pictures([swept("coin-game-2", methods, [[0.5, 0.51], [0.6, 0.7], [0.1, 0.3], [0.7, 0.9], [0.9, 0.9]])])
    assert list(made) == ["coin-game-2-token-pairs"]
    assert "without tokens 0.505" in made["coin-game-2-token-pairs"]
    ((lines, columns, cells, scale, digits),) = told
    assert lines == columns == ["0.25", "4"]
    means = {("0.25", "0.25"): 0.65, ("0.25", "4"): 0.2, ("4", "0.25"): 0.8, ("4", "4"): 0.9}
    assert cells == pytest.approx(means)
    assert (scale, digits) == (pytest.approx((0.2, 0.9)), 3)


def test_epochs_on_the_axis_are_whole():
    """Of twenty, matplotlib alone would mark 2.5 and 7.5, and our format call them 2 and 8."""
    made = view.curves([results(replace(PART, epochs=20))])["rescaled-coin-game-2"]
    ticks = [int(each) for each in re.findall(r">(\d+)</text>", made)]
    assert len(ticks) > 3
    assert len(set(np.diff(ticks))) == 1


def test_switches_have_names():
    assert switched({}) == Switches() == switched({"size": "own-lowest", "last_value": True, "improvement": "td"})
    other = switched({"size": "code", "last_value": False, "clip": 1, "improvement": "reward", "penalty": 0.1})
    assert (other.rule, other.improvement) == (TokenRuleOptions(Size.CODE, False, 1.0), Improvement.REWARD)
    assert other.of(game_of("harvest-6")) == HarvestRules(penalty=0.1)
    assert other.of(game_of("ipd")) == game_of("ipd")


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("sizes", 1, "-o sizes: there is no such switch; there are size, last_value"),
        ("size", "big", "-o size: takes own-lowest or code, not 'big'"),
        ("size", [], "takes own-lowest or code"),
        ("last_value", 1, "takes true or false, not '1'"),
        ("clip", True, "takes a number from 0 on"),
        ("clip", float("nan"), "takes a number from 0 on, not 'nan'"),
        ("penalty", float("inf"), "takes a number from 0 on"),
        ("penalty", -0.1, "takes a number from 0 on"),
        ("improvement", {"a": "b"}, "takes td or reward"),
    ],
)
def test_a_switch_that_is_not_there_or_takes_something_else_is_refused(name, value, why):
    with pytest.raises(SwitchInvalid, match=re.escape(why)) as error:
        switched({name: value})
    assert error.value.exit_code == 2


def test_a_switch_that_is_refused_is_said_in_one_sentence_before_anything_is_made(tmp_path):
    code = "import sys; sys.modules['torch'] = None; from chain_bandit.cli import main; main()"
    command = [sys.executable, "-c", code, "mediate", "run", "smoke", "-o", "size=big", "--out", str(tmp_path / "x")]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (said.returncode, said.stderr) == (2, "error: -o size: takes own-lowest or code, not 'big'\n")
    assert not Path(tmp_path / "x").exists()


def test_without_torch_a_study_says_how_to_get_it(tmp_path):
    code = "import sys; sys.modules['torch'] = None; from chain_bandit.cli import main; main()"
    command = [sys.executable, "-c", code, "mediate", "run", "smoke", "--json", "--out", str(tmp_path / "x")]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert said.returncode == 4
    assert said.stderr == "error: the learners of MEDIATE need PyTorch: run pip install 'chain-bandit[mediate]'\n"
    assert json.loads(said.stdout)["error"]["type"] == "TorchMissing"
    assert not Path(tmp_path / "x").exists()
