"""Parts of aggregation rules: the reports that count for an arm, and the mean over them (Aggregation, Algorithm 4)."""

from collections.abc import Iterable, Mapping, Sequence
from math import isqrt

from chain_bandit.protocol.digests import keccak, uint
from chain_bandit.protocol.units import INFINITY, Counts, Means

Seats = frozenset[int]


def enough_pulls(counts: Counts, reference: Counts, threshold: int) -> tuple[bool, ...]:
    """One comparison bit an arm: k * n_{p,i} > n_ref,i (protocol.md: Aggregation)."""
    return tuple(threshold * n > ref for n, ref in zip(counts, reference, strict=True))


def candidates(bits: Mapping[int, Sequence[bool]], arm: int) -> Seats:
    """A_i: seats that report on enough pulls of the arm."""
    return frozenset(p for p, row in bits.items() if row[arm])


def tie_break(seed: bytes, seats: Iterable[int]) -> dict[int, bytes]:
    """The order of equal estimators: keccak(seed_t, id), which nobody can choose (protocol.md: Aggregation)."""
    return {p: keccak(seed, uint(p, 2)) for p in seats}


def trimmed(
    estimates: Mapping[int, int], members: Seats, trim: int, order: Mapping[int, bytes]
) -> Seats:
    """The members less the `trim` largest and smallest estimators, empty unless there are more than 2 trim of them."""
    if len(members) <= 2 * trim:
        return frozenset()
    ranked = sorted(members, key=lambda p: (estimates[p], order[p]))
    return frozenset(ranked[trim : len(ranked) - trim])


def trim_of(members: int, liars: int) -> int:
    """g = min(f, ceil(|F| / 2) - 1): one seat of a filter is always left (protocol.md: Aggregation)."""
    return min(liars, max(members - 1, 0) // 2)


def radius(delta: int, pulls: int = 1) -> int:
    """The largest integer below delta / (2 sqrt(pulls)), never below 0; no pull counts as one (units)."""
    return isqrt(max(delta * delta - 1, 0) // (4 * max(pulls, 1)))


def lower_median(values: Iterable[int]) -> int:
    """The value in the middle, the lower one of two; of one at least."""
    ranked = sorted(values)
    return ranked[(len(ranked) - 1) // 2]


def worth_of_median(passed: int) -> int:
    """How many reports a median of so many counts for: floor(2 n / pi), at least 1.

    It is the asymptotic efficiency beside the mean of normal reports (Serfling, Approximation theorems of mathematical
    statistics, 1980, section 2.3). With pi = 355 / 113 it is exact for n < 355.
    """
    return max(226 * passed // 355, 1)


def within(estimates: Mapping[int, int], members: Seats, radius: int) -> Seats:
    """For one arm: members no farther than a radius from their lower median (units)."""
    if not members:
        return frozenset()
    median = lower_median(estimates[p] for p in members)
    return frozenset(p for p in members if abs(estimates[p] - median) <= radius)


def global_mean(estimates: Mapping[int, int], members: Seats) -> int:
    """Algorithm 4 for one arm: the floored mean over B_i, or `INFINITY` when nobody is left."""
    return sum(estimates[p] for p in members) // len(members) if members else INFINITY


def global_means(means: Mapping[int, Means], selected: Sequence[Seats]) -> Means:
    """The global estimator of every arm, in units; `INFINITY` where B_i is empty."""
    return tuple(
        global_mean({p: means[p][arm] for p in members}, members) for arm, members in enumerate(selected)
    )
