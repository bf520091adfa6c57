"""The journal of receipts that a participant was given, or the environment gave: on disk before anybody acts upon them.

In memory is only where each of them stands in the file: a game has as many as rounds times seats.
"""

import json
from array import array
from bisect import bisect_left
from dataclasses import dataclass, field
from pathlib import Path

from chain_bandit.actors.messages import Receipt
from chain_bandit.append_log import AppendLogFile
from chain_bandit.nodes.crash import at


@dataclass(slots=True)
class _Index:
    """A seat's receipts: the rounds in order, and where each one's line begins."""

    rounds: "array[int]" = field(default_factory=lambda: array("I"))
    places: "array[int]" = field(default_factory=lambda: array("Q"))

    def add(self, round_: int, place: int) -> None:
        index = bisect_left(self.rounds, round_)
        if self.rounds[index : index + 1] != array("I", [round_]):
            self.rounds.insert(index, round_)
            self.places.insert(index, place)


class KeptReceipts:
    """By seat and round, in a file that one process holds.

    Raises:
        LogLocked, LogDamaged, LogUnreadable, LogUnwritable: as they say.
    """

    def __init__(self, path: Path) -> None:
        self.path, self._by_seat, self._at = path, dict[int, _Index](), 0
        self._lines = AppendLogFile(path)
        try:
            self._lines.read(self._take)
            self._lines.sync()
        except BaseException:
            self._lines.close()
            raise

    def has(self, seat: int, round_: int) -> bool:
        """Whether a seat's receipt of a round is there."""
        index = self._by_seat.get(seat, _Index())
        place = bisect_left(index.rounds, round_)
        return place < len(index.rounds) and index.rounds[place] == round_

    def last(self, seat: int) -> int:
        """The round of a seat's last receipt; 0 before it has any."""
        index = self._by_seat.get(seat, _Index())
        return index.rounds[-1] if index.rounds else 0

    def get(self, seat: int, round_: int) -> Receipt | None:
        """A seat's receipt of a round."""
        return self.since(seat, round_, 1)[0] if self.has(seat, round_) else None

    def since(self, seat: int, round_: int, most: int) -> list[Receipt]:
        """The first receipts of a seat from a round on, in order."""
        index = self._by_seat.get(seat, _Index())
        first = bisect_left(index.rounds, round_)
        return [_decoded(self._lines.line_at(place))[1] for place in index.places[first : first + most]]

    def add(self, seat: int, receipt: Receipt) -> None:
        """Keep one, unless it is kept; `sync` before anybody acts upon it."""
        if self.has(seat, receipt.round):
            return
        self._by_seat.setdefault(seat, _Index()).add(receipt.round, self._lines.end)
        tally, signature = receipt.tally.hex(), receipt.signature.hex()
        line = [seat, receipt.round, receipt.arm, receipt.reward, tally, signature]
        self._lines.append(json.dumps(line + [receipt.count] * (receipt.count != 1)))  # only a phase has more
        at("receipt appended")

    def sync(self) -> None:
        """Return when all would survive a loss of power. Raises `LogUnwritable`."""
        self._lines.sync()

    def close(self) -> None:
        """Let another process have them."""
        self._lines.close()

    def _take(self, number: int, line: bytes) -> None:
        seat, receipt = _decoded(line)
        self._by_seat.setdefault(seat, _Index()).add(receipt.round, self._at)
        self._at += len(line) + 1


def _decoded(line: bytes) -> tuple[int, Receipt]:
    seat, round_, arm, reward, tally, signature, *count = json.loads(line)
    said = int(round_), int(arm), int(reward), bytes.fromhex(tally), bytes.fromhex(signature)
    return int(seat), Receipt(*said, *map(int, count))
