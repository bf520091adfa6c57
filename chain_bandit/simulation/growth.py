"""How something grows with the horizon T: fitted by a + b ln T + c T, with an interval for each term."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from math import log

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from chain_bandit.protocol.units import UNIT
from chain_bandit.simulation.replicates import CONFIDENCE, Estimate

FAR = 10**6
"""The horizon at which a linear term is judged, the same for every row."""


class Verdict(Enum):
    """What a fit says of a linear term."""

    FOUND = "found"
    UNDECIDED = "undecided"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Growth:
    """a + b ln T + c T with 95 % intervals.

    Attributes:
        constant, log, linear: a, b and c, in whole rewards; c a round.
    """

    constant: Estimate
    log: Estimate
    linear: Estimate

    def at(self, horizon: int) -> float:
        """a + b ln T + c T at a horizon, in whole rewards."""
        return self.constant.mean + self.log.mean * log(horizon) + self.linear.mean * horizon

    @property
    def says(self) -> Verdict:
        """Whether there is a linear term: rejected where at `FAR` it is surely under a tenth of the whole.

        A term that may be 0 and may be more than that is undecided.
        """
        assert self.linear.low is not None
        assert self.linear.high is not None
        if self.linear.low > 0:
            return Verdict.FOUND
        return Verdict.REJECTED if 10 * self.linear.high * FAR < self.at(FAR) else Verdict.UNDECIDED


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
    freedom = len(horizons) - 3
    if freedom < 1:
        raise ValueError(f"{len(horizons)} horizons leave no degree of freedom: four at least")
    scale = float(max(horizons))
    curve = np.array([[1.0, np.log(t), t / scale] for t in horizons])
    weights = 1 / _positive(np.array(errors, np.float64))
    weighted, target = curve * weights[:, None], np.array(means, np.float64) * weights
    found = np.linalg.lstsq(weighted, target, rcond=None)[0]
    misfit = float(((target - weighted @ found) ** 2).sum()) / freedom
    spread = np.sqrt(np.diag(np.linalg.inv(weighted.T @ weighted)) * max(1.0, misfit))
    half = float(stdtrit(freedom, (1 + CONFIDENCE) / 2)) * spread
    units = np.array([1.0, 1.0, scale])
    edges = zip(*(each / units for each in (found, found - half, found + half)), strict=True)
    return Growth(*(Estimate(float(mid), float(low), float(high)) for mid, low, high in edges))


def _positive(errors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums of integers are known to a unit, and what never varied is known no better than its neighbours."""
    errors = np.where(errors < 1 / UNIT, 0, errors)
    return np.maximum(errors, errors[errors > 0].min() if errors.any() else 1 / UNIT)
