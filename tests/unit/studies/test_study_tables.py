"""Results of a sweep of tokens are read back into tables and pictures, by the right token, agent and run."""

import json
import re

import numpy as np
import pytest

from chain_bandit.studies.folder import StudyRefused
from chain_bandit.studies.presets import PRESETS, Part
from chain_bandit.studies.results import Results
from chain_bandit.views import fixed_tokens
from science import pages, study


def rows(game: str, own: dict[str, list[float]], epochs: int = 60):
    """Of runs that come to so many own coins in the last fifty epochs, after ten without any; as they are kept."""
    part = Part(game, tuple(own), tuple(range(len(next(iter(own.values()))))), epochs)
    values = np.zeros((epochs, len(part.methods), len(part.runs)))
    values[10:] = list(own.values())
    made = Results(part, values, {"coins": np.full(values.shape, 1.0), "own": values}, np.ones(values.shape))
    return [json.loads(json.dumps(row)) for row in study.rows(made, "chain-bandit mediate run tokens", "abcdef1")]


STUDENT = 4.302653 / 3**0.5
"""Half a 95 % interval of three runs, of a standard deviation of 1."""


def test_a_table_by_token_has_every_game_beside_the_others():
    kept = rows("coin-game-2", {"mate:8": [0.5, 0.5, 0.5], "mate:0.25": [0.6, 0.7, 0.8], "naive": [0.1, 0.2, 0.3]})
    kept += rows("coin-game-4", {"mate:0.25": [0.2, 0.2, 0.2]}, epochs=1070)
    assert list(study.swept(kept)) == [
        "| token | `coin-game-2`, epoch 60 | `coin-game-4`, epoch 1,070 |",
        "|---|---|---|",
        f"| 0 | 0.200 ± {0.1 * STUDENT:.3f} |  |",
        f"| 0.25 | 0.700 ± {0.1 * STUDENT:.3f} | 0.200 ± 0.000 |",
        "| 8 | 0.500 ± 0.000 |  |",
    ]
    assert list(study.made(kept)) == [
        "- `chain-bandit mediate run tokens --game coin-game-2` by `abcdef1`: 60 epochs, 3 runs.",
        "- `chain-bandit mediate run tokens --game coin-game-4` by `abcdef1`: 1,070 epochs, 3 runs.",
    ]


PAIRS = {
    "naive": [0.5, 0.5, 0.5], "mate:4,0.25": [0.2, 0.2, 0.2], "mate:0.25,0.25": [0.6, 0.6, 0.6],
    "mate:0.25,4": [0.3, 0.4, 0.5], "mate:4,4": [0.9, 0.9, 0.9],
}  # fmt: skip


def test_a_table_of_pairs_goes_down_by_the_first_agents_token():
    assert list(study.squared(rows("coin-game-2", PAIRS))) == [
        "| `coin-game-2`, epoch 60 | 0.25 | 4 |",
        "|---|---|---|",
        f"| 0.25 | 0.600 ± 0.000 | 0.400 ± {0.1 * STUDENT:.3f} |",
        "| 4 | 0.200 ± 0.000 | 0.900 ± 0.000 |",
        "",
        "Without tokens 0.500 ± 0.000.",
    ]


def test_a_map_has_its_cells_where_the_tokens_say():
    (game,) = study.sweeps(rows("coin-game-2", PAIRS))
    picture = fixed_tokens.heat_map(game)
    places = {text: (float(x), float(y)) for x, y, text in re.findall(TEXT, picture)}
    cells = [[places[f"{PAIRS[f'mate:{one:g},{other:g}'][1]:.3f}"] for other in (0.25, 4)] for one in (0.25, 4)]
    (top_left, top_right), (bottom_left, bottom_right) = cells
    assert top_left[0] == bottom_left[0] < top_right[0] == bottom_right[0]
    assert top_left[1] == top_right[1] < bottom_left[1] == bottom_right[1]


def test_a_pair_that_was_not_played_did_not_fail():
    (game,) = study.sweeps(rows("coin-game-2", {pair: runs for pair, runs in PAIRS.items() if pair != "mate:4,0.25"}))
    said = [text for _, _, text in re.findall(TEXT, fixed_tokens.heat_map(game))]
    assert not {"failed", "0.200"} & {*said}
    assert {"0.400", "0.600", "0.900"} < {*said}


