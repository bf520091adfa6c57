"""Asks for live rewards, many at a time: journaled before and after, forfeited where nothing comes in time."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import inf
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic, sleep

from chain_bandit.append_log import AppendLog
from chain_bandit.environments.errors import RewardInvalid, RewardsAway, RewardsExhausted
from chain_bandit.environments.live import PullKey, RewardSource, SourceFailed
from chain_bandit.environments.pull_journal import Pulled, PullJournal, PullPlace
from chain_bandit.environments.reward_values import NoReward, reward_units
from chain_bandit.protocol.ledger import Ledger
from chain_bandit.protocol.rewards import Wanted

PATIENCE = 120.0
"""Seconds without any answer to a pull that cannot be forfeited, after which nobody waits any longer."""

_PAUSE, _LONGEST = 0.05, 1.0
"""Seconds from one attempt to the next, which double up to the longest."""


@dataclass(slots=True)
class _Asking:
    """Pulls that are on their way.

    Attributes:
        until: when they are forfeited, or asked for anew.
        since: when it was first seen that no answer came in time.
        failed: what was wrong with the last answer.
    """

    must: bool
    until: float
    since: float = inf
    failed: RewardInvalid | None = None


@dataclass(slots=True)
class _Came:
    """What a thread brought of some pulls: rewards, or why there are none; `is_over`: it has stopped asking."""

    place: PullPlace
    rewards: list[int] = field(default_factory=list)
    failed: RewardInvalid | None = None
    is_over: bool = True


class LiveRewards:
    """`actors.rewards.RewardGiver` of a source outside.

    Args:
        game: its domain separator, which no other game on any chain has.
        arms: their names.
        timeout: seconds for each pull, retries included.
        lines: where pulls are kept; `AppendLog()` keeps them nowhere.
        say: told a sentence about each pull that got no reward.
        patience: seconds after which nobody waits any longer for a pull that cannot be forfeited.
    """

    def __init__(
        self, source: RewardSource, game: bytes, arms: Sequence[str], timeout: float, lines: AppendLog,
        say: Callable[[str], None] = lambda line: print(line, file=sys.stderr, flush=True),
        patience: float = PATIENCE, clock: Callable[[], float] = monotonic,
    ) -> None:  # fmt: skip
        self._source, self._game, self._arms, self._timeout = source, game.hex(), tuple(arms), timeout
        self._say, self._patience, self._now = say, patience, clock
        self._asking: dict[PullPlace, _Asking] = {}
        self._came: SimpleQueue[_Came] = SimpleQueue()
        self.journal = PullJournal(lines, self._told)

    def ask(self, ledger: Ledger, wanted: Sequence[Wanted], must: bool = False) -> None:
        """Send what was not answered yet: all of it journaled first. What was sent before a restart goes out again."""
        fresh: list[PullPlace] = []
        for each in wanted:
            place = ledger.round, each.seat
            pulled = self.journal.get(place)
            if pulled is None:
                self._told(place, self.journal.begin(place, each.arm, each.count))
            elif not pulled.is_open or place in self._asking:
                continue
            fresh.append(place)
        if fresh:
            self.journal.sync()
        for place in fresh:
            self._asking[place] = _Asking(must, self._now() + self._seconds(place))
            self._start(place)

    def has(self, ledger: Ledger, wanted: Wanted) -> bool:
        """Whether the rewards are there, or forfeited. Raises `RewardsExhausted`, `RewardsAway`."""
        while not self._came.empty():
            self._take(self._came.get())
        place = ledger.round, wanted.seat
        self._lapse(place)
        pulled = self.journal.get(place)
        return pulled is not None and not pulled.is_open

    def reward(self, ledger: Ledger, wanted: Wanted) -> int | None:
        """What the pulls give, on disk; None where they are forfeited, or another arm was pulled in their place.

        Raises:
            RewardsExhausted: a file has no more rows.
            RewardsAway: nobody answers a pull that cannot be forfeited.
        """
        place = ledger.round, wanted.seat
        while not self.has(ledger, wanted):
            left = self._asking[place].until - self._now()
            try:
                self._take(self._came.get(timeout=max(0.0, left)))
            except Empty:
                continue  # it has lapsed
        self.journal.sync()
        pulled = self.journal.get(place)
        assert pulled is not None
        if pulled.rewards is None or (pulled.arm, pulled.count) != (wanted.arm, wanted.count):
            return None
        return sum(pulled.rewards)

    def expire(self, round_: int) -> None:
        """The time of a round's pulls is over, but for those that must come."""
        for (asked, _), asking in self._asking.items():
            if asked == round_ and not asking.must:
                asking.until = min(asking.until, self._now())

    def forget(self, before: int) -> None:
        """Drop what is known of rounds before one."""
        self.journal.forget(before)

    # --- what is on its way

    def _told(self, place: PullPlace, pulled: Pulled) -> None:
        for key in self._keys(place, pulled.count):
            self._source.asked(key, pulled.arm)

    def _keys(self, place: PullPlace, count: int) -> list[PullKey]:
        return [PullKey(self._game, *place, pull) for pull in range(count)]

    def _known(self, place: PullPlace) -> Pulled:
        pulled = self.journal.get(place)
        assert pulled is not None
        return pulled

    def _seconds(self, place: PullPlace) -> float:
        return self._timeout * self._known(place).count

    def _start(self, place: PullPlace) -> None:
        pulled = self._known(place)
        given = place, pulled.arm, self._keys(place, pulled.count)
        Thread(target=self._fetch, args=given, name=f"pull {place}", daemon=True).start()

    def _take(self, came: _Came) -> None:
        """Journal what a thread brought, unless it comes too late."""
        pulled, asking = self.journal.get(came.place), self._asking.get(came.place)
        if pulled is None or asking is None or not pulled.is_open:
            return
        if came.failed is None:
            del self._asking[came.place]
            self.journal.answer(came.place, came.rewards)
            return
        asking.failed = came.failed
        if isinstance(came.failed, RewardsExhausted):
            raise came.failed
        if came.is_over:
            asking.until = min(asking.until, self._now())

    def _lapse(self, place: PullPlace) -> None:
        """Forfeit pulls whose time is over, or ask for them anew where they must come."""
        pulled, asking = self.journal.get(place), self._asking.get(place)
        if pulled is None or asking is None or not pulled.is_open or self._now() < asking.until:
            return
        late = RewardInvalid(self._source.name, self._arms[pulled.arm], place[1], place[0],
                             f"no answer in {self._seconds(place):g} s")  # fmt: skip
        failed = asking.failed or late
        if not asking.must:
            del self._asking[place]
            self.journal.forfeit(place)
            self._say(f"{failed}; it is forfeited")
            return
        asking.since = min(asking.since, self._now())
        waited = self._now() - asking.since
        if waited > max(self._patience, 2 * self._seconds(place)):
            raise RewardsAway(waited, failed)
        self._say(f"{failed}; it is asked for again")
        asking.until, asking.failed = self._now() + self._seconds(place), None
        self._start(place)

    # --- in a thread of its own

    def _fetch(self, place: PullPlace, arm: int, keys: Sequence[PullKey]) -> None:
        rewards: list[int] = []
        for key in keys:
            until, pause = monotonic() + self._timeout, _PAUSE
            while True:
                came = self._attempt(place, arm, key, until)
                if came.failed is None or isinstance(came.failed, RewardsExhausted):
                    break
                came.is_over = monotonic() + pause >= until
                if came.is_over:
                    break
                self._came.put(came)
                sleep(pause)
                pause = min(2 * pause, _LONGEST)
            if came.failed is not None:
                self._came.put(came)
                return
            rewards += came.rewards
        self._came.put(_Came(place, rewards))

    def _attempt(self, place: PullPlace, arm: int, key: PullKey, until: float) -> _Came:
        about = self._source.name, self._arms[arm], key.participant, key.round
        try:
            return _Came(place, [reward_units(self._source.pull(key, arm, max(0.01, until - monotonic())))])
        except NoReward as error:
            return _Came(place, failed=RewardInvalid(*about, str(error)))
        except SourceFailed as error:
            kind = RewardsExhausted if error.final else RewardInvalid
            return _Came(place, failed=kind(*about, str(error)))
