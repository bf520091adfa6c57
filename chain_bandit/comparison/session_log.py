"""What the sittings of a game came to, kept before anybody hears of it.

Whether a set of parties comes to an end does not follow from the scenario. Honest validators sign upon it, so a game
that is played again must hear the same: with another answer they would sign a second content in one slot.
"""

from collections.abc import Mapping

from chain_bandit.append_log import Lines
from chain_bandit.comparison.wire import Line, Seat
from chain_bandit.protocol.messages import Slot
from chain_bandit.protocol.proposal import Bits


class Minute(Line):
    """One sitting, as one line: where it was, and the bits of whom it was asked about, or why there are none."""

    separator: bytes
    round: int
    parent: bytes
    asked: dict[Seat, bytes]
    bits: dict[Seat, tuple[bool, ...]]
    failure: str | None


class Minutes:
    """The sittings of the open round. Without lines of its own it is for a game that ends with the process.

    Args:
        arms: how many bits each row has in the lines.

    Attributes:
        known: by seat and commitment the bits; None of a seat that was left out.
        failures: why sittings failed, in order.

    Raises:
        LinesDamaged, LinesUnwritable: as they say.
    """

    def __init__(self, lines: Lines | None = None, arms: int = 0) -> None:
        self.known: dict[tuple[int, bytes], Bits | None] = {}
        self.failures: list[str] = []
        self._kept: dict[Slot, list[Minute]] = {}
        self._lines, self._arms = lines or Lines(), arms
        self._lines.read(self._take)
        self._lines.sync()  # what was read is told again

    def begin(self, slot: Slot) -> None:
        """Forget the last round, and remember what was kept of this one."""
        self._slot = slot
        self.known, self.failures = {}, []
        for minute in self._kept.pop(slot, ()):
            self._follow(minute)

    def agreed(self, asked: Mapping[int, bytes], bits: Mapping[int, Bits]) -> None:
        """Keep the bits that a sitting was asked for. Raises `LinesUnwritable`: then nobody may hear of them."""
        self._keep(asked, bits, None)

    def failed(self, reason: str) -> None:
        """Keep that a sitting failed. Raises `LinesUnwritable`."""
        self._keep({}, {}, reason)

    def _keep(self, asked: Mapping[int, bytes], bits: Mapping[int, Bits], failure: str | None) -> None:
        slot = self._slot
        minute = Minute(
            separator=slot.separator, round=slot.round, parent=slot.parent,
            asked=dict(asked), bits=dict(bits), failure=failure,
        )  # fmt: skip
        self._lines.append(minute.model_dump_json())
        self._lines.sync()
        self._follow(minute)

    def _follow(self, minute: Minute) -> None:
        self.known |= {(seat, committed): minute.bits.get(seat) for seat, committed in minute.asked.items()}
        if minute.failure is not None:
            self.failures.append(minute.failure)

    def _take(self, number: int, line: bytes) -> None:
        minute = Minute.model_validate_json(line)
        if any(len(row) != self._arms for row in minute.bits.values()):
            raise ValueError("a row has not a bit for each arm")
        slot = Slot(minute.separator, minute.round, minute.parent)
        self._kept.setdefault(slot, []).append(minute)
