"""Every aggregator against its definition, spelled out in loops or left to a general optimiser."""

from itertools import product
from statistics import median as middle_of

import numpy as np
import pytest

from chain_bandit.protocol import rules
from chain_bandit.protocol.digests import ZERO
from chain_bandit.protocol.ruleset import RuleKind
from chain_bandit.protocol.units import UNIT
from chain_bandit.simulation import arrays
from chain_bandit.simulation.arena import World, play
from chain_bandit.simulation.rivals.dubey_pentland import rewards_trimmed
from chain_bandit.simulation.rivals.fedavg import fedavg
from chain_bandit.simulation.rivals.pooled import mean
from chain_bandit.simulation.rivals.registry import OF_GAMES, RIVALS
from chain_bandit.simulation.rivals.reports import Malice, Reports
from chain_bandit.simulation.rivals.ruled import ruled, shipped
from chain_bandit.simulation.rivals.swarmgov import source_median, source_trimmed
from chain_bandit.simulation.rivals.zhu import KAPPA, resilient
from tests.rules import estimate

R, V, S, K, F = 12, 2, 7, 3, 2
COINS = np.random.default_rng(5)
REPORTS = Reports(COINS.random((R, V, S, K)), COINS.integers(1, 20, (R, V, S, K)).astype(float))
REPORTS.pulls[0, 0, 5] = 0  # one sender says nothing to one receiver


def each():
    """(own pulls, what was received from each sender) of every receiver."""
    for r, v in product(range(R), range(V)):
        means, pulls = REPORTS.means[r, v], REPORTS.pulls[r, v]
        yield (r, v), pulls[0], means[pulls[:, 0] > 0], pulls[pulls[:, 0] > 0]


def by_arm(rule):
    return lambda means, pulls: [rule(list(means[:, arm]), list(pulls[:, arm])) for arm in range(K)]


def rewards_of(values, pulls):
    samples = sum(pulls)
    ones = sum(value * n for value, n in zip(values, pulls, strict=True))
    cut = F / S * samples
    return min(max(ones - cut, 0), samples - 2 * cut) / (samples - 2 * cut)


REFERENCES = {
    mean: (by_arm(lambda values, pulls: np.mean(values)), lambda heard, pulls: heard),
}


@pytest.mark.parametrize("aggregate", REFERENCES, ids=lambda rule: rule.__name__)
def test_an_aggregate_is_what_its_definition_says_and_worth_the_reports_it_stands_on(aggregate):
    found, (reference, kept) = aggregate(REPORTS, F), REFERENCES[aggregate]
    for (r, v), own, means, pulls in each():
        assert found.means[r, v] == pytest.approx(np.array(reference(means, pulls)), abs=1e-4)
        assert found.pulls[r, v] == pytest.approx(own * kept(len(means), pulls))


@pytest.mark.parametrize("name", rules.names(RuleKind.AGGREGATION))
def test_a_rule_of_games_says_of_what_a_receiver_knows_what_it_says_in_games(name, monkeypatch):
    """By its form over arrays and by itself: of arms that nobody has pulled yet, of a silent sender, of ties."""
    coins, known = np.random.default_rng(6), 0
    choice = rules.named(RuleKind.AGGREGATION, name, {"delta": 0.4} if name == "delta-safe" else {})
    for case in range(12):
        pulls = coins.integers(1, 20, (R, V, S, K)).astype(float)
        pulls[:, :, 5] *= case % 3 != 1
        pulls[..., 2] *= case % 3 != 2
        pulls[0, 0, 3, 1] *= case % 4 != 0
        reports = Reports(coins.random((R, V, S, K)) if case % 2 else coins.integers(0, 3, (R, V, S, K)) / 2, pulls)
        found = ruled(choice)(reports, F)
        with monkeypatch.context() as patch:
            patch.setattr(arrays, "find", lambda choice: None)
            itself = ruled(choice)(reports, F)
        for ours, theirs in zip(found, itself, strict=True):
            assert np.array_equal(ours, theirs)
        units = {seat: tuple(np.rint(reports.means[1, 1, seat, :2] * UNIT).astype(int).tolist()) for seat in range(S)}
        if case % 3 == 2 and name not in ("random-rank", "krum", "median", "meamed"):  # whom chance decides nothing for
            known += 1
            bits, own = dict.fromkeys(units, (True, True)), tuple(pulls[1, 1, 0, :2].astype(int).tolist())
            expected = estimate(choice, units, bits, F, 2, ZERO, own).means
            assert (found.means[1, 1, :2] * UNIT).round().tolist() == list(expected)
            assert found.pulls[1, 1, 2] == 0
    assert known in (0, 4)


