"""One arm of the aggregation, compiled: selected estimators, and their mean (protocol.md: Aggregation)."""

from typing import Any, NamedTuple

import numpy as np

from chain_bandit.protocol.units import INFINITY
from chain_bandit.simulation.kernel.compiled import compiled, inlined
from chain_bandit.simulation.kernel.forms import BY_ARM, CLIPPED, NEAR, NEARER
from chain_bandit.simulation.kernel.keccak import before, keccak
from chain_bandit.simulation.kernel.roots import isqrt

SORTED = 64
"""Participants up to which keeping them in order is faster than selecting."""

GUESSED = 200
"""Values up to which a processor guesses well which are less than another; it has met most of them before."""

OUT, IN, TIED = 0, 1, 2
"""Of a seat and an arm: not in B, in B, among equals of whom some are."""


class Kept(NamedTuple):
    """B of one arm.

    Attributes:
        mean: its global estimator, or `INFINITY`.
        worth: how many reports that counts for, 0 where there is none: |B|, or all that B is chosen from.
        lowest, highest: between which an estimator is in B; lowest > highest where B is empty.
        cuts_low, cuts_high: whether somebody with the lowest, the highest was cut off.
    """

    mean: Any
    worth: Any
    lowest: Any
    highest: Any
    cuts_low: bool
    cuts_high: bool


NOBODY = Kept(INFINITY, 0, 1, 0, False, False)


@inlined
def insert(values: Any, order: Any, at: Any, value: Any, seat: Any) -> None:
    """Sort a seat and its value in among those before place `at`: few, and nearly in order since the last time."""
    while at > 0 and values[at - 1] > value:
        values[at], order[at] = values[at - 1], order[at - 1]
        at -= 1
    values[at], order[at] = value, seat


@inlined
def sweep(values: Any, first: Any, last: Any, most: Any) -> Any:
    """Bring what is at most so large to the front of places `first` to `last`: the place after it.

    Every value is written, wherever it belongs: nothing is asked whose answer a processor could guess wrongly.
    """
    after = first
    for at in range(first, last + 1):
        value = values[at]
        values[at] = values[after]
        values[after] = value
        after += value <= most
    return after


