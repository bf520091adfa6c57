"""What a part of a study came to: a Parquet file with a row an epoch, run and method, and estimates over the runs."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
from numpy.typing import NDArray

from chain_bandit.lines import whole_file
from chain_bandit.mediate.games.names import game_of
from chain_bandit.protocol.errors import ChainBanditError
from chain_bandit.studies.presets import Part

Amounts = NDArray[np.float64]

LAST = 50
"""Epochs at the end whose mean stands for a run."""


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

    def final(self) -> Amounts:
        """(M, R): the mean of the last `LAST` epochs."""
        return np.asarray(np.nanmean(self.measured[-LAST:], axis=0))


def interval(values: Amounts) -> tuple[Amounts, Amounts]:
    """The mean over the last axis and half its 95 % interval by Student's t; nan for one run."""
    from scipy.stats import t

    runs = values.shape[-1]
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = np.std(values, axis=-1, ddof=1) if runs > 1 else np.full(values.shape[:-1], np.nan)
    half = t.ppf(0.975, max(runs - 1, 1)) * spread / runs**0.5
    return np.asarray(values.mean(axis=-1)), np.asarray(half)


def write(path: Path, results: Results) -> None:
    """Make the file, whole or not at all."""
    part, (epochs, _, _) = results.part, results.welfare.shape
    every = [(method, run, epoch) for epoch in range(epochs) for method in part.methods for run in range(part.runs)]
    methods, runs, numbers = zip(*every, strict=True)
    columns = {
        "game": [part.game] * len(every), "method": list(methods), "run": list(runs), "epoch": list(numbers),
        "welfare": results.welfare.ravel(), "token": results.tokens.ravel(),
        **{name: values.ravel() for name, values in results.counts.items()},
    }  # fmt: skip
    with whole_file(path) as file:
        pyarrow.parquet.write_table(pyarrow.table(columns), file, compression="zstd")


def read(path: Path, part: Part) -> Results:
    """What `write` wrote. Raises `ResultsUnreadable`."""
    names = game_of(part.game).counts
    shape = part.epochs, len(part.methods), part.runs
    try:
        if pyarrow.parquet.ParquetFile(path).metadata.num_rows != np.prod(shape):
            raise ResultsUnreadable(path, f"does not have the {np.prod(shape):,} rows of {part.name}")
        table = pyarrow.parquet.read_table(path, partitioning=None)
        read = {
            name: np.asarray(table.column(name).to_numpy(), np.float64).reshape(shape)
            for name in ("welfare", "token", *names)
        }
    except (OSError, pyarrow.ArrowException, KeyError, ValueError) as error:
        raise ResultsUnreadable(path, f"is no results of {part.name} ({str(error)[:200]})") from error
    return Results(part, read["welfare"], {name: read[name] for name in names}, read["token"])


def kept(out: Path, parts: tuple[Part, ...]) -> Iterator[Results]:
    """The results in a study's folder, of the parts that are done."""
    for part in parts:
        path = out / f"{part.name}.parquet"
        if path.exists():
            yield read(path, part)
