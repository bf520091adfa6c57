"""Tokens are asked with, answered and taken as the paper says, and many episodes at once as one read step by step."""

import random
from typing import Any

import numpy as np
import pytest

from chain_bandit.mediate import exchange, stacked_exchange
from chain_bandit.mediate.exchange import EpisodeStep, Improvement

TD, REWARD = Improvement.TD, Improvement.REWARD
ALL = (frozenset({1, 2}), frozenset({0, 2}), frozenset({0, 1}))


def one_step(rewards: Any, tokens: Any, falls: Any = (0, 0, 0), neighbours: Any = ALL) -> list[float]:
    """A step in which each agent's V falls by so much, so that it improves with a reward of at least that."""
    step = EpisodeStep(rewards, falls, [0] * len(falls), neighbours)
    return exchange.exchanged([step], tokens, 0.95, TD)[0]


def test_who_improves_asks_and_only_the_largest_request_counts():
    """0 and 1 improve, 2 does not. 2 gets the larger of 1 and 3 and answers both, improved with it or not."""
    assert one_step((0, 0, -2), (1, 3, 5)) == [0 + 3 + 3, 0 + 1 + 1, -2 + 3]
    assert one_step((0, 0, -4), (1, 3, 5)) == [0 + 3 - 5, 0 + 1 - 5, -4 + 3]


def test_whether_one_asks_goes_by_the_reward_and_how_one_answers_by_the_request_too():
    assert one_step((-1, -1, 0), (2, 2, 2)) == [-1 + 2, -1 + 2, 0 + 2]
    assert one_step((-1, -3, 0), (2, 2, 2)) == [-1 + 2, -3 + 2, 0 - 2]  # 1 would still be below, and says no


def test_a_fall_of_the_critic_is_what_a_reward_has_to_make_up_for():
    assert one_step((1, 1, 1), (1, 1, 1), falls=(1, 2, 9)) == [1 - 1, 1 + 1, 1 + 1]


@pytest.mark.parametrize("worth", [0.0, 1.0])
def test_an_agent_without_a_token_neither_asks_nor_answers(worth):
    """And the zero that it could send is no response that counts."""
    assert one_step((0, 0, -9), (worth, 0.0, 0.0)) == [0, worth, -9 + worth]


def test_a_request_is_read_by_whom_its_receiver_reaches():
    """0 reaches 1 but 1 not 0, so nothing comes of it; 1 and 2 reach one another."""
    reach = frozenset({1}), frozenset({2}), frozenset({1})
    assert one_step((0, 0, 0), (1, 2, 4), neighbours=reach) == [0, 0 + 4 + 4, 0 + 2 + 2]


def test_the_value_after_the_last_step_counts():
    """0.95 * 2 - 1 is enough for 0 to ask, 0.95 / 2 - 1 not for 1; with its token, 1 answers plus."""
    pair = frozenset({1}), frozenset({0})
    assert exchange.exchanged([EpisodeStep([0, 0], [1, 1], [2, 0.5], pair)], (1, 1), 0.95, TD) == [[0 + 1, 0 + 1]]


def test_a_reward_is_held_against_the_mean_of_those_before_and_the_first_is_always_fine():
    rows = [(-5, 0), (-6, 0), (-5.5, 0), (-5.6, 0)]  # means before: -, -5, -5.5, -5.5
    steps = [EpisodeStep(row, [0, 0], [0, 0], (frozenset({1}), frozenset({0}))) for row in rows]
    first, second, third, fourth = exchange.exchanged(steps, (0.05, 0.05), 0.95, REWARD)
    assert first == pytest.approx([-4.9, 0.1])
    assert second == pytest.approx([-5.95, -0.05])
    assert third == pytest.approx([-5.4, 0.1])
    assert fourth == pytest.approx([-5.55, -0.05])


def case(seed: int, agents: int, steps: int) -> dict[str, Any]:
    """Whole numbers, so that improvement is often by nothing at all; neighbourhoods of any shape."""
    rng = np.random.default_rng(seed)
    whole = {"rewards": rng.integers(-2, 2, (3, steps, agents)), "values": rng.integers(-3, 3, (3, steps + 1, agents))}
    neighbours = (rng.random((3, steps, agents, agents)) < 0.7) & ~np.eye(agents, dtype=bool)
    return {name: each.astype(float) for name, each in whole.items()} | {
        "neighbours": neighbours,
        "tokens": rng.choice((0.0, 0.1, 0.25, 1.0, 1 / 3), (3, agents)),
        "discount": rng.choice((1.0, 0.95)),
    }


@pytest.mark.parametrize("improvement", Improvement)
@pytest.mark.parametrize("seed", range(12))
def test_many_episodes_at_once_come_to_the_same_bits(seed, improvement):
    agents, steps = random.Random(seed).choice([(2, 40), (3, 30), (6, 20), (2, 1)])
    given = case(seed, agents, steps)
    many = stacked_exchange.exchanged(**given, improvement=improvement)
    for at in range(3):
        rewards, values, near = (given[name][at].tolist() for name in ("rewards", "values", "neighbours"))
        reach = [[frozenset(other for other in range(agents) if row[other]) for row in step] for step in near]
        episode = [EpisodeStep(rewards[step], *values[step : step + 2], reach[step]) for step in range(steps)]
        one = exchange.exchanged(episode, given["tokens"][at].tolist(), given["discount"], improvement)
        assert many[at].tobytes() == np.array(one).tobytes()


@pytest.mark.parametrize("improvement", Improvement)
def test_tokens_worth_nothing_leave_rewards_as_they_are_bit_for_bit(improvement):
    given = case(1, 4, 50)
    given["rewards"] = np.random.default_rng(2).normal(size=given["rewards"].shape)
    given["tokens"][:] = 0.0
    assert stacked_exchange.exchanged(**given, improvement=improvement).tobytes() == given["rewards"].tobytes()
    given["tokens"][:] = 0.1
    assert stacked_exchange.exchanged(**given, improvement=improvement).tobytes() != given["rewards"].tobytes()


def test_a_step_without_neighbours_leaves_rewards_as_they_are():
    given = case(3, 6, 30)
    given["neighbours"][:] = False
    assert stacked_exchange.exchanged(**given, improvement=TD).tobytes() == given["rewards"].tobytes()