@compiled
def divide(values: Any, first: Any, last: Any, at: Any) -> None:
    """Reorder places `first` to `last` until none before place `at` is larger than it, and none after it smaller."""
    while first < last:
        pivot, left, right = values[(first + last) // 2], first, last
        if last - first >= GUESSED:  # the less, the others; among these, where none is less, the equal
            left = sweep(values, first, last, pivot - 1)
            right = left - 1
            if left == first:
                left = sweep(values, first, last, pivot)
                if at < left:
                    return
        while left <= right:
            while values[left] < pivot:
                left += 1
            while values[right] > pivot:
                right -= 1
            if left <= right:
                values[left], values[right] = values[right], values[left]
                left, right = left + 1, right - 1
        if at <= right:
            last = right
        elif at >= left:
            first = left
        else:
            return


@inlined
def has(values: Any, first: Any, last: Any, value: Any) -> Any:
    """Whether a value stands in places `first` to `last` - 1."""
    for at in range(first, last):
        if values[at] == value:
            return True
    return False


@inlined
def trimmed(values: Any, count: Any, trim: Any, in_order: Any) -> Any:
    """`Kept` of the first `count` values less the `trim` largest and smallest; reorders them unless they are sorted."""
    if count <= 2 * trim:
        return NOBODY
    first, last = trim, count - trim - 1
    if not in_order:
        divide(values, 0, count - 1, first)
        divide(values, first, count - 1, last)
    total = np.int64(0)
    for at in range(first, last + 1):
        total += values[at]
    lowest, highest = values[first], values[last]
    before, after = (max(first - 1, 0), min(last + 2, count)) if in_order else (0, count)
    return Kept(
        total // (last - first + 1), last - first + 1, lowest, highest,
        has(values, before, first, lowest), has(values, last + 1, after, highest),
    )  # fmt: skip


@compiled
def within(values: Any, count: Any, radius: Any, in_order: Any) -> Any:
    """`Kept` of those no farther than a radius from the lower median; reorders them unless they are sorted."""
    if count == 0:
        return NOBODY
    middle = (count - 1) // 2
    if not in_order:
        divide(values, 0, count - 1, middle)
    median, total, size = values[middle], np.int64(0), 0
    lowest, highest = median, median
    for at in range(count):
        if abs(values[at] - median) <= radius:
            total += values[at]
            size += 1
            lowest, highest = min(lowest, values[at]), max(highest, values[at])
    return Kept(total // size, size, lowest, highest, False, False)


@compiled
def clipped(values: Any, count: Any, radius: Any, in_order: Any) -> Any:
    """The median, moved by the mean deviation from it, clipped to a radius; reorders the values unless sorted."""
    if count == 0:
        return NOBODY
    middle = (count - 1) // 2
    if not in_order:
        divide(values, 0, count - 1, middle)
        divide(values, middle, count - 1, count // 2)
    median, moved = (values[middle] + values[count // 2]) // 2, np.int64(0)
    for at in range(count):
        moved += min(max(values[at] - median, -radius), radius)
    near = max(radius, (values[count // 2] - values[middle] + 1) // 2)
    return Kept(median + moved // count, count, median - near, median + near, False, False)


@inlined
def trim(rules: Any, count: Any) -> Any:
    """How many of the largest and of the smallest of so many members the game's option cuts."""
    if rules.aggregation == BY_ARM:
        return rules.liars
    return min(rules.liars, max(count - 1, 0) // 2)


@inlined
def kept_by(rules: Any, values: Any, count: Any, pulls: Any, in_order: Any) -> Any:
    """`Kept` of the first `count` values by the game's option; reorders them unless they are sorted."""
    if rules.aggregation == NEAR:
        return within(values, count, isqrt(rules.radius_squared), in_order)
    if rules.aggregation == NEARER:
        return within(values, count, isqrt(rules.radius_squared // max(pulls, 1)), in_order)
    if rules.aggregation == CLIPPED:
        return clipped(values, count, isqrt(rules.radius_squared // max(pulls, 1)), in_order)
    return trimmed(values, count, trim(rules, count), in_order)


@inlined
def standing(kept: Any, estimate: Any) -> Any:
    """`OUT`, `IN` or `TIED`: where a member with an estimator stands."""
    if not kept.lowest <= estimate <= kept.highest:
        return OUT
    if (kept.cuts_low and estimate == kept.lowest) or (kept.cuts_high and estimate == kept.highest):
        return TIED
    return IN


MEMBER, SUSPECT = 1, 2
"""Whose estimator counts for an arm; the same of somebody of whom it is asked whether it is left."""


@compiled
def spares(estimates: Any, members: Any, value: Any, trim: Any, seed: Any, notes: Any) -> Any:
    """Whether trimming leaves a suspect of those with one estimator, which stand in the order of keccak(seed_t, id).

    Hashes are made until they decide, which is soon where the cut is on one side of the equals.

    Args:
        members: 0, `MEMBER` or `SUSPECT`, by seat.
        notes: a row of `LANES` for each seat, to take notes in.
    """
    count, below, others, suspects = 0, 0, 0, 0
    for seat in range(members.size):
        if members[seat]:
            count += 1
            below += estimates[seat] < value
            if estimates[seat] == value:
                suspects += members[seat] == SUSPECT
                others += members[seat] == MEMBER
    equals = others + suspects
    first, after = max(0, trim - below), min(equals, count - trim - below)
    if suspects == 0 or first >= after:
        return False
    if first == 0 or after == equals:
        return after - first > others or _comes_early(
            estimates, members, value, after - first, others, first > 0, seed, notes
        )
    return _comes_between(estimates, members, value, first, after, seed, notes)


@compiled
def _comes_early(
    estimates: Any, members: Any, value: Any, places: Any, others: Any, backwards: Any, seed: Any, notes: Any
) -> Any:
    """Whether fewer than so many of the others come before the first suspect, or after the last one."""
    nearest, early, at = -1, 0, 0
    for seat in range(members.size):
        if members[seat] == SUSPECT and estimates[seat] == value:
            keccak(notes[others], seed, seat, 2)
            nearest = seat
            break
    for seat in range(members.size):
        if members[seat] == MEMBER and estimates[seat] == value:
            keccak(notes[at], seed, seat, 2)
            early += before(notes[at], notes[others]) != backwards
            at += 1
            if early + others - at < places:
                return True
    for seat in range(nearest + 1, members.size):
        if members[seat] == SUSPECT and estimates[seat] == value:
            keccak(notes[others], seed, seat, 2)
            early = 0
            for at in range(others):
                early += before(notes[at], notes[others]) != backwards
            if early < places:
                return True
    return False


@compiled
def _comes_between(estimates: Any, members: Any, value: Any, first: Any, after: Any, seed: Any, notes: Any) -> Any:
    """Whether a suspect's place among the equals is from `first` to `after` - 1."""
    for seat in range(members.size):
        if members[seat] and estimates[seat] == value:
            keccak(notes[seat], seed, seat, 2)
    for seat in range(members.size):
        if members[seat] == SUSPECT and estimates[seat] == value:
            place = 0
            for other in range(members.size):
                if members[other] and estimates[other] == value:
                    place += before(notes[other], notes[seat])
            if first <= place < after:
                return True
    return False
