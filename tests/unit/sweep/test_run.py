"""sweeps/run.py and sweeps/cell.py: what is kept, what is played again, what is refused. Games are made up here."""

import csv
import json
import os
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest

import chain_bandit as cb
from chain_bandit import cli
from chain_bandit.examples import example
from chain_bandit.game import simulated
from chain_bandit.protocol.errors import Stopped
from chain_bandit.runner import workers
from chain_bandit.simulation.engine import Engine
from chain_bandit.simulation.replicates import PARTS
from chain_bandit.simulation.sums import SUMS
from chain_bandit.sweeps import cell as cells
from chain_bandit.sweeps import grid, run
from chain_bandit.views import sweep as view
from chain_bandit.views.terminal import console
from tests.unit.views.on_screen import shown

SWEEP = """
name = "made-up"
replicates = 3
checkpoints = [20, 50]
[base]
name = "swept"
preset = "paper"
participants = 7
rounds = 50
liars = 2
attackers = 1
burn_in = 9
[base.rewards]
kind = "bernoulli"
means = [0.7, 0.5, 0.45]
[axes]
liars = [1, 2, 3]
cost = ["constant", "distance"]
"""
"""Four points that can be played: three liars of seven are too many."""


class Made:
    """Stands for `replicates`: numbers that follow from the scenario. What it raises, and what it was asked."""

    def __init__(self):
        self.asked, self.raises = [], {}

    def __call__(self, scenario, count, marks, engine):
        self.asked.append((scenario.liars, scenario.cost))
        if self.asked[-1] in self.raises:
            raise self.raises[self.asked[-1]]
        sums = np.arange(count * len(marks) * len(SUMS), dtype=np.int64).reshape(count, len(marks), len(SUMS))
        self.sums = sums * 10**9 + scenario.liars
        return type("", (), {"sums": self.sums})


@pytest.fixture
def made(monkeypatch):
    stand_in = Made()
    monkeypatch.setattr(cells, "played", stand_in)
    return stand_in


@pytest.fixture
def swept(tmp_path, made):
    def swept(resume=False, text=SWEEP, out="out", by=workers.here, **options):
        (tmp_path / "sweep.toml").write_text(text)
        return run.run(grid.load(tmp_path / "sweep.toml"), tmp_path / out, by, resume, **options)

    return swept


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_table_has_every_point_and_checkpoint_with_its_intervals(swept, made, tmp_path):
    result = swept()
    rows = pyarrow.parquet.read_table(tmp_path / "out" / "sweep.parquet").to_pylist()
    assert rows == list(result.rows)
    assert len(rows) == 4 * 2 + 2
    assert list(rows[0]) == ["liars", "cost", *cells.COLUMNS]
    last = rows[3]
    assert (last["liars"], last["cost"], last["round"], last["agent_steps"], last["error"]) == (
        "1", "distance", 50, 3 * 7 * 50, None,
    )  # fmt: skip
    whole = (made.sums[:, 1, [SUMS.index(part) for part in PARTS]] - 1).sum(axis=1) / 10**9  # of two liars
    assert rows[7]["regret_mean"] == pytest.approx(whole.mean(), rel=1e-6)
    assert rows[7]["regret_low"] < rows[7]["regret_mean"] < rows[7]["regret_high"]
    assert rows[7]["regret_mean"] == pytest.approx(sum(rows[7][f"{part}_mean"] for part in PARTS))


def test_the_table_is_written_as_csv_too(swept, made, tmp_path):
    made.raises = {(1, "distance"): ValueError("a, b")}
    result = swept()
    with (tmp_path / "out" / run.CSV).open(newline="") as file:
        read = list(csv.DictReader(file))
    assert read == [{name: "" if value is None else str(value) for name, value in row.items()} for row in result.rows]
    assert "ValueError: a, b" in {row["error"] for row in read}


def test_a_line_is_drawn_over_the_last_axis_of_numbers(swept, tmp_path):
    figure = view.line_figure(swept(text=SWEEP.replace("[1, 2, 3]", "[2, 0, 1]")))
    (axes,) = figure.axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("liars", "regret at the end (rewards)")
    assert [line.get_label() for line in axes.lines] == ["cost = constant", "cost = distance"]
    assert [list(line.get_xdata()) for line in axes.lines] == [[0, 1, 2]] * 2
    shares = SWEEP.replace("[1, 2, 3]", '["15%", "0%"]')
    result = swept(text=shares, out="shares")
    assert view.line_figure(result).axes[0].get_xlabel() == "liars (%)"
    assert view.lines(result) == view.lines(result)
    assert view.lines(result).startswith("<svg")
    assert view.lines(swept(text=SWEEP.replace("liars = [1, 2, 3]\n", ""), out="none")) is None


