"""Run folder, written atomically: built beside its final path and renamed, so that it is complete or not there."""

import csv
import glob
import json
import os
import re
import shutil
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from io import TextIOWrapper
from itertools import chain, count
from pathlib import Path
from typing import Any

from chain_bandit.append_log import regular_file
from chain_bandit.output import naming
from chain_bandit.protocol.errors import PathRefused

FORMAT = "chain-bandit-run/1"
MOST_BYTES, MOST_NESTED = 1 << 20, 200
"""A manifest's size and brackets: more is none, and would overflow the parser's stack."""

MOST_ROUNDS_BYTES = 1 << 28
"""A table of rounds: of some millions."""

MANIFEST = "manifest.json"
SCENARIO = "scenario.lock.toml"
ROUNDS = "rounds.csv"
_TEXT = {"kind", "accused", "blocked", "forfeited"}
HISTORY = "history.jsonl.gz"
AGREEMENT = "tokens.jsonl.gz"
"""The history of an agreement on tokens, which has a report and an audit beside it, and no manifest."""
AUDIT = "audit.json"
EVIDENCE = "evidence.json"
REPORT = "report.html"
NODES = "game.json"
"""Beside the folders of nodes."""
SEED = "seed"
"""The seed alone, for the owner of the folder to read: every key of the game follows from it."""


class FolderRefused(PathRefused):
    """A place that a run folder cannot go to, or be read from."""

    exit_code = 2


@contextmanager
def writing(place: Path) -> Iterator[None]:
    """Report the path where the block cannot write. Raises `FolderRefused`."""
    try:
        yield
    except OSError as error:
        raise FolderRefused(place, f"cannot be written: {error.strerror}") from error


@contextmanager
def written(out: Path, replace: bool = False) -> Iterator[Path]:
    """A folder to fill; at the end of the block it becomes `out`, on any error nothing of it stays.

    Args:
        replace: an earlier run folder at `out`, in place of refusing it: of a run that is taken up.

    Raises:
        FolderRefused: something is at `out`.
    """
    place = free_place(out, replace)
    old = place.with_name(f"{place.name}.{os.getpid()}.old")
    with beside(place) as partial:
        _require_no_other(out, place)  # one that began at the same time
        try:
            yield partial
            if replace and place.exists():
                place.rename(old)
            try:
                partial.rename(place)
            except OSError as error:
                raise FolderRefused(out, "was made meanwhile; name another with --out") from error
        finally:
            if old.exists() and not place.exists():
                old.rename(place)
            shutil.rmtree(old, ignore_errors=True)


@contextmanager
def beside(place: Path) -> Iterator[Path]:
    """An empty folder beside a place, to be renamed to it or from it; at the end of the block it is gone.

    Raises:
        FolderRefused: it cannot be made.
    """
    partial = place.with_name(f"{place.name}.{os.getpid()}.partial")
    try:  # a signal may come at any line: whatever was made is unmade
        with writing(place):
            place.parent.mkdir(parents=True, exist_ok=True)
            _tidy(place)
            partial.mkdir()
        with naming(place):
            yield partial
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _tidy(place: Path) -> None:
    """Clear away what a process left that was killed on the spot."""
    for pid, what, left in _beside(place):
        if _is_running(pid):
            continue
        if what == "old" and not place.exists():
            left.rename(place)
        else:
            shutil.rmtree(left, ignore_errors=True)


def _beside(place: Path) -> Iterator[tuple[int, str, Path]]:
    """What processes write for a place, or take from it: whose, "partial" or "old", and where."""
    for path in place.parent.glob(f"{glob.escape(place.name)}.*"):
        pid, _, what = path.name.removeprefix(f"{place.name}.").partition(".")
        if pid.isdecimal() and what in ("partial", "old"):
            yield int(pid), what, path


def _require_no_other(out: Path, place: Path) -> None:
    """Refuse a place that another process is about to fill. Raises `FolderRefused`."""
    for pid, what, _ in _beside(place):
        if what == "partial" and pid != os.getpid() and _is_running(pid):
            raise FolderRefused(out, f"is being written by process {pid}; name another with --out")


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def fresh(base: Path, wanted: Callable[[Path], bool]) -> Path:
    """The first of `base`, `base-2`, `base-3` and so on that is wanted."""
    numbered = (base.with_name(f"{base.name}-{number}") for number in count(2))
    return next(place for place in chain([base], numbered) if wanted(place))


