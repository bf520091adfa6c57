"""Huber's one-step estimator: its twin, and each inequality of the theorem in docs/robust.md in exact arithmetic."""

from collections import Counter, defaultdict
from fractions import Fraction
from itertools import combinations_with_replacement, product
from math import comb, erfc, exp, factorial, floor, isqrt, pi, prod, sqrt
from statistics import mean, median, median_high, median_low

import pytest

from chain_bandit.protocol.units import UNIT
from tests.unit.protocol.rules import records


def rounding(terms):
    return 0


def deviation(clip, pulls):
    """The largest integer below clip / (2 sqrt(pulls))."""
    square, guess = Fraction(clip * clip, 4 * max(pulls, 1)), 0
    for bit in reversed(range(34)):
        guess += (1 << bit) * ((guess + (1 << bit)) ** 2 < square)
    return guess


def naive(terms, agreed):
    seats = records.passed(agreed)
    if not seats:
        return [None] * terms.arms, [set()] * terms.arms
    means, sets = [], []
    for arm in range(terms.arms):
        told, r = {p: agreed.reports[p][arm] for p in seats}, deviation(terms.options["clip"], agreed.pulls[arm])
        low, high = median_low(told.values()), median_high(told.values())
        middle = (low + high) // 2
        means.append(floor(mean([Fraction(min(max(x, middle - r), middle + r)) for x in told.values()])))
        sets.append({p for p, x in told.items() if middle - r <= x <= middle + r or low <= x <= high})
    return means, sets


def clipped(value, r):
    return max(-r, min(r, value))


def moved(reports, centre, r):
    """T(c): a centre, moved by the mean of the clipped deviations from it."""
    return centre + sum(clipped(x - centre, r) for x in reports) / Fraction(len(reports))


def rule(reports, r):
    return moved(reports, median(reports), r)


def some(dice, count):
    """Reports in [0, 1]."""
    grain = dice.pick((3, 10, 10**6))
    return [Fraction(dice.below(grain + 1), grain) for _ in range(count)]