def test_no_game_is_left_out_of_the_curves():
    games = ["coin-game-2", "coin-game-4", "coin-game-6", "rescaled-coin-game-2", "harvest-6"]
    every = [row for game in games for row in rows(game, {"mate:1": [0.2, 0.3], "mate:2": [0.3, 0.4]})]
    picture = fixed_tokens.curves(study.sweeps(every))
    assert all(f"{game}, 60 epochs" in picture for game in games)


TEXT = r'<text [^>]*x="([\d.]+)" y="([\d.]+)"[^>]*>([^<]*)</text>'


def test_a_rival_has_no_token_of_its_own():
    (game,) = study.sweeps(rows("coin-game-2", {"lio": [0.1], "mate": [0.2], "mate:0.5": [0.3]}))
    assert game.means(1) == pytest.approx({(0.5,): 0.3, (1.0,): 0.2})


def test_agents_of_the_same_token_came_to_the_same_in_either_study():
    """As kept: the same runs, played by two commands, with other methods beside them."""
    central, *_ = study.sweeps(pages.rows("mediate_tokens"))
    (paired,) = study.sweeps(pages.rows("mediate_token_pairs"))
    assert central.game == paired.game == "coin-game-2"
    alike = {tokens[0]: runs.tolist() for tokens, runs in paired.finals.items() if len(set(tokens)) == 1}
    assert alike == {token: central.finals[token,].tolist() for token in (0.0, 0.25, 0.5, 1.0, 2.0, 4.0)}


PAGE = (pages.DOCS / "mediate.md").read_text(encoding="utf-8")


def last(page: str, game: str, method: str) -> list[float]:
    """Of a kept row, by run, at its last epoch."""
    (row,) = (row for row in pages.rows(page) if (row["game"], row["method"]) == (game, method))
    return list(row["means"][str(row["epochs"])])


def test_what_the_page_says_of_single_runs_is_in_its_rows():
    *defect, cooperates = sorted(last("mediate", "ipd", "naive"))
    assert f"one naive run of eight cooperates in all steps but about one (U = {study.MINUS}{-cooperates:.0f})" in PAGE
    assert (len(defect), max(defect) < -599, cooperates) == (7, True, -301)
    apart = np.subtract(*(last("mediate", "rescaled-coin-game-2", f"mediate-{method}") for method in "is"))
    assert f"is within {np.ceil(1000 * abs(apart).max()) / 1000} of MEDIATE-S in every run" in PAGE
    assert "MEDIATE-I and -S learn in two runs of three" in PAGE
    for method in "is":
        learned, naive = (last("mediate_code", "coin-game-6", name) for name in (f"mediate-{method}", "naive"))
        assert np.greater(learned, np.multiply(2, naive)).tolist() == [True, True, False]


def test_the_page_says_how_long_presets_take_by_the_milliseconds_of_their_parts():
    told = dict(re.findall(r"^\| `([a-z-]+)` \|[^|]*\| (\d[\d.]* (?:s|min|h))\b[^|]*\|$", PAGE, re.MULTILINE))
    assert told.keys() == PRESETS.keys()
    for preset, parts in PRESETS.items():
        seconds = sum(part.work * part.epochs for part in parts) / 1000
        size, unit = next(each for each in ((3600, "h"), (60, "min"), (1, "s")) if seconds > each[0])
        assert told[preset] == f"{float(f'{seconds / size:.2g}'):g} {unit}"


def test_rows_are_of_a_commit_that_there_is(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("sys.argv", ["study", str(tmp_path), "--commit", "1234567"])
    monkeypatch.setattr(study.provenance, "history", lambda: lambda commit: commit != "1234567")
    with pytest.raises(SystemExit):
        study.main()
    assert "error: --commit: '1234567' has not led to this tree" in capsys.readouterr().err
    monkeypatch.setattr(study.provenance, "history", lambda: None)
    with pytest.raises(StudyRefused):
        study.main()
