"""The quantile of Student's t is that of scipy, which is no part of the wheel."""

import pytest
from scipy.special import stdtrit

from chain_bandit.simulation.student import half_width


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.999])
def test_half_width_is_scipys(confidence):
    for freedom in (*range(1, 260), 1_000, 10**6 - 1):
        assert half_width(freedom, confidence) == pytest.approx(stdtrit(freedom, (1 + confidence) / 2), rel=1e-10)


@pytest.mark.parametrize(("freedom", "confidence"), [(0, 0.95), (5, 0.0), (5, 1.0)])
def test_no_interval_is_refused(freedom, confidence):
    with pytest.raises(ValueError, match="no interval"):
        half_width(freedom, confidence)
