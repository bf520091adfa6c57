"""Shamir's shares over the field of `PRIME` elements: f of them reveal nothing, f + 1 reveal everything.

Shares of a sum are the sums of shares. Of n shares up to (n - f - 1) / 2 may be wrong: what the others say is still
found, and so are the wrong ones (Berlekamp and Welch).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chain_bandit.protocol.digests import keccak, uint
from chain_bandit.protocol.errors import ChainBanditError
from chain_bandit.protocol.sharing import PRIME, evaluate, field_element

_COEFFICIENT = keccak(b"chain_bandit.mediate.coefficient")


class NotShared(ChainBanditError):
    """Values that are not shares of anything, with no more than so many of them wrong."""

    def __init__(self, values: int, degree: int) -> None:
        less = max(_most_wrong(values, degree), 0)
        super().__init__(f"{values} values lie on no polynomial of degree {degree}, even without {less} of them")
        self.values, self.degree = values, degree


@dataclass(frozen=True, slots=True)
class OpenedSecret:
    """What shares say.

    Attributes:
        secret: the field element that was shared.
        wrong: holders of a value that is no share of it.
    """

    secret: int
    wrong: frozenset[int]


def coefficients(salt: bytes, degree: int) -> tuple[int, ...]:
    """Uniform field elements from a salt of 32 bytes, which is its owner's secret and used once."""
    return tuple(field_element(_COEFFICIENT, salt, uint(at, 2)) for at in range(degree))


def split(secret: int, chance: Sequence[int], parties: int, prime: int = PRIME) -> tuple[int, ...]:
    """A share for each party: the polynomial of `secret` and `chance`, lowest first, at 1, 2, ..."""
    return tuple(evaluate((secret, *chance), party + 1, prime) for party in range(parties))


def opened(shares: Mapping[int, int], degree: int, prime: int = PRIME) -> OpenedSecret:
    """What was shared, from values by party, some of them wrong perhaps.

    No other polynomial fits with as few wrong values, so this is the only answer.

    Raises:
        NotShared: too few values, or too many of them wrong.
    """
    most = _most_wrong(len(shares), degree)
    for errors in sorted({0, most}) if most >= 0 else ():  # mostly nobody lies
        polynomial = _polynomial(shares, degree, errors, prime)
        if polynomial is not None:
            off = (at for at, value in shares.items() if evaluate(polynomial, at + 1, prime) != value % prime)
            return OpenedSecret(polynomial[0], frozenset(off))
    raise NotShared(len(shares), degree)


def _most_wrong(values: int, degree: int) -> int:
    """How many of so many values may be wrong; below 0 there are not even enough right ones."""
    return (values - degree - 1) // 2 if values > degree else -1


def _polynomial(shares: Mapping[int, int], degree: int, errors: int, prime: int) -> tuple[int, ...] | None:
    """A polynomial that all but so many values lie on; None when there is none.

    With E zero at the wrong places, Q(x) = value(x) E(x) holds at all: it is linear in the coefficients of Q and
    E, whose leading one is 1, and any solution has Q = P E. E has no more zeros than its degree.
    """
    top = degree + errors
    equations = []
    for at, value in shares.items():
        powers = [pow(at + 1, power, prime) for power in range(top + 1)]
        equations.append([*powers, *(-value * power for power in powers[:errors]), value * powers[errors]])
    solution = _solved(equations, prime)
    return None if solution is None else _divided(solution[: top + 1], [*solution[top + 1 :], 1], prime)


def _solved(equations: list[list[int]], prime: int) -> list[int] | None:
    """A solution of linear equations, the right side of each its last number; unknowns that are free are 0."""
    rows, unknowns = [[number % prime for number in row] for row in equations], len(equations[0]) - 1
    pivots: list[int] = []
    for column in range(unknowns):
        at = len(pivots)
        found = next((row for row in range(at, len(rows)) if rows[row][column]), None)
        if found is None:
            continue
        rows[at], rows[found] = rows[found], rows[at]
        inverse = pow(rows[at][column], -1, prime)
        rows[at] = [number * inverse % prime for number in rows[at]]
        for other, row in enumerate(rows):
            if other != at and row[column]:
                rows[other] = [(a - row[column] * b) % prime for a, b in zip(row, rows[at], strict=True)]
        pivots.append(column)
    if any(row[-1] for row in rows[len(pivots) :]):
        return None
    solution = [0] * unknowns
    for at, column in enumerate(pivots):
        solution[column] = rows[at][-1]
    return solution


def _divided(dividend: Sequence[int], divisor: Sequence[int], prime: int) -> tuple[int, ...] | None:
    """The quotient of two polynomials, the divisor's leading coefficient 1; None when something is left over."""
    left, size = list(dividend), len(divisor)
    quotient = [0] * (len(left) - size + 1)
    for at in reversed(range(len(quotient))):
        quotient[at] = left[at + size - 1]
        for power, number in enumerate(divisor):
            left[at + power] = (left[at + power] - quotient[at] * number) % prime
    return None if any(left) else tuple(quotient)
