"""The scenarios of the seven theorems: on the chain, audited, with and without a chain alike; and one step outside."""

from collections import Counter
from pathlib import Path

import pytest

from chain_bandit.audits import audit_file
from chain_bandit.chain.remote import json_rpc
from chain_bandit.chain_history import files
from chain_bandit.chain_history.collect import collect
from chain_bandit.game.game import Game
from chain_bandit.game.on_chain import OnChain
from chain_bandit.game.plan import Plan
from chain_bandit.game.recorder import NoChain
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.scenario import load
from chain_bandit.stopwatch import Stopwatch
from science.theorems import play, scenario
from tests.fast_chain import fast_node

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "theorems"
AFTER = 24
"""Rounds from L on."""


def rounds_of(theorem: int) -> int:
    return load(FOLDER / f"theorem{theorem}.toml", {"rounds": 200}).parameters.burn_in + AFTER - 1


@pytest.mark.parametrize("theorem", range(1, 8))
def test_scenario_of_each_theorem_is_played_paid_and_audited(theorem, tmp_path):
    case = scenario(theorem, "at", 1, rounds_of(theorem))
    plan = Plan(case)
    recorder = OnChain(fast_node(plan), Stopwatch())
    game = Game(case, recorder, plan)
    kinds = Counter(played.record.kind.name for played in game.play() if played.record)
    again = Game(case, NoChain())
    for _ in again.play():
        pass
    assert again.run_digest == game.run_digest
    files.write(
        collect(json_rpc(recorder.node.line), recorder.contract.address, recorder.contract.created_in),
        tmp_path / "history.jsonl",
    )
    report = audit_file(tmp_path / "history.jsonl", paranoid=True)
    assert (report.exit_code, report.violations) == (0, [])
    assert report.run_digest == "0x" + game.run_digest.hex()
    assert kinds["APPROVED"] >= AFTER - 4
    attackers = [seat for seat, role in enumerate(case.roles) if role & Conduct.ATTACKER]
    listed = {seat for seat, since in enumerate(game.progress.ledger.blocked_from) if since}
    assert listed <= set(attackers)
    assert listed or not attackers


STOPPED, MISLED = (1, 3, 4, 5, 6), (2, 7)
"""What one step outside a theorem comes to: no block passes, or every block does and its estimators are theirs."""


def test_every_theorem_has_its_failure():
    assert sorted(STOPPED + MISLED) == list(range(1, 8))


@pytest.mark.parametrize("theorem", STOPPED)
def test_one_attacker_too_many_stops_blocks_and_rewards_come_back_by_exploration(theorem):
    """The failure that the theorem fears; and still a reward is observed within s + 1 rounds."""
    case = scenario(theorem, "outside", 1, rounds_of(theorem))
    waits, wait, lost = [], 0, 0
    for played in Game(case, NoChain()).play():
        wait = 0 if played.arm is not None else wait + 1
        waits.append(wait)
        lost += played.record is not None and played.record.kind.name in ("SKIP", "REJECTED")
    assert lost > AFTER // 2
    assert max(waits) <= case.parameters.failure_limit


@pytest.mark.parametrize("theorem", MISLED)
def test_one_step_outside_the_estimators_are_theirs_and_the_honest_pay_for_it(theorem):
    """The failure that Theorem 2 fears, and of the committee of Theorem 7 that two of three attackers hold."""
    rounds = rounds_of(theorem) + 60
    at, outside = (play(theorem, place, 1, rounds) for place in ("at", "outside"))
    assert outside.approved == at.approved > 60
    assert (at.lost, outside.lost) == (0, 0)
    assert outside.arms > 0.3 * outside.approved  # the second best arm is 0.3 below the best
    assert outside.arms > 4 * at.arms
    assert outside.cost > 100 * at.cost  # which is not nothing when a liar's own rewards make its lie nearly true
