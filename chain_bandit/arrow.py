"""pyarrow, for what is written in Parquet: sweeps, studies, and statements where they are asked for in it."""

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
