"""From reports and comparison bits to the validated set B and the global estimators (Aggregation, Algorithm 4)."""

from collections.abc import Mapping, Sequence
from enum import IntEnum
from math import isqrt

from chain_bandit.protocol.digests import keccak, uint
from chain_bandit.protocol.units import INFINITY, Counts, Means

Seats = frozenset[int]


class Aggregation(IntEnum):
    """How B_i comes from reports and comparison bits (Aggregation; PROTOCOL 1.4)."""

    OPTION_1 = 0
    """Theorem 1: A_i less its f largest and f smallest estimators."""
    OPTION_2 = 1
    """Theorems 2 and 4: the filter F, less its g largest and g smallest estimators of the arm."""
    OPTION_3 = 2
    """Theorems 3 and 5: Option 2 without the block list. D is left out everywhere here, so it *is* Option 2."""
    DELTA_SAFE = 3
    """Theorems 6 and 7: who of F is within delta / 2 of its median estimator of the arm."""
    CONFIDENCE = 4
    """Beyond the paper: the same, and delta shrinks with the square root of the arm's pulls (docs/exclusion.md)."""

    @property
    def label(self) -> str:
        """The name that scenarios and games have for it."""
        return self.name.lower().replace("_", "-")

    @property
    def has_delta(self) -> bool:
        """Whether it has the option `delta`."""
        return self in (Aggregation.DELTA_SAFE, Aggregation.CONFIDENCE)


def enough_pulls(counts: Counts, reference: Counts, threshold: int) -> tuple[bool, ...]:
    """One comparison bit an arm: k * n_{p,i} > n_ref,i (PROTOCOL 1.4)."""
    return tuple(threshold * n > ref for n, ref in zip(counts, reference, strict=True))


def candidates(bits: Mapping[int, Sequence[bool]], arm: int, blocked: Seats = frozenset()) -> Seats:
    """A_i: who reports on enough pulls of the arm and is not on the block list."""
    return frozenset(p for p, row in bits.items() if row[arm] and p not in blocked)


def tie_break(seed: bytes, seats: Seats) -> dict[int, bytes]:
    """The order of equal estimators: keccak(seed_t, id), which nobody can choose (PROTOCOL 1.4)."""
    return {p: keccak(seed, uint(p, 2)) for p in seats}


def filtered(bits: Mapping[int, Sequence[bool]], blocked: Seats = frozenset()) -> Seats:
    """F: who is in A_i for every arm i (every option but the first)."""
    return frozenset(p for p, row in bits.items() if all(row) and p not in blocked)


def trimmed(
    estimates: Mapping[int, int], members: Seats, trim: int, order: Mapping[int, bytes]
) -> Seats:
    """The members less the `trim` largest and smallest estimators, empty unless there are more than 2 trim of them."""
    if len(members) <= 2 * trim:
        return frozenset()
    ranked = sorted(members, key=lambda p: (estimates[p], order[p]))
    return frozenset(ranked[trim : len(ranked) - trim])


def trim_of(members: int, liars: int) -> int:
    """g = min(f, ceil(|F| / 2) - 1): of a filter that holds somebody, somebody is always left (PROTOCOL 1.4)."""
    return min(liars, max(members - 1, 0) // 2)


def radius(delta: int, pulls: int = 1) -> int:
    """The largest integer below delta / (2 sqrt(pulls)), never below 0; no pull counts as one (units)."""
    return isqrt(max(delta * delta - 1, 0) // (4 * max(pulls, 1)))


def within(estimates: Mapping[int, int], members: Seats, radius: int) -> Seats:
    """For one arm: who is no farther than a radius from the lower median of the members (units)."""
    if not members:
        return frozenset()
    median = sorted(estimates[p] for p in members)[(len(members) - 1) // 2]
    return frozenset(p for p in members if abs(estimates[p] - median) <= radius)


def select(
    option: Aggregation,
    means: Mapping[int, Means],
    bits: Mapping[int, Sequence[bool]],
    blocked: Seats,
    liars: int,
    arms: int,
    seed: bytes,
    delta: int = 0,
    pulls: Counts = (),
) -> tuple[Seats, ...]:
    """B_i of every arm: a pure function of reports, bits, D, f, delta and n_ref (PROTOCOL 1.4).

    Args:
        means: the agreed report of each seat, in units.
        bits: the comparison bits of each reporting seat, one an arm.
        blocked: D, left out of A and F in every option.
        liars: f.
        seed: seed_t of this round, which breaks ties of the trimming.
        delta: in units; read by delta-safe and confidence.
        pulls: n_ref of the open round, on which the reports of whoever follows the rules stand; read by confidence.
    """
    order = tie_break(seed, frozenset(means))
    passed = filtered(bits, blocked)
    selected = []
    for arm in range(arms):
        estimates = {p: row[arm] for p, row in means.items()}
        match option:
            case Aggregation.OPTION_1:
                selected.append(trimmed(estimates, candidates(bits, arm, blocked), liars, order))
            case Aggregation.OPTION_2 | Aggregation.OPTION_3:
                selected.append(trimmed(estimates, passed, trim_of(len(passed), liars), order))
            case Aggregation.DELTA_SAFE:
                selected.append(within(estimates, passed, radius(delta)))
            case Aggregation.CONFIDENCE:
                selected.append(within(estimates, passed, radius(delta, pulls[arm])))
    return tuple(selected)


def global_mean(estimates: Mapping[int, int], members: Seats) -> int:
    """Algorithm 4 for one arm: the floored mean over B_i, or `INFINITY` when nobody is left."""
    return sum(estimates[p] for p in members) // len(members) if members else INFINITY


def global_means(means: Mapping[int, Means], selected: Sequence[Seats]) -> Means:
    """The global estimator of every arm, in units; `INFINITY` where B_i is empty."""
    return tuple(
        global_mean({p: means[p][arm] for p in members}, members) for arm, members in enumerate(selected)
    )
