"""False reports of sealed games on the real contract: proven once these are opened; and planted faults."""

from pathlib import Path
from typing import Any

import pytest

from chain_bandit.actors.environment import Environment
from chain_bandit.actors.witness import Witness
from chain_bandit.auditor.report import AuditReport
from chain_bandit.game.books import Books
from chain_bandit.game.on_chain import OnChain
from chain_bandit.protocol.settlement import NOTHING
from chain_bandit.protocol.tallies import SettledSums
from chain_bandit.runs import audit_folder
from tests.integration.framed import frame
from tests.integration.test_false_reports import FRAMED_IN, HONEST, LIARS, failed, flights, play

EQUIVOCATOR = 8
SEALED: dict[str, object] = {"sealed": True, "unrevealed_penalty": 0.1, "chain.settlement_window": 160}


def played(out: Path, **changes: Any) -> AuditReport:
    return audit_folder(play(out, **SEALED | changes), paranoid=True)


def test_liars_are_proven_at_the_close_and_only_they_lose_anything(tmp_path: Path) -> None:
    report, p = played(tmp_path), flights(**SEALED).parameters
    assert p.provable
    assert (report.exit_code, report.violations, report.verdict) == (0, [], "passed")
    assert {each.seat for each in report.findings if each.kind == "proven false report"} == set(LIARS)
    for each in report.accounts:
        lied = each.seat in LIARS
        assert each.void == (each.rewards * p.wei_per_unit if lied else 0)
        assert each.penalty == (p.slash if lied or each.seat == EQUIVOCATOR else 0)
    assert all(each.cost == 0 for each in report.accounts if each.seat is not None)  # every costly round is void
    assert report.game["costly_rounds"]
    assert report.checks["settlement.tallies"].passed == 4  # one root, one signature, and two proofs under that root


def test_a_root_over_other_tallies_slashes_nobody_and_names_who_signed_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lying(books: Books) -> bytes:
        other, last = bytes(32), books.ledger.round - 1
        return SettledSums(tuple(books.environment.sums), other, books.environment.sign_tallies(last, other)).encode()

    monkeypatch.setattr(Books, "sums", lying)
    report = played(tmp_path)
    assert failed(report) == {"settlement.tallies", "paranoid.reward"}
    assert [each.seat for each in report.findings if each.kind == "false tallies, of the environment"] == [None]
    assert not any(each.void for each in report.accounts)


def test_a_root_that_somebody_else_signed_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Environment, "sign_tallies", lambda self, through, root: bytes(64))
    report = played(tmp_path)
    assert failed(report) == {"settlement.tallies", "paranoid.reward"}
    assert "false tallies, of the environment" not in {each.kind for each in report.findings}
    assert not any(each.void for each in report.accounts)


def test_an_environment_that_never_opens_leaves_the_game_void(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It pays the sums and shows no secret: nothing is proven, no costs are transferred, and its pool is shared."""
    show, finish = OnChain.show, OnChain.finish

    def closed(recorder: OnChain, sums: bytes, keys: Any) -> None:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(recorder.contract, "reveal", lambda *given: None)
            show(recorder, sums, keys)

    def left(recorder: OnChain, entries: Any) -> None:
        withdraw = recorder.contract.withdraw
        with pytest.MonkeyPatch.context() as patched:
            owner = recorder._environment
            patched.setattr(recorder.contract, "withdraw", lambda who: None if who is owner else withdraw(who))
            finish(recorder, [])

    monkeypatch.setattr(OnChain, "show", closed)
    monkeypatch.setattr(OnChain, "finish", left)
    monkeypatch.setattr(Witness, "on_secret", lambda witness, secret, model: [])
    report = played(tmp_path)
    assert report.violations == []
    assert not any(each.void for each in report.accounts)
    *seats, environment = report.accounts
    assert all(bool(each.share) is (each.seat not in (EQUIVOCATOR, LIARS[1])) for each in seats)
    assert environment.withdrawn == 0


def test_who_was_framed_in_a_sealed_game_is_acquitted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame(monkeypatch, HONEST, FRAMED_IN, NOTHING)
    report = played(tmp_path)
    assert failed(report) == {"settlement.tallies", "paranoid.reward"}
    assert {name for name, tally in report.checks.items() if tally.not_checkable} >= {"honest.report", "seal.records"}
    (own,) = (each for each in report.accounts if each.seat == HONEST)
    assert (own.penalty, own.void) == (0, 0)
    assert report.game["blocked_from"][HONEST] > 0
    found = {each.kind: each.seat for each in report.findings}
    assert found["two tallies, of the environment"] is None
    assert "proven false report of a seat not labelled a liar" not in found


def test_who_does_not_report_is_given_nothing_and_seals_its_last_pull(tmp_path: Path) -> None:
    options = {"reports": False, "first": 40, "last": 45}
    silent = [{"seat": 9, "attacks": [{"name": "silent-validator", "options": options}]}]
    report = played(tmp_path, malicious=silent)
    assert report.verdict == "passed"
    assert {each.seat: each.count for each in report.findings if each.kind == "forfeited"} == {9: 6}
    assert not any(each.penalty for each in report.accounts)
