"""Reputation: how close a participant's reports are to what was validated, remembered (protocol.md: Reputation).

A reputation is a running average of accuracies, each a piecewise linear, falling function of the accuracy distance.
All are integers from 0 to `FULL`, the same in the contract, the engine and the audit.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import isqrt
from operator import sub

from chain_bandit.protocol.units import INFINITY, UNIT, Counts, Means

FULL = 2**16 - 1
"""The highest accuracy and reputation: one uint16 lane of the contract."""

START = 2**15
"""What everybody begins with."""

MEMORY = 3
"""A new accuracy counts for 1 / 2**MEMORY of the average."""

FREE = 2**31 - 1
"""The radius of an arm that nobody has pulled: any report is near enough."""

Reputations = tuple[int, ...]
"""One reputation, or one accuracy, a seat."""


def radius(pulls: int) -> int:
    """Two standard deviations, at most, of an honest mean of `pulls` rewards: 1 / sqrt(pulls), in units."""
    return isqrt(UNIT * UNIT // pulls) if pulls else FREE


def radii(reference: Counts) -> Means:
    """The radius of every arm from n_ref."""
    return tuple(map(radius, reference))


def distance(means: Means, validated: Means, radii: Means) -> int:
    """d_p: the mean over arms of what |report - validated| exceeds the radius by; an arm without B_i adds nothing."""
    gaps: Iterable[int] = map(abs, map(sub, means, validated))
    beyond = zip(gaps, radii, validated, strict=True)
    return sum([gap - free for gap, free, agreed in beyond if gap > free and agreed != INFINITY]) // len(means)


def accuracy(distance: int, tolerance: int) -> int:
    """G(d): `FULL` at no distance, falling on a line to 0 at `tolerance` and beyond."""
    return FULL * (tolerance - distance) // tolerance if distance < tolerance else 0


def accuracies(
    participants: int, reports: Mapping[int, Means], validated: Means, radii: Means, tolerance: int
) -> Reputations:
    """The accuracy of every seat in one block; without a valid report it is 0."""
    return tuple(
        accuracy(distance(reports[seat], validated, radii), tolerance) if seat in reports else 0
        for seat in range(participants)
    )


def likeness(reports: Sequence[Means], radii: Means, tolerance: int) -> list[list[int]]:
    """The accuracy of every report where any other one is taken for true; beside itself 0."""
    rows = [[0] * len(reports) for _ in reports]
    for place, one in enumerate(reports):
        for other in range(place):
            rows[place][other] = rows[other][place] = accuracy(distance(one, reports[other], radii), tolerance)
    return rows


def after_block(reputations: Reputations, accuracies: Reputations) -> Reputations:
    """Every reputation moved an eighth of the way to its accuracy, both floored."""
    return tuple(
        old - (old >> MEMORY) + (new >> MEMORY) for old, new in zip(reputations, accuracies, strict=True)
    )


def below(reputations: Reputations, least: int) -> frozenset[int]:
    """The seats with less than a share of `FULL`, in units."""
    return frozenset(seat for seat, each in enumerate(reputations) if each * UNIT < least * FULL)


def penalised(reputations: Reputations, seats: Sequence[int], penalty: int) -> Reputations:
    """The reputations with `penalty` taken from each of `seats`, never below 0."""
    return tuple(max(0, old - penalty) if seat in seats else old for seat, old in enumerate(reputations))
