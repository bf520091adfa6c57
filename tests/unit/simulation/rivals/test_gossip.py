"""GosInE and Vial's rules: the arms that agents keep, whom they ask and block, and the regret of it."""

from collections import namedtuple
from itertools import pairwise
from math import ceil

import numpy as np
import pytest

from chain_bandit.simulation.arena import World, play, ring
from chain_bandit.simulation.rivals.gosine import Gosine, GosineSquares, gosine
from chain_bandit.simulation.rivals.reports import Malice, another
from chain_bandit.simulation.rivals.ucb1 import ucb1
from chain_bandit.simulation.rivals.vial import Vial2021, Vial2022

ARMS, HONEST, LIARS = 20, 5, 3
MEANS = tuple(np.where(np.arange(ARMS) == 13, 0.9, 0.2 + 0.4 * np.arange(ARMS) / ARMS))


Note = namedtuple("Note", "t phase active asked named blocked arms")


def started(policy, world):
    """The policy after its game, a note of every round, and what came of it."""
    kept, notes = [], []

    def make(world, replicates, coins):
        made = policy(world, replicates, coins, Malice())
        learn = made.learn

        def noted(t, arms, rewards):
            learn(t, arms, rewards)
            notes.append(Note(t, made.phase, made.active.copy(), made.asked, made.named, made.blocked.copy(), arms))

        made.learn = noted
        kept.append(made)
        return made

    played = play(world, make, 6, 2)
    return kept[0], notes, played


def world(liars=LIARS, horizon=400, graph=None):
    return World(MEANS, HONEST + liars, liars, horizon, graph)


@pytest.mark.parametrize("policy", [Gosine, Vial2021, Vial2022])
def test_everybody_plays_its_own_few_arms_and_the_honest_together_keep_all(policy):
    _, notes, _ = started(policy, world())
    sticky = notes[0].active[:, :, :-2]
    assert all((note.active[:, :, :-2] == sticky).all() for note in notes)
    assert set(sticky[0, :HONEST].ravel()) == set(range(ARMS))
    for before, after in pairwise(notes):
        assert (before.active == after.arms[..., None]).any(axis=2).all()


@pytest.mark.parametrize("policy", [Gosine, Vial2021])
def test_a_phase_ends_at_its_power_of_itself_and_sends_one_number(policy):
    kept, notes, played = started(policy, world())
    ends = [after.t for before, after in pairwise(notes) if after.phase > before.phase]
    assert ends == [end for j in range(2, 30) if (end := ceil(j**policy.beta)) <= 400]
    assert played.sent * 400 == pytest.approx(len(ends) + 1)
    assert kept.phase == len(ends) + 2


@pytest.mark.parametrize("policy", [Gosine, Vial2021])
def test_a_named_arm_is_kept_and_comes_from_a_neighbour_who_is_not_blocked(policy):
    graph = ring(HONEST + LIARS)
    _, notes, _ = started(policy, world(graph=graph))
    seen = 0
    for note in notes:
        for r, agent in np.argwhere(note.asked >= 0):
            seen += 1
            assert graph[agent, note.asked[r, agent]]
            assert note.blocked[r, agent, note.asked[r, agent]] < note.phase - 1
            assert note.named[r, agent] in note.active[r, agent]
    assert seen > 0


def test_vial_blocks_who_named_an_arm_that_was_not_played_most_and_longer_each_time():
    _, notes, _ = started(Vial2021, world())
    for before, after in pairwise(notes):
        for r, agent, other in np.argwhere(after.blocked != before.blocked):
            assert other == before.asked[r, agent]
            assert after.blocked[r, agent, other] == before.phase**2


def test_gosine_blocks_nobody():
    assert not started(Gosine, world())[0].blocked.any()


@pytest.mark.parametrize(
    ("last", "since", "named", "pulls", "blocks"),
    [(3, 2, 7, 999, True), (3, 2, 3, 0, False), (3, 6, 7, 0, False), (4, 2, 7, 0, False), (3, 2, 7, 1001, False)],
)
def test_the_second_rule_blocks_where_the_best_has_stayed_and_the_named_arm_was_hardly_played(
    last, since, named, pulls, blocks
):
    policy = Vial2022(world(), 1, np.random.default_rng(0), Malice())
    policy.phase = 100  # the best has to stay from phase 5 on; 1,000 pulls are hardly any
    policy._last[:], policy._since[:], policy.named[:] = last, since, named
    policy.pulls[..., named] = pulls
    assert (policy.judge(np.full(policy.named.shape, 3)) == blocks).all()


def test_naming_arms_beats_learning_alone_and_blocking_beats_trust_among_liars():
    def lost(policy, liars):
        played = play(
            World(MEANS, HONEST + liars, liars, 4000),
            lambda world, replicates, coins: policy(world, replicates, coins, Malice()), 12, 1,
        )  # fmt: skip
        return played.regret.mean()

    clean = lost(GosineSquares, 0)
    assert clean < play(World(MEANS, HONEST, 0, 4000), ucb1(Malice()), 12, 1).regret.mean()
    assert clean < lost(GosineSquares, 10)
    assert lost(Vial2021, 10) < 0.85 * lost(GosineSquares, 10)


def test_a_liar_can_name_what_is_neither_played_nor_best():
    policy = Gosine(world(), 6, np.random.default_rng(1), Malice())
    named = np.array([another(13)(policy.active, np.random.default_rng(seed), ARMS) for seed in range(200)])
    assert not (named[..., None] == policy.active).any()
    assert set(named[:, 0, 0]) == {*range(ARMS)} - {*policy.active[0, 0], 13}


def test_the_width_is_that_of_the_constant():
    """Somebody alone explores twice as much by twice the constant, and with 2 is UCB1."""
    world = World((0.9, 0.5), 1, 0, 3_000)
    lost = {alpha: play(world, gosine(Malice(), alpha), 20, 3).regret[:, -1].mean() for alpha in (2, 4)}
    assert 1.5 < lost[4] / lost[2] < 2.5
    assert lost[2] == pytest.approx(play(world, ucb1(Malice()), 20, 3).regret[:, -1].mean(), rel=0.1)
