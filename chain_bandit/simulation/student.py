"""The quantile of Student's t distribution, for two-sided confidence intervals of means."""

from functools import cache
from math import cos, pi, sin, sqrt, tan
from statistics import NormalDist

_LARGE = 200
"""Degrees of freedom from which the expansion about the normal quantile is exact to 1e-10."""


@cache
def half_width(freedom: int, confidence: float) -> float:
    """The t with P(|T| <= t) = `confidence`, in standard errors; infinite for no degree of freedom.

    Closed form of the distribution function for whole degrees of freedom, solved by bisection; above `_LARGE` the
    Cornish-Fisher expansion (Abramowitz and Stegun, 26.7.3, 26.7.4 and 26.7.5).

    Args:
        freedom: degrees of freedom, at least 1.
        confidence: in (0, 1).

    Raises:
        ValueError: no degree of freedom, or a confidence outside (0, 1).
    """
    if freedom < 1 or not 0 < confidence < 1:
        raise ValueError(f"no interval of confidence {confidence} with {freedom} degrees of freedom")
    if freedom > _LARGE:
        return _expanded(freedom, NormalDist().inv_cdf((1 + confidence) / 2))
    low, high = 0.0, pi / 2
    while low < (middle := (low + high) / 2) < high:
        low, high = (middle, high) if _within(middle, freedom) < confidence else (low, middle)
    return sqrt(freedom) * tan(middle)


def _within(angle: float, freedom: int) -> float:
    """P(|T| <= sqrt(freedom) tan(angle))."""
    square = cos(angle) ** 2
    first = 2 if freedom % 2 else 1
    series = term = 1.0
    for step in range(first, freedom - 2, 2):
        term *= square * step / (step + 1)
        series += term
    if freedom == 1:
        return 2 * angle / pi
    if freedom % 2:
        return 2 / pi * (angle + sin(angle) * cos(angle) * series)
    return sin(angle) * series


def _expanded(freedom: int, z: float) -> float:
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92_160,
    )
    value = 0.0
    for term in reversed(terms):
        value = value / freedom + term
    return value
