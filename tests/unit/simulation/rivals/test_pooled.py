"""Published results of the rules that pool, on the set-ups they were published for, at fewer replicates."""

import numpy as np
import pytest

from chain_bandit.simulation.arena import World, play, ring
from chain_bandit.simulation.rivals.audience import Audience
from chain_bandit.simulation.rivals.fedavg import fedavg
from chain_bandit.simulation.rivals.pooled import mean, oracle, pooled
from chain_bandit.simulation.rivals.reports import (
    LiarsView,
    Malice,
    Reports,
    constant,
    inflated,
    inside,
    silent,
    truth,
)
from chain_bandit.simulation.rivals.ruled import shipped
from chain_bandit.simulation.rivals.ucb1 import ucb1
from chain_bandit.simulation.rivals.zhu import resilient

ZHU, SWAP = (0.5, 0.45, 0.4, 0.3), constant((0.4, 0.5, 0.4, 0.3))
SWARMGOV = (0.75, 0.65, 0.60, 0.35, 0.25)
FIGURES = {
    "alone": (World(ZHU, 10, 1, 10_000), ucb1(Malice()), (230, 230), 12),
    "oracle": (World(ZHU, 10, 3, 10_000), oracle(Malice()), (60, 60), 40),
    "option-1": (World(ZHU, 10, 3, 10_000), pooled(shipped("option-1"))(Malice(SWAP)), (112, 127), 20),
    "zhu": (World(ZHU, 10, 1, 10_000), pooled(resilient(), 2, apart=True)(Malice(SWAP)), (132, 145), 6),
    "swarmgov alone": (World(SWARMGOV, 25, 0, 2000), ucb1(Malice()), (114.22, 115.24), 20),
    "swarmgov all": (World(SWARMGOV, 25, 0, 2000), pooled(fedavg, 2, scattered=True)(Malice()), (10.60, 11.15), 50),
    "swarmgov ring": (
        World(SWARMGOV, 25, 0, 2000, ring(25)), pooled(fedavg, 2, scattered=True)(Malice()), (77.75, 79.10), 20,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FIGURES)
def test_a_published_figure_lies_within_the_interval_of_our_own(name):
    world, make, published, replicates = FIGURES[name]
    regret = play(world, make, replicates, 1).regret[:, -1]
    slack = 2.6 * regret.std(ddof=1) / replicates**0.5
    assert slack < 0.09 * published[1]
    assert published[0] - slack < regret.mean() < published[1] + slack


def flipped(seen):
    return Reports(1 - seen.own.means, seen.own.pulls)


def small(make, liars=1, graph=None):
    return play(World((0.8, 0.5, 0.4), 5, liars, 300, graph), make, 20, 1)


def test_the_oracle_is_one_that_hears_the_honest_alone_whatever_is_said():
    assert (small(oracle(Malice(flipped))).regret == small(pooled(mean)(Malice(silent))).regret).all()
    assert (small(oracle(Malice(inflated(2)))).regret == small(oracle(Malice())).regret).all()


@pytest.mark.parametrize("lie", [flipped, inflated(2), inside(0), constant((0, 1, 1))])
def test_a_lie_costs_the_undefended_mean_and_trimming_takes_it_out(lie):
    clean, lied = small(pooled(mean)(Malice(truth))).regret, small(pooled(mean)(Malice(lie))).regret
    assert lied.mean() > clean.mean()
    assert small(pooled(shipped("option-1"))(Malice(lie))).regret.mean() < small(ucb1(Malice())).regret.mean()


def test_claimed_pulls_capture_a_mean_that_is_weighted_by_them():
    def braggart(seen):
        return Reports(np.where(np.arange(3) == 2, 1.0, 0.0) + 0 * seen.own.means, 1e6 + 0 * seen.own.pulls)

    assert small(pooled(fedavg)(Malice(braggart))).regret.mean() > 0.9 * 0.4 * 300


def test_nobody_lies_to_itself_and_a_graph_says_who_hears_whom():
    seen = []

    def watch(reports, f):
        seen.append(reports)
        return mean(reports, f)

    graph = ring(5)
    graph[0, 2] = graph[2, 0] = True
    played = small(pooled(watch)(Malice(constant((0.0, 0.0, 1.0)))), graph=graph)
    last = seen[-1]
    assert (last.pulls[:, [0, 2], 3] > 0).any()
    assert (last.pulls[:, [1, 3, 4], 3] == 0).all()  # two neighbours only
    liar_at_home, liar_next_door = last.means[:, 4, 0], last.means[:, 0, 3]
    assert ((liar_at_home > 0) & (liar_at_home < 1)).any()
    assert (liar_next_door[:, 2] == 1).all()
    assert played.sent == 3


def test_colluders_know_what_would_be_pooled_of_each_try():
    tries, foretold = (0.2, 0.9), []

    def lie(seen):
        means = np.concatenate([np.full_like(seen.own.means, value) for value in tries])
        foretold.append(seen.outcome(Reports(means, np.tile(seen.own.pulls, (2, 1, 1)))))
        return Reports(means[-len(seen.own.means) :], seen.own.pulls)

    coins = np.random.default_rng(0)
    for graph, apart in ((None, False), (None, True), (ring(5), False)):
        audience = Audience(World((0.8, 0.5), 5, 1, 9, graph), 3, mean, lie, apart)
        own = Reports(coins.random((3, 5, 2)), coins.integers(1, 9, (3, 5, 2)).astype(float))
        pool = audience.hear(own, 1)
        assert (foretold[-1].means[3:] == pool.means[:, 0]).all()
        assert (foretold[-1].pulls[3:] == pool.pulls[:, 0]).all()
        assert (foretold[-1].means[:3] != pool.means[:, 0]).any()


def test_inside_is_what_some_honest_agent_said():
    honest = Reports(np.array([[[0.1, 0.7], [0.3, 0.2]]]), np.array([[[4.0, 5.0], [6.0, 0.0]]]))
    own = Reports(np.zeros((1, 1, 2)), np.ones((1, 1, 2)))
    told = inside(0)(LiarsView(1, honest, own, own, lambda lie: lie))
    assert told.means.tolist() == [[[0.1, 0.7]]]
    assert told.pulls.tolist() == [[[6, 5]]]
