"""Gifts, on rewards worked out by hand; the right to give; a giver that stays where it is, in either form of a game."""

import numpy as np
import pytest

from chain_bandit.mediate.games.coin_game import CoinRules
from chain_bandit.mediate.games.harvest import HarvestRules
from chain_bandit.mediate.games.names import game_of
from chain_bandit.mediate.games.stacks import stack_of
from chain_bandit.mediate.gifting import Budgets, Gift, gifted, moves

ALL = ~np.eye(3, dtype=bool)


@pytest.mark.parametrize(
    ("gift", "learned"),
    [(Gift.ZERO_SUM, [2 - 1, 0.5, 0.5 - 2]), (Gift.BUDGET, [2.0, 0.5, 0.5 - 2])],
)
def test_a_gift_is_shared_by_all_whom_the_giver_reaches(gift, learned):
    rewards, gives = np.array([2.0, 0.0, -2.0]), np.array([True, False, False])
    assert gifted(rewards, gives, ALL, gift).tolist() == learned


def test_gifts_that_the_givers_pay_for_change_no_sum_and_meet_each_other():
    rewards = np.array([1.0, 1.0, 1.0])
    assert gifted(rewards, np.array([True, True, False]), ALL, Gift.ZERO_SUM).tolist() == [0.5, 0.5, 2.0]
    chance = np.random.default_rng(0)
    rewards, gives = chance.normal(size=(50, 3)), chance.random((50, 3)) < 0.5
    near = (chance.random((50, 3, 3)) < 0.5) & ALL
    shaped = gifted(rewards, gives, near, Gift.ZERO_SUM)
    assert shaped.sum(axis=1) == pytest.approx(rewards.sum(axis=1))
    assert not np.array_equal(shaped, rewards)


@pytest.mark.parametrize("gift", Gift)
def test_who_reaches_nobody_gives_nothing(gift):
    nobody = np.zeros((3, 3), bool)
    assert gifted(np.ones(3), np.array([True] * 3), nobody, gift).tolist() == [1, 1, 1]


def test_ten_coins_of_a_tenth_are_one_gift_and_losses_take_none_away():
    budgets = Budgets(1, 2, Gift.BUDGET)
    everybody = ~np.eye(2, dtype=bool)[np.newaxis]
    nobody, first = np.array([[False, False]]), np.array([[True, False]])
    for _ in range(9):
        budgets.moved(np.array([[0.1, -0.2]]), nobody, everybody)
    assert budgets.barred().tolist() == [[True, True]]
    budgets.moved(np.array([[0.1, -0.2]]), nobody, everybody)
    assert budgets.barred().tolist() == [[False, True]]
    budgets.moved(np.zeros((1, 2)), first, ~everybody & False)  # reaches nobody: keeps it
    assert budgets.barred().tolist() == [[False, True]]
    budgets.moved(np.zeros((1, 2)), first, everybody)
    assert budgets.barred().tolist() == [[True, True]]
    assert not Budgets(1, 2, Gift.ZERO_SUM).barred().any()


@pytest.mark.parametrize("rules", [CoinRules(2, 3), HarvestRules()])
def test_who_gives_stays_where_it_is(rules):
    chance = np.random.default_rng(0)
    game, stack = rules.game(), stack_of(rules)
    start, step = chance.random(rules.reset_draws), chance.random(rules.step_draws)
    game.reset(start)
    stack.reset(start[np.newaxis])
    places, cells = list(game.places), stack.cells.copy()
    actions = moves(np.full((1, rules.agents), rules.actions), rules)
    game.step(actions[0].tolist(), step)
    stack.step(actions, step[np.newaxis])
    assert game.places == places
    assert stack.cells.tolist() == cells.tolist()


def test_the_dilemma_has_no_action_to_give_by():
    assert game_of("ipd").idle is None
