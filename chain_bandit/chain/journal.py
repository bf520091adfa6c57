"""What was signed, kept before it is sent: after a crash the same bytes go out again for the same call, no others."""

import fcntl
import json
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from chain_bandit.protocol.errors import ChainBanditError

FORMAT = "chain-bandit-journal/1"


class _Line:
    """What a line holds: each value of its type, numbers as the EVM has them."""

    __slots__ = ()

    def __post_init__(self) -> None:
        """Raise `TypeError` or `ValueError` for what nobody signs."""
        for each in fields(self):  # type: ignore[arg-type]
            value = getattr(self, each.name)
            if type(value) is not each.type:
                raise TypeError(each.name)
            if isinstance(value, int) and not 0 <= value < 2**256:
                raise ValueError(each.name)


@dataclass(frozen=True, slots=True)
class Origin(_Line):
    """What a journal belongs to.

    Attributes:
        contract: empty for payments alone.
    """

    chain_id: int
    genesis: str
    contract: str


@dataclass(frozen=True, slots=True)
class Entry(_Line):
    """A signed transaction.

    Attributes:
        call: which call of the run it carries, counted from 0; a replacement carries the same one.
    """

    call: int
    method: str
    account: str
    nonce: int
    max_fee: int
    tip: int
    raw: str


class JournalDamaged(ChainBanditError):
    """A journal with a line that nobody wrote so."""

    exit_code = 3

    def __init__(self, path: Path, line: int, reason: str) -> None:
        super().__init__(f"{path}:{line}: {reason}; put back the journal as it was, or start the run anew elsewhere")
        self.path, self.line, self.reason = path, line, reason


class JournalForeign(ChainBanditError):
    """A journal of another chain, contract or game than the one at hand."""

    exit_code = 6

    def __init__(self, what: str, expected: object, got: object) -> None:
        super().__init__(
            f"the journal is of another run: {what} is {got}, here {expected}; check chain, scenario and account"
        )
        self.what, self.expected, self.got = what, expected, got


class JournalLocked(ChainBanditError):
    """A journal that another process holds."""

    exit_code = 2

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path}: another process is at this run; wait for it, or stop it")
        self.path = path


class JournalUnwritable(ChainBanditError):
    """A journal that cannot be kept; nothing is sent then."""

    exit_code = 2

    def __init__(self, path: Path, reason: object) -> None:
        super().__init__(f"{path}: cannot be written ({reason}); nothing unwritten was sent, resume when it can be")
        self.path, self.reason = path, reason


class Journal:
    """In memory: for a chain that ends with the process."""

    def __init__(self) -> None:
        self.origin: Origin | None = None
        self.entries: list[Entry] = []

    def bind(self, origin: Origin) -> None:
        """Say what it belongs to. Raises `JournalForeign` where it belongs to something else."""
        if self.origin is None:
            self.origin = origin
            self._write({"format": FORMAT, **asdict(origin)})
        for (what, expected), got in zip(asdict(origin).items(), asdict(self.origin).values(), strict=True):
            if expected != got:
                raise JournalForeign(what, expected, got)

    def append(self, entry: Entry) -> None:
        """Add a transaction; `sync` before it is sent."""
        self.entries.append(entry)
        self._write({name: getattr(entry, name) for name in Entry.__slots__})  # `asdict` would copy them deeply

    def sync(self) -> None:
        """Return when all that was appended would survive a loss of power."""

    def close(self) -> None:
        """Let go of it."""

    def _write(self, line: dict[str, object]) -> None:
        """Where it would be written."""


class FileJournal(Journal):
    """In a file of JSON lines, held by one process at a time. A torn last line was never sent, and is dropped."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path, self._pending = path, bytearray()
        self._unsynced = True  # what is read may be in no more than memory, after a kill between write and fsync
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise JournalUnwritable(path, error.strerror) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._file)
            raise JournalLocked(path) from error
        try:
            _sync_folder(path.parent)
            self._read()
        except BaseException:
            os.close(self._file)
            raise

    def sync(self) -> None:
        """Write and fsync what is pending."""
        if not (self._pending or self._unsynced):
            return
        self._unsynced = True
        try:
            while self._pending:
                del self._pending[: os.write(self._file, self._pending)]
            os.fsync(self._file)
            self._unsynced = False
        except OSError as error:
            raise JournalUnwritable(self.path, error.strerror) from error

    def close(self) -> None:
        """Let another process have it."""
        os.close(self._file)

    def _read(self) -> None:
        data = self.path.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        for number, line in enumerate(whole.splitlines(), 1):
            try:
                fields = json.loads(line)
                if number == 1:
                    if fields.pop("format") != FORMAT:
                        raise JournalDamaged(self.path, number, f"is no {FORMAT}")
                    self.origin = Origin(**fields)
                else:
                    self.entries.append(Entry(**fields))
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                raise JournalDamaged(self.path, number, f"is no entry ({type(error).__name__})") from error
        if not self.entries:  # nothing was sent: it may belong to anything
            self.origin, whole = None, b""
        os.ftruncate(self._file, len(whole))
        os.lseek(self._file, 0, os.SEEK_END)

    def _write(self, line: dict[str, object]) -> None:
        self._pending += json.dumps(line, separators=(",", ":")).encode() + b"\n"


def _sync_folder(folder: Path) -> None:
    """A file whose name a loss of power takes is lost, however well its bytes are kept."""
    place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(place)
    finally:
        os.close(place)
