"""Choice of the arm (Algorithm 1): round-robin in the burn-in, then the upper confidence bound.

Widths are computed in integers, so that every machine picks the same arm (protocol.md: Arm).
"""

from collections.abc import Sequence
from decimal import Context, Decimal
from functools import lru_cache
from math import isqrt, log

_EXACT = Context(prec=40)

NEAR = 1e-4
"""How near to an integer 10^9 ln t may be wrong as a double: by far more than any is, for t below 2^64."""


def burn_in_length(arms: int, horizon: int, factor: Decimal) -> int:
    """L = K * ceil(C_L * ln T), at least 2K (protocol.md: Arm)."""
    sweeps = _EXACT.multiply(factor, Decimal(horizon).ln(_EXACT)).to_integral_value("ROUND_CEILING", _EXACT)
    return arms * max(2, int(sweeps))


def round_robin(round_: int, arms: int) -> int:
    """The arm of a burn-in round: (t - 1) mod K."""
    return (round_ - 1) % arms


def log_billionths(round_: int) -> int:
    """floor(10^9 * ln t), exact: a double is, but near an integer or beyond all rounds, where decimals decide."""
    billionths = 10**9 * log(round_)
    if round_ >= 2**64 or abs(billionths - round(billionths)) < NEAR:
        return int(_EXACT.multiply(Decimal(round_).ln(_EXACT), 10**9))
    return int(billionths)


@lru_cache(maxsize=64)  # of one round everybody asks for it
def width_table(round_: int, numerator: int, denominator: int) -> int:
    """Z[t] = floor(P * floor(10^9 ln t) * 10^7 / Q) with C1 = P/Q; the width of n pulls is 10 * isqrt(Z // n)."""
    return numerator * log_billionths(round_) * 10**7 // denominator


def confidence_width(z: int, pulls: int) -> int:
    """F = sqrt(C1 ln t / n) in units, from the tabled `z` of `width_table`."""
    return 10 * isqrt(z // pulls)


def ucb_arm(means: Sequence[int], pulls: Sequence[int], z: Sequence[int]) -> int:
    """The lowest index among argmax of mean + width; an arm never pulled goes first.

    Args:
        means: estimators in units, one an arm.
        pulls: n_ref, pulls of each arm by a participant that follows the rules.
        z: the tabled `width_table` value of each arm in this round.
    """
    best, best_index = 0, -1
    for arm, (mean, n) in enumerate(zip(means, pulls, strict=True)):
        if n == 0:
            return arm
        index = mean + confidence_width(z[arm], n)
        if index > best_index:
            best, best_index = arm, index
    return best
