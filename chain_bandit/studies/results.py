"""Results of a study's part: a Parquet file with a row an epoch, run and method, and estimates over the runs."""

import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from chain_bandit.append_log import regular_file, whole_file
from chain_bandit.arrow import ParquetReader, parquet, pyarrow
from chain_bandit.mediate.games.names import game_of
from chain_bandit.protocol.errors import ChainBanditError
from chain_bandit.simulation.student import half_width
from chain_bandit.studies.presets import Part

Amounts = NDArray[np.float64]

LAST = 50
"""Epochs whose mean stands for a run, where there are so many."""


class ResultsUnreadable(ChainBanditError):
    """A file that is not the results that it should be."""

    exit_code = 3

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path}: {why}")
        self.path, self.why = path, why


@dataclass(frozen=True)
class Results:
    """Of one part, K epochs.

    Attributes:
        welfare: U of the mean episode, (K, M, R).
        counts: by name as the game's rules have them, summed over an epoch's episodes, each (K, M, R).
        tokens: the mean of the agents', (K, M, R).
    """

    part: Part
    welfare: Amounts
    counts: dict[str, Amounts]
    tokens: Amounts

    @property
    def measure(self) -> str:
        """What the paper compares the methods by."""
        return "own coins" if "own" in self.counts else "efficiency U"

    @property
    def measured(self) -> Amounts:
        """(K, M, R): of an epoch's coins the share that their owners took; nan where nobody took any."""
        if "own" not in self.counts:
            return self.welfare
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(self.counts["own"] / self.counts["coins"])

    @property
    def bounds(self) -> tuple[float, float]:
        """What the measure can be at all."""
        return bounds_of(self.part.game)

    @property
    def last(self) -> int:
        """Epochs at the end whose mean stands for a run."""
        return min(LAST, self.part.epochs)

    def first(self, epochs: int) -> "Results":
        """Of its first epochs alone."""
        counts = {name: each[:epochs] for name, each in self.counts.items()}
        return Results(replace(self.part, epochs=epochs), self.welfare[:epochs], counts, self.tokens[:epochs])

    def final(self) -> Amounts:
        """(M, R): the mean of the last epochs; nan where none has any."""
        return self.until(self.part.epochs)

    def until(self, epoch: int) -> Amounts:
        """(M, R): the mean of the `LAST` epochs up to one of them, or of as many as there are."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # of means of nothing
            return np.asarray(np.nanmean(self.measured[max(epoch - LAST, 0) : epoch], axis=0))


def bounds_of(game: str) -> tuple[float, float]:
    """What a game is measured by can be at all: a share of coins, else U."""
    rules = game_of(game)
    return (0.0, 1.0) if "own" in rules.counts else rules.welfare


def interval(values: Amounts) -> tuple[Amounts, Amounts]:
    """The mean over the last axis and half its 95 % interval by Student's t; nan for one run."""
    runs = values.shape[-1]
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = np.std(values, axis=-1, ddof=1) if runs > 1 else np.full(values.shape[:-1], np.nan)
    half = half_width(max(runs - 1, 1), 0.95) * spread / runs**0.5
    return np.asarray(values.mean(axis=-1)), np.asarray(half)


def joined(results: Iterable[Results]) -> tuple[Results, ...]:
    """Those of the same game and methods as one, with the runs of all."""
    alike: dict[tuple[object, ...], list[Results]] = {}
    for each in results:
        alike.setdefault((each.part.game, each.part.methods, each.part.epochs), []).append(each)
    return tuple(map(_as_one, alike.values()))


def _as_one(several: Sequence[Results]) -> Results:
    first = several[0]
    return Results(
        replace(first.part, runs=tuple(run for each in several for run in each.part.runs)),
        np.concatenate([each.welfare for each in several], axis=-1),
        {name: np.concatenate([each.counts[name] for each in several], axis=-1) for name in first.counts},
        np.concatenate([each.tokens for each in several], axis=-1),
    )


def write(path: Path, results: Results) -> None:
    """Make the file, whole or not at all."""
    named = {"welfare": results.welfare, "token": results.tokens, **results.counts}
    amounts = pyarrow.table({name: values.ravel() for name, values in named.items()})
    table = _keys(results.part)
    for name in named:
        table = table.append_column(name, amounts.column(name))
    with whole_file(path) as file:
        parquet.write_table(table, file, compression="zstd")


def read(path: Path, part: Part) -> Results:
    """What `write` wrote. Raises `ResultsUnreadable`."""
    names = game_of(part.game).counts
    keys, shape = _keys(part), (part.epochs, len(part.methods), len(part.runs))
    try:
        with regular_file(path) as raw, ParquetReader(raw) as file:
            if file.metadata.num_rows != len(keys):
                raise ResultsUnreadable(path, f"does not have the {len(keys):,} rows of {part.name}")
            table = file.columns([*keys.column_names, "welfare", "token", *names])
        if not table.select(keys.column_names).equals(keys):
            raise ResultsUnreadable(path, f"has rows of something else than {part.name}, or in another order")
        read = {
            name: table.column(name).cast(pyarrow.float64()).to_numpy().reshape(shape)
            for name in ("welfare", "token", *names)
        }
    except (OSError, pyarrow.ArrowException, KeyError) as error:
        raise ResultsUnreadable(path, f"is no results of {part.name} ({str(error)[:200]})") from error
    return Results(part, read["welfare"], {name: read[name] for name in names}, read["token"])


def _keys(part: Part) -> pyarrow.Table:
    """Which row is what."""
    every = [(method, run, epoch) for epoch in range(part.epochs) for method in part.methods for run in part.runs]
    methods, runs, epochs = zip(*every, strict=True)
    return pyarrow.table({"game": [part.game] * len(every), "method": methods, "run": runs, "epoch": epochs})


def kept(out: Path, parts: tuple[Part, ...]) -> Iterator[Results]:
    """The results in a study's folder, of the parts that are done."""
    for part in parts:
        path = out / f"{part.name}.parquet"
        if path.exists():
            yield read(path, part)
