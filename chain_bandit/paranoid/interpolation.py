"""The polynomial that most of some shares lie on: Gao's decoding of Reed-Solomon codes, by one extended Euclid.

Coefficients stand lowest first. The other implementation solves Berlekamp and Welch's linear equations.
"""

from collections.abc import Mapping

PRIME = 2**89 - 1

Polynomial = list[int]


def decoded(shares: Mapping[int, int], degree: int) -> Polynomial | None:
    """What shares by their places lie on, with at most (n - degree - 1) / 2 of n beside it; None for nothing."""
    size = len(shares)
    if size <= degree:
        return None
    whole, found = [1], [0]  # the product of all x - x_i, and what all shares lie on
    for place, value in shares.items():
        scale = (value - at(found, place)) * pow(at(whole, place), -1, PRIME)
        found = _less(found, _times(whole, [-scale]))
        whole = _times(whole, [-(place + 1), 1])
    before, rest, left, right = whole, found, [0], [1]
    while 2 * _degree(rest) >= size + degree + 1:
        quotient, remainder = _divided(before, rest)
        before, rest = rest, remainder
        left, right = right, _less(left, _times(quotient, right))
    polynomial, over = _divided(rest, right)
    return None if _degree(over) >= 0 or _degree(polynomial) > degree else polynomial


def at(polynomial: Polynomial, place: int) -> int:
    """Its value for the share at a place: places are counted from 0, points from 1."""
    value = 0
    for coefficient in reversed(polynomial):
        value = (value * (place + 1) + coefficient) % PRIME
    return value


def _degree(polynomial: Polynomial) -> int:
    """-1 of nothing."""
    return max((power for power, each in enumerate(polynomial) if each % PRIME), default=-1)


def _times(one: Polynomial, other: Polynomial) -> Polynomial:
    product = [0] * (len(one) + len(other) - 1)
    for power, factor in enumerate(one):
        for beside, each in enumerate(other):
            product[power + beside] = (product[power + beside] + factor * each) % PRIME
    return product


def _less(one: Polynomial, other: Polynomial) -> Polynomial:
    longest = max(len(one), len(other))
    return [((one + [0] * longest)[power] - (other + [0] * longest)[power]) % PRIME for power in range(longest)]


def _divided(dividend: Polynomial, divisor: Polynomial) -> tuple[Polynomial, Polynomial]:
    rest, top = list(dividend), _degree(divisor)
    quotient, inverse = [0] * max(_degree(rest) - top + 1, 1), pow(divisor[top], -1, PRIME)
    while (power := _degree(rest)) >= top:
        factor = rest[power] * inverse % PRIME
        quotient[power - top] = factor
        for beside in range(top + 1):
            rest[power - top + beside] = (rest[power - top + beside] - factor * divisor[beside]) % PRIME
    return quotient, rest
