"""Collusion test: reports that are too alike, with a bound on the rate of false hints at truthful reporters.

Where one arm was pulled once between two blocks, n and n - 1 times the reports of that arm give what a seat drew, to
within n units. Two seats are alike there when these differ by less than 2n; of seats that report what they drew, that
happens with a chance of at most q, that two draws of the arm differ by less than 4n, which the revealed model gives.

Every pair bets against its being honest: it begins with 1, of which 1 / (k (k + 1)) enters at the k-th comparison; what
is in is multiplied by (1 + q) / 2q where the two are alike and halved where they are not. Were both honest that would
not grow in expectation, so it reaches c with a chance of at most 1 / c, over all rounds together (Ville's inequality).
A pair is named at `GAMES` times the number of pairs.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from chain_bandit.protocol.blocks import Report
from chain_bandit.protocol.rewards import Distribution, RewardModel
from chain_bandit.protocol.units import Counts

GAMES = 10**6
"""Any pair of honest participants is named in at most one of so many games."""

MOST_CERTAIN = 0.99
"""Where two draws are alike nearly always nothing is learnt."""

MOST_DRAWN, ENOUGH = 1 << 61, 1e200
"""No draw is as large, and no bet needs to grow further."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two seats that are too alike.

    Attributes:
        alike, compared: in how many comparisons they were alike, of how many.
        expected: in how many at most honest ones are, on average.
        since: the round at which they were named.
    """

    seats: tuple[int, int]
    alike: int
    compared: int
    expected: float
    since: int


@lru_cache(maxsize=4096)
def chance(arm: Distribution, width: int) -> float:
    """The chance that two draws of an arm differ by less than `width` units."""
    values, until = arm.values, [0, *accumulate(arm.weights)]
    near = sum(
        weight * (until[bisect_left(values, value + width)] - until[bisect_right(values, value - width)])
        for value, weight in zip(values, arm.weights, strict=True)
    )
    return near / arm.size**2


@dataclass(slots=True)
class Alike:
    """All pairs of a game, block by block; numpy's rows hold one entry a pair, in the order of `_pairs`."""

    seats: int
    _pulls: Counts = ()
    _reports: Mapping[int, Report] = field(default_factory=dict)
    _steps: int = 0
    _pairs: "tuple[NDArray[np.int64], NDArray[np.int64]]" = field(init=False)
    _stakes: "NDArray[np.float64]" = field(init=False)
    _counts: "NDArray[np.float64]" = field(init=False)
    _since: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Nobody is suspected."""
        one, other = self._pairs = np.triu_indices(self.seats, 1)
        self._stakes, self._counts = np.zeros(len(one)), np.zeros((3, len(other)))

    def take(self, round_: int, pulls: Counts, reports: Mapping[int, Report], model: RewardModel) -> None:
        """Compare the reports of a block with those of the one before it. `pulls` is n_ref of each arm at its round."""
        before, earlier = self._pulls, self._reports
        self._pulls, self._reports = pulls, reports
        pulled = [arm for arm, (now, then) in enumerate(zip(pulls, before, strict=False)) if now != then]
        if not before or len(pulled) != 1 or pulls[pulled[0]] != before[pulled[0]] + 1:
            return
        (arm,) = pulled
        n = pulls[arm]
        q = chance(model.arms[arm], 4 << (n - 1).bit_length())
        if not 0 < q < MOST_CERTAIN:
            return
        drawn = {
            seat: n * report.means[arm] - (n - 1) * earlier[seat].means[arm]
            for seat, report in reports.items() if seat in earlier
        }  # fmt: skip
        self._bet(drawn, 2 * n, q)
        limit = GAMES * self.seats * (self.seats - 1) / 2
        if self._stakes.max() >= limit:
            for pair in np.flatnonzero(self._stakes >= limit):
                self._since.setdefault(int(pair), round_)

    def _bet(self, drawn: Mapping[int, int], width: int, q: float) -> None:
        """One more comparison of every pair of whom both drew something."""
        self._steps += 1
        seats = range(self.seats)
        values = np.array([max(-MOST_DRAWN, min(drawn.get(seat, 0), MOST_DRAWN)) for seat in seats], dtype=np.int64)
        one, other = self._pairs
        compared = np.True_  # of all pairs, mostly
        if len(drawn) < self.seats:
            known = np.array([seat in drawn for seat in seats])
            compared = known[one] & known[other]
        alike = compared & (np.abs(values[one] - values[other]) < width)
        stakes = self._stakes + 1 / (self._steps * (self._steps + 1))
        stakes *= np.where(alike, (1 + q) / (2 * q), 0.5)
        np.minimum(stakes, ENOUGH, out=stakes)
        self._stakes = stakes if compared is np.True_ else np.where(compared, stakes, self._stakes)
        for counted, more in zip(self._counts, (alike, compared, q * compared), strict=True):
            counted += more

    def found(self) -> list[Pair]:
        """The pairs that are too alike."""
        one, other = self._pairs
        return [
            Pair(
                (int(one[pair]), int(other[pair])), int(self._counts[0][pair]), int(self._counts[1][pair]),
                float(self._counts[2][pair]), since,
            )
            for pair, since in sorted(self._since.items())
        ]  # fmt: skip


def groups(pairs: Sequence[Pair]) -> list[list[Pair]]:
    """The pairs, together where they share seats."""
    made: list[list[Pair]] = []
    for pair in pairs:
        linked = [group for group in made if any(set(pair.seats) & set(each.seats) for each in group)]
        made = [group for group in made if group not in linked] + [[*(p for group in linked for p in group), pair]]
    return made

