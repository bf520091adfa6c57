"""Append-only log (write-ahead): records synced to disk before they are acted upon, and read again after a crash."""

import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from stat import S_ISREG
from typing import BinaryIO

from chain_bandit.protocol.errors import ChainBanditError

Take = Callable[[int, bytes], None]
"""Takes a line and its number, from 1 on; raises `Unfit`, or what a decoder raises at a line that nobody wrote so."""


class Unfit(Exception):
    """A line that, like a torn one, can be had again: it is dropped with all that comes behind it."""


class LogDamaged(ChainBanditError):
    """A file with a line that nobody wrote so."""

    exit_code = 3

    def __init__(self, path: Path, line: int, reason: str) -> None:
        super().__init__(f"{path}:{line}: {reason}; restore the original file, or start the run anew elsewhere")
        self.path, self.line, self.reason = path, line, reason


class LogLocked(ChainBanditError):
    """A file that another process holds."""

    exit_code = 2

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path}: another process is at this run; wait for it, or stop it")
        self.path = path


class LogUnwritable(ChainBanditError):
    """A file that cannot be kept; nobody acts upon its last lines then."""

    exit_code = 2

    def __init__(self, path: Path, reason: object) -> None:
        super().__init__(f"{path}: cannot be written ({reason}); nothing unwritten was sent, resume when it can be")
        self.path, self.reason = path, reason


class LogUnreadable(ChainBanditError):
    """A file whose lines cannot be had; nothing is done without them."""

    exit_code = 2

    def __init__(self, path: Path, reason: object) -> None:
        super().__init__(f"{path}: cannot be read ({reason}); nothing was done, try again when it can be")
        self.path, self.reason = path, reason


class AppendLog:
    """Kept nowhere: for what ends with the process."""

    def read(self, take: Take) -> None:
        """Hand over what was kept, before the first `append`. Raises `LogDamaged`, `LogUnreadable`."""

    def append(self, line: str) -> None:
        """Add a line; `sync` before anybody acts upon it."""

    def clear(self) -> None:
        """Forget all lines."""

    def sync(self) -> None:
        """Return when all lines, those that were read included, would survive a loss of power."""

    def close(self) -> None:
        """Let go of them."""


class AppendLogFile(AppendLog):
    """In a file that one process holds at a time. A torn last line was never acted upon, and is dropped.

    Raises:
        LogLocked: another process holds it.
        LogUnwritable: it cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self.path, self._pending, self._written = path, bytearray(), 0
        self._unsynced = True  # what is read may be in no more than memory, after a kill between write and fsync
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise LogUnwritable(path, error.strerror) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._file)
            raise LogLocked(path) from error
        try:
            _sync_folder(path.parent)
        except OSError as error:
            os.close(self._file)
            raise LogUnwritable(path, error.strerror) from error

    def read(self, take: Take) -> None:
        """Hand over the whole lines, and drop a torn one, or what is `Unfit`."""
        whole = 0
        try:
            os.lseek(self._file, 0, os.SEEK_SET)
            with open(self._file, "rb", closefd=False) as file:  # what is locked, whatever has its name by now
                for number, line in enumerate(file, 1):
                    if not line.endswith(b"\n") or not self._fits(take, number, line[:-1]):
                        break
                    whole += len(line)
            os.ftruncate(self._file, whole)
            self._written = whole
        except OSError as error:
            raise LogUnreadable(self.path, error.strerror) from error

    def _fits(self, take: Take, number: int, line: bytes) -> bool:
        try:
            take(number, line)
        except Unfit:
            return False
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            reason = f"is no line of this version ({type(error).__name__})"
            raise LogDamaged(self.path, number, reason) from error
        return True

    def append(self, line: str) -> None:
        """Add a line to those that `sync`, or `write`, writes."""
        self._pending += line.encode() + b"\n"

    @property
    def end(self) -> int:
        """Where the next line begins."""
        return self._written + len(self._pending)

    def line_at(self, place: int) -> bytes:
        """The line that begins there. Raises `LogUnreadable`, `LogUnwritable`."""
        self.write()
        line = b""
        try:
            while not line.endswith(b"\n"):
                part = os.pread(self._file, _PART, place + len(line))
                if not part:
                    raise LogUnreadable(self.path, "it was cut short meanwhile")
                line += part[: part.find(b"\n") + 1 or None]
        except OSError as error:
            raise LogUnreadable(self.path, error.strerror) from error
        return line[:-1]

    def clear(self) -> None:
        """Empty the file."""
        self._pending.clear()
        self._written = 0
        try:
            os.ftruncate(self._file, 0)
        except OSError as error:
            raise LogUnwritable(self.path, error.strerror) from error

    def write(self) -> None:
        """Write what is pending: it outlives the process then, though not yet a loss of power."""
        try:
            while self._pending:
                self._unsynced = True
                count = os.write(self._file, self._pending)
                self._written += count
                del self._pending[:count]
        except OSError as error:
            raise LogUnwritable(self.path, error.strerror) from error

    def sync(self) -> None:
        """Write and fsync what is pending."""
        self.write()
        if not self._unsynced:
            return
        try:
            os.fsync(self._file)
        except OSError as error:
            raise LogUnwritable(self.path, error.strerror) from error
        self._unsynced = False

    def close(self) -> None:
        """Let another process have it."""
        os.close(self._file)


_PART = 1 << 12


def _sync_folder(folder: Path) -> None:
    """A file whose name a loss of power takes is lost, however well its bytes are kept."""
    place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(place)
    finally:
        os.close(place)


@contextmanager
def regular_file(path: Path) -> Iterator[BinaryIO]:
    """A file to read that has an end. A pipe that nobody writes to keeps nobody. Raises `OSError`."""
    if "\0" in str(path):
        raise OSError(errno.EINVAL, "no file has such a name", str(path))
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
        if not S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is not a file that has an end", str(path))
        yield file


def require_file(path: Path) -> None:
    """A device or a pipe is no place for a file: that would be put in its stead. Raises `PermissionError`."""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), str(path))


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write; at the end of the block it is on the disk as `path`, on any error nothing of it stays.

    A symbolic link stays, and its target is written. Raises `OSError`: EBUSY where another process is writing it.
    """
    require_file(path)
    path = Path(os.path.realpath(path))
    partial = path.with_name(f"{path.name}.partial")
    with _locked(partial) as file:
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            partial.replace(path)
        except BaseException:  # while it is locked: by that name there is no other process's file
            partial.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)


@contextmanager
def _locked(path: Path) -> Iterator[BinaryIO]:
    """An empty file that no other process writes. Raises `OSError`."""
    while True:
        with open(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666), "wb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), str(path)) from error
            if not _is_at(path, file):
                continue  # the process that held it until now has given it its final name
            file.truncate(0)
            yield file
            return


def _is_at(path: Path, file: BinaryIO) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def write_private(path: Path, data: bytes) -> None:
    """A new file that its owner alone may read, all of it or none. Raises `OSError`, also where it is there already."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(file, "wb") as opened:
            opened.write(data)
            opened.flush()
            os.fsync(file)
        _sync_folder(path.parent)
    except BaseException:
        path.unlink()
        raise
