"""Aggregate of tokens: a mean, or the median of groups' means, and its largest step in an epoch."""

from collections.abc import Sequence

from chain_bandit.protocol.digests import keccak, uint
from chain_bandit.protocol.errors import AssumptionBroken

LARGEST = 2**53 - 1
"""Nine million tokens, in units: exact in a double, and the sum of `MOST` of them is below half of 2^64."""


def mean(total: int, participants: int) -> int | None:
    """x* of a sum, rounded down to the unit; None for a sum that no tokens have, which takes a liar."""
    return total // participants if 0 <= total <= participants * LARGEST else None


def median(values: Sequence[int]) -> int:
    """The middle one, or the mean of the middle two rounded down."""
    ordered = sorted(values)
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) // 2


def groups(participants: int, count: int, seed: bytes) -> tuple[tuple[int, ...], ...]:
    """All participants in so many groups, at random and as equal as can be; each is in order.

    Raises:
        AssumptionBroken: when a group would be one participant, whose token its mean is.
    """
    if not 1 <= count <= participants // 2:
        raise AssumptionBroken("groups", "1 <= groups <= N / 2", f"groups = {count}, N = {participants}")
    order = sorted(range(participants), key=lambda each: keccak(seed, uint(each, 4)))
    return tuple(tuple(sorted(order[first::count])) for first in range(count))


def clamped(agreed: int, last: int, most: int, step: int) -> int:
    """The closest to `agreed` from 0 to `most` that is at most `step` from `last`, all in units."""
    return min(max(agreed, last - step, 0), last + step, most)
