"""Write-ahead journal of transactions: signed bytes on disk before sending; a crash resends the same bytes only."""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from chain_bandit.append_log import AppendLog, AppendLogFile
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


class JournalForeign(ChainBanditError):
    """A journal of another chain, contract or game than the one at hand."""

    exit_code = 6

    def __init__(self, what: str, expected: object, got: object) -> None:
        super().__init__(
            f"the journal is of another run: {what} is {got}, here {expected}; "
            "check chain, account, scenario, and the files of its rules"
        )
        self.what, self.expected, self.got = what, expected, got


class Journal:
    """What was signed, in order. Without lines of its own it is for a chain that ends with the process."""

    def __init__(self, lines: AppendLog | None = None) -> None:
        self.origin: Origin | None = None
        self.entries: list[Entry] = []
        self._lines = lines or AppendLog()
        self._lines.read(self._take)
        if not self.entries:  # nothing was sent: it may belong to anything
            self.origin = None
            self._lines.clear()

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
        """Return when all that was appended would survive a loss of power. Raises `LogUnwritable`."""
        self._lines.sync()

    def _take(self, number: int, line: bytes) -> None:
        said = json.loads(line)
        if number > 1:
            self.entries.append(Entry(**said))
        elif said.pop("format") != FORMAT:
            raise ValueError(f"is no {FORMAT}")
        else:
            self.origin = Origin(**said)

    def _write(self, fields: dict[str, object]) -> None:
        self._lines.append(json.dumps(fields, separators=(",", ":")))


class Unkept(Journal):
    """Of a client that begins anew from what the chain shows: what it signs is kept nowhere."""

    def append(self, entry: Entry) -> None:
        """Nothing: an entry a transaction would grow for as long as the process lives."""


@contextmanager
def journal_in(path: Path) -> Iterator[Journal]:
    """The journal in a file, held while the block runs. Raises `LogDamaged`, `LogLocked`, `LogUnwritable`."""
    with closing(AppendLogFile(path)) as lines:
        yield Journal(lines)
