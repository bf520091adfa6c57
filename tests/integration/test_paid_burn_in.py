"""Games on the real contract whose burn-in is paid (decision 103), as both audits follow them; and planted faults."""

from collections.abc import Callable
from pathlib import Path

import pytest

from chain_bandit.actors.environment import Environment
from chain_bandit.actors.messages import PullRequest, Send
from chain_bandit.auditor.report import AuditReport
from chain_bandit.chain_history import files
from chain_bandit.chain_history.records import calls
from chain_bandit.protocol.settlement import NOTHING, PULL_BYTES, Pull, decode_pulls
from chain_bandit.protocol.units import UNIT
from chain_bandit.runs import audit_folder
from tests.integration.test_false_reports import failed, play

SEATS, L, T = 10, 32, 62
AWAY = 9
SLASHES = pytest.mark.parametrize("slash", [0.0, 0.25])


def rows(out: Path, slash: float) -> list[tuple[Pull, ...]]:
    """What is settled as paid, in order, cut from the calldata."""
    size, found = PULL_BYTES * SEATS, []
    settled = [call for call in calls(files.read(out / "history.jsonl.gz")) if call.method == "settleRewards"]
    report = audit_folder(out)
    before = L
    for at, call in enumerate(settled):
        assert call.arguments is not None
        through, data = call.arguments
        count = (L if at == 0 else 0) + sum(
            row.kind == "approved" and before < row.round <= through for row in report.rounds
        )
        assert len(data) >= size * count + (96 if slash else 0)
        found += [decode_pulls(data[size * i : size * (i + 1)], SEATS) for i in range(count)]
        before = through
    return found


def rewards(report: AuditReport) -> list[int]:
    return [account.rewards for account in report.accounts if account.seat is not None]


@SLASHES
def test_everybody_is_paid_its_burn_in_with_its_first_pull_after_it(tmp_path, slash):
    out = play(tmp_path, slash=slash, paid_burn_in=True)
    report = audit_folder(out, paranoid=True)
    assert (report.exit_code, report.violations) == (0, [])
    assert rewards(report) == [sum(pulled[seat].reward for pulled in rows(out, slash)) for seat in range(SEATS)]
    assert all(sum(pulled[seat].reward for pulled in rows(out, slash)[:L]) for seat in range(SEATS))
    assert not [found for found in report.findings if found.kind == "burn-in not credited"]


@SLASHES
def test_who_pulls_nothing_after_it_is_paid_none_of_it_and_the_audit_says_so(tmp_path, slash, monkeypatch):
    """The seat is away: its pulls never come to the environment."""
    answer = Environment.late_pull

    def answered(self: Environment, seat: int, round_: int, request: PullRequest) -> list[Send]:
        return [] if seat == AWAY else answer(self, seat, round_, request)

    monkeypatch.setattr(Environment, "late_pull", answered)
    out = play(tmp_path, slash=slash, paid_burn_in=True)
    report = audit_folder(out, paranoid=True)
    assert (report.exit_code, report.violations) == (0, [])
    assert rewards(report)[AWAY] == 0
    assert sum(pulled[AWAY].reward for pulled in rows(out, slash)[:L]) > 0
    (found,) = (found for found in report.findings if found.kind == "burn-in not credited")
    assert found.seat == AWAY


FAULTS: dict[str, tuple[Callable[[Pull], Pull], str]] = {
    "another reward": (lambda pull: Pull(pull.arm, UNIT - pull.reward), "paranoid.reward"),
    "another arm": (lambda pull: Pull(pull.arm ^ 1, pull.reward), "paranoid.arm"),
}


@SLASHES
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("seat", [0, 9], ids=["honest", "malicious"])
def test_other_rows_of_the_burn_in_are_found_by_both_audits(tmp_path, slash, fault, seat, monkeypatch):
    observed, (change, found_by) = Environment.observed, FAULTS[fault]

    def settled(self: Environment, round_: int) -> tuple[Pull, ...]:
        row = list(observed(self, round_))
        assert row[seat] != NOTHING
        row[seat] = change(row[seat]) if round_ == 5 else row[seat]
        return tuple(row)

    monkeypatch.setattr(Environment, "observed", settled)
    report = audit_folder(play(tmp_path, slash=slash, paid_burn_in=True), paranoid=True)
    assert {"settlement.rewards", found_by} <= failed(report)
