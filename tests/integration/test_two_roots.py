"""An environment that signs a second root of tallies for a settlement, under which a false report is proven."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chain_bandit.actors.witness import Witness
from chain_bandit.auditor.report import AuditReport
from chain_bandit.game import folder
from chain_bandit.game.plan import Plan
from chain_bandit.game.run import run
from chain_bandit.protocol.tallies import FalseReport, tallies_digest
from chain_bandit.runs import audit_folder
from chain_bandit.stopwatch import Stopwatch
from tests.games import build_scenario, malicious
from verification.browser.bundle import verifier

LIAR = 6
TWO_ROOTS = "two roots of one settlement, of the environment"
FALSE_TALLIES = "false tallies, of the environment"
NEVER = 10**6
"""No settlement is through this round."""


def play(out: Path, monkeypatch: pytest.MonkeyPatch, is_settled: bool, is_true: bool, sealed: bool = False) -> Path:
    """A game whose liar is proven by one leaf under a root of its own; a false leaf credits the liar with all."""
    case = build_scenario(
        7, 2, 24, malicious=[malicious(LIAR, "worse-half")], attackers=1, liars=1, slash=0.5, burn_in=8, sealed=sealed,
        chain={"settle_every": 7, "settlement_window": 100 if sealed else 20},
    )  # fmt: skip
    key, original = Plan(case).environment, Witness._proof

    def second(witness: Witness, round_: int, seat: int) -> FalseReport | None:
        proof = original(witness, round_, seat)
        if proof is None:
            return None
        tally = proof.tally if is_true else replace(proof.tally, credited=2**64 - 1)
        through = proof.through if is_settled else NEVER
        digest = tallies_digest(witness._rules.separator, witness._rules.genesis, through, tally.leaf)
        signature = key.sign(digest)
        return replace(proof, tally=tally, through=through, root=tally.leaf, root_signature=signature, path=())

    monkeypatch.setattr(Witness, "_proof", second)
    run(case, out, lambda moment: None, Stopwatch())
    return out


def asked(out: Path) -> tuple[AuditReport, set[str], dict[str, Any]]:
    """The audit with the second computation, the checks that failed in these, and what the page says."""
    report = audit_folder(out, paranoid=True)
    with verifier() as page:
        result = page.verdict(out / folder.HISTORY)
    return report, {each.check for each in report.violations}, result


def failed(result: dict[str, Any]) -> set[str]:
    return {each["id"] for each in result["checks"] if each["tally"]["failed"]}


@pytest.mark.parametrize("sealed", [False, True], ids=["open", "sealed"])
@pytest.mark.parametrize("is_true", [True, False], ids=["true leaf", "false leaf"])
def test_two_roots_of_one_settlement_are_evidence_against_the_environment(
    is_true: bool, sealed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report, violated, result = asked(play(tmp_path, monkeypatch, True, is_true, sealed))
    found = {each.kind: each.seat for each in report.findings}
    assert (report.exit_code, found[TWO_ROOTS], result["verdict"]) == (12, None, "violated")
    both = {"settlement.tallies"} if is_true else {"settlement.tallies", "evidence.proof"}
    assert failed(result) == both
    assert violated == both | ({"paranoid.reward"} if is_true else {"paranoid.reward", "paranoid.evidence"})
    assert (FALSE_TALLIES in found) == (not is_true)
    assert ("proven false report" in found) == is_true
    (shown,) = (each.exhibit for each in report.violations if each.check == "settlement.tallies")
    assert shown is not None
    (said,) = (each["tally"]["failure"] for each in result["checks"] if each["id"] == "settlement.tallies")
    assert "two roots" in said


@pytest.mark.parametrize("is_true", [True, False], ids=["true leaf", "false leaf"])
def test_a_root_of_what_was_never_settled_is_no_second_one_and_its_tally_has_to_be_that_of_the_settlements(
    is_true: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a settlement that the contract refused, since a record came before it."""
    report, violated, result = asked(play(tmp_path, monkeypatch, False, is_true))
    kinds = {each.kind for each in report.findings}
    assert TWO_ROOTS not in kinds
    assert (FALSE_TALLIES in kinds) == (not is_true)
    assert (report.exit_code, result["verdict"]) == ((0, "passed") if is_true else (12, "violated"))
    assert failed(result) == (set() if is_true else {"evidence.proof"})
    assert violated == (set() if is_true else {"evidence.proof", "paranoid.evidence"})