def test_points_that_fail_are_listed_and_the_others_are_done(swept, made):
    made.raises = {(1, "distance"): KeyError("a plug-in\nraised"), (2, "constant"): SystemExit(0)}
    seen = []
    result = swept(observe=lambda done, failed: seen.append((done, failed)))
    assert seen[-1] == (6, 4)
    assert (result.points, result.played, len(result.failed)) == (6, 2, 4)
    said = {(row["liars"], row["cost"]): row["error"] for row in result.failed}
    assert said["1", "distance"] == "KeyError: 'a plug-in\\nraised'"
    assert said["2", "constant"] == "SystemExit: 0"
    assert "M >= 3f + 1" in said["3", "constant"]
    failure = result.failure()
    assert failure.exit_code == 15
    assert str(failure).startswith("4 of 6 cells failed; the first: liars = 1, cost = distance: KeyError")
    made.raises = {}
    assert (swept(resume=True).played, made.asked[-2:]) == (2, [(1, "distance"), (2, "constant")])


def test_a_second_run_plays_what_is_missing_and_leaves_the_same_bytes(swept, made, tmp_path):
    first = swept()
    before = files(tmp_path / "out")
    assert len(before) == 3 + 4
    assert first.played == len(made.asked) == 4
    again = swept(resume=True)
    assert (again.played, len(made.asked), again.rows) == (0, 4, first.rows)
    gone = sorted((tmp_path / "out" / "cells").iterdir())[1]
    gone.unlink()
    assert swept(resume=True).played == 1
    assert files(tmp_path / "out") == before
    more = SWEEP.replace("[1, 2, 3]", "[2, 0]")
    assert swept(resume=True, text=more).played == 2


def test_every_bit_of_a_cell_counts(swept, made, tmp_path):
    """Whatever is changed in a kept file, it is played again or says the same."""
    swept()
    path = sorted((tmp_path / "out" / "cells").iterdir())[0]
    whole = path.read_bytes()
    cell = next(p.cell for p in grid.load(tmp_path / "sweep.toml").points() if p.cell and p.cell.digest == path.stem)
    truth, refused = cells.read(path, cell), 0
    for at in range(0, len(whole), 7):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :])
        try:
            assert np.array_equal(cells.read(path, cell), truth), at
        except cells.CellDamaged:
            refused += 1
    assert refused > len(whole) // 14
    path.write_bytes(whole[:-5])
    result = swept(resume=True)
    assert (result.played, len(result.damaged)) == (1, 1)
    assert path.stem in result.damaged[0]
    assert path.read_bytes() == whole


def test_a_cell_that_nobody_can_read_to_its_end_is_played_again(swept, made, tmp_path):
    swept()
    path = next((tmp_path / "out" / "cells").iterdir())
    whole, table = path.read_bytes(), pyarrow.parquet.read_table(path)
    path.unlink()
    os.mkfifo(path)  # nobody writes to it
    assert (swept(resume=True).played, path.read_bytes()) == (1, whole)
    zeros = np.zeros(10**6, np.int64)
    long = pyarrow.table(dict.fromkeys(table.column_names, zeros)).replace_schema_metadata(table.schema.metadata)
    pyarrow.parquet.write_table(long, path)
    most = pyarrow.default_memory_pool().max_memory()
    assert "holds another cell" in swept(resume=True).damaged[0]
    assert pyarrow.default_memory_pool().max_memory() == most, "it was read before it was looked at"


def test_a_manifest_that_is_a_pipe_keeps_nobody(swept, made, tmp_path):
    (tmp_path / "out").mkdir()
    os.mkfifo(tmp_path / "out" / run.FOLDERS.manifest)
    with pytest.raises(run.SweepRefused, match="is not the folder of a sweep"):
        swept(resume=True)


@pytest.mark.parametrize("name", [run.TABLE, run.CSV, "heatmap.svg", "lines.svg", "heatmap.svg.partial", run.CELLS])
def test_a_folder_where_a_file_goes_is_refused_in_a_sentence(made, tmp_path, monkeypatch, capsys, name):
    (tmp_path / "sweep.toml").write_text(SWEEP)
    (tmp_path / "out").mkdir()
    manifest = {"format": run.FOLDERS.format, "name": "made-up", "version": ""}
    (tmp_path / "out" / run.FOLDERS.manifest).write_text(json.dumps(manifest))
    if name == run.CELLS:
        (tmp_path / "out" / name).write_text("precious")
    else:
        (tmp_path / "out" / name / "precious").mkdir(parents=True)
    out = str(tmp_path / "out")
    monkeypatch.setattr("sys.argv", ["chain-bandit", "sweep", str(tmp_path / "sweep.toml"), "--resume", "--out", out])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr().err
    assert (ended.value.code, said.count("\n")) == (2, 1), said
    assert said.startswith(f"error: {out}: cannot be written: ")


