"""From reports and comparison bits to the validated set B and the global estimators (Aggregation, Algorithm 4)."""

from collections.abc import Mapping, Sequence

from chain_bandit.protocol.digests import keccak, uint
from chain_bandit.protocol.units import INFINITY, Counts, Means

Seats = frozenset[int]


def enough_pulls(counts: Counts, reference: Counts, threshold: int) -> tuple[bool, ...]:
    """One comparison bit an arm: k * n_{p,i} > n_ref,i (PROTOCOL 1.4)."""
    return tuple(threshold * n > ref for n, ref in zip(counts, reference, strict=True))


def candidates(bits: Mapping[int, Sequence[bool]], arm: int, blocked: Seats = frozenset()) -> Seats:
    """A_i: who reports on enough pulls of the arm and is not on the block list."""
    return frozenset(p for p, row in bits.items() if row[arm] and p not in blocked)


def tie_break(seed: bytes, seats: Seats) -> dict[int, bytes]:
    """The order of equal estimators: keccak(seed_t, id), which nobody can choose (PROTOCOL 1.4)."""
    return {p: keccak(seed, uint(p, 2)) for p in seats}


def trimmed(
    estimates: Mapping[int, int], members: Seats, liars: int, order: Mapping[int, bytes]
) -> Seats:
    """Option 1 for one arm: A_i less its f largest and f smallest estimators, empty unless |A_i| > 2f."""
    if len(members) <= 2 * liars:
        return frozenset()
    ranked = sorted(members, key=lambda p: (estimates[p], order[p]))
    return frozenset(ranked[liars : len(ranked) - liars])


def global_mean(estimates: Mapping[int, int], members: Seats) -> int:
    """Algorithm 4 for one arm: the floored mean over B_i, or `INFINITY` when nobody is left."""
    return sum(estimates[p] for p in members) // len(members) if members else INFINITY


def option_1(
    means: Mapping[int, Means],
    bits: Mapping[int, Sequence[bool]],
    blocked: Seats,
    liars: int,
    arms: int,
    seed: bytes,
) -> tuple[Seats, ...]:
    """B_i of every arm under Option 1 (Theorem 1).

    Args:
        means: the agreed report of each seat, in units.
        bits: the comparison bits of each reporting seat.
        blocked: D, left out everywhere.
        liars: f.
        seed: seed_t of this round.
    """
    order = tie_break(seed, frozenset(means))
    return tuple(
        trimmed({p: row[arm] for p, row in means.items()}, candidates(bits, arm, blocked), liars, order)
        for arm in range(arms)
    )


def global_means(means: Mapping[int, Means], selected: Sequence[Seats]) -> Means:
    """The global estimator of every arm, in units; `INFINITY` where B_i is empty."""
    return tuple(
        global_mean({p: means[p][arm] for p in members}, members) for arm, members in enumerate(selected)
    )
