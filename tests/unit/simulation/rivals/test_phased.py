"""Phases of the arena: those of a game with `growth`, and what they send."""

import numpy as np
import pytest

from chain_bandit.simulation.arena import World, WorldError, play, ring
from chain_bandit.simulation.rivals.phased import Phased, phased
from chain_bandit.simulation.rivals.pooled import pooled
from chain_bandit.simulation.rivals.reports import Malice, constant
from chain_bandit.simulation.rivals.ruled import shipped

trimmed = shipped("option-1")
WORLD = World((0.8, 0.5, 0.4), 5, 1, 400)
LIAR = Malice(constant((0.4, 0.5, 0.8)))


def test_without_growth_it_is_the_rule_that_reports_every_round():
    ours, every = (play(WORLD, make(LIAR), 20, 1, (100, 400)) for make in (phased(trimmed, 0), pooled(trimmed)))
    assert (ours.regret == every.regret).all()
    assert ours.sent == every.sent == 3


@pytest.mark.parametrize("growth", [0.25, 1.0, 2.0])
def test_an_arm_is_kept_for_growth_times_its_pulls_and_reports_come_at_the_ends(growth):
    heard, arms, coins = [], [], np.random.default_rng(1)

    def watch(reports, f):
        heard.append(reports.pulls[0, 0, 0].copy())
        return trimmed(reports, f)

    policy = Phased(WORLD, 1, watch, LIAR, growth)
    for t in range(1, 401):
        chosen = policy.choose(t)
        assert (chosen == chosen[0, 0]).all()
        arms.append(int(chosen[0, 0]))
        policy.learn(t, chosen, coins.integers(0, 2, chosen.shape).astype(float))
    pulls, ends, start = [0, 0, 0], [], 0
    while start < 400:
        phase = 1 + int(growth * pulls[arms[start]])
        assert len(set(arms[start : start + phase])) == 1
        pulls[arms[start]] += min(phase, 400 - start)
        start += phase
        if start <= 400:
            ends.append(tuple(pulls))
    assert [tuple(each) for each in heard] == ends
    assert policy.sent == 3 * len(ends)
    assert len(ends) < 400 / 3


def test_replicates_have_phases_of_their_own():
    alone = np.concatenate([play(WORLD, phased(trimmed, 0.5)(LIAR), n, 1).regret[-1:] for n in (1, 2, 7)])
    together = play(WORLD, phased(trimmed, 0.5)(LIAR), 7, 1)
    assert (alone[:, -1] == together.regret[[0, 1, 6], -1]).all()
    assert len(set(together.regret[:, -1])) > 3
    assert together.sent < 1


def test_on_a_graph_there_is_no_common_phase():
    with pytest.raises(WorldError):
        play(World((0.8, 0.5), 5, 1, 10, ring(5)), phased(trimmed, 1)(LIAR), 1, 1)
