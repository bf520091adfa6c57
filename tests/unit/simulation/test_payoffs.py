"""Payoffs of each seat in the compiled game are the contract's, from the rounds of the plain game."""

import random
from dataclasses import replace
from typing import Any

import pytest

from chain_bandit.crypto.keys import derive
from chain_bandit.game.simulated import replicates
from chain_bandit.protocol.settlement import Balance, final_balance
from chain_bandit.scenario import Scenario
from chain_bandit.simulation.outcomes import Play, Setting, hashes
from science import payoff
from tests.equivalence.test_outcomes_equal_game import scenario


def balance(case: Scenario) -> tuple[Balance, int]:
    """(What the contract owes after the plain game, its pool)."""
    p, secret, seed_0 = case.parameters, derive(case.seed, "secret"), derive(case.seed, "seed_0")
    attacks = case.attacks()
    setting = Setting(p, case.model, secret, seed_0, attacks, hashes(secret, seed_0), case.chain.batch,
                      {seat: random.Random(seat) for seat in attacks})  # fmt: skip
    rewards, costs = [0] * p.participants, [0] * p.participants
    listed: tuple[int, ...] = (0,) * p.participants
    for o in Play(setting).rounds():
        for seat in range(p.participants):
            if o.paid:
                rewards[seat] += o.rewards.get(seat, 0)
            if o.cost is not None and not 0 < listed[seat] <= o.round:
                costs[seat] += o.cost
        listed = o.ledger.blocked_from
    pool = 2 * p.participants * p.horizon * 10**9
    blocked = frozenset(seat for seat, since in enumerate(listed) if since)
    return final_balance(p, pool, rewards, case.roles, costs, blocked), pool


CASES: dict[str, dict[str, Any]] = {
    "within-range": {}, "within-range by distance": {"cost": "distance"}, "two-faced-report": {},
    "equivocating-commander": {"commanders": "trust", "quorum": "majority"},
    "silent-validator": {"attackers": 1, "failure_limit": 1}, "two-faced-report slashed": {"slash": 0.25},
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_payoffs_are_those_that_the_contract_would_settle(name):
    case = scenario(name.split()[0], **CASES[name])
    owed, pool = balance(case)
    measured = replicates(case, 1)
    paid = measured.payoffs(case.roles)[0].tolist()
    assert paid == [wei - case.parameters.stake for wei in owed.participants]
    assert sum(paid) + owed.environment + owed.burned == pool  # nothing is lost, nothing is made


def test_who_is_proven_guilty_gets_no_cost_from_then_on():
    """Two lie within the range for ever; one of them equivocates in round 20 and is on the block list soon after."""
    lie = {"name": "within-range"}
    malicious = [
        {"seat": 5, "attacks": [lie]},
        {"seat": 6, "attacks": [lie, {"name": "equivocating-commander", "options": {"first": 20}}]},
    ]
    case = scenario("", malicious=malicious, slash=0.5, comparison="mpc")  # no report is proven false
    owed, _ = balance(case)
    measured = replicates(case, 1)
    assert measured.settled is not None
    free, listed = measured.settled[0, 1, 5:].tolist()
    assert free > listed > 0
    assert [bool(since) for since in measured.settled[0, 2]] == [False] * 6 + [True]
    assert measured.payoffs(case.roles)[0].tolist() == [wei - case.parameters.stake for wei in owed.participants]


def test_a_cell_has_the_whole_cost_that_it_names_and_pays_its_truthful_mates_too():
    """Of three one lies, in games without a slash: all three are paid, and twice as much where c is twice as much."""
    bench = payoff.AttackBench("option-1, constant", 3, 300, 3, payoff.TABLE, mates=2)
    half, whole = (replace(bench, whole_cost=c).gain("copycat", {}) for c in (0.5, 1.0))
    assert (whole.costs > 150).all()
    assert (whole.costs == 2 * half.costs).all()
    assert (whole.rewards == half.rewards).all()
    for slash, settle_every in ((0.01, 25), (0.01, 300)):
        proven = replace(bench, whole_cost=1.0, slash=slash, settle_every=settle_every).gain("copycat", {})
        assert (proven.costs == 0).all()
        assert (proven.total < 0).all()