def is_free(place: Path) -> bool:
    """Whether nothing is at a place, and nobody writes what will be."""
    if place.is_symlink() or (place.exists() and not (place.is_dir() and not any(place.iterdir()))):
        return False
    return not any(_is_running(pid) for pid, what, _ in _beside(place) if what == "partial")


def free_place(out: Path, replace: bool = False) -> Path:
    """Where a run folder for `out` goes: a new place or an empty folder.

    Args:
        replace: or an earlier run.

    Raises:
        FolderRefused: what is there must stay.
    """
    try:
        place = out.resolve()
        here = place.exists()
        if here and not place.is_dir():
            raise FolderRefused(out, "exists and is not a folder; name another with --out")
        if place == Path.cwd() or place in Path.cwd().parents:
            raise FolderRefused(out, "is the folder you are in, or around it; name another with --out")
        if here and any(place.iterdir()) and not (replace and is_run(place)):
            raise FolderRefused(out, "exists, and nothing is written over it; name another with --out")
        _require_no_other(out, place)
    except OSError as error:
        raise FolderRefused(out, f"cannot be written: {error.strerror}") from error
    return place


def is_run(folder: Path) -> bool:
    """Whether the folder is one that a run left, and nothing else: nodes keep keys and journals beside it."""
    try:
        return read_manifest(folder).get("format") == FORMAT and not (folder / NODES).exists()
    except FolderRefused:
        return False


def as_json(value: Any) -> bytes:
    """Canonical JSON: sorted keys, two spaces, a line end."""
    return (json.dumps(value, indent=2, sort_keys=True) + "\n").encode()


def write_json(path: Path, value: Any) -> None:
    """`as_json` into a file."""
    path.write_bytes(as_json(value))


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a run folder. Raises `FolderRefused`."""
    try:
        with regular_file(folder / MANIFEST) as file:
            data = file.read(MOST_BYTES)
        if len(data) == MOST_BYTES or data.count(b"[") + data.count(b"{") > MOST_NESTED:
            raise FolderRefused(folder, "is not a run folder (its manifest is none)")
        manifest = json.loads(data)
    except (OSError, ValueError) as error:
        if isinstance(error, FileNotFoundError) and (folder / "game.json").is_file():
            asked = "give its game.json to chain-bandit watch or audit --contract"
            agreed = "of an agreement, the folder to chain-bandit mediate audit --rpc URL"
            reason = f"has no run yet, but a game of nodes: {asked}; {agreed}"
            raise FolderRefused(folder, reason) from error
        if isinstance(error, NotADirectoryError):
            how = "an exported history goes with --history, game.json and deployment files with --rpc URL --contract"
            raise FolderRefused(folder, f"is a file, and no run folder: {how}") from error
        beside = [] if folder.exists() else [each.name for each in folder.parent.glob("*")]
        near = get_close_matches(folder.name, beside, n=1)
        meant = f"; did you mean {str(folder.with_name(near[0]))!r}?" if near else ""
        raise FolderRefused(folder, f"is not a run folder ({type(error).__name__}: {MANIFEST}){meant}") from error
    if not isinstance(manifest, dict):
        raise FolderRefused(folder, "is not a run folder (its manifest is no object)")
    return manifest


_OLDER = re.compile(r"^(regret_[a-z0-9_]+?)(?<!_units)$")
"""A column of units of a run folder of version 0.2.0 or older, whose name does not say what it counts."""


def read_rounds(folder: Path) -> Mapping[str, Sequence[Any]]:
    """The table of rounds of a run folder, by column, of integers or text. Raises `FolderRefused`."""
    try:
        with regular_file(folder / ROUNDS) as file:
            if os.fstat(file.fileno()).st_size > MOST_ROUNDS_BYTES:
                raise ValueError("too large")
            rows = csv.reader(TextIOWrapper(file, "utf-8", newline=""), strict=True)
            names = [_OLDER.sub(r"\1_units", name) for name in next(rows, [])]
            columns: dict[str, Any] = {name: [] if name in _TEXT else array("q") for name in names}
            if len(columns) != len(names):
                raise ValueError("a column twice")
            for row in rows:
                for name, value in zip(names, row, strict=True):
                    columns[name].append(value if name in _TEXT else int(value))
    except (OSError, ValueError, OverflowError, csv.Error) as error:
        raise FolderRefused(folder, f"its table of rounds cannot be read ({type(error).__name__})") from error
    return columns
