"""Whole games under every option and both costs, on the chain, with as many liars and attackers as are assumed."""

from fractions import Fraction
from math import floor

import pytest

from chain_bandit.auditor.audit import audit
from chain_bandit.chain.remote import json_rpc
from chain_bandit.chain_history.collect import collect
from chain_bandit.game.books import RoundPlayed
from chain_bandit.game.game import Game
from chain_bandit.game.on_chain import OnChain
from chain_bandit.game.plan import Plan
from chain_bandit.game.recorder import NoChain
from chain_bandit.protocol.blocks import Kind, seats
from chain_bandit.protocol.rewards import hidden_cost
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.protocol.units import UNIT
from chain_bandit.scenario import Scenario
from chain_bandit.stopwatch import Stopwatch
from tests.fast_chain import fast_node
from tests.games import build_scenario, malicious
from tests.rules import entry

SMALL_MAJORITY = {"liars": 2, "attackers": 1}
"""Of six: Option 1 is refused, all others are not."""
MIXED = [malicious(1, "within-range"), malicious(4, "constant-lie"), malicious(5, "equivocating-commander")]
GAMES = {
    "option-1": (7, {"aggregation": "option-1", "cost": "distance"}),
    "option-2": (6, {"aggregation": "option-2", "cost": "distance", **SMALL_MAJORITY}),
    "option-3": (6, {"aggregation": "option-3", "cost": "constant", **SMALL_MAJORITY}),
    "delta-safe": (6, {"aggregation": entry("delta-safe", delta=0.5), "cost": "distance", **SMALL_MAJORITY}),
    "confidence": (6, {"aggregation": "confidence", "cost": "distance", **SMALL_MAJORITY}),
}


def scenario(name: str, **changes: object) -> Scenario:
    participants, keys = GAMES[name]
    return build_scenario(participants, 2, 22, malicious=MIXED, **{"seed": 5, **keys, **changes})


def on_chain(case: Scenario) -> tuple[OnChain, Game, list[RoundPlayed]]:
    plan = Plan(case)
    recorder = OnChain(fast_node(plan), Stopwatch())
    game = Game(case, recorder, plan)
    return recorder, game, list(game.play())


@pytest.mark.parametrize("name", GAMES)
def test_game_under_each_option_is_played_paid_and_audited(name: str) -> None:
    case = scenario(name)
    recorder, game, rounds = on_chain(case)
    again = Game(case, NoChain())
    assert [played.cost for played in again.play()] == [played.cost for played in rounds]
    assert again.run_digest == game.run_digest
    report = audit(collect(json_rpc(recorder.node.line), recorder.contract.address, recorder.contract.created_in))
    assert report.violations == []
    assert report.exit_code == 0
    assert report.run_digest == "0x" + game.run_digest.hex()
    assert all(played.record.kind is Kind.APPROVED for played in rounds if played.record)
    assert game.progress.ledger.blocked_from[5] > 0
    costs = [played.cost for played in rounds if played.cost is not None]
    assert costs == expected_costs(case, game, rounds)
    assert costs
    spent = {account.seat: account.cost for account in report.accounts if account.seat is not None}
    honest = [seat for seat, role in enumerate(case.roles) if role is Conduct.HONEST]
    assert {spent[seat] for seat in honest} == {sum(costs)}
    assert spent[1] == spent[4] == -sum(costs)


def expected_costs(case: Scenario, game: Game, rounds: list[RoundPlayed]) -> list[int]:
    """Settlement (protocol.md: Settlement) in fractions, for the rounds in which a liar is in some B."""
    c = hidden_cost(game.plan.secret, game.cast.rules.seed_0)
    costs = []
    for played in rounds:
        header = played.record.header if played.record else None
        if header is None or not played.pulls or not {1, 4} & {p for row in header.selected for p in seats(row)}:
            continue
        assert played.arm is not None
        apart = Fraction(header.means[played.arm] - case.model.means[played.arm], UNIT)
        costs.append(floor(c * min(1, apart**2)) if case.cost == "distance" else c)
    return costs


def test_run_digests_differ_by_seed_and_by_option_but_those_of_2_and_3() -> None:
    """D is left out everywhere, so Option 3 decides every round as Option 2 does (protocol.md: Aggregation)."""
    digests = {}
    for name in GAMES:
        for seed in (5, 6):
            game = Game(scenario(name, seed=seed), NoChain())
            list(game.play())
            digests[name, seed] = game.run_digest
    assert digests["option-2", 5] == digests["option-3", 5]
    assert len(set(digests.values())) == 8
