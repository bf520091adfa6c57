"""A family of lies about means and counts, for searches: how far off, on which arms, and when. All colluders alike."""

from typing import NamedTuple

import numpy as np

from chain_bandit.attacks.attack import EVER, MILLION, Attack, View, flag, millionths, whole
from chain_bandit.attacks.seen import Flags, Ints, Seen, best, clipped, each_arm, seen_by
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.protocol.units import UNIT, Counts
from chain_bandit.roots import isqrt

FARTHEST = 10_000.0
"""Standard deviations: beyond 0 and 1 for 25 million pulls."""

CLAIMS = ("all", "best", "others")
"""Of which arms the pulls are committed to as they are; 0 of the rest."""


class Numbers(NamedTuple):
    """The options as integers: distances in millionths, then what is whole, in the order of the compiled form.

    `lie` takes arrays of them too, one a replicate.
    """

    best: int
    second: int
    others: int
    closest: int
    farthest: int
    within: int
    wakes: int
    sleeps: int
    period: int
    fewest: int
    most: int
    target: int
    claims: int


class Parametric(Attack):
    """Off the honest median of the last block by a number of standard deviations, 1 / (2 sqrt(n)), n the arm's pulls.

    `best`, `second` and `others` are the distances of the arms by their rank in the honest reports, above 0 praise and
    0 no lie; with `target` that arm is taken for the best one. Unless `within` is 0, no lie is farther than that many
    times the farthest that the game's rule accepts: of a report of all colluders, beside the honest ones of the last
    block, all with enough pulls, what is accepted of an arm is an interval around the median, whose end halving finds.
    The lie is told from round `wakes` to round `sleeps`, `period` rounds of lies and of honesty in turn unless that is
    0, on arms with `fewest` to `most` pulls, and while the two best are `closest` to `farthest` standard deviations
    apart. `claims` says of which arms the pulls are committed to, in the same rounds, whatever the pulls and the gap.
    Honest otherwise. With `rushing` the honest reports are those of the open round: in simulation only. Seats that are
    to tell different things get different options.
    """

    name = "parametric"
    conduct = Conduct.LIAR

    def __init__(
        self, best: float = -2.0, second: float = 2.0, others: float = 2.0, wakes: int = 0, sleeps: int = EVER,
        period: int = 0, fewest: int = 0, most: int = EVER, closest: float = 0.0, farthest: float = FARTHEST,
        within: float = 0.0, target: int | None = None, claims: str = "all", rushing: bool = False,
    ) -> None:  # fmt: skip
        self.rushes = flag("rushing", rushing)
        if claims not in CLAIMS:
            raise ValueError(f"claims is {claims!r}, not one of {', '.join(CLAIMS)}")
        distances = {"best": best, "second": second, "others": others, "closest": closest, "farthest": farthest}
        whole_ones = {"wakes": wakes, "sleeps": sleeps, "period": period, "fewest": fewest, "most": most}
        self._numbers = Numbers(
            **{name: _signed(name, value) for name, value in distances.items()}, within=millionths("within", within),
            **{name: whole(name, value, 0) for name, value in whole_ones.items()},
            target=-1 if target is None else whole("target", target, 0), claims=CLAIMS.index(claims),
        )  # fmt: skip

    @property
    def counts_truly(self) -> bool:
        """Whether it never commits to other counts than its own."""
        return self._numbers.claims == 0

    def numbers(self, parameters: Parameters) -> Numbers:
        """`Numbers`, with an arm of the game as the target."""
        target = self._numbers.target
        return self._numbers._replace(target=target % parameters.arms if target >= 0 else target)

    def lie(self, seen: Seen) -> Ints:
        """Kept in [0, 1]; honest until there was a block."""
        own, lies_now = self._numbers, self._lies_in(seen.round)
        if seen.honest is None or not np.any(lies_now):
            return seen.own
        arm, median = each_arm(seen.own), seen.honest.median
        deviation = isqrt(UNIT * UNIT // (4 * seen.pulls))
        first, next_ = self._two_best(seen, seen.honest.average)
        far = np.where(arm == first, own.best, np.where(arm == next_, own.second, own.others))
        off = np.abs(far) * deviation // MILLION
        if np.any(own.within):
            reach = _reach(seen, median, np.where(far < 0, -1, 1)) * own.within // MILLION
            off = np.where(np.equal(own.within, 0), off, np.minimum(off, reach))
        told = clipped(median + np.where(far < 0, -off, off))
        lies = lies_now & (far != 0) & self._lies_on(seen, seen.honest.average, deviation, first, next_)
        return np.where(lies, told, seen.own)

    def counts(self, view: View, honest: Counts) -> Counts:
        """Honest until there was a block."""
        seen = seen_by(view, honest)
        if self.counts_truly or seen.honest is None or not self._lies_in(seen.round):
            return honest
        first = int(self._two_best(seen, seen.honest.average)[0].item())
        claims_best = CLAIMS[self._numbers.claims] == "best"
        return tuple(count if (arm == first) == claims_best else 0 for arm, count in enumerate(honest))

    def _lies_in(self, t: int) -> Flags:
        own = self._numbers
        pauses = np.not_equal(own.period, 0) & (t // np.maximum(own.period, 1) % 2 == 1)
        found: Flags = np.less_equal(own.wakes, t) & np.less_equal(t, own.sleeps) & ~pauses
        return found

    def _two_best(self, seen: Seen, mean: Ints) -> tuple[Ints, Ints]:
        """The target, or the best arm, and the best of the others; of one arm twice the same."""
        target = np.asarray(self._numbers.target)
        first = np.where(target < 0, best(mean), target % seen.parameters.arms)
        return first, best(np.where(each_arm(mean) == first, -1, mean))

    def _lies_on(self, seen: Seen, mean: Ints, deviation: Ints, first: Ints, next_: Ints) -> Flags:
        """On which arms, by the pulls and by the gap."""
        own = self._numbers
        gap = np.abs(np.take_along_axis(mean, first, axis=-2) - np.take_along_axis(mean, next_, axis=-2))
        unit = np.take_along_axis(deviation, first, axis=-2)
        near, apart = own.closest * unit // MILLION, own.farthest * unit // MILLION
        found: Flags = (own.fewest <= seen.pulls) & (seen.pulls <= own.most) & (near <= gap) & (gap <= apart)
        return found


def _reach(seen: Seen, median: Ints, signs: Ints) -> Ints:
    """How far from the median, to one side of each arm, all colluders may report and have their value in B."""
    near, far = np.zeros_like(median), 1 + np.where(signs > 0, UNIT - median, median)
    while (far - near > 1).any():
        halves = (near + far) // 2
        taken = seen.accepted(median + signs * halves)
        near, far = np.where(taken, halves, near), np.where(taken, far, halves)
    return near


def _signed(name: str, value: float) -> int:
    """An option of at most `FARTHEST` in millionths. Raises `ValueError`."""
    if not -FARTHEST <= value <= FARTHEST:
        raise ValueError(f"{name} is {value}, not in [-{FARTHEST:g}, {FARTHEST:g}]")
    return round(value * MILLION)
