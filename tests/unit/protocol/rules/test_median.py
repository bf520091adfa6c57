"""The median: its twin, its breakdown point of one half, and what it counts for."""

from math import pi
from pathlib import Path
from random import Random
from statistics import median_low

import pytest

from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.rewards import Draws
from chain_bandit.protocol.units import UNIT
from chain_bandit.scenario import load
from chain_bandit.simulation.outcomes import Play, Setting, hashes
from chain_bandit.simulation.rivals.on_draws import ucb1
from tests.unit.protocol.rules import records


def rounding(terms):
    return 0


def naive(terms, agreed):
    seats = records.passed(agreed)
    if not seats:
        return [None] * terms.arms, [set()] * terms.arms
    means, sets = [], []
    for arm in range(terms.arms):
        middle = median_low([(agreed.reports[p][arm], records.hashed(agreed.seed, p), p) for p in seats])
        means.append(middle[0])
        sets.append({middle[2]})
    return means, sets


@pytest.mark.parametrize("lie", [0, UNIT])
def test_less_than_half_of_liars_keep_it_among_the_honest_and_half_do_not(lie):
    honest = [UNIT // 2 + at for at in range(5)]
    assert min(honest) <= records.ask("median", records.column(*honest, *[lie] * 4)).means[0] <= max(honest)
    assert records.ask("median", records.column(*honest, *[lie] * 6)).means[0] == lie


@pytest.mark.parametrize(("passed", "worth"), [(0, 1), (1, 1), (3, 1), (4, 2), (7, 4), (10, 6), (11, 7), (256, 162)])
def test_it_counts_for_two_parts_in_pi_of_its_reports_as_a_rank_vote_of_medians_does(passed, worth):
    for name, counted in (("median", 1), ("rank-vote", passed)):
        assert records.AGGREGATIONS[name].worth(records.GAME, counted, passed) == worth
    assert worth == max(1, int(2 * passed / pi))


def test_a_game_by_it_explores_less_than_ucb1_alone():
    """After the burn-in of the flights, per honest participant, in rewards."""
    scenario = load(Path("examples/flights.toml"), {"preset": "paper", "aggregation": "median"}, on_chain=False)
    p, model, best = scenario.parameters, scenario.model, max(scenario.model.means)
    game = alone = 0
    for seed in (b"1", b"2", b"3"):
        secret, seed_0, attacks = keccak(b"secret", seed), keccak(b"seed", seed), scenario.attacks()
        chances = {seat: Random(seat) for seat in attacks}
        played = Play(Setting(p, model, secret, seed_0, attacks, hashes(secret, seed_0), chances=chances)).rounds()
        arms = {each.round: each.arm for each in played if each.paid and each.arm is not None}
        game += sum(best - model.means[arm] for arm in arms.values())
        own = enumerate(ucb1(Draws(model, secret, seed_0), 0, p.arms, p.horizon), 1)
        alone += sum(best - model.means[arm] for t, arm in own if t in arms)
    assert game < 0.8 * alone, (game / UNIT / 3, alone / UNIT / 3)
