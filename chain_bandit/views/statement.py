"""A game's money as a table in a file: every movement a row of the books, in CSV or Parquet."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import Any

from chain_bandit.auditor.books import Movement
from chain_bandit.protocol.errors import ChainBanditError

ROWS = 50_000
"""Rows that are kept before they are written."""

MOST = 10**38
"""Wei that a row can hold: a decimal of 38 places, which every reader of Parquet has."""

TYPES = (".csv", ".parquet")


class StatementRefused(ChainBanditError):
    """A statement that cannot be written there, or not in that form."""

    exit_code = 2

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path, self.reason = path, reason


@contextmanager
def written(path: Path) -> Iterator[Callable[[Movement], None]]:
    """What takes every movement; at the end of the block all are in the file, on any error there is none.

    Raises:
        StatementRefused: another ending than .csv or .parquet, no such folder, or more wei than a row holds.
    """
    import pyarrow as pa
    from pyarrow import csv, parquet

    from chain_bandit.append_log import whole_file

    if path.suffix not in TYPES:
        raise StatementRefused(path, f"a statement is a file that ends in {' or '.join(TYPES)}")
    if not path.parent.is_dir() or path.is_dir():
        raise StatementRefused(path, "there is no folder for it, or a folder in its place")
    text = pa.string()
    schema = pa.schema([
        ("block", pa.int64()), ("transaction", text), ("round", pa.int64()), ("what", text), ("debit", text),
        ("credit", text), ("wei", pa.decimal128(38, 0)),
    ])  # fmt: skip
    rows: list[dict[str, Any]] = []
    with whole_file(path) as file:
        made = csv.CSVWriter(file, schema) if path.suffix == ".csv" else parquet.ParquetWriter(file, schema)
        with made as writer:

            def flush() -> None:
                writer.write_table(pa.Table.from_pylist(rows, schema))
                rows.clear()

            def take(movement: Movement) -> None:
                if movement.wei >= MOST:
                    raise StatementRefused(path, f"block {movement.block} moves {movement.wei} wei, beyond 38 digits")
                rows.append({**asdict(movement), "wei": Decimal(movement.wei)})
                if len(rows) >= ROWS:
                    flush()

            yield take
            flush()
