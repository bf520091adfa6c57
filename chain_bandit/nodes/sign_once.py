"""Sign-once journal (slashing protection): each statement on disk before its signature, one digest per slot.

The chain tells that a journal is an older copy: whatever stands there with our signature must stand in the journal.
What is not on the chain yet can only be of the round that was open when the node started, and in that one a node sends
nothing (`nodes.node`).
"""

import json
from collections.abc import Collection
from pathlib import Path

from chain_bandit.append_log import AppendLogFile
from chain_bandit.crypto.keys import Signer
from chain_bandit.nodes.crash import at
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.errors import ChainBanditError
from chain_bandit.protocol.messages import Phase, Role, Slot

FORMAT = "chain-bandit-signed/1"

_Place = tuple[int, ...]
"""(round, phase, role, instance), and the stage where a round has several: a key may sign one content in each."""


def place_of(slot: Slot, phase: Phase, role: Role, instance: int) -> _Place:
    """Where a statement is made."""
    return (slot.round, int(phase), int(role), instance, *filter(None, (slot.stage,)))


class AlreadySigned(ChainBanditError):
    """A second digest for one slot, or a first one when the round is over (`kept` is None): it is not signed."""

    exit_code = 10

    def __init__(self, place: _Place, kept: bytes | None, asked: bytes) -> None:
        round_, phase, role, instance, *_ = place
        what = "in a round that is over" if kept is None else f"{kept.hex()[:16]}…"
        super().__init__(
            f"round {round_}: this key has signed {what} as {Role(role).name} in phase {Phase(phase).name} "
            f"of instance {instance}, and is asked for {asked.hex()[:16]}…; nothing was signed"
        )
        self.place, self.kept, self.asked = place, kept, asked


class JournalRolledBack(ChainBanditError):
    """The chain holds a signature of this key that its journal does not know."""

    exit_code = 8

    def __init__(self, path: Path, place: _Place) -> None:
        round_, phase, role, *_ = place
        super().__init__(
            f"{path}: the chain holds what this key signed in round {round_} as {Role(role).name} in phase "
            f"{Phase(phase).name}, the journal does not: it is an older copy, or another process has the key; "
            "put back the newest one, and never run a key twice"
        )
        self.path, self.place = path, place


class JournalOfAnother(ChainBanditError):
    """A journal of another game or key."""

    exit_code = 6

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path}: is the journal of another game or key; give each its own folder")
        self.path = path


class SignedJournal:
    """Digests by place, in a file that one process holds. Each line is chained to those before it.

    Args:
        separator: of the game (chain, contract, game), `address` of the key; of the first use they are the file's.

    Raises:
        LogLocked: another process has it.
        LogDamaged: a line is changed, or missing between two others.
        LogUnwritable, JournalOfAnother: as they say.
    """

    def __init__(self, path: Path, separator: bytes, address: bytes) -> None:
        self.path, self._digests, self._link = path, dict[_Place, bytes](), b""
        self._last = self._forgotten = -1
        self._lines = AppendLogFile(path)
        try:
            self._lines.read(self._take)
            origin = keccak(FORMAT.encode(), separator, address)
            if not self._link:
                self._link = origin
                self._lines.append(json.dumps({"format": FORMAT, "link": origin.hex()}))
            elif self._origin != origin:
                raise JournalOfAnother(path)
            self._lines.sync()
        except BaseException:
            self._lines.close()
            raise

    def admit(self, place: _Place, digest: bytes) -> None:
        """Take on what is about to be signed; `sync` before it leaves. Raises `AlreadySigned`."""
        kept = self._digests.get(place)
        if kept is None and place[0] <= self._forgotten:
            raise AlreadySigned(place, None, digest)
        if kept is None:
            self._digests[place], self._last = digest, max(self._last, place[0])
            self._link = _next(self._link, place, digest)
            line = {"at": list(place), "digest": digest.hex(), "link": self._link.hex()}
            self._lines.append(json.dumps(line, separators=(",", ":")))
            at("journal appended")
        elif kept != digest:
            raise AlreadySigned(place, kept, digest)

    def require(self, place: _Place, digest: bytes) -> None:
        """The chain holds our signature of this: so must the journal. Raises `JournalRolledBack`."""
        if self._digests.get(place) != digest:
            raise JournalRolledBack(self.path, place)

    def forget(self, through: int) -> None:
        """Nothing is signed in rounds up to one any more, nor asked of them: their digests are in the file alone."""
        self._forgotten = max(self._forgotten, through)
        for place in [place for place in self._digests if place[0] <= self._forgotten]:
            del self._digests[place]

    @property
    def places(self) -> Collection[_Place]:
        """Where anything was signed, but for what is forgotten."""
        return self._digests.keys()

    @property
    def last(self) -> int:
        """The last round that anything was signed in; -1 for none."""
        return self._last

    def sync(self) -> None:
        """Return when all that was taken on would survive a loss of power. Raises `LogUnwritable`."""
        self._lines.sync()

    def close(self) -> None:
        """Let another process have it."""
        self._lines.close()

    def _take(self, number: int, line: bytes) -> None:
        said = json.loads(line)
        link = bytes.fromhex(said["link"])
        if number == 1:
            if said["format"] != FORMAT or len(link) != 32:
                raise ValueError(f"is no {FORMAT}")
            self._origin = self._link = link
            return
        round_, phase, role, instance, *stage = map(int, said["at"])
        place, digest = (round_, int(Phase(phase)), int(Role(role)), instance, *stage), bytes.fromhex(said["digest"])
        if _next(self._link, place, digest) != link or place in self._digests:
            raise ValueError("is not the line after the one before it")
        self._digests[place], self._link, self._last = digest, link, max(self._last, round_)


def _next(link: bytes, place: _Place, digest: bytes) -> bytes:
    return keccak(link, *(number.to_bytes(8, "big") for number in place), digest)


class OnceSigner(Signer):
    """A key that signs one content in a slot, across crashes of its process. Raises `AlreadySigned`."""

    def __init__(self, secret: bytes, journal: SignedJournal) -> None:
        super().__init__(secret)
        self._journal = journal

    def state(self, slot: Slot, phase: Phase, role: Role, instance: int, content: bytes) -> bytes:
        """Journal the digest, then sign it."""
        digest = slot.digest(phase, role, instance, content)
        self._journal.admit(place_of(slot, phase, role, instance), digest)
        return self.sign(digest)
