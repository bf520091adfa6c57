"""A game's money as a table in a file: every movement a row of the books, in CSV or Parquet."""

import csv
from codecs import getwriter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

from chain_bandit.auditor.books import Movement
from chain_bandit.output import naming
from chain_bandit.protocol.errors import PathRefused

ROWS = 50_000
"""Rows that are kept before they are written."""

MOST = 10**38
"""Wei that a row can hold: a decimal of 38 places, which every reader of Parquet has."""

Put = Callable[[Mapping[str, Any]], object]
"""Takes a movement by column."""


class StatementRefused(PathRefused):
    """A statement that cannot be written there, or not in that form."""

    exit_code = 2


@dataclass
class Statement:
    """A file that takes movements, as long as it can be written.

    Attributes:
        lost: why it cannot be written; movements after that go nowhere, and no file stays.
    """

    path: Path
    put: Put
    lost: OSError | None = None

    def __call__(self, movement: Movement) -> None:
        """Add a row. Raises `StatementRefused`: more wei than a row holds."""
        if movement.wei >= MOST:
            raise StatementRefused(self.path, f"block {movement.block} moves {movement.wei} wei, beyond 38 digits")
        if self.lost is None:
            try:
                self.put(asdict(movement))
            except OSError as error:
                self.lost = error


@contextmanager
def written(path: Path) -> Iterator[Statement]:
    """A statement; at the end of the block all movements are in the file, on any error there is none.

    Raises:
        ArrowMissing: a Parquet file, without pyarrow.
        StatementRefused: another ending than .csv or .parquet, no such folder, or more wei than a row holds.
    """
    from chain_bandit.append_log import whole_file

    if path.suffix not in TYPES:
        raise StatementRefused(path, f"a statement is a file that ends in {' or '.join(TYPES)}")
    if not path.parent.is_dir() or path.is_dir():
        raise StatementRefused(path, "there is no folder for it, or a folder in its place")
    statement, is_over = None, False
    try:
        with naming(path), whole_file(path) as file, TYPES[path.suffix](file) as put:
            statement = Statement(path, put)
            yield statement
            is_over = True
            if statement.lost is not None:
                raise statement.lost
    except OSError as error:
        if statement is None or not is_over:
            raise
        statement.lost = error


@contextmanager
def _csv(file: BinaryIO) -> Iterator[Put]:
    table = csv.DictWriter(getwriter("utf-8")(file), [each.name for each in fields(Movement)], lineterminator="\n")
    table.writeheader()
    yield table.writerow


@contextmanager
def _parquet(file: BinaryIO) -> Iterator[Put]:
    from chain_bandit.arrow import parquet
    from chain_bandit.arrow import pyarrow as pa

    text = pa.string()
    schema = pa.schema([
        ("block", pa.int64()), ("transaction", text), ("round", pa.int64()), ("what", text), ("debit", text),
        ("credit", text), ("wei", pa.decimal128(38, 0)),
    ])  # fmt: skip
    rows: list[Mapping[str, Any]] = []
    with parquet.ParquetWriter(file, schema) as writer:

        def flush() -> None:
            writer.write_table(pa.Table.from_pylist(rows, schema))
            rows.clear()

        def put(row: Mapping[str, Any]) -> None:
            rows.append({**row, "wei": Decimal(row["wei"])})
            if len(rows) >= ROWS:
                flush()

        yield put
        flush()


TYPES = {".csv": _csv, ".parquet": _parquet}
