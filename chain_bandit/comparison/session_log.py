"""Session log of the comparison: outcomes on disk before they are used.

Whether a set of parties comes to an end does not follow from the scenario. Honest validators sign upon it, so a game
that is played again must get the same: with another answer they would sign a second content in one slot.
"""

from collections.abc import Mapping

from chain_bandit.append_log import AppendLog
from chain_bandit.comparison.wire import SeatIndex, WireMessage
from chain_bandit.protocol.messages import Slot
from chain_bandit.protocol.proposal import Bits


class SessionEntry(WireMessage):
    """One session, as one line: where it was, and the bits of whom it was asked about, or why there are none."""

    separator: bytes
    round: int
    parent: bytes
    asked: dict[SeatIndex, bytes]
    bits: dict[SeatIndex, tuple[bool, ...]]
    failure: str | None


class SessionLog:
    """The sessions of the open round. Without lines of its own it is for a game that ends with the process.

    Args:
        arms: how many bits each row has in the lines.

    Attributes:
        known: by seat and commitment the bits; None of a seat that was left out.
        failures: why sessions failed, in order.

    Raises:
        LogDamaged, LogUnwritable: as they say.
    """

    def __init__(self, lines: AppendLog | None = None, arms: int = 0) -> None:
        self.known: dict[tuple[int, bytes], Bits | None] = {}
        self.failures: list[str] = []
        self._kept: dict[Slot, list[SessionEntry]] = {}
        self._lines, self._arms = lines or AppendLog(), arms
        self._lines.read(self._take)
        self._lines.sync()  # what was read is told again

    def begin(self, slot: Slot) -> None:
        """Forget the last round, and remember what was kept of this one."""
        self._slot = slot
        self.known, self.failures = {}, []
        for entry in self._kept.pop(slot, ()):
            self._follow(entry)

    def agreed(self, asked: Mapping[int, bytes], bits: Mapping[int, Bits]) -> None:
        """Keep the bits that a session was asked for. Raises `LogUnwritable`: then they must not be sent."""
        self._keep(asked, bits, None)

    def failed(self, reason: str) -> None:
        """Keep that a session failed. Raises `LogUnwritable`."""
        self._keep({}, {}, reason)

    def _keep(self, asked: Mapping[int, bytes], bits: Mapping[int, Bits], failure: str | None) -> None:
        slot = self._slot
        entry = SessionEntry(
            separator=slot.separator, round=slot.round, parent=slot.parent,
            asked=dict(asked), bits=dict(bits), failure=failure,
        )  # fmt: skip
        self._lines.append(entry.model_dump_json())
        self._lines.sync()
        self._follow(entry)

    def _follow(self, entry: SessionEntry) -> None:
        self.known |= {(seat, committed): entry.bits.get(seat) for seat, committed in entry.asked.items()}
        if entry.failure is not None:
            self.failures.append(entry.failure)

    def _take(self, number: int, line: bytes) -> None:
        entry = SessionEntry.model_validate_json(line)
        if any(len(row) != self._arms for row in entry.bits.values()):
            raise ValueError("a row has not a bit for each arm")
        slot = Slot(entry.separator, entry.round, entry.parent)
        self._kept.setdefault(slot, []).append(entry)
