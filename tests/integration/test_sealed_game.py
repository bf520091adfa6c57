"""Whole sealed games: on the chain and without one, whole bodies and compact ones, and next to the open game."""

import pytest

from chain_bandit.attacks.attack import Attack, View
from chain_bandit.auditor.audit import audit
from chain_bandit.auditor.report import AuditReport
from chain_bandit.chain.remote import json_rpc
from chain_bandit.chain_history.bodies import Bodies, with_bodies
from chain_bandit.chain_history.collect import collect
from chain_bandit.game.game import Game
from chain_bandit.game.on_chain import OnChain
from chain_bandit.game.plan import Plan
from chain_bandit.game.recorder import NoChain
from chain_bandit.protocol.blocks import Body, seats
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.scenario import Scenario
from chain_bandit.stopwatch import Stopwatch
from tests.fast_chain import fast_node
from tests.games import build_scenario, malicious


def scenario(**changes: object) -> Scenario:
    liars = [malicious(5, "two-faced-report"), malicious(6, "constant-lie")]
    keys = {"malicious": liars, "seed": 3, "sealed": True, "liars": 2, "attackers": 2, **changes}
    return build_scenario(7, 3, 24, **keys)


def audited(case: Scenario) -> tuple[Game, OnChain, AuditReport]:
    """Play on an embedded chain, and audit what it keeps."""
    plan = Plan(case)
    recorder = OnChain(fast_node(plan), Stopwatch())
    game = Game(case, recorder, plan)
    with Bodies() as bodies:
        for played in game.play():
            bodies.add(played.body)
        origin = recorder.contract.address, recorder.contract.created_in
        report = audit(with_bodies(collect(json_rpc(recorder.node.line), *origin), bodies))
    assert report.violations == []
    return game, recorder, report


@pytest.mark.parametrize("chain", [{}, {"body": "compact", "batch": 3, "settle_every": 4}])
def test_sealed_game_is_played_paid_and_audited(chain: dict[str, object]) -> None:
    case = scenario(chain=chain)
    game, recorder, report = audited(case)
    assert report.exit_code == 0
    assert report.run_digest == "0x" + game.run_digest.hex()
    assert report.checks["seal.records"].passed > 90
    assert [account.rewards for account in report.accounts[:-1]] == game.cast.environment.sums
    assert {"settleSums", "revealSeal"} <= recorder.contract.gas.keys()
    again = Game(case, NoChain())
    list(again.play())
    assert again.run_digest == game.run_digest


@pytest.mark.parametrize("reward", [False, True])
def test_false_records_are_found_in_every_round_and_a_withheld_key_is_paid_for(reward: bool) -> None:
    bad = [malicious(5, ("false-record", {"reward": reward})), malicious(6, "withheld-key")]
    case = scenario(malicious=bad, unrevealed_penalty=0.5, chain={"settlement_window": 60})
    _, _, report = audited(case)
    blocks = sum(5 in row.reporters for row in report.rounds)
    found = {(finding.kind, finding.seat): finding.count for finding in report.findings}
    assert found == {
        ("false sealed reward" if reward else "false sealed arm", 5): blocks, ("label without a lie", 5): 0,
        ("sealing key not revealed", 6): blocks, ("trusted bits", 6): blocks,
    }  # fmt: skip
    assert (report.checks["seal.records"].not_checkable, report.not_checkable) == (blocks, blocks)
    penalty = case.parameters.unrevealed_penalty
    assert report.burned == penalty > 0
    wei = case.parameters.wei_per_unit
    lost = [account.stake + account.rewards * wei - account.withdrawn for account in report.accounts[:-1]]
    assert lost == [0] * 6 + [penalty]


class Wanders(Attack):
    """Pulls anything, or nothing."""

    conduct = Conduct.LIAR

    def arm(self, view: View, honest: int) -> int | None:
        return view.rng.choice([*range(view.rules.parameters.arms), None])


def test_everything_opens_when_four_of_sixteen_pull_anything_and_keep_their_keys() -> None:
    colluders = range(12, 16)
    bad = [malicious(seat, f"{__name__}:Wanders", "withheld-key") for seat in colluders]
    case = build_scenario(
        16, 16, 44, burn_in=32, malicious=bad, seed=3, sealed=True, liars=4, attackers=4,
        rewards={"kind": "bernoulli", "means": [0.5 + arm / 40 for arm in range(16)]},
        chain={"body": "compact", "batch": 4, "settle_every": 4, "settlement_window": 60},
    )  # fmt: skip
    game, _, report = audited(case)
    assert report.run_digest == "0x" + game.run_digest.hex()
    checks = report.checks
    assert checks["settlement.tags"].passed == 16 * 12
    assert checks["settlement.sums"].passed == 16
    assert {name for name, tally in checks.items() if tally.not_checkable} == {"seal.records"}
    found = {(finding.kind, finding.seat): finding.count for finding in report.findings}
    assert {seat for _, seat in found} == {*colluders}
    for seat in colluders:
        assert found["other arm than the honest", seat] + found.get(("forfeited", seat), 0) > 8


def test_ciphertexts_have_one_length_and_never_repeat() -> None:
    case, records = scenario(malicious=[]), []
    for played in Game(case, NoChain()).play():
        if played.body:
            reporters = len(seats(played.record.header.reporters))
            body = Body.decode(played.body, reporters, case.parameters)
            records += [signed.report.sealed for signed in body.reports]
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
