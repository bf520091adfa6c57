"""Growth of a quantity with T: a fit of a + b ln T + c T, with an interval for each term, and of a power of T."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from math import inf, log
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from chain_bandit.protocol.units import UNIT
from chain_bandit.simulation.replicates import CONFIDENCE, IntervalEstimate
from chain_bandit.simulation.student import half_width

FAR = 10**6
"""The horizon at which a linear term is judged, the same for every row."""
EXPONENTS: Final = np.linspace(-2, 2, 401)
"""Those that are tried."""


class LinearTerm(Enum):
    """What a fit says of a linear term: found where the curve grows faster than ln T, however much faster."""

    FOUND = "found"
    UNDECIDED = "undecided"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Growth:
    """a + b ln T + c T with 95 % intervals.

    Attributes:
        constant, log, linear: a, b and c, in whole rewards; c a round.
    """

    constant: IntervalEstimate
    log: IntervalEstimate
    linear: IntervalEstimate

    def at(self, horizon: int) -> float:
        """a + b ln T + c T at a horizon, in whole rewards."""
        return self.constant.mean + self.log.mean * log(horizon) + self.linear.mean * horizon

    @property
    def says(self) -> LinearTerm:
        """Whether there is a linear term: rejected where at `FAR` it is surely under a tenth of the whole.

        A term that may be 0 and may be more than that is undecided.
        """
        assert self.linear.low is not None
        assert self.linear.high is not None
        if self.linear.low > 0:
            return LinearTerm.FOUND
        return LinearTerm.REJECTED if 10 * self.linear.high * FAR < self.at(FAR) else LinearTerm.UNDECIDED


def fit(horizons: Sequence[int], means: Sequence[float], errors: Sequence[float]) -> Growth:
    """Least squares over independent horizons, each with the weight of its standard error.

    Intervals are by Student's t with as many degrees of freedom as there are horizons beyond three, and widened by the
    root of chi^2 over these where the curve does not fit: they hold for a part that is such a curve to within its
    errors, and say less, not more, of one that is not. A horizon at which all replicates agree gets the smallest error
    of the others; where all do everywhere, all weights are equal.

    Args:
        horizons: T, four at least.
        means: at each, in whole rewards.
        errors: standard errors of the means.
    """
    scale = float(max(horizons))
    solved = _solve(np.array([[1.0, np.log(t), t / scale] for t in horizons]), means, errors)
    spread = np.sqrt(np.diag(np.linalg.inv(solved.normal)) * max(1.0, solved.chi2 / solved.freedom))
    half = half_width(solved.freedom, CONFIDENCE) * spread
    units = np.array([1.0, 1.0, scale])
    edges = zip(*(each / units for each in (solved.terms, solved.terms - half, solved.terms + half)), strict=True)
    return Growth(*(IntervalEstimate(float(mid), float(low), float(high)) for mid, low, high in edges))


def exponent(horizons: Sequence[int], means: Sequence[float], errors: Sequence[float]) -> IntervalEstimate:
    """g of the best a + b (T^g - 1) / g: 0 is ln T, 1 is a line.

    The interval holds every exponent of which chi^2 is less than Student's t squared above the least, in units of
    chi^2 over the degrees of freedom where that is above 1 (profile likelihood). An end beyond `EXPONENTS` is
    infinite.

    Args:
        horizons: T, four at least.
        means: at each, in whole rewards.
        errors: standard errors of the means.
    """
    far = np.log(np.array(horizons, np.float64) / min(horizons))
    grown = [np.expm1(g * far) / g if abs(g) > 1e-9 else far for g in EXPONENTS]
    solved = [_solve(np.stack([np.ones_like(far), each / each[-1]], axis=1), means, errors) for each in grown]
    chi2 = np.array([each.chi2 for each in solved])
    best = int(chi2.argmin())
    above = (chi2 - chi2[best]) / max(1.0, chi2[best] / solved[best].freedom)
    inside = np.flatnonzero(above <= half_width(solved[best].freedom, CONFIDENCE) ** 2)
    low = float(EXPONENTS[inside[0]]) if inside[0] else -inf
    high = float(EXPONENTS[inside[-1]]) if inside[-1] < len(EXPONENTS) - 1 else inf
    return IntervalEstimate(float(EXPONENTS[best]), low, high)


class _Solved(NamedTuple):
    """Terms of a weighted least squares fit, its normal matrix, chi^2 and degrees of freedom."""

    terms: NDArray[np.float64]
    normal: NDArray[np.float64]
    chi2: float
    freedom: int


def _solve(curve: NDArray[np.float64], means: Sequence[float], errors: Sequence[float]) -> _Solved:
    """Raises ValueError where the horizons, the rows of the curve, leave no degree of freedom."""
    freedom = len(curve) - 3  # an exponent is found beside two terms
    if freedom < 1:
        raise ValueError(f"{len(curve)} horizons leave no degree of freedom: four at least")
    weights = 1 / _positive(np.array(errors, np.float64))
    weighted, target = curve * weights[:, None], np.array(means, np.float64) * weights
    terms: NDArray[np.float64] = np.linalg.lstsq(weighted, target, rcond=None)[0].astype(np.float64, copy=False)
    chi2 = float(((target - weighted @ terms) ** 2).sum())
    return _Solved(terms, weighted.T @ weighted, chi2, freedom)


def _positive(errors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums of integers are known to a unit, and what never varied is known no better than its neighbours."""
    errors = np.where(errors < 1 / UNIT, 0, errors)
    return np.maximum(errors, errors[errors > 0].min() if errors.any() else 1 / UNIT)
