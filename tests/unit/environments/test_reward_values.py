"""Validation of a reward from outside."""

from decimal import Decimal

import numpy as np
import pytest

from chain_bandit.environments.reward_values import NoReward, reward_units, shown


@pytest.mark.parametrize(
    ("value", "units"),
    [
        (0, 0), (1, 10**9), (0.1, 10**8), (1.0, 10**9), ("0.25", 250_000_000), ("1e-3", 10**6),
        (Decimal("0.5"), 5 * 10**8), ("0.0000000005", 0), ("0.0000000015", 2), (Decimal("1e-9999"), 0),
        (np.float64(0.5), 5 * 10**8), (np.float32(0.5), 5 * 10**8), (np.int64(1), 10**9), ("0." + "9" * 40, 10**9),
        (-0.0, 0),
    ],
)  # fmt: skip
def test_a_number_from_0_to_1_counts_to_the_nearest_unit_a_tie_to_the_even_one(value: object, units: int) -> None:
    assert reward_units(value) == units


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, "nothing"), (2, "2"), (-0.001, "-0.001"), (1.0000000001, "1.0000000001"), (float("nan"), "nan"),
        (float("inf"), "inf"), (Decimal("NaN"), "'NaN'"), (Decimal("1e999999"), "'1E+999999'"), (True, "True"),
        ("much", "'much'"), ("", "''"), ("nan", "'nan'"), ("1_0", "'1_0'"), (" 1", "' 1'"), ("\u0660", "'\\u0660'"),
        ("1e99999", "'1e99999'"), ([1], "[1]"), ({}, "{}"), (b"1", "b'1'"), (1j, "1j"), (np.bool_(True), "np.True_"),
    ],
)  # fmt: skip
def test_whatever_else_is_refused_by_a_sentence(value: object, told: str) -> None:
    with pytest.raises(NoReward) as error:
        reward_units(value)
    assert str(error.value) == f"expected a number from 0 to 1, got {told}"


def test_what_is_shown_is_short_ascii_whatever_the_object_does() -> None:
    class Bad:
        def __repr__(self) -> str:
            raise RuntimeError

    assert shown(Bad()) == "Bad"
    assert shown(10**5000) == "int"
    assert shown("é" * 500).isascii()
    assert len(shown("x" * 500)) == 63
