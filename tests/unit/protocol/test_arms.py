"""protocol/arms.py, held against big integers and decimals of higher precision."""

import random
import tracemalloc
from decimal import Context, Decimal, localcontext

import pytest

from chain_bandit.protocol.arms import (
    burn_in_length,
    confidence_width,
    log_billionths,
    round_robin,
    ucb_arm,
    width_table,
)
from chain_bandit.protocol.units import INFINITY, UNIT

WIDE = Context(prec=80)


def exact_index(mean, pulls, round_, numerator, denominator):
    """mean + sqrt(C1 ln t / n) in units, to 70 digits."""
    with localcontext(WIDE):
        square = Decimal(numerator) / denominator * Decimal(round_).ln(WIDE) / pulls
        return Decimal(mean) + square.sqrt(WIDE) * UNIT


def test_log_billionths_is_the_floor_of_a_billion_times_the_logarithm():
    rounds = [1, 2, 3, 10, 999, 1000, 10**6, 2**32 - 1, *random.Random(5).sample(range(2, 10**7), 300)]
    for t in rounds:
        with localcontext(WIDE):
            assert log_billionths(t) == int(Decimal(t).ln(WIDE) * 10**9)
    assert log_billionths(1) == 0


@pytest.mark.parametrize("t", [1364450, 1956478, 4180871, 4331732, 4457290, 4677186])
def test_log_billionths_is_exact_next_to_an_integer(t):
    """A double is not, of the usual logarithm."""
    with localcontext(WIDE):
        assert log_billionths(t) == int(Decimal(t).ln(WIDE) * 10**9)


def test_log_billionths_does_not_change_with_the_callers_decimal_context():
    expected = log_billionths(987_654_321)
    with localcontext(Context(prec=6)):
        assert log_billionths(987_654_321) == expected


def test_width_table_is_the_formula_in_big_integers():
    rng = random.Random(6)
    for _ in range(500):
        t, p, q, n = rng.randint(1, 10**6), rng.randint(1, 50), rng.randint(1, 50), rng.randint(1, 10**6)
        z = width_table(t, p, q)
        assert z == (p * log_billionths(t) * 10**7) // q
        width = confidence_width(z, n)
        assert width % 10 == 0
        root = width // 10
        assert root * root <= z // n < (root + 1) * (root + 1)


def test_width_agrees_with_the_real_formula_to_eleven_units():
    rng = random.Random(7)
    for _ in range(500):
        t, p, q, n = rng.randint(2, 10**6), rng.randint(1, 20), rng.randint(1, 20), rng.randint(1, 10**5)
        exact = exact_index(0, n, t, p, q)
        assert -1 <= exact - confidence_width(width_table(t, p, q), n) <= 11


def test_ucb_arm_is_the_exact_argmax_wherever_the_gap_is_clear():
    rng, clear = random.Random(8), 0
    for _ in range(1000):
        arms, t = rng.randint(2, 6), rng.randint(2, 10**5)
        means = [rng.randint(0, UNIT) for _ in range(arms)]
        pulls = [rng.randint(1, t) for _ in range(arms)]
        p, q = rng.randint(1, 5), rng.randint(1, 9)
        exact = sorted(((exact_index(m, n, t, p, q), i) for i, (m, n) in enumerate(zip(means, pulls, strict=True))))
        if exact[-1][0] - exact[-2][0] > 12:
            assert ucb_arm(means, pulls, [width_table(t, p, q)] * arms) == exact[-1][1]
            clear += 1
    assert clear > 990


def test_ucb_arm_takes_the_lowest_index_when_indices_are_equal():
    z = width_table(100, 2, 1)
    assert ucb_arm([5, 7, 7], [3, 3, 3], [z] * 3) == 1
    assert ucb_arm([7, 7], [3, 3], [z] * 2) == 0


def test_ucb_arm_takes_an_arm_that_was_never_pulled_first():
    z = width_table(100, 2, 1)
    assert ucb_arm([UNIT, 0, 0], [9, 0, 0], [z] * 3) == 1


def test_ucb_arm_refuses_lists_of_different_length():
    with pytest.raises(ValueError, match="zip"):
        ucb_arm([1], [1, 2], [1, 1])


@pytest.mark.parametrize("t", [2**64 - 1, 2**64, 3**200, 2**4096 - 1])
def test_logarithms_beyond_all_rounds_are_exact_too(t):
    """A rule of others may ask for them."""
    assert log_billionths(t) == int(10**9 * Decimal(t).ln(Context(prec=60)))


def test_an_infinite_estimator_wins_and_overflows_nothing():
    assert ucb_arm([0, INFINITY], [1, 1], [width_table(2**32 - 1, 50, 1)] * 2) == 1


@pytest.mark.parametrize(
    ("arms", "horizon", "factor", "expected"),
    [(2, 2, "1", 4), (16, 1000, "1", 112), (3, 1000, "2", 42), (3, 1000, "0.01", 6), (5, 3, "1", 10)],
)
def test_burn_in_is_a_multiple_of_the_arms_and_at_least_two_sweeps(arms, horizon, factor, expected):
    assert burn_in_length(arms, horizon, Decimal(factor)) == expected


def test_round_robin_starts_with_arm_zero():
    assert [round_robin(t, 3) for t in range(1, 8)] == [0, 1, 2, 0, 1, 2, 0]


def test_tabled_widths_of_past_rounds_take_no_memory():
    for t in range(1, 200):
        width_table(t, 2, 1)
    tracemalloc.start()
    for t in range(200, 2_200):
        width_table(t, 2, 1)
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 20_000
