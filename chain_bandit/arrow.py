"""pyarrow, for what is written in Parquet: sweeps, studies, and statements where they are asked for in it."""

from collections.abc import Sequence
from typing import BinaryIO

from chain_bandit.protocol.errors import ChainBanditError


class ArrowMissing(ChainBanditError):
    """pyarrow is not installed."""

    exit_code = 4

    def __init__(self) -> None:
        super().__init__("files in Parquet need pyarrow: run pip install 'chain-bandit[parquet]'")


try:
    import pyarrow as pyarrow
    from pyarrow import parquet as parquet
except ImportError as error:
    raise ArrowMissing from error


class ParquetReader(parquet.ParquetFile):  # type: ignore[misc]
    """A whole file in memory, read without threads: a process that ends beside one of pyarrow's may be aborted."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(pyarrow.BufferReader(file.read()))

    def columns(self, names: Sequence[str]) -> pyarrow.Table:
        """Columns by name. Raises `KeyError` for one that it does not have."""
        return self.read(names, use_threads=False).select(names)
