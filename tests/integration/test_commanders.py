"""Theorem 5 in whole games: detection of equivocators, cost of commanders (figures: science/commanders.py)."""

from math import sqrt

import pytest

from chain_bandit.game.plan import Plan
from chain_bandit.protocol.blocks import genesis_digest, round_seed
from chain_bandit.protocol.committee import commander_drawn
from chain_bandit.protocol.parameters import ODDS
from science.commanders import attackers, found_by, lonely_rounds, play, probed, scenario

ROUNDS = 1000
"""T, on which the trust coefficients rest; the games are left after their burn-in."""


def first_commands(case) -> list[int]:
    """Of each attacker the first round in which it commands, by the draws of its own key; all command in round L."""
    plan, p = Plan(case), case.parameters
    seed_0, _ = genesis_digest(plan.game, plan.seated, plan.salt)

    def drawn(seat: int, round_: int) -> bool:
        output, _ = plan.vrf_keys[seat].prove(round_seed(seed_0, round_))
        return commander_drawn(p, output, round_)

    return [
        next((t for t in range(1, p.burn_in) if drawn(seat, t)), p.burn_in) for seat in attackers(case)
    ]


def test_who_equivocates_whenever_it_commands_is_found_when_it_first_does_as_often_as_predicted():
    p = scenario(7, "equivocates", 1, ROUNDS).parameters
    found = []
    for seed in range(1, 21):
        now = probed(7, ROUNDS, seed)
        if seed <= 3:
            assert now == first_commands(scenario(7, "equivocates", seed, ROUNDS))
        found += now
    assert len(found) == 60
    assert all(0 < each <= p.burn_in for each in found)
    for probes in (1, 2):
        chance = found_by(p.probing / ODDS, probes)
        share = sum(each <= probes for each in found) / len(found)
        assert abs(share - chance) < 4 * sqrt(chance * (1 - chance) / len(found))


def test_a_sleeper_is_not_found_in_the_burn_in_but_soon_after_it_wakes():
    rounds = 60
    case = scenario(7, "sleeper", 2, rounds)
    last, delay = case.parameters.burn_in, 4
    played = play(7, "sleeper", rounds, 2)
    assert all(last < each <= last + 10 for each in played.found)
    assert played.listed == [each + delay for each in played.found]
    early = play(7, "equivocates", rounds, 2)
    assert early.listed == [last + delay] * 3


def test_about_as_many_rounds_as_predicted_have_no_honest_commander_and_headers_cost_what_is_predicted():
    rounds, seeds = 120, range(1, 4)
    games = [play(7, "equivocates", rounds, seed) for seed in seeds]
    lonely = lonely_rounds(scenario(7, "equivocates", 1, rounds).parameters, 3)
    total = sum(game.lonely for game in games)
    assert abs(total - lonely * len(games)) < 4 * sqrt(lonely * len(games))
    everybody = play(7, "all command", rounds, 1)
    assert everybody.lonely == 0
    p = scenario(7, "equivocates", 1, rounds).parameters
    before, after = p.evidence_delay - 1, rounds - p.burn_in  # of these rounds all seven validate the first, then four

    def mean(of):
        return (before * of(7) + (after - before) * of(4)) / after

    chance = p.commanders / ODDS
    assert games[0].statements[0] == pytest.approx(mean(lambda n: chance * n * n * (n - 1)), rel=0.15)
    assert everybody.statements[0] == pytest.approx(mean(lambda n: n * (n - 1)), rel=0.01), "headers are not relayed"
