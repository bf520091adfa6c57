"""Games of processes whose blocks decide phases: as in one process, despite crashes and missed phases."""

from time import monotonic
from typing import Any

import pytest

from chain_bandit.audits import audit_file
from chain_bandit.game.recorder import NoChain
from chain_bandit.nodes.crash import VARIABLE
from chain_bandit.runs import audit_folder
from chain_bandit.scenario import Scenario
from tests.few import deep
from tests.integration.nodes_up import Game, digests_of, game
from tests.integration.test_false_reports_of_nodes import LIAR, alone, events, lying, require_as_alone

PHASES: dict[str, Any] = {"growth": 0.25, "rounds": 200, "chain": {"settle_every": 1, "settlement_window": 400}}


def honest(**changes: Any) -> Scenario:
    return lying(**{**PHASES, "malicious": [], "liars": 0, "slash": 0, **changes})


def require_passed(played: Game) -> Any:
    """Both audits pass, and no key has said two things. Gives what the audit says."""
    manifest, report = played.end(200)
    assert (report.verdict, report.violations) == ("passed", [])
    assert audit_file(played.out / "history.jsonl.gz", paranoid=True).verdict == "passed"
    assert manifest["run_digest"] == report.run_digest
    for name in ("seat-0", "seat-1", "seat-2", "environment"):
        digests_of(played.out / name)
    return report


def test_phases_come_to_the_same_as_in_one_process_and_a_liar_in_one_is_proven(tmp_path):
    scenario = lying(LIAR, **PHASES)
    with game(scenario, tmp_path / "game") as played:
        manifest, report = played.end(120)
    assert require_as_alone(tmp_path / "game", manifest, scenario).keys() == {3}
    lengths = [row.length for row in report.rounds]
    assert sum(lengths) + scenario.parameters.burn_in - 1 == scenario.rounds > 3 * len(lengths)


@pytest.mark.parametrize("slash", [0, 0.25], ids=["without proofs", "with proofs"])
def test_who_dies_in_a_phase_comes_back_to_it(tmp_path, monkeypatch, slash):
    """The environment twice: with receipts of a phase given in part, and with a settlement signed and not sent."""
    crashes = "environment/receipt appended:50,relayer/about to record:9"
    monkeypatch.setenv(VARIABLE, crashes)
    scenario = honest(bound_ms=2000, slash=slash)
    with game(scenario, tmp_path / "game", revive=True) as played:
        played.wait(lambda: sorted(played.killed) == ["environment", "relayer"])
        played.stop_reviving()
        played.kill("environment")
        played.start("environment", "settlement signed:2")
        played.wait(lambda: played.started["environment"].poll() is not None)
        played.start("environment")
        report = require_passed(played)
    assert report.run_digest == "0x" + alone(scenario, NoChain()).run_digest.hex()
    settled = [through for through, _ in events(tmp_path / "game", "RewardsSettled")]
    assert settled[-1] == report.rounds[-1].round


@pytest.mark.parametrize("slash", [*deep([0]), 0.25], ids=["without proofs", "with proofs"])
def test_a_seat_killed_in_a_phase_or_away_for_whole_ones_reports_and_earns_again(tmp_path, monkeypatch, slash):
    monkeypatch.setenv(VARIABLE, "seat-1/pulled:9")
    scenario = honest(bound_ms=50, pull_wait=20, slash=slash, rounds=1000)
    with game(scenario, tmp_path / "game", revive=True) as played:
        played.wait(lambda: played.is_back("seat-1") and played.at_round(8))
        played.stop_reviving()
        played.kill("seat-2")
        away = played.rounds("seat-0")[-1]
        played.wait(lambda: played.at_round(away + 8, "seat-0"))
        with played.held():
            played.start("seat-2")
            played.wait(lambda: played.is_back("seat-2"))
        report = require_passed(played)
    missed = [row for row in report.rounds if row.rewards is not None and row.rewards[2] is None]
    assert not slash or sum(row.length > 1 for row in missed) > 2
    back = [row for row in report.rounds if row.rewards is not None and row.rewards[2] is not None]
    assert back[-1].round > away + 8
    assert 2 in back[-1].reporters
    assert audit_folder(tmp_path / "game").exit_code == 0


@pytest.mark.deep
@pytest.mark.timeout(580)
@pytest.mark.parametrize("participants", [4, 7])
def test_ten_thousand_pulls_in_phases_lose_nothing(tmp_path, monkeypatch, participants):
    """A seat and the environment killed inside a phase, another seat away for whole ones."""
    monkeypatch.setenv(VARIABLE, "seat-1/pulled:9,environment/receipt appended:50")
    scenario = honest(bound_ms=100, pull_wait=20, slash=0.25, rounds=10_000, participants=participants,
                      growth=0.125)  # fmt: skip
    with game(scenario, tmp_path / "game", revive=True) as played:
        played.wait(lambda: played.is_back("seat-1") and played.is_back("environment") and played.at_round(8))
        played.stop_reviving()
        played.kill("seat-2")
        away = played.rounds("seat-0")[-1]
        played.wait(lambda: played.at_round(away + 4))
        played.start("seat-2")
        played.wait(lambda: played.is_back("seat-2"))
        first, began = played.rounds("seat-0")[-1], monotonic()
        played.wait(lambda: "all rounds are recorded" in played.log("seat-0"))
        last, seconds = played.rounds("seat-0")[-1], monotonic() - began
        report = require_passed(played)
    pulls = sum(row.length for row in report.rounds if first < row.round <= last)
    print(f"n = {participants}: {(last - first) / seconds:.1f} blocks, {pulls / seconds:.0f} pulls a second")
    assert len(report.rounds) < 200
    assert sum(row.length for row in report.rounds) + scenario.parameters.burn_in - 1 == 10_000
    missed = [row.length for row in report.rounds if row.rewards is not None and row.rewards[2] is None]
    assert missed
    assert audit_folder(tmp_path / "game").exit_code == 0
