"""Integers of a stated unit: everything that is signed or stored (protocol.md: Formulas).

Rewards and estimators count billionths (`UNIT` = 1.0) in a uint32; money counts wei.
"""

from collections.abc import Sequence

UNIT = 10**9
"""One whole reward in units of 1e-9."""

BOUND = 2 * UNIT
"""The contract approves a block whose every global estimator is at most this (section 3, Block Verification)."""

INFINITY = 2**32 - 1
"""The sentinel of an arm without a global estimator: no value above `BOUND` passes verification."""

NO_PULL = 255
"""The arm that settlement writes for a participant that did not pull."""

MAX_ARMS = 254
MAX_PARTICIPANTS = 256
"""Of a game on chain: what a byte can name, and a word hold a bit of each."""

MOST = 1_024
"""Arms, and participants, of a game in simulation."""

Means = tuple[int, ...]
"""One estimator per arm, in units."""

Counts = tuple[int, ...]
"""Pulls per arm."""


def sample_mean(total: int, count: int) -> int:
    """Floor of total / count in units; 0 for an arm that was never pulled (protocol.md: Reports)."""
    return total // count if count else 0


def sample_means(totals: Sequence[int], counts: Sequence[int]) -> Means:
    """The local estimators of all arms from sums of rewards (units) and pull counts."""
    return tuple(map(sample_mean, totals, counts))


def is_estimate(value: object) -> bool:
    """True for what a report may hold for one arm: an integer from 0 to `UNIT`."""
    return type(value) is int and 0 <= value <= UNIT


def added(values: tuple[int, ...], index: int, amount: int) -> tuple[int, ...]:
    """The values with `amount` added at `index`."""
    return (*values[:index], values[index] + amount, *values[index + 1 :])
