"""Theorem 7 in whole games: malicious seats among the N best (science/committees.py has the figures)."""

import pytest

from chain_bandit.auditor.audit import audit
from chain_bandit.chain.remote import json_rpc
from chain_bandit.chain_history.collect import collect
from chain_bandit.game.game import Game
from chain_bandit.game.on_chain import OnChain
from chain_bandit.game.plan import Plan
from chain_bandit.protocol.errors import AssumptionBroken
from chain_bandit.scenario import load
from chain_bandit.stopwatch import Stopwatch
from science.committees import BURN_IN, FOLDER, SETTLED, WAKES, play, scenario
from tests.fast_chain import fast_node

AFTER = SETTLED + 4


@pytest.mark.parametrize("validators", [3, 5])
def test_who_lies_from_delta_on_or_equivocates_is_not_among_the_best(validators):
    for name, outside in (("lies by delta", 1.0), ("two reports", 0.0)):
        played = play(name, validators, AFTER, 1)
        assert (played.clean, played.among, played.outside) == (True, 0.0, outside)
        assert played.failed < 0.1


def test_a_lie_within_the_honest_noise_keeps_its_seat():
    played = play("lies by delta / 6", 5, AFTER, 2)
    assert played.outside > 0.5
    assert not played.clean
    assert played.stay > 50


def test_who_withholds_loses_its_seat_and_who_is_silent_or_in_range_keeps_it_and_stops_nothing():
    assert play("withholder", 5, AFTER, 1).among == 0.0
    for name in ("silent member", "in-range liar"):
        played = play(name, 5, AFTER, 1)
        assert played.among > 0
        assert (played.attacking, played.left_out) == (0.0, 0.0)
        assert played.failed < 0.1


def test_a_sleeper_is_among_the_best_until_it_wakes_and_soon_no_more():
    played = play("sleepers", 5, WAKES - BURN_IN + 30, 2)
    assert not played.clean
    assert 0 < played.stay < 12


def test_a_committee_below_2m_plus_1_is_captured_for_good_and_the_audit_cannot_tell():
    """Reports that a quorum says it never had leave no trace."""
    seed, rounds = 1, 40
    bound = play("two that capture", 5, rounds, seed)
    assert (bound.left_out, bound.attacking) == (0.0, 0.0)
    case = scenario("two that capture", 3, seed, rounds)
    recorder = OnChain(fast_node(plan := Plan(case)), Stopwatch())
    game = Game(case, recorder, plan)
    headers = [each.record.header for each in game.play() if each.record and each.record.header]
    left_out = [header.reporters == 0b1100000 for header in headers]
    first = left_out.index(True)
    assert len(left_out) - first > 10
    assert all(left_out[first:])
    report = audit(collect(json_rpc(recorder.node.line), recorder.contract.address, recorder.contract.created_in))
    assert (report.exit_code, report.violations) == (0, [])


def test_a_game_that_admits_how_small_its_committee_is_is_refused():
    with pytest.raises(AssumptionBroken, match=r"2m \+ 1 <= N"):
        load(FOLDER / "theorem7-captured.toml", {"attackers": 2})
