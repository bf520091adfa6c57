"""A sweep and its folder: what is there is kept, what is missing is played, and the table is made of all of it."""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from chain_bandit import __version__
from chain_bandit.append_log import whole_file
from chain_bandit.arrow import parquet, pyarrow
from chain_bandit.protocol.errors import ChainBanditError, Stopped
from chain_bandit.runner.folder import OutputFolders, OutputRefused
from chain_bandit.runner.workers import Workers
from chain_bandit.sweeps import cell
from chain_bandit.sweeps.grid import GridPoint, Sweep

TABLE, CSV, CELLS = "sweep.parquet", "sweep.csv", "cells"

SweepRow = Mapping[str, Any]


class SweepRefused(OutputRefused):
    """A place that the sweep's folder cannot go to."""


FOLDERS = OutputFolders("sweep", "sweep.json", "chain-bandit-sweep/1", SweepRefused)


class CellsFailed(ChainBanditError):
    """Some cells have no results; the others have."""

    exit_code = 15

    def __init__(self, failed: int, cells: int, first: str) -> None:
        super().__init__(f"{failed:,} of {cells:,} cells failed; the first: {first}")
        self.failed, self.cells, self.first = failed, cells, first


@dataclass(frozen=True)
class Swept:
    """What a sweep came to.

    Attributes:
        axes: their names.
        rows: of `TABLE`: one a point and checkpoint, one of a point that failed.
        points, played: how many there are; how many cells this run played.
        damaged: cells that were kept and had to be played again, and why.
    """

    name: str
    axes: tuple[str, ...]
    rows: tuple[SweepRow, ...]
    points: int
    played: int
    damaged: tuple[str, ...]

    @property
    def final(self) -> tuple[SweepRow, ...]:
        """The last row of each point."""
        last = {tuple(row[axis] for axis in self.axes): row for row in self.rows}
        return tuple(last.values())

    @property
    def failed(self) -> tuple[SweepRow, ...]:
        """Points without results."""
        return tuple(row for row in self.rows if row["error"] is not None)

    def where(self, row: SweepRow) -> str:
        """A point in words."""
        return ", ".join(f"{axis} = {row[axis]}" for axis in self.axes)

    def failure(self) -> CellsFailed | None:
        """Message on failed cells."""
        if not self.failed:
            return None
        first = self.failed[0]
        return CellsFailed(len(self.failed), self.points, f"{self.where(first)}: {first['error']}")

    def as_dict(self) -> dict[str, Any]:
        """For machines."""
        return {
            "name": self.name, "axes": self.axes, "cells": self.points, "played": self.played,
            "failed": len(self.failed), "damaged": self.damaged, "rows": self.rows,
        }  # fmt: skip


def run(
    sweep: Sweep, out: Path, workers: Workers, resume: bool = False,
    observe: Callable[[int, int], None] = lambda done, failed: None,
    on_waiting: Callable[[str], None] = lambda said: None,
) -> Swept:  # fmt: skip
    """Play what is missing and write the table.

    Args:
        observe: is told how many points are over, and how many of them failed.
        on_waiting: is told what takes long, in a sentence.

    Raises:
        SweepRefused: the place is taken, or not to be written.
        ScenarioInvalid: see `Sweep.points`.
    """
    points = list(sweep.points())

    def same(manifest: Mapping[str, Any]) -> None:
        if manifest.get("name") != sweep.name:
            raise SweepRefused(out, f"is not the folder of a sweep {sweep.name!r}; name another with --out")

    with FOLDERS.held(out, {"name": sweep.name, "version": __version__}, same, resume):
        (out / CELLS).mkdir(exist_ok=True)
        cells = {point.cell.digest: point.cell for point in points if point.cell}
        paths = {digest: out / CELLS / f"{digest}.parquet" for digest in cells}
        found, damaged = _kept(cells, paths)
        missing = {digest: each for digest, each in cells.items() if digest not in found}
        failed: dict[str, str] = {}
        impossible = sum(point.cell is None for point in points)
        try:
            with closing(cell.play_all(missing, workers, on_waiting)) as results:
                for digest, made in results:
                    if isinstance(made, str):
                        failed[digest] = made
                    else:
                        cell.write(paths[digest], cells[digest], made)
                        found[digest] = tuple(cells[digest].rows(made))
                    observe(len(found) + len(failed) + impossible, len(failed) + impossible)
        except (KeyboardInterrupt, Stopped) as stopped:
            kept = sum(path.exists() for path in paths.values())
            stopped.add_note(f"{kept:,} of {len(cells):,} cells are kept in {out}: continue with --resume")
            raise
        axes = tuple(sweep.axes)
        rows = tuple(_rows(axes, points, found, failed))
        _write_table(out, axes, rows)
    return Swept(sweep.name, axes, rows, len(points), len(missing) - len(failed), damaged)


def _kept(
    cells: Mapping[str, cell.Cell], paths: Mapping[str, Path]
) -> tuple[dict[str, tuple[SweepRow, ...]], tuple[str, ...]]:
    """Rows of the cells that are there; what is damaged is as good as missing."""
    found: dict[str, tuple[SweepRow, ...]] = {}
    damaged: list[str] = []
    for digest, each in cells.items():
        try:
            sums = cell.read(paths[digest], each)
        except cell.CellDamaged as error:
            damaged.append(str(error))
            paths[digest].unlink(missing_ok=True)  # it may be no file at all
        else:
            if sums is not None:
                found[digest] = tuple(each.rows(sums))
    return found, tuple(damaged)


def _rows(
    axes: Sequence[str], points: Sequence[GridPoint], found: Mapping[str, Sequence[SweepRow]], failed: Mapping[str, str]
) -> Iterator[SweepRow]:
    for point in points:
        labels = dict(zip(axes, point.labels, strict=True))
        digest = point.cell.digest if point.cell else ""
        nothing = dict.fromkeys(cell.COLUMNS) | {"digest": digest or None, "error": failed.get(digest, point.failure)}
        yield from ({**labels, **row} for row in found.get(digest, [nothing]))


def _write_table(out: Path, axes: Sequence[str], rows: Sequence[SweepRow]) -> None:
    text, whole = pyarrow.string(), pyarrow.int64()
    kinds = {"digest": text, "round": whole, "replicates": whole, "agent_steps": whole, "seed": text, "error": text}
    schema = pyarrow.schema([
        *((axis, text) for axis in axes), *((name, kinds.get(name, pyarrow.float64())) for name in cell.COLUMNS)
    ])  # fmt: skip
    with whole_file(out / TABLE) as file:
        parquet.write_table(pyarrow.Table.from_pylist([dict(row) for row in rows], schema), file)
    written = StringIO(newline="")
    table = csv.DictWriter(written, schema.names, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    with whole_file(out / CSV) as file:
        file.write(written.getvalue().encode())
