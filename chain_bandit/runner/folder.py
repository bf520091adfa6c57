"""Output folders: a manifest says what one holds, and one process writes to it at a time."""

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chain_bandit.append_log import regular_file, whole_file
from chain_bandit.protocol.errors import ChainBanditError

_MOST_BYTES = 1 << 16


class OutputRefused(ChainBanditError):
    """A place that an output folder cannot go to, or be read from."""

    exit_code = 3

    def __init__(self, out: Path, why: str) -> None:
        super().__init__(f"{out}: {why}")
        self.out, self.why = out, why


@dataclass(frozen=True, slots=True)
class OutputFolders:
    """Output folders of one kind.

    Attributes:
        kind: as sentences call what they hold.
        manifest: name of its file.
        format: what each manifest begins with.
        refused: raised where a folder cannot be one.
    """

    kind: str
    manifest: str
    format: str
    refused: type[OutputRefused]

    def read(self, out: Path) -> dict[str, Any]:
        """What a folder's manifest says; nothing where it has none."""
        try:
            with regular_file(out / self.manifest) as file:
                found = json.loads(file.read(_MOST_BYTES))
        except (OSError, ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) and found.get("format") == self.format else {}

    @contextmanager
    def held(
        self, out: Path, what: Mapping[str, Any], same: Callable[[Mapping[str, Any]], None], resume: bool
    ) -> Iterator[None]:
        """A folder for this process alone, until the end of the block or of the process. Raises `refused`.

        Args:
            what: the manifest of a new one.
            same: raises where another manifest is not of what is written.
        """
        with self.written(out):
            if out.exists() and not out.is_dir():
                raise self.refused(out, "exists and is not a folder; name another with --out")
            out.mkdir(parents=True, exist_ok=True)
            with self._locked(out):
                if {each.name for each in out.iterdir()} - {f"{self.manifest}.partial"}:  # which a kill may leave
                    same(self.read(out))
                    if not resume:
                        held = f"holds this {self.kind}; continue with --resume, or name another with --out"
                        raise self.refused(out, held)
                else:
                    with whole_file(out / self.manifest) as file:
                        file.write(json.dumps({"format": self.format, **what}, sort_keys=True).encode())
                yield

    @contextmanager
    def written(self, out: Path) -> Iterator[None]:
        """Around whatever is written to a folder. Raises `refused` where that cannot be."""
        try:
            yield
        except OSError as error:
            why = f"cannot be written: {error.strerror}; continue with --resume once it can, or name another with --out"
            refused = self.refused(out, why)
            refused.exit_code = 2  # as of any place that cannot be written
            raise refused from error

    @contextmanager
    def _locked(self, out: Path) -> Iterator[None]:
        held = os.open(out, os.O_RDONLY | os.O_DIRECTORY)
        try:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise self.refused(out, f"another process is at this {self.kind}; wait for it, or stop it") from error
            yield
        finally:
            os.close(held)
