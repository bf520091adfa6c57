"""What a stopped run leaves beside its place, and what `resume` takes up: its locked scenario and its journal.

A game follows from its scenario, so a resumed run plays it again from the start; calls that the journal knows go by
the bytes that it holds, which the chain takes once.
"""

import filecmp
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import tomli_w

from chain_bandit.chain.journal import FileJournal
from chain_bandit.game.folder import SCENARIO, FolderRefused, free_place
from chain_bandit.scenario import Scenario, TableRewards

SUFFIX = ".partial-run"
JOURNAL = "journal.jsonl"


def place_of(out: Path) -> Path:
    """Where a run for `out` keeps itself until it is whole."""
    place = free_place(out)
    return place.with_name(place.name + SUFFIX)


@contextmanager
def unfinished(scenario: Scenario, out: Path, resume: bool) -> Iterator[FileJournal]:
    """The journal of a run; with its folder it is gone when the block ends well, or before anything was sent.

    Raises:
        FolderRefused: there is a stopped run and `resume` was not asked for, or none, or one of another scenario.
        JournalLocked: another process is at it.
    """
    place = place_of(out)
    if resume:
        _require_same(scenario, out, place)
    elif place.exists():
        raise FolderRefused(place, "holds a run that was stopped; take it up with --resume, or remove the folder")
    else:
        try:
            place.mkdir(parents=True)
        except OSError as error:
            raise FolderRefused(place, f"cannot be written: {error.strerror}") from error
        lock(scenario, place)
    journal = FileJournal(place / JOURNAL)
    sent = True
    try:
        yield journal
        sent = False
    finally:
        if not (sent and journal.entries):
            shutil.rmtree(place)
        journal.close()


def lock(scenario: Scenario, place: Path) -> None:
    """Write the scenario with every default, and the recorded rewards beside it."""
    locked = scenario.model_dump(mode="json", exclude_none=True)
    if isinstance(scenario.rewards, TableRewards):
        source = scenario.folder / scenario.rewards.file
        shutil.copyfile(source, place / source.name)
        locked["rewards"]["file"] = source.name
    (place / SCENARIO).write_text(tomli_w.dumps(locked), encoding="utf-8")


def _require_same(scenario: Scenario, out: Path, place: Path) -> None:
    if not (place / SCENARIO).is_file():
        raise FolderRefused(out, f"has no stopped run beside it ({place.name}); leave out --resume")
    with TemporaryDirectory() as fresh:
        lock(scenario, Path(fresh))
        names = [path.name for path in Path(fresh).iterdir()]
        if filecmp.cmpfiles(fresh, place, names, shallow=False)[0] != names:
            raise FolderRefused(place, f"is of another scenario; resume with its own, {place / SCENARIO}")
