"""Rules with rare communication: Fed-MoM-UCB and DeMABAR."""

from math import ceil
from statistics import median

import numpy as np
import pytest

from chain_bandit.simulation.arena import World, play
from chain_bandit.simulation.rivals.demabar import Demabar, demabar
from chain_bandit.simulation.rivals.fed_mom import PULLS, median_of_means
from chain_bandit.simulation.rivals.registry import RIVALS
from chain_bandit.simulation.rivals.reports import Malice, Reports, constant

MEANS = (0.9, 0.5, 0.1)
TURNED = Malice(constant(MEANS[::-1]))


def test_the_median_of_means_is_over_groups_that_lie_round_robin():
    values = np.random.default_rng(3).random((1, 1, 8, 2))
    found = median_of_means(Reports(values, np.full(values.shape, 4.0)), 1)
    for arm in range(2):
        groups = [np.mean(values[0, 0, first::3, arm]) for first in range(3)]
        assert found.means[0, 0, arm] == pytest.approx(median(groups))
    assert (found.pulls == 4 * 8).all()


def test_fewer_than_half_the_groups_cannot_be_moved_out_of_the_honest_range():
    values = np.array([0.4, 0.5, 0.6, 0.5, 0.4, 1e6, 1e6]).reshape(1, 1, 7, 1)
    assert 0.4 <= median_of_means(Reports(values, np.ones(values.shape)), 2).means.item() <= 0.6


def test_fed_mom_speaks_once_in_so_many_rounds_and_finds_the_best_arm():
    played = play(World(MEANS, 10, 3, 20 * PULLS), RIVALS["fed-mom"](TURNED), 5, 1, (10 * PULLS, 20 * PULLS))
    assert played.sent == pytest.approx(1 / PULLS)
    assert (played.regret[:, 1] - played.regret[:, 0]).max() < 0.05 * 10 * PULLS


def made(liars=3, horizon=100_000):
    world = World(MEANS, 10, liars, horizon)
    return world, Demabar(world, 4, np.random.default_rng(1), TURNED)


def through(policy, world, rounds):
    luck = np.random.default_rng(2)
    for t in range(1, rounds + 1):
        arms = policy.choose(t)
        policy.learn(t, arms, (luck.random(arms.shape) < np.array(world.means)[arms]).astype(float))


def test_an_epoch_is_four_times_the_last_and_tells_every_arm_once():
    world, policy = made()
    first = policy.left
    assert first == ceil(16 * np.log(8 * 10 * 3 * 100_000) / 4 * 3)
    through(policy, world, first)
    assert abs(policy.left - 4 * first) <= 4
    assert policy.sent == 3
    assert policy.epoch == 2


def test_pulls_are_due_by_the_gap_and_what_is_left_goes_to_the_best():
    world, policy = made()
    through(policy, world, policy.left)
    assert policy.gaps[:, 0] == pytest.approx(np.tile([0.5, 0.5, 0.72], (4, 1)), abs=0.08)
    chances = np.diff(policy.chances, axis=2, prepend=0)[:, 0]
    due = policy._scale / policy.gaps[:, 0] ** 2 / policy.left
    assert chances[:, 1:] == pytest.approx(due[:, 1:], rel=0.01)
    assert (chances[:, 0] >= due[:, 0] - 1e-9).all()
    before = policy.pulls.sum(axis=(0, 1))
    through(policy, world, policy.left)
    since = policy.pulls.sum(axis=(0, 1)) - before
    assert since / since.sum() == pytest.approx(chances.mean(axis=0), abs=0.02)


def test_trimming_keeps_three_liars_of_ten_from_turning_it():
    world = World(MEANS, 10, 3, 2000)
    lied, clean = (play(world, demabar(malice), 5, 1).regret.mean() for malice in (TURNED, Malice()))
    assert lied < 1.1 * clean
