"""The journal of pulls: each on disk before it is sent, and what came of it before a receipt says so."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chain_bandit.append_log import AppendLog
from chain_bandit.protocol.units import UNIT

PullPlace = tuple[int, int]
"""Round and seat."""


@dataclass(slots=True)
class Pulled:
    """The pulls of one seat in a round.

    Attributes:
        rewards: in units, one a pull; None while there is no answer.
        forfeited: whether no answer counts any more.
    """

    arm: int
    count: int
    rewards: tuple[int, ...] | None = None
    forfeited: bool = False

    @property
    def is_open(self) -> bool:
        """Whether an answer is still waited for."""
        return self.rewards is None and not self.forfeited


class PullJournal:
    """By round and seat.

    Args:
        told: each pull that is in the lines, in order, before the first one is added.

    Raises:
        LogDamaged, LogUnreadable, LogUnwritable: as they say.
    """

    def __init__(
        self, lines: AppendLog, told: Callable[[PullPlace, Pulled], None] = lambda place, pulled: None
    ) -> None:
        self._lines, self._told = lines, told
        self._pulls: dict[PullPlace, Pulled] = {}
        lines.read(self._take)
        lines.sync()

    def get(self, place: PullPlace) -> Pulled | None:
        """What is known of a seat's pulls in a round."""
        return self._pulls.get(place)

    def begin(self, place: PullPlace, arm: int, count: int) -> Pulled:
        """A pull that is about to be sent; `sync` before it is."""
        self._lines.append(json.dumps(["pull", *place, arm, count]))
        pulled = self._pulls[place] = Pulled(arm, count)
        return pulled

    def answer(self, place: PullPlace, rewards: Sequence[int]) -> None:
        """What came; `sync` before a receipt says so."""
        self._lines.append(json.dumps(["reward", *place, list(rewards)]))
        self._pulls[place].rewards = tuple(rewards)

    def forfeit(self, place: PullPlace) -> None:
        """Nothing came in time; `sync` before a receipt says so."""
        self._lines.append(json.dumps(["forfeit", *place]))
        self._pulls[place].forfeited = True

    def forget(self, before: int) -> None:
        """Drop what is known of rounds before one, from memory alone."""
        for place in [place for place in self._pulls if place[0] < before]:
            del self._pulls[place]

    def sync(self) -> None:
        """Return when all lines would survive a loss of power."""
        self._lines.sync()

    def _take(self, number: int, line: bytes) -> None:
        what, round_, seat, *more = json.loads(line)
        place = int(round_), int(seat)
        if what == "pull":
            arm, count = map(int, more)
            pulled = self._pulls.setdefault(place, Pulled(arm, count))
            self._told(place, pulled)
        elif what == "reward":
            (rewards,) = more
            if not all(type(units) is int and 0 <= units <= UNIT for units in rewards):
                raise ValueError("no rewards in units")
            self._pulls[place].rewards = tuple(rewards)
        elif what == "forfeit" and not more:
            self._pulls[place].forfeited = True
        else:
            raise ValueError("no line of pulls")