class Case:
    """Honest reports, fewer lies than a half of all, and r."""

    def __init__(self, seed):
        dice = records.Dice(seed)
        self.f = dice.below(5)
        self.honest = sorted(some(dice, self.f + 1 + dice.below(6)))
        self.count = self.f + len(self.honest)
        self.r, self.lies = Fraction(1 + dice.below(100), 100), some(dice, self.f)
        self.dice = dice
        self.low = (self.honest[(self.count - 1) // 2 - self.f] + self.honest[self.count // 2 - self.f]) / 2
        self.high = (self.honest[(self.count - 1) // 2] + self.honest[self.count // 2]) / 2

    def bounds(self):
        """L and U of the third inequality."""
        pull = self.f * self.r / self.count
        return tuple(
            centre + sum(clipped(x - centre, self.r) for x in self.honest) / self.count + side * pull
            for centre, side in ((self.low, -1), (self.high, 1))
        )


CASES = pytest.mark.parametrize("seed", range(300))


@CASES
def test_1_the_step_rises_with_its_centre_and_no_faster(seed):
    case = Case(seed)
    low, high = sorted(some(case.dice, 2))
    assert 0 <= moved(case.honest, high, case.r) - moved(case.honest, low, case.r) <= high - low


@CASES
def test_2_liars_keep_the_median_between_two_of_the_honest_alone(seed):
    case = Case(seed)
    assert case.low <= median(case.honest + case.lies) <= case.high


@CASES
def test_3_whatever_liars_say_the_estimate_is_between_two_functions_of_the_honest_reports(seed):
    case = Case(seed)
    low, high = case.bounds()
    assert low <= rule(case.honest + case.lies, case.r) <= high


@CASES
def test_3_and_liars_far_enough_away_attain_them(seed):
    case = Case(seed)
    for bound, lie in zip(case.bounds(), (-10, 10), strict=True):
        assert rule([*case.honest, *[Fraction(lie)] * case.f], case.r) == bound


@CASES
def test_4_the_upper_one_is_no_more_than_four_terms(seed):
    case = Case(seed)
    mu, (low, high) = some(case.dice, 1)[0], case.bounds()
    noise = sum(clipped(x - mu, case.r) for x in case.honest) / case.count
    pull = case.f * case.r / case.count
    assert high - mu <= max(case.high - mu, 0) + pull + noise
    assert low - mu >= min(case.low - mu, 0) - pull + noise


@CASES
def test_5_a_reward_moves_the_third_term_by_at_most_one_over_all_rewards(seed):
    case = Case(seed)
    n, at = 1 + case.dice.below(20), case.dice.below(len(case.honest))
    mu, step = some(case.dice, 1)[0], Fraction(1, n)
    before = sum(clipped(x - mu, case.r) for x in case.honest) / case.count
    case.honest[at] += case.dice.pick((step, -step))
    after = sum(clipped(x - mu, case.r) for x in case.honest) / case.count
    assert abs(after - before) <= step / case.count


def coins(n, mu):
    """(Value, its chance) of the mean of n coins, exact."""
    return [(Fraction(k, n), comb(n, k) * mu**k * (1 - mu) ** (n - k)) for k in range(n + 1)]


def sums(values, count):
    """value -> chance of the sum of so many that are drawn independently."""
    found = {Fraction(0): Fraction(1)}
    for _ in range(count):
        longer = defaultdict(Fraction)
        for (total, chance), (value, its) in product(found.items(), values):
            longer[total + value] += chance * its
        found = longer
    return found


COINS = pytest.mark.parametrize(("n", "mu"), list(product((1, 4, 9), (Fraction(1, 2), Fraction(1, 5)))))
SIZES = pytest.mark.parametrize(("honest", "f"), [(7, 3), (9, 1), (6, 4), (4, 3), (3, 0)])


@COINS
@SIZES
@pytest.mark.parametrize("clip", [Fraction(1, 2), Fraction(5, 4)])
def test_5_the_third_term_is_far_above_its_expectation_as_seldom_as_mcdiarmid_says(n, mu, honest, f, clip):
    r = clip / (2 * isqrt(n))
    told = sums([(clipped(x - mu, r), chance) for x, chance in coins(n, mu)], honest)
    expected = sum(value * chance for value, chance in told.items())
    above = Fraction(0)
    for value in sorted(told, reverse=True):
        above += told[value]
        s = (value - expected) / (honest + f)
        if s > 0:
            assert above <= exp(-2 * n * s * s * (honest + f) ** 2 / honest)


@COINS
@SIZES
@pytest.mark.parametrize("s", [0.05, 0.2, 0.4])
def test_6_an_order_statistic_is_far_off_as_seldom_as_so_many_honest_reports_are(n, mu, honest, f, s):
    one = sum(chance for x, chance in coins(n, mu) if x >= mu + Fraction(s))
    far = honest - (honest + f) // 2  # so many have to be high for the higher of the two in the middle to be
    exact = sum(comb(honest, k) * one**k * (1 - one) ** (honest - k) for k in range(far, honest + 1))
    assert exact <= comb(honest, far) * one**far
    assert float(comb(honest, far) * one**far) <= comb(honest, far) * exp(-2 * n * s * s * far) * (1 + 1e-12)


@pytest.mark.parametrize(("n", "mu"), list(product((1, 4), (Fraction(1, 2), Fraction(1, 5)))))
@SIZES
def test_an_estimate_is_beyond_its_width_as_seldom_as_the_regret_needs(n, mu, honest, f):
    """Over everything that the honest can report, with the liars at the third inequality's U."""
    count, clip, root = honest + f, 1.25, isqrt(n)
    r, far = Fraction(clip) / (2 * root), honest - count // 2
    beta = clip * f / (2 * count) + honest / count * sqrt(pi / 8) * erfc(clip / sqrt(2))
    one, two = 2 * far, 2 * count**2 / honest
    rate = one * two / (sqrt(one) + sqrt(two)) ** 2
    errors = []
    for told in combinations_with_replacement(coins(n, mu), honest):  # in ascending order
        ways = factorial(honest) // prod(map(factorial, Counter(told).values()))
        reports = [x for x, _ in told]
        high = (reports[(count - 1) // 2] + reports[count // 2]) / 2
        most = high + (sum(clipped(x - high, r) for x in reports) + f * r) / count
        errors.append(((most - mu) * root, ways * prod(chance for _, chance in told)))
    assert sum(chance for _, chance in errors) == 1
    for wide in (beta + more / 4 for more in range(12)):
        beyond = sum(chance for error, chance in errors if error > wide)
        assert float(beyond) <= (comb(honest, far) + 1) * exp(-rate * (wide - beta) ** 2)


@pytest.mark.parametrize(("n", "mu"), list(product((1, 4, 16, 64), (Fraction(1, 2), Fraction(1, 3), Fraction(1, 10)))))
@pytest.mark.parametrize("clip", [0.5, 1.0, 2.0])
def test_7_clipping_the_honest_costs_a_bias_of_order_one_over_the_root_of_pulls(n, mu, clip):
    r = Fraction(clip / (2 * sqrt(n)))
    bias = sum(comb(n, k) * mu**k * (1 - mu) ** (n - k) * clipped(Fraction(k, n) - mu, r) for k in range(n + 1))
    assert abs(float(bias)) <= sqrt(pi / 8) * erfc(clip / sqrt(2)) / sqrt(n)


@CASES
def test_8_where_both_estimates_are_within_their_widths_an_arm_taken_for_a_better_one_has_few_pulls(seed):
    """index = estimate + W / sqrt(n): it takes 2 W / sqrt(n) >= gap, so that n <= (2 W / gap)^2."""
    dice = records.Dice(seed)
    wide, gap, better = Fraction(1 + dice.below(50), 10), Fraction(1 + dice.below(9), 10), Fraction(9, 10)
    roots = [1 + dice.below(200), 1 + dice.below(200)]  # of pulls
    widths = [wide / root for root in roots]
    off = [Fraction(dice.below(201) - 100, 100) * width for width in widths]
    best, other = (mean + error + width for mean, error, width in zip((better, better - gap), off, widths, strict=True))
    assert best > other or roots[1] ** 2 <= (2 * wide / gap) ** 2


@pytest.mark.parametrize("lie", [0, UNIT])
def test_a_liar_moves_it_by_a_clip_over_all_and_is_seen_to_be_clipped(lie):
    honest = [UNIT // 2 + 10 * at for at in range(-3, 4)]
    alone = records.ask("huber-one-step", records.column(*honest)).means[0]
    found = records.ask("huber-one-step", records.column(*honest, lie))
    r = deviation(5 * UNIT // 4, 9)
    assert abs(found.means[0] - alone) <= r // 8 + 20
    assert found.sets == (frozenset(range(7)),)


def test_whoever_is_clipped_counts_in_the_width():
    assert records.AGGREGATIONS["huber-one-step"].worth(records.GAME, 3, 10) == 10
