from decimal import Decimal

import pytest

from chain_bandit.environments.bernoulli import bernoulli_model
from chain_bandit.environments.errors import ArmsInvalid, MeanInvalid
from chain_bandit.protocol.errors import ChainBanditError
from chain_bandit.protocol.units import MOST, UNIT


@pytest.mark.parametrize(
    "mean",
    [-0.1, "-1e-30", float("nan"), "nan", "sNaN", float("inf"), "-inf", 1.0000001, "1.00000000000000000001", 2, "",
     "half", True, None],
)
def test_mean_is_refused_with_its_arm_when_it_is_no_probability(mean):
    with pytest.raises(MeanInvalid, match="mean of arm 1: expected a number from 0 to 1") as refusal:
        bernoulli_model([0.5, mean])
    assert refusal.value.arm == 1
    assert refusal.value.exit_code == 3
    assert isinstance(refusal.value, ChainBanditError)


@pytest.mark.parametrize("count", [0, MOST + 1])
def test_arms_are_refused_when_there_are_none_or_too_many(count):
    with pytest.raises(ArmsInvalid, match=f"1 to {MOST} arms, got {count}"):
        bernoulli_model([0.5] * count)


@pytest.mark.parametrize(
    ("mean", "units"),
    [
        (0, 0), (1, UNIT), (0.0, 0), (-0.0, 0), (0.1, 10**8), ("0.45", 45 * 10**7), (Decimal("0.3"), 3 * 10**8),
        (1 / 3, 333_333_333), ("0.9999999999", UNIT), ("1e-9", 1), ("1e-999999", 0),
        ("0.0000000005", 0), ("0.0000000015", 2), ("0.00000000050000000000000000000000000001", 1),
    ],
)
def test_mean_goes_to_the_nearest_unit_ties_to_even(mean, units):
    assert bernoulli_model([mean]).means == (units,)


def test_model_survives_its_own_encoding():
    model = bernoulli_model([0, 0.25, "1"])
    assert type(model).decode(model.encode(), 3) == model
