"""Thompson sampling: a twin from its sources, and the law of what is drawn."""

from decimal import Decimal, localcontext
from itertools import count

import numpy as np
import pytest

from chain_bandit.protocol.rule import Learnt, Terms
from chain_bandit.protocol.rules.thompson import Thompson, _beta
from chain_bandit.protocol.units import UNIT
from tests.unit.protocol.rules.records import GAME, hashed


def uniform(coins: int, place: int) -> Decimal:
    """The middle of one of 2^80 equal parts of (0, 1), by the place-th 80 of 256 bits, from the lowest."""
    return (Decimal(coins // 2 ** (80 * place) % 2**80) + Decimal("0.5")) / 2**80


def gamma(a: Decimal, seed: bytes, arm: int, which: int) -> Decimal:
    """Marsaglia, Tsang 2000, section 4, with the polar method for its normal numbers."""
    d = a - Decimal(1) / 3
    c = 1 / (9 * d).sqrt()
    for attempt in count():
        coins = int.from_bytes(hashed(seed, arm, which, attempt, size=4))
        u, v = 2 * uniform(coins, 0) - 1, 2 * uniform(coins, 1) - 1
        if u * u + v * v >= 1:
            continue
        x = u * (-2 * (u * u + v * v).ln() / (u * u + v * v)).sqrt()
        cubed = (1 + c * x) ** 3
        if cubed > 0 and uniform(coins, 2) < (x * x / 2 + d - d * cubed + d * cubed.ln()).exp():
            return d * cubed
    raise AssertionError


def naive(terms: Terms, learnt: Learnt) -> int:
    """Agrawal, Goyal 2012, algorithm 1: beta laws from ones and zeros, a sample from each."""
    if 0 in learnt.pulls:
        return learnt.pulls.index(0)
    draws = []
    with localcontext(prec=60):
        for arm, mean in enumerate(learnt.means):
            samples = Decimal(2 * terms.c1[1] * learnt.pulls[arm] * max(learnt.worth[arm], 1)) / terms.c1[0]
            ones = samples * mean / UNIT
            first, second = gamma(1 + ones, learnt.seed, arm, 1), gamma(1 + samples - ones, learnt.seed, arm, 0)
            draws.append(first / (first + second))
    return draws.index(max(draws))


@pytest.mark.parametrize(("samples", "mean"), [(0, 0), (3, UNIT), (9, UNIT // 5), (200, UNIT // 2)])
def test_draws_have_the_beta_law(samples, mean):
    """Kolmogorov and Smirnov's distance to a large sample of numpy's; beyond 0.061 once in a thousand times."""
    share = Decimal(mean) / UNIT
    drawn = np.sort([_beta(Decimal(samples), share, at.to_bytes(32), 3) / UNIT for at in range(1_000)])
    ones = samples * mean / UNIT
    theirs = np.sort(np.random.default_rng(0).beta(1 + ones, 1 + samples - ones, 100_000))
    empirical = np.searchsorted(theirs, drawn) / len(theirs)
    assert np.abs(empirical - (np.arange(1_000) + 0.5) / 1_000).max() < 0.061


def test_arms_rounds_and_both_gamma_laws_have_coins_of_their_own():
    draws = {_beta(Decimal(5), Decimal("0.5"), seed, arm) for seed in (bytes(32), b"\1" * 32) for arm in range(20)}
    assert len(draws) == 40
    assert UNIT // 2 not in draws


def test_more_exploration_draws_wider():
    """An arm a tenth worse is pulled more often the fewer samples C1 lets its estimator stand for."""

    def worse(c1):
        terms, rule = GAME._replace(c1=c1), Thompson()
        arms = [rule.arm(terms, Learnt(9, t.to_bytes(32), (UNIT // 2, 2 * UNIT // 5), (60, 60), (1, 1)))
                for t in range(200)]  # fmt: skip
        return sum(arms)

    assert worse((1, 2)) < worse((2, 1)) < worse((8, 1))
