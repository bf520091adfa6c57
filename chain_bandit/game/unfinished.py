"""State of a stopped run for `resume`: its locked scenario and its journals.

A game follows from its scenario and from what its sessions came to, so a resumed run plays it again from the start;
calls that a journal knows go by the bytes that it holds, which the chain takes once.
"""

import filecmp
import glob
import re
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import tomli_w

from chain_bandit.append_log import AppendLog, AppendLogFile, write_private
from chain_bandit.chain.journal import Journal, journal_in
from chain_bandit.comparison.session_log import SessionLog
from chain_bandit.game.errors import PlacesDiffer
from chain_bandit.game.folder import SCENARIO, FolderRefused, beside, free_place
from chain_bandit.game.live import PULLS
from chain_bandit.scenario import CsvRewards, Scenario, SelfDeclaredRewards, TableRewards

SUFFIX = ".partial-run"
JOURNAL, PAYMENTS, SESSIONS = "journal.jsonl", "payments.jsonl", "sessions.jsonl"
FORMER = "minutes.jsonl"
"""What version 0.1 called the session log: a run would not be the same again without it."""


@dataclass(slots=True)
class Journals:
    """What a run signs: payments, so that everybody can play; once they have come through, the game.

    Attributes:
        session_log: results of the comparison's sessions, on which the game is signed and which no scenario gives.
        pulls: of live rewards, and what came of each.
        whole: set by the caller once it has checked that the run is complete, or where it was refunded.
    """

    payments: Journal = field(default_factory=Journal)
    game: Journal = field(default_factory=Journal)
    session_log: SessionLog = field(default_factory=SessionLog)
    pulls: AppendLog = field(default_factory=AppendLog)
    whole: bool = False

    @property
    def kept(self) -> bool:
        """Whether there is something to take up."""
        return not self.whole and bool(self.payments.entries or self.game.entries)


def place_of(out: Path) -> Path:
    """Where a run for `out` keeps itself until it is whole."""
    place = free_place(out, replace=True)
    return place.with_name(place.name + SUFFIX)


def stopped_run(base: Path) -> Path:
    """The first of `base`, `base-2`, `base-3` and so on that a run was stopped on. Raises `FolderRefused`: none was."""
    numbers = {}
    for place in base.parent.glob(f"{glob.escape(base.name)}*{SUFFIX}"):
        name = place.name.removesuffix(SUFFIX)
        number = re.fullmatch(r"(?:-([1-9]\d*))?", name.removeprefix(base.name))
        if number and (place / SCENARIO).is_file():
            numbers[int(number[1] or 1)] = place.with_name(name)
    if not numbers:
        raise FolderRefused(base, "no run was stopped on its way there; name the run's folder with --out, or leave out "
                            "--resume")  # fmt: skip
    return numbers[min(numbers)]


@contextmanager
def unfinished(scenario: Scenario, out: Path, resume: bool) -> Iterator[Journals]:
    """The journals of a run; with their folder they are gone when the run is whole, or before anything was sent.

    Raises:
        FolderRefused: there is a stopped run and `resume` was not asked for, or none, or one of another scenario.
        LogLocked: another process is at it.
        LogDamaged: nothing was sent by this process.
    """
    place = place_of(out)
    stopped = (place / SCENARIO).is_file()
    if resume and not stopped:
        raise FolderRefused(out, f"has no stopped run beside it ({place.name}); leave out --resume")
    if (place / FORMER).exists():
        raise FolderRefused(place, f"has its session log in {FORMER}, as in an earlier version: name it {SESSIONS}")
    if resume:
        _require_same(scenario, place)
    elif stopped:
        raise FolderRefused(place, "holds a run that was stopped; continue it with --resume, or remove the folder")
    else:
        _begin(scenario, place)
    with (
        journal_in(place / JOURNAL) as game,
        journal_in(place / PAYMENTS) as payments,
        closing(AppendLogFile(place / SESSIONS)) as lines,
        closing(AppendLogFile(place / PULLS)) as pulls,
    ):
        journals = Journals(payments, game, SessionLog(lines, len(scenario.model.arms)), pulls)
        with kept_if(lambda: journals.kept, kept_in(place), lambda: _remove(place)):
            try:
                yield journals
            except PlacesDiffer as refused:
                journals.whole = refused.refunded  # nothing is left to resume
                raise


