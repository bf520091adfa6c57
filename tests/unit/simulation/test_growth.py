"""The fit of growth finds a linear part that was planted, and calls nothing linear that is ln T alone."""

from collections import Counter

import numpy as np
import pytest

from science.growth import HORIZONS
from science.regret_growth import FAR, LinearTerm, exponent, fit

LOGS = np.log(HORIZONS)


def tried(linear: float, seed: int, tries: int = 400, error: float = 1 / 20) -> list:
    """Fits of 5 + 8 ln T + `linear` T, seen at each horizon with a relative error."""
    curve = 5 + 8 * LOGS + linear * np.array(HORIZONS)
    errors = curve * error
    seen = np.random.default_rng(seed).normal(curve, errors, (tries, len(HORIZONS)))
    return [fit(HORIZONS, row, errors) for row in seen]


def verdicts(found: list) -> Counter:
    return Counter(each.says for each in found)


def test_an_exact_curve_gives_its_terms_back():
    found = fit(HORIZONS, 5 + 8 * LOGS + 3e-4 * np.array(HORIZONS), LOGS)
    assert [term.mean for term in (found.constant, found.log, found.linear)] == pytest.approx([5, 8, 3e-4], rel=1e-9)


def test_logarithms_alone_are_not_called_linear():
    found = tried(0, seed=1)
    outside = sum(not each.linear.low <= 0 <= each.linear.high for each in found)
    assert 0 < outside <= 0.05 * len(found)  # Student's t, of known errors, is a little wide
    assert verdicts(found)[LinearTerm.FOUND] <= 0.025 * len(found)
    precise = tried(0, seed=1, error=1 / 100)
    assert verdicts(precise)[LinearTerm.REJECTED] >= 0.9 * len(found)


PLANTED = {0.05: 0.25, 0.1: 0.025, 0.5: 0.0}
"""The linear part's share of the whole at T = 10^6, and how often it may pass for none at errors of a fiftieth."""


@pytest.mark.parametrize("share", PLANTED)
def test_a_planted_share_does_not_pass_for_none(share):
    linear = share / (1 - share) * (5 + 8 * np.log(FAR)) / FAR
    found = tried(linear, seed=3, tries=200, error=1 / 50)
    assert verdicts(found)[LinearTerm.REJECTED] <= PLANTED[share] * len(found)
    assert verdicts(found)[LinearTerm.FOUND] >= (share == 0.5) * len(found)


def test_a_short_row_is_judged_at_the_same_horizon_as_a_long_one():
    """Up to T = 10^4 a term of a tenth at 10^6 is a thousandth: nothing that a bound at the row's own end would see."""
    short = [t for t in HORIZONS if t <= 10_000]
    means = [5 + 8 * np.log(t) for t in short]
    assert fit(short, means, [mean / 50 for mean in means]).says is LinearTerm.UNDECIDED
    assert fit(short, means, [1e-5] * len(short)).says is LinearTerm.REJECTED


def test_a_planted_linear_part_is_found():
    """3e-4 a round is 300 of the 415 rewards at T = 10^6."""
    found = tried(3e-4, seed=2)
    assert verdicts(found)[LinearTerm.FOUND] > 0.99 * len(found)
    inside = sum(each.linear.low <= 3e-4 <= each.linear.high for each in found)
    assert inside >= 0.95 * len(found)


def test_too_little_is_undecided():
    """Four horizons within a decade tell a line from a logarithm only if the errors are small."""
    few = (1_000, 2_000, 4_000, 8_000)
    for error, verdict in ((20, LinearTerm.UNDECIDED), (1e-3, LinearTerm.FOUND)):
        assert fit(few, [0.4 * t for t in few], [error * t / 100 for t in few]).says is verdict


def test_a_curve_that_does_not_fit_gets_wider_intervals():
    """Steps of a whole sweep, as the burn-in's ceil(ln T) has them: known to the unit, and yet not to be trusted."""
    steps = np.ceil(LOGS) * 2.7
    found = fit(HORIZONS, steps, [0] * len(HORIZONS))
    assert found.linear.low < 0 < found.linear.high
    assert found.log.low < 2.7 < found.log.high


def test_nothing_is_nothing_and_three_horizons_are_too_few():
    found = fit(HORIZONS, [0.0] * len(HORIZONS), [0.0] * len(HORIZONS))
    assert (found.log.mean, found.linear.mean, found.says) == (0, 0, LinearTerm.UNDECIDED)
    constant = fit(HORIZONS, [54.0] * len(HORIZONS), [1e-15] * len(HORIZONS))
    assert constant.says is LinearTerm.REJECTED
    assert constant.constant.mean == pytest.approx(54)
    with pytest.raises(ValueError, match="four at least"):
        fit(HORIZONS[:3], [1, 2, 3], [1, 1, 1])


def curves() -> dict[str, tuple[np.ndarray, float | None]]:
    """Shapes by name, and the exponent of those that are of the family."""
    horizons = np.array(HORIZONS, float)
    return {
        "ln T": (5 + 8 * LOGS, 0), "sqrt T": (5 + 0.1 * horizons**0.5, 0.5), "T": (3 + 0.4 * horizons, 1),
        "ln^2 T": (5 + LOGS**2, None), "ln T and T": (5 + 8 * LOGS + 3e-4 * horizons, None),
    }  # fmt: skip


@pytest.mark.parametrize("shape", curves())
def test_the_exponent_tells_a_slow_shape_from_a_line(shape):
    """ln^2 T grows faster than ln T, so that a linear term is found in it; its exponent is that of no line."""
    curve, power = curves()[shape]
    seen = np.random.default_rng(5).normal(curve, curve * 0.015, (100, len(HORIZONS)))
    found = [exponent(HORIZONS, row, curve * 0.015) for row in seen]
    if power is not None:
        assert sum(each.low <= power <= each.high for each in found) >= 90
        assert exponent(HORIZONS, curve, curve * 0.015).mean == pytest.approx(power, abs=0.011)
    else:
        assert all(0 < each.low <= each.high < 1 for each in found)
        assert fit(HORIZONS, curve, curve * 0.015).says is LinearTerm.FOUND


def test_what_does_not_grow_has_any_exponent():
    found = exponent(HORIZONS, [54.0] * len(HORIZONS), [1.0] * len(HORIZONS))
    assert (found.low, found.high) == (-np.inf, np.inf)
