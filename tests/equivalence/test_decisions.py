"""Decisions and payments of fixed scenarios stay as committed, on every chain and in every format."""

import json

import pytest

from chain_bandit.comparison import ideal
from chain_bandit.protocol import ledger
from chain_bandit.protocol.assumptions import minimum_pool
from chain_bandit.protocol.rules import option_1
from tests.few import deep, few
from verification import decisions, honest

GOLDEN = decisions.golden()
RANDOM = [name for name in GOLDEN if name.startswith("random-")]
SHIPPED = [name for name in GOLDEN if name not in RANDOM]
ON_EVERY_CHAIN = RANDOM[::35][:6]
QUICK = ["small", "small-mpc", "exclusion", "weights", "theorems/theorem2"]


def digests(*names: str, chain: str = "fast") -> list[str]:
    with honest.chain(chain) as node:
        return [decisions.digest(GOLDEN[name][0], node) for name in names]


@pytest.mark.parametrize("name", [*few(RANDOM, 5), *QUICK, *deep(sorted(set(SHIPPED) - set(QUICK)))])
def test_decisions_and_payments_are_those_committed(name):
    assert digests(name) == [GOLDEN[name][1]]


@pytest.mark.parametrize("chain", ["embedded", "anvil", "hardhat"])
def test_a_chain_changes_nothing(chain):
    assert digests(*ON_EVERY_CHAIN, chain=chain) == [GOLDEN[name][1] for name in ON_EVERY_CHAIN]


def test_there_are_two_hundred_random_scenarios_and_every_example():
    assert len(RANDOM) >= 200
    assert {name for name, _ in decisions.shipped()} == set(SHIPPED)


def test_validators_who_compare_decide_and_pay_as_the_trusted_comparison_does():
    assert GOLDEN["small-mpc"][0].comparison == "mpc"
    assert GOLDEN["small-mpc"][1] == GOLDEN["small"][1]


def test_a_game_is_a_line_a_round_and_one_for_what_is_paid():
    case = GOLDEN["small"][0]
    with honest.chain("fast") as node:
        *rounds, paid = map(json.loads, decisions.lines(case, node))
    assert [decided["round"] for decided in rounds] == list(range(1, case.rounds + 1))
    parameters = case.parameters
    deposits = parameters.participants * parameters.stake + minimum_pool(
        parameters.participants, parameters.horizon, parameters.wei_per_unit
    )
    assert 0 < sum(paid["paid"]) <= deposits


FAULTS = {
    "no report trimmed": (option_1, "trimmed", lambda estimates, members, trim, order: members),
    "a bit of the comparison": (ideal, "enough_pulls", lambda counts, reference, threshold: (False,) * len(counts)),
    "reputations that do not move": (ledger, "after_block", lambda before, accuracies: before),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_change_of_a_decision_is_seen(fault, monkeypatch):
    monkeypatch.setattr(*FAULTS[fault])
    assert digests("small") != [GOLDEN["small"][1]]
