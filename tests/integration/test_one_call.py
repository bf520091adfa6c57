"""A rule is one object: validator, node, simulator, attack, auditor and report page call the same one."""

import inspect
from dataclasses import replace

import pytest

from chain_bandit.auditor.audit import audit
from chain_bandit.game.simulated import replicates
from chain_bandit.protocol import rules
from chain_bandit.protocol.aggregation import global_means
from chain_bandit.protocol.ledger import chosen_arm
from chain_bandit.protocol.rule import Estimate
from chain_bandit.protocol.rules.kl_ucb import KlUcb
from chain_bandit.protocol.rules.option_2 import Option2
from chain_bandit.protocol.rules.ucb1 import Ucb1
from chain_bandit.protocol.ruleset import RuleKind
from chain_bandit.simulation.engine import Engine
from chain_bandit.views.page import _ruled
from verification.schedules.acts import GameSize
from verification.schedules.draw import draw_for_nodes
from verification.schedules.nodes import play as play_nodes
from verification.schedules.stage import ScheduleStage

CHOICE = rules.named(RuleKind.AGGREGATION, "option-2")


@pytest.fixture(params=[(Option2, "estimate"), (Ucb1, "arm")], ids=lambda verb: verb[1])
def callers(request, monkeypatch):
    """The modules on the stack whenever the rule is asked."""
    rule, verb = request.param
    seen, answer = set(), getattr(rule, verb)

    def traced(self, *given):
        frame = inspect.currentframe()
        while frame is not None:
            seen.add(frame.f_globals.get("__name__", ""))
            frame = frame.f_back
        return answer(self, *given)

    monkeypatch.setattr(rule, verb, traced)
    chosen_arm.cache_clear()  # it remembers games of other tests
    return seen


@pytest.fixture
def forgotten():
    """Of a test with another policy no arm is remembered."""
    chosen_arm.cache_clear()
    yield
    chosen_arm.cache_clear()


def test_a_validator_calls_it(callers, scenario, cheat, play):
    play(scenario(7, 2, 16, aggregation="option-2", malicious=[cheat(6, "optimiser")]))
    assert "chain_bandit.actors.validator" in callers


@pytest.mark.parametrize("callers", [(Option2, "estimate")], indirect=True)
def test_an_attack_that_searches_calls_it(callers, scenario, cheat, play):
    play(scenario(7, 2, 16, aggregation="option-2", malicious=[cheat(6, "greedy")]))
    assert "chain_bandit.attacks.greedy" in callers


def test_a_node_calls_it(callers):
    stage = ScheduleStage(GameSize(4, 1))
    stage.ledger = replace(stage.ledger, means=(7, 9), worth=(1, 1))
    play_nodes(stage, draw_for_nodes(GameSize(4, 1), 3))
    assert any(name.startswith("chain_bandit.nodes.") for name in callers)


def test_the_simulator_calls_it(callers, scenario):
    replicates(scenario(4, 2, 16, aggregation="option-2"), 1, (16,), 1, Engine.PLAIN)
    assert "chain_bandit.simulation.outcomes" in callers


def test_the_auditor_calls_it(callers):
    from tests.unit.audit.played_game import PARAMETERS, Played, Script

    played = Played(Script(parameters=replace(PARAMETERS, aggregation=CHOICE)), 3)
    callers.clear()
    assert audit(played.history).exit_code == 0
    assert {"chain_bandit.auditor.aggregation", "chain_bandit.auditor.blocks"} & callers


def test_the_page_lets_the_same_object_explain(scenario, monkeypatch):
    monkeypatch.setattr(Option2, "explain", lambda self, terms: f"f is {terms.liars}")
    p = scenario(7, 2, 16, aggregation="option-2").parameters
    assert _ruled(p, p.aggregation, "") == "f is 2"
    monkeypatch.setattr(KlUcb, "explain", lambda self, terms: f"C1 is {terms.c1[0]}")
    p = scenario(7, 2, 16, policy="kl-ucb").parameters
    assert _ruled(p, p.policy, "") == "C1 is 2"


def test_what_another_rule_answers_is_what_all_of_them_do(monkeypatch, scenario, play):
    """The reports of seat 0 alone, in every part of a game."""

    def first(self, terms, state, agreed):
        sets = [frozenset({0} & agreed.reports.keys())] * terms.arms
        return Estimate(global_means(agreed.reports, sets), tuple(sets))

    monkeypatch.setattr(Option2, "estimate", first)
    _, rounds = play(scenario(4, 2, 16, aggregation="option-2"))
    headers = [each.record.header for each in rounds if each.record and each.record.header]
    assert headers
    assert all(row == 1 for header in headers for row in header.selected)


@pytest.mark.usefixtures("forgotten")
def test_what_another_policy_answers_is_what_all_of_them_pull(monkeypatch, scenario, play):
    """The last arm, whatever was learnt."""
    monkeypatch.setattr(Ucb1, "arm", lambda self, terms, learnt: terms.arms - 1)
    _, rounds = play(scenario(4, 2, 16))
    learning = [each for each in rounds if each.record and each.record.header and each.round > 4]
    assert len(learning) > 8
    assert {each.record.header.arm for each in learning[1:]} == {each.arm for each in learning[1:]} == {1}