def test_what_a_file_says_is_told_on_one_line_that_no_terminal_obeys(made, tmp_path, monkeypatch, capsys):
    start, end = SWEEP.index("[base]"), SWEEP.index("[axes]")
    elsewhere = SWEEP[:start] + 'base = "\\u001b[31m\\n"\n' + SWEEP[end:]
    table = SWEEP.replace('"bernoulli"\nmeans = [0.7, 0.5, 0.45]', '"table"\nfile = ""')
    named = table.replace("liars = [1, 2, 3]", '"rewards.file" = ["\\u001b[31m\\n"]')
    for text, code in ((elsewhere, 3), (named, 15)):
        (tmp_path / "sweep.toml").write_text(text)
        monkeypatch.setattr("sys.argv", [
            "chain-bandit", "sweep", str(tmp_path / "sweep.toml"), "--out", str(tmp_path / "out"),
        ])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr().err
        assert (ended.value.code, said.count("\n")) == (code, 1), said
        assert r"\x1b[31m\n" in said
        assert said[:-1].isprintable()


def test_the_cell_of_another_is_not_taken_for_it(swept, made, tmp_path):
    swept()
    one, other, *_ = sorted((tmp_path / "out" / "cells").iterdir())
    kept = one.read_bytes()
    one.write_bytes(other.read_bytes())
    result = swept(resume=True)
    assert (result.played, one.read_bytes()) == (1, kept)
    assert "holds another cell" in result.damaged[0]


def test_numbers_that_were_exchanged_are_not_believed(swept, made, tmp_path):
    swept()
    path = next((tmp_path / "out" / "cells").iterdir())
    table = pyarrow.parquet.read_table(path)
    arms = table.column_names.index("arms_nano")
    better = table.set_column(arms, "arms_nano", pyarrow.array(np.zeros(len(table), np.int64)))
    pyarrow.parquet.write_table(better, path)
    assert "its numbers are not those that were written" in swept(resume=True).damaged[0]


def test_a_folder_that_is_not_this_sweeps_is_refused_and_left_alone(swept, tmp_path):
    swept()
    before = files(tmp_path / "out")
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "thesis.txt").write_text("precious")
    (tmp_path / "file").write_text("precious")
    for out, resume, text, sentence in (
        ("out", False, SWEEP, "continue with --resume"),
        ("out", True, SWEEP.replace("made-up", "other"), "is not the folder of a sweep 'other'"),
        ("foreign", True, SWEEP, "is not the folder of a sweep"),
        ("file", True, SWEEP, "is not a folder"),
        ("file/below", True, SWEEP, "cannot be written"),
    ):
        with pytest.raises(run.SweepRefused, match=sentence) as refused:
            swept(resume, text, out)
        assert refused.value.exit_code == (2 if sentence == "cannot be written" else 3)
    assert files(tmp_path / "out") == before
    assert files(tmp_path / "foreign") == {"thesis.txt": b"precious"}


@pytest.mark.parametrize("manifest", [b"", b"[" * 60_000, b"{}", b"[]", b'{"format": "chain-bandit-sweep/1"}', b"\xff"])
def test_a_manifest_that_is_none_is_refused(swept, tmp_path, manifest):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "sweep.json").write_bytes(manifest)
    with pytest.raises(run.SweepRefused, match="is not the folder of a sweep"):
        swept(resume=True)


def test_two_processes_do_not_share_a_folder(swept, tmp_path):
    def meanwhile(play, tasks):
        with pytest.raises(run.SweepRefused, match="another process is at this sweep"):
            swept(resume=True)
        yield from workers.here(play, tasks)

    assert swept(by=meanwhile).played == 4


def test_whoever_is_stopped_leaves_what_is_done_and_says_how_to_go_on(swept, made, tmp_path):
    made.raises = {(2, "constant"): Stopped(130)}
    with pytest.raises(Stopped) as stopped:
        swept()
    assert stopped.value.__notes__ == [f"2 of 4 cells are kept in {tmp_path / 'out'}: continue with --resume"]
    names = set(files(tmp_path / "out"))
    assert len([name for name in names if name.startswith("cells/")]) == 2
    assert names - {name for name in names if name.startswith("cells/")} == {"sweep.json"}
    made.raises = {}
    assert swept(resume=True).played == 2


def test_a_worker_of_another_version_is_not_believed(swept, monkeypatch, made):
    def elsewhere(play, tasks):
        monkeypatch.setattr(cells, "__version__", "9")
        results = [(task, result()) for task, result in workers.here(play, tasks)]
        monkeypatch.undo()
        yield from ((task, lambda made=made: made) for task, made in results)

    result = swept(by=elsewhere)
    assert {row["error"] for row in result.failed[:4]} == {
        "the worker has another version of chain_bandit (9), or of a plug-in"
    }
    assert made.asked == []


