"""Audits of games whose reports carry noise: a seat that drew it from elsewhere is found after keys are opened."""

from dataclasses import replace

import pytest

from chain_bandit.auditor.audit import audit
from chain_bandit.auditor.report import AuditReport, Weight
from chain_bandit.protocol import rules
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.ruleset import RuleKind
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.protocol.units import UNIT
from tests.unit.audit.played_game import LIAR, PARAMETERS, SEALED, L, Played, Script, T, same

NOISE = rules.named(RuleKind.DISCLOSURE, "tree-noise", {"scale": 1, "width": 2})
NOISY = replace(SEALED, disclosure=NOISE)
STEADY = {"means": same, "kind": lambda t: "block", "reporters": lambda t: (0, 1, 2, 3)}


def noted(report: AuditReport, kind: str, seat: int = LIAR) -> set[int]:
    """The rounds of a finding, of nobody but a seat."""
    found = [finding for finding in report.findings if finding.kind == kind]
    assert {finding.seat for finding in found} <= {seat}
    assert all(finding.weight is Weight.PROOF for finding in found)
    return {t for finding in found for t in finding.rounds}


def other_key(key: bytes, seat: int, t: int) -> bytes:
    return keccak(key) if seat == LIAR else key


def test_every_report_of_honest_noise_is_computed_again():
    report = audit(Played(Script(parameters=NOISY, **STEADY)).history)
    assert (report.exit_code, report.violations) == (0, [])
    honest = report.checks["honest.report"]
    assert (honest.passed, honest.not_checkable) == (3 * (T - L + 1), 0)
    assert {finding.kind for finding in report.findings} == {"label without a lie"}
    exact = audit(Played(Script(parameters=SEALED, **STEADY)).history)
    apart = [one.means != other.means for one, other in zip(report.rounds, exact.rounds, strict=True)]
    assert all(apart)


def test_noise_of_another_key_is_proven_of_a_liar_and_costs_nobody():
    report = audit(Played(Script(parameters=NOISY, seal_key=other_key, **STEADY)).history)
    assert (report.exit_code, report.violations) == (0, [])
    assert {L, L + 1} <= noted(report, "false noise")
    assert noted(report, "false report") == set()
    assert {row.costly for row in report.rounds} <= {False, None}
    assert report.checks["costs.case"].passed == T - L + 1


def test_noise_of_another_key_is_proven_of_an_attacker_that_is_labelled_no_liar():
    attacker = bytes((0, 0, 0, Conduct.ATTACKER))
    report = audit(Played(Script(parameters=NOISY, seal_key=other_key, roles=attacker, **STEADY)).history)
    assert report.violations == []
    assert noted(report, "false noise of a seat not labelled a liar")


def test_noise_of_another_key_violates_the_game_where_the_seat_is_labelled_honest():
    script = Script(parameters=NOISY, seal_key=other_key, roles=bytes(4), **STEADY)
    report = audit(Played(script).history)
    assert report.exit_code == 12
    assert {violation.check for violation in report.violations} == {"honest.report", "seal.records"}


@pytest.mark.parametrize("opened", [(0, 1, 2, 3), (0, 1, 2)])
def test_what_no_key_could_have_made_is_a_lie_that_costs_with_and_without_its_key(opened):
    shifted = lambda means, seat, t: (  # noqa: E731
        tuple((mean + UNIT // 2) % UNIT for mean in means) if seat == LIAR else means
    )
    script = Script(parameters=NOISY, opened_seals=opened, **STEADY | {"means": shifted})
    report = audit(Played(script).history)
    assert report.violations == []
    lied, lent = noted(report, "false report"), noted(report, "false noise")
    checks, reports = report.checks["honest.report"], T - L + 1
    count = {f.kind: f.count for f in report.findings}
    assert lied
    assert not lied & lent
    assert checks.passed == 3 * reports
    if LIAR in opened:
        assert count["false report"] + count["false noise"] == reports
        assert checks.not_checkable == 0
    else:
        assert "false noise" not in count
        assert checks.not_checkable == reports - count["false report"] > 0
        assert checks.evidence == f"seat {LIAR} did not reveal its sealing key"
        assert report.exit_code == 13
    costly = {row.round for row in report.rounds if row.costly}
    assert costly
    assert costly <= {row.round for row in report.rounds} - lent
    assert report.checks["costs.case"].passed == reports


def test_a_charge_for_noise_that_its_key_could_have_made_is_false():
    script = Script(parameters=NOISY, seal_key=other_key, **STEADY)
    rows = audit(Played(script).history).rounds
    charged = next(row.round for row in rows if row.round > L and any(LIAR in members for members in row.selected))
    report = audit(Played(replace(script, costly=lambda costly, t: t == charged)).history)
    assert [(violation.check, violation.round) for violation in report.violations] == [("costs.case", charged)]


def test_a_disclosure_that_draws_violates_the_rules_of_an_open_game():
    """Nodes refuse it; a contract cannot know."""
    report = audit(Played(Script(parameters=replace(PARAMETERS, disclosure=NOISE), **STEADY)).history)
    assert {violation.check for violation in report.violations} == {"game.parameters"}
    assert "sealed = true" in report.violations[0].sentence


def test_reports_that_say_no_more_than_steps_are_not_called_alike():
    """Two seats that say the same step twice seem to have drawn the same."""
    choice = rules.named(RuleKind.DISCLOSURE, "rounded", {"step": 1.0})
    p = replace(PARAMETERS, disclosure=choice, horizon=120, game_blocks=1200, stake=120 * UNIT * 3)
    report = audit(Played(Script(parameters=p, last=120, **STEADY)).history)
    assert report.exit_code == 0
    assert len(report.rounds) > 100
    assert "reports too alike" not in {finding.kind for finding in report.findings}
