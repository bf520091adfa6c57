"""Every aggregation rule plays on a chain, is audited, and comes out alike without messages."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from chain_bandit.auditor.audit import audit
from chain_bandit.auditor.report import AuditReport
from chain_bandit.chain.remote import json_rpc
from chain_bandit.chain_history.bodies import Bodies, with_bodies
from chain_bandit.chain_history.collect import collect
from chain_bandit.game.game import Game
from chain_bandit.game.on_chain import OnChain
from chain_bandit.game.plan import Plan
from chain_bandit.protocol.blocks import Kind
from chain_bandit.protocol.estimation import is_estimate
from chain_bandit.protocol.reputation import FULL
from chain_bandit.protocol.rule import Learnt
from chain_bandit.protocol.units import UNIT
from chain_bandit.scenario import Scenario
from chain_bandit.stopwatch import Stopwatch
from tests.equivalence.test_outcomes_equal_game import decided, without_messages
from tests.fast_chain import fast_node
from tests.few import crossed
from tests.games import build_scenario, malicious
from tests.unit.protocol.rules import records
from tests.unit.protocol.rules.records import AGGREGATIONS, REPUTATIONS

BODIES = ["compact", "full"]


def scenario(name: str, body: str, **changes: Any) -> Scenario:
    given = {"delta": 0.4} if name == "delta-safe" else {}
    return build_scenario(
        7, 3, 34, liars=2, attackers=2, seed=8, aggregation={"name": name, "options": given}, chain={"body": body},
        malicious=[malicious(2, "sign-flip"), malicious(5, "swap", "equivocating-commander")], **changes,
    )  # fmt: skip


def played(case: Scenario) -> tuple[AuditReport, str, list[tuple[Any, ...]]]:
    """The audit of a game on the chain, its digest, and what every round came to."""
    plan, rows = Plan(case), []
    recorder = OnChain(fast_node(plan), Stopwatch())
    game = Game(case, recorder, plan)
    with Bodies() as bodies:
        for each in game.play():
            header, kind = (each.record.header, each.record.kind) if each.record else (None, None)
            rows.append(decided(each.round, kind, each.arm, header, each.cost, game.progress.ledger, each.accused))
            bodies.add(each.body)
        history = collect(json_rpc(recorder.node.line), recorder.contract.address, recorder.contract.created_in)
        return audit(with_bodies(history, bodies)), "0x" + game.run_digest.hex(), rows


@pytest.mark.parametrize(("name", "body"), crossed(list(AGGREGATIONS), BODIES, every=2))
def test_a_rule_plays_is_audited_and_simulated_alike(name: str, body: str) -> None:
    case = scenario(name, body)
    report, digest, rows = played(case)
    assert report.violations == []
    assert report.exit_code == 0
    assert report.run_digest == digest
    assert rows == without_messages(case)
    approved = [row[3] for row in rows if row[1] is Kind.APPROVED]
    assert len(approved) > 20
    if not AGGREGATIONS[name].is_mean:
        everybody = {header[1] for header in approved}
        selected = {members for header in approved for members in header[4]}
        if name == "huber-one-step":  # a clipped seat is not in B
            assert not selected <= everybody
            assert all(any(members & ~each == 0 for each in everybody) for members in selected)
        else:
            assert selected == everybody


@pytest.mark.parametrize(("name", "body"), crossed(sorted(REPUTATIONS), BODIES, every=2))
def test_a_reputation_rule_plays_is_audited_and_simulated_alike(name: str, body: str) -> None:
    """Five of seven validate, the best by its weights."""
    case = scenario("option-2", body, reputation=name, validators=5, quorum="majority")
    report, digest, rows = played(case)
    assert report.violations == []
    assert report.exit_code == 0
    assert report.run_digest == digest
    assert rows == without_messages(case)
    usual = without_messages(scenario("option-2", body, validators=5, quorum="majority"))
    assert (rows[-1][5][4] == usual[-1][5][4]) == (name == "accuracy")


@pytest.mark.parametrize("name", ["meritrank", "bittensor-trust"])
def test_who_loses_its_reputation_counts_no_longer(name: str) -> None:
    """Nash's solution counts everybody: both liars are left out once their reputations have fallen, and not before."""
    lies = [malicious(2, "constant-lie"), malicious(5, "constant-lie")]
    case, usual = (
        build_scenario(7, 3, 60, liars=2, attackers=0, seed=8, aggregation="nash-mean", malicious=lies,
                       reputation={"name": name, "options": options}, chain={"body": "compact"})
        for options in ({"least": 0.25}, {})
    )  # fmt: skip
    report, digest, rows = played(case)
    assert report.violations == []
    assert report.run_digest == digest
    assert rows == without_messages(case)
    liars = 1 << 2 | 1 << 5
    headers = [row[3] for row in rows if row[3]]
    counted = [any(members & liars for members in header[4]) for header in headers]
    assert counted[0]
    assert counted == sorted(counted, reverse=True)
    assert not counted[-1]
    assert headers[-1][4][0] == headers[-1][1] & ~liars
    assert without_messages(usual)[-1][3][4][0] & liars


def test_every_rule_decides_otherwise_but_options_2_and_3_and_option_1_where_all_pass() -> None:
    courses = {}
    for name in AGGREGATIONS:
        courses[name] = [row[3] and row[3][4:] for row in without_messages(scenario(name, "compact"))]
    assert courses["option-2"] == courses["option-3"]
    assert len({str(course) for course in courses.values()}) >= len(courses) - 2


@contextmanager
def bounded() -> Iterator[None]:
    """In seconds of CPU, where nobody counts branches: a round, not minutes."""
    start = time.process_time()
    yield
    assert time.process_time() - start < 5


@pytest.mark.parametrize("name", AGGREGATIONS)
def test_the_work_of_an_aggregation_is_bounded_at_the_largest_game(name: str) -> None:
    """Two camps that no iteration reconciles, the most iterations."""
    rule, dice = AGGREGATIONS[name], records.Dice(3)
    camps = [(UNIT // 4 + dice.below(UNIT // 9), UNIT - dice.below(UNIT // 9)) for _ in range(254)]
    rows = (tuple(camp[seat % 2] + dice.below(2) - (seat % 2) for camp in camps) for seat in range(256))
    agreed = records.matrix(*rows, means=(0,) * 254)
    most = {key: option.most for key, option in rule.options.items() if key == "iterations"}
    terms = records.terms(rule, agreed, 85, records.options(rule) | most)
    with bounded():
        assert is_estimate(rule.estimate(terms, (), agreed), 254, agreed)


@pytest.mark.parametrize("name", records.POLICIES)
def test_the_work_of_a_policy_is_bounded_at_the_largest_game(name: str) -> None:
    """Every arm a little better than the one before, so that each is searched for its index."""
    means = tuple(UNIT // 3 + 10**6 * arm for arm in range(254))
    with bounded():
        records.POLICIES[name].arm(records.GAME, Learnt(10**5, bytes(32), means, (10**4,) * 254, (256,) * 254))


@pytest.mark.parametrize("name", REPUTATIONS)
def test_the_work_of_a_reputation_is_bounded_at_the_largest_game(name: str) -> None:
    rule, dice = REPUTATIONS[name], records.Dice(3)
    rows = (tuple(UNIT // 2 + dice.below(UNIT // 20) for _ in range(254)) for _ in range(256))
    agreed = records.matrix(*rows)
    terms = records.terms(rule, agreed, 85)
    with bounded():
        assert max(records.weighed(rule, terms, agreed).weights) > FULL // 8
