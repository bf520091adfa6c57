"""Whole sealed games: on the chain and without one, whole bodies and compact ones, and next to the open game."""

import pytest

from chain_bandit.audit.audit import audit
from chain_bandit.chain.remote import json_rpc
from chain_bandit.game.game import Game
from chain_bandit.game.on_chain import OnChain, embedded_node
from chain_bandit.game.plan import Plan
from chain_bandit.game.recorder import NoChain
from chain_bandit.history.bodies import Bodies, with_bodies
from chain_bandit.history.collect import collect
from chain_bandit.protocol.blocks import Body, Report, seats
from chain_bandit.scenario import Scenario
from chain_bandit.stopwatch import Stopwatch
from tests.conftest import build_scenario, malicious


def scenario(**changes: object) -> Scenario:
    liars = [malicious(5, "two-faced-report"), malicious(6, "constant-lie")]
    keys = {"malicious": liars, "seed": 3, "sealed": True, "liars": 2, "attackers": 2, **changes}
    return build_scenario(7, 3, 24, **keys)


@pytest.mark.parametrize("chain", [{}, {"body": "compact", "batch": 3, "settle_every": 4}])
def test_sealed_game_is_played_paid_and_audited(chain: dict[str, object]) -> None:
    case = scenario(chain=chain)
    plan = Plan(case)
    recorder = OnChain(embedded_node(plan), Stopwatch())
    game = Game(case, recorder, plan)
    with Bodies() as bodies:
        for played in game.play():
            bodies.add(played.body)
        origin = recorder.contract.address, recorder.contract.created_in
        report = audit(with_bodies(collect(json_rpc(recorder.node.web3), *origin), bodies))
    assert report.violations == []
    assert report.exit_code == 0
    assert report.run_digest == "0x" + game.run_digest.hex()
    assert report.checks["seal.records"].passed > 90
    assert [account.rewards for account in report.accounts[:-1]] == game.cast.environment.sums
    assert {"settleSums", "revealSeal"} <= recorder.contract.gas.keys()
    again = Game(case, NoChain())
    list(again.play())
    assert again.run_digest == game.run_digest


def test_ciphertexts_have_one_length_and_never_repeat() -> None:
    case, records = scenario(malicious=[]), []
    for played in Game(case, NoChain()).play():
        if played.body:
            reporters = len(seats(played.record.header.reporters))
            body = Body.decode(played.body, reporters, case.parameters)
            records += [Report.decode(report.content, case.parameters).sealed for report in body.reports]
    assert len(records) == len(set(records)) == 7 * 19
    assert {len(record) for record in records} == {21}


def test_rounds_end_alike_whether_a_game_is_sealed_or_open() -> None:
    games = [Game(scenario(sealed=sealed), NoChain()) for sealed in (False, True)]
    rounds = [[(played.round, played.record and played.record.kind) for played in game.play()] for game in games]
    assert rounds[0] == rounds[1]


def test_penalty_is_a_share_of_the_rewards_and_lies_in_the_stake() -> None:
    half, none = scenario(unrevealed_penalty=0.5).parameters, scenario(sealed=False, unrevealed_penalty=0.5).parameters
    assert (half.unrevealed_penalty, half.stake) == (12 * 10**9, 36 * 10**9)
    assert (none.unrevealed_penalty, none.stake, none.sealed) == (0, 24 * 10**9, 0)