@pytest.mark.parametrize("name", OF_GAMES)
def test_who_pools_by_a_rule_of_games_learns(name):
    """No arm is for ever the only one that is known."""
    world = World((0.3, 0.5, 0.9), 7, 0, 400)
    pooled, alone = (play(world, RIVALS[rival](Malice()), 4, 1).regret.mean() for rival in (name, "ucb1"))
    assert 0 < pooled < (1.1 if name == "krum" else 0.7) * alone


WEIGHTED = {
    fedavg: (lambda values, pulls: np.average(values, weights=pulls), lambda pulls: sum(pulls)),
    rewards_trimmed: (rewards_of, lambda pulls: sum(pulls) * (1 - 2 * F / S)),
    source_median: (lambda values, pulls: middle_of(values), len),
    source_trimmed: (lambda values, pulls: np.mean(sorted(values)[1:-1]), lambda pulls: len(pulls) - 2),
}


@pytest.mark.parametrize("aggregate", WEIGHTED, ids=lambda rule: rule.__name__)
def test_an_aggregate_that_counts_samples_its_own_way(aggregate):
    found, (reference, worth) = aggregate(REPORTS, F), WEIGHTED[aggregate]
    for (r, v), _, means, pulls in each():
        assert found.means[r, v] == pytest.approx(np.array(by_arm(reference)(means, pulls)))
        assert found.pulls[r, v] == pytest.approx([worth(list(pulls[:, arm])) for arm in range(K)])


def test_the_trimmed_sources_fall_back_to_the_median_of_one_or_two():
    two = Reports(np.array([[[[0.2], [0.6]]]]), np.array([[[[3.0], [4.0]]]]))
    assert source_trimmed(two, 1) == (pytest.approx(0.4), pytest.approx(2))


@pytest.mark.parametrize("pooled", [False, True])
def test_zhus_rule_is_its_formula_and_may_have_the_width_of_all_it_pools(pooled):
    found, seen = resilient(pooled=pooled)(REPORTS, 1), set()
    for (r, v), own, means, pulls in each():
        for arm in range(K):
            near = [x for x, n in zip(means[1:, arm], pulls[1:, arm], strict=True) if KAPPA * n >= own[arm]]
            seen.add(len(near) > 2)
            if len(near) > 2:
                e = 1 / (len(near) - 2 + 1)
                z, g = (sum(sorted(near)[1:-1]) + means[0, arm]) * e, (4 * e * e + KAPPA * e + KAPPA) / 4
            else:
                z, g, e = means[0, arm], 1, 1
            g = e if pooled else g
            assert (found.means[r, v, arm], found.pulls[r, v, arm]) == (pytest.approx(z), pytest.approx(own[arm] / g))
    assert seen == {True, False}


@pytest.mark.parametrize("aggregate", [*REFERENCES, *WEIGHTED, *map(shipped, OF_GAMES), resilient()])
def test_of_nothing_nothing_is_known(aggregate):
    nothing = Reports(np.zeros((1, 1, S, K)), np.zeros((1, 1, S, K)))
    found = aggregate(nothing, F)
    assert (found.means == 0).all()
    assert (found.pulls == 0).all()
