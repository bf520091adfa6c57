import numpy as np
import pytest

from chain_bandit.plugins import PluginBroken
from chain_bandit.simulation import arena
from chain_bandit.simulation.arena import ArenaPolicy, World, WorldError, play, ring, scale_free

WORLD = World((0.9, 0.5, 0.2), agents=4, liars=1, horizon=30)


class Fixed(ArenaPolicy):
    """Agent p pulls arm (p + shift) mod K for ever, says one number a round, and keeps what it got."""

    information = "nothing"
    seen: list

    def __init__(self, world, replicates, shift=0):
        self.arms = np.broadcast_to((np.arange(world.agents) + shift) % world.arms, (replicates, world.agents))

    def choose(self, t):
        return self.arms

    def learn(self, t, arms, rewards):
        self.sent += 1
        self.seen.append(rewards)


def rewards(world, replicates, shift=0, seed=1):
    """(replicates, rounds, agents) of a game of `Fixed`."""
    parts = []

    def make(world, replicates, coins):
        policy = Fixed(world, replicates, shift)
        policy.seen = []
        parts.append(policy.seen)
        return policy

    played = play(world, make, replicates, seed, marks=(10, 30))
    return played, np.concatenate([np.stack(part, axis=1) for part in parts])


def test_regret_is_the_mean_gap_of_the_honest_alone_summed_to_each_mark():
    played, _ = rewards(WORLD, 5)
    per_round = (0 + 0.4 + 0.7) / 3  # agents 0, 1, 2; the liar's arm 0 is free
    assert played.regret == pytest.approx(np.tile([10 * per_round, 30 * per_round], (5, 1)))
    assert played.sent == 1


@pytest.mark.parametrize("arms", [np.full((2, 4), -1), np.zeros((2, 1), int), np.zeros((1, 4), int), None])
def test_a_policy_that_names_no_arm_for_everybody_is_broken(arms):
    """Of -1 the last arm was counted, and of one column everybody's."""

    def make(world, replicates, coins):
        policy = Fixed(world, replicates)
        policy.arms, policy.seen = arms, []
        return policy

    with pytest.raises(PluginBroken, match=r"^policy 'Fixed': no arm for everybody in round 1$"):
        play(WORLD, make, 2, 1)


def test_rewards_pay_with_their_arms_means():
    _, seen = rewards(World(WORLD.means, 3, 0, 200), 100)
    assert seen.mean(axis=(0, 1)) == pytest.approx(np.array(WORLD.means), abs=0.01)


def test_replicates_and_agents_draw_apart_and_a_seed_is_all_that_matters():
    _, seen = rewards(World((0.5, 0.5), 3, 0, 400), 2)
    flat = seen.transpose(0, 2, 1).reshape(6, -1)
    assert (np.abs(np.corrcoef(flat) - np.eye(6)) < 0.2).all()
    assert (rewards(WORLD, 3, seed=1)[1] == rewards(WORLD, 3, seed=1)[1]).all()
    assert (rewards(WORLD, 3, seed=1)[1] != rewards(WORLD, 3, seed=2)[1]).any()


def test_every_policy_meets_the_same_luck():
    equal = World((0.5, 0.5, 0.5), 3, 0, 50)
    assert (rewards(equal, 4, shift=0)[1] == rewards(equal, 4, shift=1)[1]).all()


def test_a_replicate_is_the_same_however_many_are_asked_for(monkeypatch):
    monkeypatch.setattr(arena, "CHUNK", 4)
    few, many = rewards(WORLD, 2)[1], rewards(WORLD, 10)[1]
    assert many.shape[0] == 10
    assert (many[:2] == few).all()
    assert (many[4:8] != many[:4]).any()


def test_a_ring_is_everybodys_two_neighbours():
    graph = ring(5)
    assert (graph == graph.T).all()
    assert [list(np.flatnonzero(row)) for row in graph][:2] == [[1, 4], [0, 2]]


def test_a_scale_free_graph_has_two_links_an_agent_and_hubs():
    graphs = [scale_free(25, 2, np.random.default_rng(seed)) for seed in range(200)]
    assert all((graph == graph.T).all() and not graph.diagonal().any() for graph in graphs)
    assert {graph.sum() // 2 for graph in graphs} == {2 + 22 * 2}
    first, last = (np.mean([graph.sum(axis=1)[part] for graph in graphs]) for part in (slice(0, 3), slice(-3, None)))
    assert first > 3 * last  # an early agent has many neighbours
    assert all(graph.sum(axis=1).min() >= 1 for graph in graphs)


@pytest.mark.parametrize(
    "wrong",
    [
        {"means": (0.5,)},
        {"means": (0.5, 1.5)},
        {"means": (0.5, float("nan"))},
        {"liars": 4},
        {"liars": -1},
        {"horizon": 0},
        {"graph": ring(5)},
        {"graph": np.ones((4, 4), bool)},
        {"graph": np.triu(np.ones((4, 4), bool), 1)},
    ],
)
def test_a_world_nobody_can_play_is_refused(wrong):
    with pytest.raises(WorldError):
        World(**{"means": (0.9, 0.5), "agents": 4, "liars": 1, "horizon": 10, **wrong})


@pytest.mark.parametrize(("replicates", "marks"), [(0, ()), (2, (31,)), (2, (0,))])
def test_rounds_that_a_world_does_not_have_are_refused(replicates, marks):
    with pytest.raises(WorldError):
        play(WORLD, lambda world, replicates, coins: Fixed(world, replicates), replicates, 1, marks)


def test_a_policys_own_coins_say_nothing_of_its_luck():
    world, tosses = World((0.5, 0.5), 3, 0, 1), []

    def make(world, replicates, coins):
        tosses.append(coins.random((arena.CHUNK, world.agents))[:replicates] < 0.5)
        policy = Fixed(world, replicates)
        policy.seen = tosses
        return policy

    play(world, make, 50, 1)
    assert 0.3 < (tosses[0] == tosses[1]).mean() < 0.7
