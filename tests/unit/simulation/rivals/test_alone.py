"""UCB1, KL-UCB and Thompson sampling: their own formulas, and one agent in plain loops."""

from math import log

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import rel_entr
from scipy.stats import ks_2samp

from chain_bandit.environments.bernoulli import bernoulli_model
from chain_bandit.protocol.rewards import Draws
from chain_bandit.simulation.arena import World, play
from chain_bandit.simulation.rivals import on_draws
from chain_bandit.simulation.rivals.kl_ucb import kl_bounds, kl_ucb
from chain_bandit.simulation.rivals.reports import Malice
from chain_bandit.simulation.rivals.thompson import thompson
from chain_bandit.simulation.rivals.ucb1 import ucb1

MEANS, HORIZON = (0.3, 0.7, 0.5), 400
WORLD = World(MEANS, 2, 0, HORIZON)


def equal_in_law(samples, others):
    """Nothing that a test of Kolmogorov and Smirnov would see."""
    return ks_2samp(samples, others).pvalue > 0.01


def regrets(make, agents=1):
    return play(World(MEANS, agents, 0, HORIZON), make, 300, 3).regret[:, -1]


def test_ucb1_is_that_of_the_protocols_integers_in_law():
    model = bernoulli_model(list(MEANS))
    gap = max(MEANS) - np.array(MEANS)
    others = [
        sum(gap[arm] for arm in on_draws.ucb1(Draws(model, bytes([run]) * 32, b"\x06" * 32), 0, 3, HORIZON))
        for run in range(100)
    ]
    assert equal_in_law(regrets(ucb1(Malice())), others)


def test_thompson_sampling_is_that_of_a_plain_loop_in_law():
    coins = np.random.default_rng(9)

    def run():
        ones, zeros, lost = np.ones(3), np.ones(3), 0.0
        for _ in range(HORIZON):
            arm = int(np.argmax([coins.beta(ones[k], zeros[k]) for k in range(3)]))
            (ones if coins.random() < MEANS[arm] else zeros)[arm] += 1
            lost += max(MEANS) - MEANS[arm]
        return lost

    assert equal_in_law(regrets(thompson(Malice())), [run() for _ in range(100)])


@pytest.mark.parametrize("t", [2, 50, 100_000])
def test_a_kl_bound_is_the_root_of_its_equation(t):
    means, samples = np.array([0.0, 0.02, 0.5, 0.97, 0.5]), np.array([7.0, 3.0, 1.0, 40.0, 3000.0])
    for p, n, q in zip(means, samples, kl_bounds(means, samples, t), strict=True):
        found = brentq(lambda x, p=p, n=n: n * (rel_entr(p, x) + rel_entr(1 - p, 1 - x)) - log(t), p, 1 - 1e-12)
        assert q == pytest.approx(found, abs=1e-5)


def test_a_kl_bound_of_nothing_is_infinite_and_of_only_ones_at_most_one():
    none, ones = kl_bounds(np.array([0.0, 1.0]), np.array([0.0, 5.0]), 10)
    assert none == np.inf
    assert ones == pytest.approx(1)


def test_the_tighter_rules_lose_less_on_the_same_rewards():
    base = regrets(ucb1(Malice()))
    for rule in (kl_ucb, thompson):
        lost = base - regrets(rule(Malice()))
        assert lost.mean() > 4 * lost.std() / len(lost) ** 0.5
