from math import log, sqrt

from chain_bandit.environments.bernoulli import bernoulli_model
from chain_bandit.protocol.rewards import Draws
from chain_bandit.protocol.units import UNIT
from chain_bandit.simulation.rivals.on_draws import pooled, ucb1

MODEL = bernoulli_model([0.3, 0.7, 0.5])
DRAWS = Draws(MODEL, b"\x05" * 32, b"\x06" * 32)


def in_floats(seats, horizon):
    """UCB1 from its textbook formula, on the samples of `seats` pooled."""
    samples, arms = [[], [], []], []
    for t in range(1, horizon + 1):
        index = [sum(x) / len(x) + sqrt(2 * log(t) / len(x)) if x else float("inf") for x in samples]
        arms.append(index.index(max(index)))
        samples[arms[-1]] += [DRAWS.reward(t, seat, arms[-1], 0) / UNIT for seat in seats]
    return arms


def test_ucb1_pulls_the_textbooks_arms_on_its_own_samples():
    for seat in range(3):
        assert list(ucb1(DRAWS, seat, 3, 300)) == in_floats((seat,), 300)


def test_the_pool_pulls_the_textbooks_arms_on_all_samples():
    assert list(pooled(DRAWS, (0, 2, 5), 3, 300)) == in_floats((0, 2, 5), 300)


def test_rivals_try_every_arm_once_first():
    assert list(ucb1(DRAWS, 0, 3, 3)) == list(pooled(DRAWS, (0, 1), 3, 3)) == [0, 1, 2]


def test_pooling_loses_less_than_learning_alone():
    def regret(arms):
        return sum(max(MODEL.means) - MODEL.means[arm] for arm in arms)

    alone = sum(regret(ucb1(DRAWS, seat, 3, 2000)) for seat in range(5)) / 5
    assert regret(pooled(DRAWS, tuple(range(5)), 3, 2000)) < alone / 2
