"""Games with phases on the embedded chain (decision 105), as both audits and every view follow them; planted faults."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chain_bandit import runs
from chain_bandit.actors.environment import Environment
from chain_bandit.chain_history import files
from chain_bandit.chain_history.records import calls
from chain_bandit.game.folder import read_rounds
from chain_bandit.game.run import run
from chain_bandit.protocol.settlement import Pull
from chain_bandit.runs import audit_folder
from chain_bandit.scenario import Scenario
from chain_bandit.stopwatch import Stopwatch
from tests.games import build_scenario, malicious
from tests.integration.test_cli import chain_bandit

T, L = 160, 6
QUIET = ("silent-validator", {"reports": False, "first": 20, "last": 26})
"""By pulls, in rounds that then fail: without a quorum of reports there is no block."""
LIARS = [malicious(5, "equivocating-commander"), malicious(6, "worse-half")]


def scenario(rounds: int = T, **changes: Any) -> Scenario:
    given: dict[str, Any] = {"growth": 0.4, "slash": 0.5, "paid_burn_in": True, "malicious": LIARS}
    given["chain"] = {"settle_every": 1, "settlement_window": 20} | changes.pop("chain", {})
    return build_scenario(7, 3, rounds, **given | changes)


def play(out: Path, **changes: Any) -> Path:
    run(scenario(**changes), out, lambda moment: None, Stopwatch())
    return out


GAMES: dict[str, dict[str, Any]] = {
    "honest": {"malicious": [], "slash": 0, "paid_burn_in": False},
    "liars": {"cost": "distance"},
    "liars, not paid before L": {"paid_burn_in": False},
    "compact, in batches": {"chain": {"body": "compact", "batch": 3, "settle_every": 4}},
    "full, in batches": {"chain": {"batch": 3}},
    "rounds that fail": {
        "malicious": [malicious(seat, QUIET) for seat in (3, 4, 5, 6)], "attackers": 2, "failure_limit": 2,
        "slash": 0, "paid_burn_in": False,
    },
    "rounds that fail, with proofs": {
        "malicious": [malicious(seat, QUIET) for seat in (3, 4, 5, 6)], "attackers": 2, "failure_limit": 2,
    },
}  # fmt: skip


@pytest.mark.parametrize("game", GAMES)
def test_both_audits_follow_it(game: str, tmp_path: Path) -> None:
    out = play(tmp_path, **GAMES[game])
    report = audit_folder(out, paranoid=True)
    assert (report.exit_code, report.violations) == (0, [])
    rows = report.rounds
    assert len(rows) < T - L
    assert max(row.length for row in rows) > T // 10
    assert L - 1 + sum(row.length for row in rows) == T
    assert all(row.length == 1 for row in rows if row.kind != "approved")
    assert sum(read_rounds(out)["length"]) == T
    kinds = {row.kind for row in rows}
    assert kinds == ({"approved", "skip", "exploration"} if "fail" in game else {"approved"})
    lied = {each.seat for each in report.findings if each.kind == "proven false report"}
    assert lied == ({6} if "malicious" not in GAMES[game] else set())


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("phases") / "run"
    assert runs.play(scenario(cost="distance"), out).report.exit_code == 0
    return out


def test_views_tell_pulls_beside_rounds(played: Path) -> None:
    def told(*words: object) -> str:
        result = chain_bandit(*words, cwd=played)
        assert result.returncode == 0, result.stderr
        return result.stdout

    rows = audit_folder(played).rounds
    row = next(row for row in rows if row.length > 2)
    first = row.round + sum(each.length - 1 for each in rows if each.round < row.round)
    shown = told("show", played, "round", row.round)
    assert f"{first} to {first + row.length - 1} of {T}" in shown
    assert f"{row.round} of {rows[-1].round}" in shown
    assert json.loads(told("show", played, "round", row.round, "--json"))["length"] == row.length
    made = {call.method: "0x" + call.digest.hex() for call in calls(files.read(played / "history.jsonl.gz"))}
    assert "pulls" in told("show", played, "tx", made["submitBlocks"])
    assert f"round {rows[-1].round}" in told("show", played, "tx", made["settleRewards"])
    (settled,) = (
        "0x" + call.digest.hex() for call in calls(files.read(played / "history.jsonl.gz"))
        if call.method == "settleRewards" and call.arguments[0] == row.round
    )  # fmt: skip
    assert told("show", played, "tx", settled).count(f" of {row.length}") >= 5
    assert '>pull</text>' in (played / "report.html").read_text()
    page = (played / "report.html").read_text()
    assert f"{T} pulls each, in {len(rows)} rounds" in page
    assert "0 failed" in told("audit", "--history", played / "history.jsonl.gz", "--paranoid")


def test_who_is_listed_from_a_round_on_that_the_game_does_not_have_was_not_excluded(tmp_path: Path) -> None:
    out = tmp_path / "run"
    report = runs.play(scenario(growth=4.0, malicious=[malicious(6, "worse-half")], rounds=60), out).report
    (since,) = filter(None, report.game["blocked_from"])
    assert since > report.rounds[-1].round
    shown = chain_bandit("show", out, cwd=tmp_path).stdout
    assert f" {since} " not in shown
    assert re.search("blocked +never", chain_bandit("show", out, "participant", 6, cwd=tmp_path).stdout)


FAULTS: dict[str, tuple[Callable[[Pull], Pull], str, str]] = {
    "fewer pulls": (lambda pull: replace(pull, count=pull.count - 1, reward=0), "settlement.form", "paranoid.reward"),
    "a reward off by one": (
        lambda pull: replace(pull, reward=pull.reward - 1 if pull.reward else 1), "settlement.rewards",
        "paranoid.reward",
    ),
    "another arm": (lambda pull: replace(pull, arm=(pull.arm + 1) % 3), "honest.arm", "paranoid.arm"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_other_rows_are_found_by_both_audits(fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pulls, (change, *found_by) = Environment.pulls, FAULTS[fault]
    planted = set[int]()

    def settled(self: Environment, round_: int) -> tuple[Pull, ...]:
        first, *rest = pulls(self, round_)
        if first.count > 2 and not planted:
            planted.add(round_)
        return (change(first) if round_ in planted else first, *rest)

    monkeypatch.setattr(Environment, "pulls", settled)
    report = audit_folder(play(tmp_path), paranoid=True)
    assert planted
    for check in found_by:
        assert planted <= {each.round for each in report.violations if each.check == check}
