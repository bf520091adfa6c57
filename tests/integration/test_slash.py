"""Slashing: a proof takes the slash from an equivocator or false reporter alone, burned, in every computation."""

from pathlib import Path

import pytest

from chain_bandit.auditor import money
from chain_bandit.game.run import run
from chain_bandit.game.simulated import replicates
from chain_bandit.protocol.transaction import least_window
from chain_bandit.runs import audit_folder
from chain_bandit.scenario import Scenario, load
from chain_bandit.stopwatch import Stopwatch

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
EQUIVOCATORS = (8, 9)
PROVEN = (7, 8, 9)


def flights(**changes: object) -> Scenario:
    short = {"preset": "paper", "rounds": 62, "burn_in": 32, "chain.settlement_window": 100}  # every block is mined
    return load(EXAMPLES / "flights.toml", short | changes)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("slashed")
    run(flights(slash=0.25), out, lambda moment: None, Stopwatch())
    return out


def test_who_is_proven_loses_it_and_it_is_burned(played: Path) -> None:
    case = flights(slash=0.25)
    report = audit_folder(played, paranoid=True)
    assert (report.exit_code, report.violations) == (0, [])
    slash = case.parameters.slash
    assert slash == flights().parameters.stake // 4
    assert case.parameters.stake == flights().parameters.stake + slash
    assert {each.seat: each.penalty for each in report.accounts if each.seat is not None} == {
        seat: slash * (seat in PROVEN) for seat in range(case.participants)
    }
    assert report.burned >= slash * len(PROVEN)
    for each in report.accounts:
        assert each.withdrawn == each.owed + each.withdrawn
    net = {each.seat: each.net for each in report.accounts}
    assert max(net[seat] for seat in PROVEN) < 0 < min(net[seat] for seat in range(7))


def test_a_contract_that_takes_no_slash_is_found(played: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = money.final_balance
    monkeypatch.setattr(money, "final_balance", lambda p, *given: original(p, *given[:4], frozenset(), *given[5:]))
    report = audit_folder(played)
    assert report.exit_code == 12
    assert {each.check for each in report.violations} >= {"money.close", "money.balances"}


def test_simulated_payoffs_have_it() -> None:
    """Of a game whose reports nobody can prove false: else the games themselves would differ."""
    unproven = {"comparison": "mpc", "quorum": "majority"}
    with_it, without = (replicates(flights(slash=share, **unproven), 3) for share in (0.25, 0.0))
    roles = flights().roles
    change = without.payoffs(roles) - with_it.payoffs(roles)
    units = with_it.parameters.slash // with_it.parameters.wei_per_unit
    assert change.tolist() == [[units * (seat in EQUIVOCATORS) for seat in range(10)]] * 3


@pytest.mark.parametrize("changes", [{"slash": 0.25}, {"slash": 0.25, "sealed": True}, {}])
def test_in_the_shortest_window_costs_are_settled_in_time(tmp_path: Path, changes: dict[str, object]) -> None:
    """Of ten rounds a call for each. In a shorter one they came too late, and the game was void."""
    given = changes | {"rounds": 41, "malicious": [], "chain.costs_every": 1, "chain.settle_every": 1}
    least = least_window(flights(**given).parameters, 1, 1)
    run(flights(**given, **{"chain.settlement_window": least}), tmp_path, lambda moment: None, Stopwatch())
    report = audit_folder(tmp_path)
    assert (report.exit_code, report.game["costs_void"]) == (0, False)


def test_in_the_shortest_window_all_who_lie_in_the_last_round_are_proven(tmp_path: Path) -> None:
    """A block for each proof: that of the fourth came too late."""
    late = [{"seat": seat, "attacks": [{"name": "sleeper", "options": {"wakes": 62}}]} for seat in range(9, 13)]
    given: dict[str, object] = {"slash": 0.25, "malicious": late, "participants": 13, "liars": 4, "attackers": 4}
    least = least_window(flights(**given).parameters, 100, 1)
    run(flights(**given, **{"chain.settlement_window": least}), tmp_path, lambda moment: None, Stopwatch())
    report = audit_folder(tmp_path)
    assert report.exit_code == 0
    assert {each.seat for each in report.findings if each.kind == "proven false report"} == set(range(9, 13))