def test_a_cell_takes_its_table_along(tmp_path, made):
    """Over many machines a worker has no scenario files."""
    import pickle

    (tmp_path / "t.csv").write_text("arm,reward,count\na,1,1\na,0,1\nb,1,1\nb,0,3\nc,1,1\n")
    (tmp_path / "sweep.toml").write_text(
        SWEEP.replace('kind = "bernoulli"\nmeans = [0.7, 0.5, 0.45]', 'kind = "table"\nfile = "t.csv"')
    )
    cell = next(grid.load(tmp_path / "sweep.toml").points()).cell
    sent = pickle.dumps(cell)
    (tmp_path / "t.csv").unlink()
    assert isinstance(cells.play((pickle.loads(sent), cell.digest, Engine.PLAIN)), np.ndarray)


def test_the_shipped_sweep_shows_something_and_its_table_fits_80_columns(tmp_path):
    result = run.run(grid.load(example("sweep.toml")), tmp_path / "out", workers.here)
    with_parts = {tuple(row[f"{part}_mean"] for part in PARTS) for row in result.final}
    assert len(with_parts) == len(result.final) == 12
    said = shown(view.table(result), width=80)
    assert "…" not in said
    rows = said[said.index("─\n") + 2 :].splitlines()[:12]
    for row, line in zip(result.final, rows, strict=True):
        assert line.split()[-3:] == [f"±{row['regret_high'] - row['regret_mean']:,.1f}",
                                     f"{row['arms_mean']:,.1f}", f"{row['cost_mean']:,.1f}"]  # fmt: skip
    assert "in every cell: T 1,000, burn-in 20.0, failed 0.0" in said


def test_compiling_is_said_before_it_begins_and_only_then(tmp_path, made, monkeypatch):
    told = []
    monkeypatch.setattr(simulated, "is_compiled", lambda: False)
    for engine, says in ((Engine.PLAIN, []), (Engine.COMPILED, [simulated.COMPILATION])):
        monkeypatch.setattr(cells, "engines", lambda games, engine=engine: [engine] * len(games))
        (tmp_path / "sweep.toml").write_text(SWEEP)
        run.run(grid.load(tmp_path / "sweep.toml"), tmp_path / engine, workers.here,
                on_waiting=told.append)  # fmt: skip
        assert told == says
    run.run(grid.load(tmp_path / "sweep.toml"), tmp_path / "untold", workers.here)  # by default nobody is told


def test_the_terminal_and_the_heat_map_show_every_cell(swept, made, capsys):
    made.raises = {(1, "distance"): ValueError("on purpose\x1b[31m")}
    result = swept()
    console().print(view.table(result))
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "FAILED liars = 1, cost = distance: ValueError: on purpose" in " ".join(shown.split())
    final = {(row["liars"], row["cost"]): row for row in result.final}
    assert len(final) == 6
    picture = view.heat_map(result)
    assert picture == view.heat_map(result)
    assert picture.count(">failed<") == 3
    for row in (final["1", "constant"], final["2", "distance"]):
        assert f"{row['regret_mean']:,.1f}" in shown
        assert f">{row['regret_mean']:,.1f}<" in picture
    json.dumps(result.as_dict())


def test_a_heat_map_of_one_axis_or_of_three_has_every_cell(swept, tmp_path):
    one = SWEEP.replace("liars = [1, 2, 3]\n", "")
    three = SWEEP.replace("[1, 2, 3]", "[1, 2]").replace("[axes]", "[axes]\nthreshold = [2, 3]")
    for out, text, count in (("one", one, 2), ("three", three, 8)):
        result = swept(text=text, out=out)
        picture = view.heat_map(result)
        values = [f"{row['regret_mean']:,.1f}" for row in result.final]
        assert len(values) == count
        assert sum(picture.count(f">{value}<") for value in set(values)) == count


def test_an_attack_without_a_source_is_known_by_what_it_was_compiled_to():
    """As a notebook has it, whose cells may define another attack of the same name."""
    written = """
class Typed(cb.Attack):
    conduct = cb.Conduct.LIAR
    {}
    def means(self, view, honest):
        return ({},) * len(honest)
"""
    digests = []
    for more, value in (("", 0), ("", 5), ("level = 1", 5), ("level = 2", 5), ("", 0)):
        known = {"cb": cb, "__name__": "nowhere"}
        exec(compile(written.format(more, value), f"<cell {len(digests)}>", "exec"), known)
        cb.attack("typed-in")(known["Typed"])
        game = cb.build(
            participants=4, rounds=30, liars=1, attackers=0, rewards={"kind": "bernoulli", "means": [0.8, 0.5]},
            malicious=[{"seat": 3, "attacks": [{"name": "typed-in"}]}],
        )  # fmt: skip
        digests.append(cells.Cell.of(game, 2, ()).digest)
    assert digests[0] == digests[4]
    assert len(set(digests)) == 4
