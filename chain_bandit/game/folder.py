"""A run folder: written beside its final place and moved there whole, so that it is complete or not there."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow.parquet

from chain_bandit.protocol.errors import ChainBanditError

MANIFEST = "manifest.json"
SCENARIO = "scenario.lock.toml"
ROUNDS = "rounds.parquet"
HISTORY = "history.jsonl.gz"
AUDIT = "audit.json"
EVIDENCE = "evidence.json"
REPORT = "report.html"


class FolderRefused(ChainBanditError):
    """A place that a run folder cannot go to, or be read from."""

    exit_code = 2

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path, self.reason = path, reason


@contextmanager
def written(out: Path) -> Iterator[Path]:
    """A folder to fill; at the end of the block it becomes `out`, on any error nothing of it stays.

    An earlier run folder at `out` is replaced; anything else there is refused.
    """
    if out.exists() and not (out / MANIFEST).is_file() and (not out.is_dir() or any(out.iterdir())):
        raise FolderRefused(out, "exists and is not a run folder; name another with --out")
    partial = out.with_name(f"{out.name}.{os.getpid()}.partial")
    try:  # a signal may come at any line: whatever was made is unmade
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            partial.mkdir()
        except OSError as error:
            raise FolderRefused(out, f"cannot be written: {error.strerror}") from error
        yield partial
        if out.exists():
            shutil.rmtree(out)
        partial.rename(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def write_json(path: Path, value: Any) -> None:
    """Canonical JSON: sorted keys, two spaces, a line end."""
    path.write_text(json.dumps(value, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a run folder. Raises `FolderRefused`."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FolderRefused(folder, f"is not a run folder ({error})") from error
    if not isinstance(manifest, dict):
        raise FolderRefused(folder, "is not a run folder (its manifest is no object)")
    return manifest


def read_rounds(folder: Path) -> pyarrow.Table:
    """The table of rounds of a run folder. Raises `FolderRefused`."""
    try:
        return pyarrow.parquet.read_table(folder / ROUNDS)
    except (OSError, pyarrow.ArrowException) as error:
        raise FolderRefused(folder, f"its table of rounds cannot be read ({type(error).__name__})") from error
