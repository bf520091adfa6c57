"""Games whose rules or format are not those of this version accuse nobody; a release is named that audits them."""

from pathlib import Path

import pytest

from chain_bandit.audit.report import AuditReport
from chain_bandit.protocol.digests import keccak
from tests.unit.audit.planted import declare
from tests.unit.audit.played_game import Played
from tests.unit.audit.test_bounds import forgery
from tests.unit.audit.test_second_opinion import second_opinion


def violated(report: AuditReport) -> set[str]:
    return {violation.check for violation in report.violations}


LATER = {
    "a rule": ("option-1", "median"),
    "a version": ('"option-1","options":{},"version":1', '"option-1","options":{},"version":2'),
    "a format": ('"format":2', '"format":3'),
    "a kind more": ('{"kind":"disclosure"', '{"kind":"payment","name":"flat","options":{},"version":1},\\0'),
}


@pytest.mark.parametrize("change", LATER.values(), ids=LATER)
def test_audit_says_that_it_does_not_have_the_rules_of_a_game(
    honest: Played, tmp_path: Path, change: tuple[str, str]
) -> None:
    forged = forgery(honest)
    old, new = change
    forged.creation(declare(old, new.replace("\\0", old)))
    history = forged.made()
    report = second_opinion(history, tmp_path)
    assert (report.exit_code, violated(report)) == (13, set())
    assert "which this version does not have" in report.checks["game.parameters"].evidence


def test_audit_names_the_release_that_audits_a_game_in_an_older_format(
    honest: Played, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of whose creation no byte is of this version, but for its beginning."""
    forged = forgery(honest)
    older = bytes(range(200)) * 7
    monkeypatch.setattr("chain_bandit.audit.artifact._OLDER", ((len(older), keccak(older).hex(), "0.1.0"),))
    forged.creation(lambda data: older + data[-70 * 32 : -32 * 20])
    report = second_opinion(forged.made(), tmp_path)
    assert (report.exit_code, violated(report)) == (13, set())
    assert "chain_bandit 0.1.0 audits it" in report.checks["game.code"].evidence
