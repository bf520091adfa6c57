"""A family of lies about means, for searches: how far off, on which arms, and when. All colluders alike."""

import numpy as np

from chain_bandit.attacks.attack import EVER, MILLION, Attack, flag, whole
from chain_bandit.attacks.seen import Flags, Ints, Seen, best, clipped, each_arm, second
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.protocol.units import UNIT
from chain_bandit.roots import isqrt


class Parametric(Attack):
    """Off the honest median of the last block by a number of standard deviations, 1 / (2 sqrt(n)), n the arm's pulls.

    `best`, `second` and `others` are the distances of the arms by their rank in the honest reports, above 0 praise. The
    lie is told from round `wakes` to round `sleeps`, `period` rounds of lies and of honesty in turn unless that is 0,
    on arms with `fewest` to `most` pulls, and while the two best are `closest` to `farthest` standard deviations apart.
    Honest otherwise. With `rushing` the honest reports are those of the open round: in simulation only. Seats that are
    to tell different things get different options.
    """

    name = "parametric"
    conduct = Conduct.LIAR

    def __init__(
        self, best: float = -2.0, second: float = 2.0, others: float = 2.0, wakes: int = 0, sleeps: int = EVER,
        period: int = 0, fewest: int = 0, most: int = EVER, closest: float = 0.0, farthest: float = 1000.0,
        rushing: bool = False,
    ) -> None:  # fmt: skip
        self.rushes = flag("rushing", rushing)
        distances = {"best": best, "second": second, "others": others, "closest": closest, "farthest": farthest}
        self._far = {name: _signed(name, value) for name, value in distances.items()}
        whole_ones = {"wakes": wakes, "sleeps": sleeps, "period": period, "fewest": fewest, "most": most}
        self._whole = {name: whole(name, value, 0) for name, value in whole_ones.items()}

    def numbers(self, parameters: Parameters) -> tuple[int, ...]:
        """Distances in millionths, then rounds and pulls, in the order of the options."""
        return *self._far.values(), *self._whole.values()

    def lie(self, seen: Seen) -> Ints:
        """Kept in [0, 1]; honest until there was a block."""
        t, wakes, sleeps, period = seen.round, *(self._whole[name] for name in ("wakes", "sleeps", "period"))
        if seen.honest is None or not wakes <= t <= sleeps or (period and t // period % 2):
            return seen.own
        mean, arm, deviation = seen.honest.average, each_arm(seen.own), isqrt(UNIT * UNIT // (4 * seen.pulls))
        first, next_ = best(mean), second(mean)
        far = np.where(arm == first, self._far["best"], self._far["others"])
        far = np.where((arm == next_) & (arm != first), self._far["second"], far)
        off = np.abs(far) * deviation // MILLION
        told = clipped(seen.honest.median + np.where(far < 0, -off, off))
        return np.where(self._lies(seen, mean, deviation, first, next_), told, seen.own)

    def _lies(self, seen: Seen, mean: Ints, deviation: Ints, first: Ints, next_: Ints) -> Flags:
        """On which arms, by the pulls and by the gap."""
        gap = np.take_along_axis(mean, first, axis=-2) - np.take_along_axis(mean, next_, axis=-2)
        unit = np.take_along_axis(deviation, first, axis=-2)
        near, apart = (self._far[name] * unit // MILLION for name in ("closest", "farthest"))
        pulled = (self._whole["fewest"] <= seen.pulls) & (seen.pulls <= self._whole["most"])
        found: Flags = pulled & (near <= gap) & (gap <= apart)
        return found


def _signed(name: str, value: float) -> int:
    """An option from -1000 to 1000 in millionths. Raises `ValueError`."""
    if not -1000 <= value <= 1000:
        raise ValueError(f"{name} is {value}, not in [-1000, 1000]")
    return round(value * MILLION)