def kept_in(place: Path) -> str:
    """Message on a run that can be resumed."""
    return f"what was sent is kept in {place}: continue with --resume"


@contextmanager
def kept_if(kept: Callable[[], bool], note: str, remove: Callable[[], None]) -> Iterator[None]:
    """Remove something at the end of the block, unless it is to be kept; whatever stopped the block then says so."""
    try:
        yield
    except BaseException as stopped:
        if kept():
            stopped.add_note(note)
        raise
    finally:
        if not kept():
            remove()


def _begin(scenario: Scenario, place: Path) -> None:
    """Make the folder, all of it at once."""
    with beside(free_place(place)) as fresh:
        fresh.chmod(0o700)  # the seed gives every key, and the chain goes on
        lock(scenario, fresh)
        try:
            fresh.rename(place)
        except OSError as error:  # another process was faster
            raise FolderRefused(place, f"cannot be written: {error.strerror}") from error


def _remove(place: Path) -> None:
    """Remove the folder, all of it at once."""
    with beside(place) as gone:
        place.rename(gone)


def lock(scenario: Scenario, place: Path, with_seed: bool = True, observers: Collection[int] | None = None) -> None:
    """Write the scenario with every default, files of rules by paths from the root, and recorded rewards beside it.

    Args:
        observers: of self-declared rewards, whose files go with it; by default everybody's. Without any the source is
            left out.
    """
    locked = scenario.model_dump(mode="json", exclude_none=True)
    for kind, name in scenario.foreign_rules.items():
        locked[kind] = locked[kind] | {"name": name} if isinstance(locked[kind], dict) else name
    if isinstance(scenario.rewards, TableRewards | CsvRewards):
        source = scenario.folder / scenario.rewards.file
        shutil.copyfile(source, place / source.name)
        locked["rewards"]["file"] = source.name
    elif isinstance(scenario.rewards, SelfDeclaredRewards) and scenario.rewards.source is not None:
        if observers is not None and not observers:
            del locked["rewards"]["source"]
        elif scenario.rewards.is_file:
            for seat in range(scenario.participants) if observers is None else observers:
                file = scenario.rewards.source_of(seat)
                shutil.copyfile(scenario.folder / file, place / Path(file).name)
            locked["rewards"]["source"] = Path(scenario.rewards.source).name
    note = ""
    if not with_seed:
        del locked["seed"]
        note = "# Without its seed, from which every key of the game follows.\n"
    (place / SCENARIO).write_text(note + tomli_w.dumps(locked), encoding="utf-8")


def keep_seed(scenario: Scenario, path: Path) -> None:
    """Write the seed into a file that its owner alone may read, unless it is there. Raises `FolderRefused`."""
    seed = b"%d\n" % scenario.seed
    try:
        with suppress(FileExistsError):
            write_private(path, seed)
        if path.read_bytes() != seed:
            raise FolderRefused(path, "holds the seed of another game; name another with --out")
    except OSError as error:
        raise FolderRefused(path, f"cannot be written: {error.strerror}") from error


def _require_same(scenario: Scenario, place: Path) -> None:
    with TemporaryDirectory() as fresh:
        lock(scenario, Path(fresh))
        names = [path.name for path in Path(fresh).iterdir()]
        if filecmp.cmpfiles(fresh, place, names, shallow=False)[0] != names:
            raise FolderRefused(place, f"is of another scenario; resume with its own, {place / SCENARIO}")
