"""Processes of a game of nodes, by their folders: status and termination, whichever command started them."""

import fcntl
import os
import signal
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

from chain_bandit.append_log import LogLocked, LogUnwritable, regular_file
from chain_bandit.nodes import node_files as files

LOOK = 0.1
"""Seconds from one look at the processes to the next."""

PATIENCE = 10.0
"""Seconds that a process may take to end when it is told to."""

LOCK = "hhqqi"
"""The system's own record of a lock: its kind, where it is, whose it is."""


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """One node's, as far as it is known here: running under a process id, ended with its game, or neither.

    Attributes:
        begun: whether it has ever run in a folder of this machine; None where there is no folder of it.
    """

    name: str
    pid: int | None
    ended: bool
    begun: bool | None = True

    @property
    def word(self) -> str:
        """In a word or two. Of a node without a folder nothing is known: it is another host's, or was never brought."""
        if self.pid is not None or self.ended:
            return "running" if self.pid is not None else "ended"
        return {None: "not here", False: "not begun", True: "stopped"}[self.begun]


@contextmanager
def alone(place: Path) -> Iterator[None]:
    """Be the one process of a node's folder, or of a game's, while the block runs; its id is there to see.

    Raises:
        LogLocked: another one is, whatever it signs.
        LogUnwritable: as it says.
    """
    path = place / files.PID
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise LogUnwritable(path, error.strerror) from error
    try:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise LogLocked(path) from error
        try:
            os.ftruncate(file, 0)
            os.write(file, b"%d\n" % os.getpid())
        except OSError as error:
            raise LogUnwritable(path, error.strerror) from error
        yield
    finally:
        os.close(file)


@contextmanager
def held(out: Path) -> Iterator[None]:
    """Be the one process that starts a game's nodes; afterwards nothing of it is there. Raises as `alone`."""
    with alone(out):
        try:
            yield
        finally:
            (out / files.PID).unlink(missing_ok=True)


def places(out: Path) -> list[Path]:
    """The folders of a game's nodes, here or elsewhere; of a node with a keystore itself. Raises `PlaceRefused`."""
    if (out / files.NODE).exists():
        return [out]
    return [out / files.name_of(each.address) for each in files.read_shared(out / files.GAME).node_records]


def _place(out: Path, name: str) -> Path:
    return out if (out / files.NODE).exists() else out / name


def states(out: Path) -> list[NodeStatus]:
    """How every node of a game is. Raises `PlaceRefused`."""
    return [state_of(place) for place in places(out)]


def down(out: Path) -> list[NodeStatus]:
    """End every process of a game; those that were told. Raises `PlaceRefused`."""
    told = [state for state in states(out) if state.pid is not None]
    for number in (signal.SIGTERM, signal.SIGKILL):
        for state in told:
            pid = state_of(_place(out, state.name)).pid  # as of now: the number may be another process's soon
            if pid is not None:
                with suppress(ProcessLookupError):  # it has just ended by itself
                    os.kill(pid, number)
        until = monotonic() + PATIENCE
        while any(state_of(_place(out, state.name)).pid is not None for state in told) and monotonic() < until:
            sleep(LOOK)
    return told


def log(out: Path, name: str | None, lines: int) -> Iterator[tuple[str, str]]:
    """The last lines that nodes wrote, each with its node's name. Raises `PlaceRefused`."""
    at = {place.name: place for place in places(out)}
    if name is not None and name not in at:
        raise files.PlaceRefused(out / name, f"is no node of this game ({', '.join(at)})")
    for each in [name] if name is not None else at:
        yield from ((each, line) for line in logged(at[each])[-lines:])


def logged(place: Path, tail: int | None = None) -> list[str]:
    """The lines that a node wrote, or those of so many bytes at the end; none before it has begun."""
    try:
        with regular_file(place / files.LOG) as file:
            if tail is not None:
                file.seek(max(0, file.seek(0, os.SEEK_END) - tail))
            return file.read().decode(errors="replace").splitlines()
    except OSError:
        return []


def state_of(place: Path) -> NodeStatus:
    """The operating system tells the lock's holder: the file's content may be of an earlier process."""
    ended = (place / files.ENDED).exists()
    try:
        with regular_file(place / files.PID) as file:
            asked = struct.pack(LOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
            kind, *_, pid = struct.unpack(LOCK, fcntl.fcntl(file, fcntl.F_GETLK, asked))
    except FileNotFoundError:
        return NodeStatus(place.name, None, ended, begun=False if place.is_dir() else None)
    except OSError:
        return NodeStatus(place.name, None, ended)
    return NodeStatus(place.name, None if kind == fcntl.F_UNLCK else pid, ended)
