"""The receipts that a participant was given, or the environment gave: kept before anybody acts upon them."""

import json
from pathlib import Path

from chain_bandit.actors.messages import Receipt
from chain_bandit.lines import FileLines
from chain_bandit.nodes.crash import at


class KeptReceipts:
    """By seat and round, in a file that one process holds.

    Raises:
        LinesLocked, LinesDamaged, LinesUnwritable: as they say.
    """

    def __init__(self, path: Path) -> None:
        self._by_seat: dict[int, dict[int, Receipt]] = {}
        self._lines = FileLines(path)
        try:
            self._lines.read(self._take)
            self._lines.sync()
        except BaseException:
            self._lines.close()
            raise

    def of(self, seat: int) -> dict[int, Receipt]:
        """A seat's, by round, in the order in which it got them."""
        return self._by_seat.setdefault(seat, {})

    def add(self, seat: int, receipt: Receipt) -> None:
        """Keep one, unless it is kept; `sync` before anybody acts upon it."""
        if receipt.round in self.of(seat):
            return
        self.of(seat)[receipt.round] = receipt
        tally, signature = receipt.tally.hex(), receipt.signature.hex()
        self._lines.append(json.dumps([seat, receipt.round, receipt.arm, receipt.reward, tally, signature]))
        at("receipt appended")

    def sync(self) -> None:
        """Return when all would survive a loss of power. Raises `LinesUnwritable`."""
        self._lines.sync()

    def close(self) -> None:
        """Let another process have them."""
        self._lines.close()

    def _take(self, number: int, line: bytes) -> None:
        seat, round_, arm, reward, tally, signature = json.loads(line)
        receipt = Receipt(int(round_), int(arm), int(reward), bytes.fromhex(tally), bytes.fromhex(signature))
        self.of(int(seat))[receipt.round] = receipt
