"""Presets, folders and results of MEDIATE's experiments: all that can be had without PyTorch."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from chain_bandit.studies.folder import StudyRefused, finished, study
from chain_bandit.studies.presets import PRESETS, PUBLISHED, RIVALS, TOKENS, Part, UnknownPreset, parts_of
from chain_bandit.studies.progress import Left
from chain_bandit.studies.results import Results, ResultsUnreadable, interval, read, write
from chain_bandit.views import study as view

PART = Part("rescaled-coin-game-2", ("naive", "mate"), 3, 4)


def results(part: Part = PART) -> Results:
    shape = part.epochs, len(part.methods), part.runs
    coins, own = np.full(shape, 10.0), np.arange(np.prod(shape), dtype=float).reshape(shape) % 10
    coins[1, 0, 0] = own[1, 0, 0] = 0
    return Results(part, -own, {"coins": coins, "own": own}, np.ones(shape))


def test_the_paper_preset_has_every_method_of_table_1_at_its_size():
    every = {(part.game, method) for part in PRESETS["paper"] for method in part.methods}
    assert {(game, method) for game, said in PUBLISHED.items() for method in said} <= every
    assert {(part.epochs, part.runs) for part in PRESETS["paper"]} == {(5000, 8)}
    assert len(TOKENS) + len(RIVALS) == 8
    for parts in PRESETS.values():
        assert len({part.name for part in parts}) == len(parts)


def test_an_unknown_preset_or_game_is_refused_by_name():
    with pytest.raises(UnknownPreset, match=r"no preset 'x'; there are smoke, reduced, paper") as error:
        parts_of("x")
    assert error.value.exit_code == 2
    with pytest.raises(UnknownPreset, match=r"no game in smoke 'chess'"):
        parts_of("smoke", ("chess",))
    assert {part.game for part in parts_of("smoke", ("ipd",))} == {"ipd"}


def test_results_come_back_as_they_were_written(tmp_path):
    path, made = tmp_path / "x.parquet", results()
    write(path, made)
    again = read(path, PART)
    assert again.welfare.tolist() == made.welfare.tolist()
    assert again.counts["own"].tolist() == made.counts["own"].tolist()
    assert again.tokens.tolist() == made.tokens.tolist()
    with pytest.raises(ResultsUnreadable, match="does not have the 30 rows"):
        read(path, Part(PART.game, PART.methods, 3, 5))
    with pytest.raises(ResultsUnreadable, match="is no results of"):
        read(path, Part("ipd", PART.methods, 3, 4))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ResultsUnreadable):
        read(path, PART)


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
    epochs, mean, _ = view.smooth(np.array([[1.0, 1.0], [3.0, 3.0], [np.nan, 7.0]]))
    assert epochs == [1, 2, 3]
    assert mean.tolist() == [1, 2, (3 + 5) / 2]


def test_the_time_left_is_by_what_was_played_and_not_by_what_was_found():
    quick, slow = Part("ipd", ("naive",), 1, 10), Part("harvest-6", ("naive",), 1, 10)
    left = Left((quick, slow), 100.0)
    assert left.words(100.0) == ""
    assert left.epochs(quick, 10) == 10  # there already
    assert left.seconds(105.0) is None
    assert left.epochs(slow, 1) == 11
    assert left.seconds(160.0) == pytest.approx(9 * 60)
    assert left.words(160.0) == "9 min left"


@pytest.mark.parametrize(
    "manifest", [b"", b"[]", b"{", b'{"format": "chain-bandit-mediate/1", "preset": "x", "seed": 0}', b"[" * 60000]
)
def test_a_folder_of_something_else_is_refused(tmp_path, manifest):
    (tmp_path / "study.json").write_bytes(manifest)
    with pytest.raises(StudyRefused, match="is not the folder of a study"):
        study(tmp_path)


def test_a_study_of_which_nothing_is_finished_says_so(tmp_path):
    known = {"format": "chain-bandit-mediate/1", "preset": "smoke", "seed": 0}
    (tmp_path / "study.json").write_text(json.dumps(known))
    with pytest.raises(StudyRefused, match="no part of this study is finished"):
        finished(tmp_path)


def test_pictures_and_table_name_every_method():
    made = view.curves([results()])
    assert list(made) == ["rescaled-coin-game-2", "rescaled-coin-game-2-tokens"]
    assert all("naive" in picture and "mate" in picture for picture in made.values())
    rows = view.rows([results()])
    assert [(row["method"], row["published"], row["epochs"], row["runs"]) for row in rows] == [
        ("naive", 0.50, 4, 3), ("mate", 0.69, 4, 3),
    ]  # fmt: skip


def test_without_torch_a_study_says_how_to_get_it(tmp_path):
    code = "import sys; sys.modules['torch'] = None; from chain_bandit.cli import main; main()"
    command = [sys.executable, "-c", code, "mediate", "run", "smoke", "--json", "--out", str(tmp_path / "x")]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert said.returncode == 4
    assert said.stderr == "error: the learners of MEDIATE need PyTorch: run pip install 'chain-bandit[mediate]'\n"
    assert json.loads(said.stdout)["error"]["type"] == "TorchMissing"
    assert not Path(tmp_path / "x").exists()
