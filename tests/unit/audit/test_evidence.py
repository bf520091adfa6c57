"""Proofs of equivocation: each role in which one signs once, what proves nothing, and what follows for whom."""

from collections.abc import Callable

import pytest

from chain_bandit.auditor.audit import audit
from chain_bandit.auditor.report import AuditReport
from chain_bandit.protocol.digests import word
from chain_bandit.protocol.messages import Phase, Role
from tests.unit.audit.forging import Forgery
from tests.unit.audit.played_game import LIAR, PARAMETERS, M, Played, Script, rich

OFFENCES = [(Phase.REPORT, Role.COMMANDER), (Phase.BLOCK, Role.COMMANDER), (Phase.BLOCK, Role.SIGNER)]


@pytest.mark.parametrize("offence", OFFENCES, ids=lambda pair: f"{pair[0].name} {pair[1].name}")
def test_proof_holds_in_every_role_that_signs_once(offence: tuple[Phase, Role]) -> None:
    report = audit(Played(rich(offence=offence)).history)
    assert report.exit_code == 0, report.violations
    assert report.checks["evidence.proof"].passed == report.checks["evidence.listing"].passed == 1


def replaced(place: int, value: bytes | int) -> Callable[[bytes], bytes]:
    """One word of a proof changed."""
    new = value if isinstance(value, bytes) else word(value)
    return lambda data: data[: 4 + 32 * place] + new + data[36 + 32 * place :]


NO_PROOF = {
    "another seat": replaced(0, 1),
    "no seat": replaced(0, M),
    "another round": replaced(1, 19),
    "another parent": replaced(2, bytes(32)),
    "another phase": replaced(3, 1),
    "a phase that is none": replaced(3, 7),
    "a relay": replaced(4, 2),
    "another content": replaced(5, b"3" * 32),
    "another signature": replaced(6, 5),
    "one content twice": lambda data: data[: 4 + 32 * 8] + data[4 + 32 * 5 : 4 + 32 * 8],
}


@pytest.mark.parametrize("how", NO_PROOF)
def test_what_proves_nothing_is_a_violation(full: Played, how: str) -> None:
    forged = Forgery(full.history, {signer.address: signer for signer in (*full.signers, full.owner)})
    forged.call("reportEquivocation", 0, NO_PROOF[how])
    report = audit(forged.made())
    assert ("evidence.proof", 20) in {(violation.check, violation.round) for violation in report.violations}
    assert not [finding for finding in report.findings if "equivo" in finding.kind]


def test_second_proof_against_a_seat_is_a_violation(full: Played) -> None:
    forged = Forgery(full.history, {signer.address: signer for signer in (*full.signers, full.owner)})
    source = forged.block_of("reportEquivocation", 0)
    target = next(at for at in range(len(forged.blocks)) if not forged.blocks[at][1])
    forged.copy(source, target)  # once before its time, and then once more
    checks = {violation.check for violation in audit(forged.made()).violations}
    assert "evidence.listing" in checks


def found(report: AuditReport) -> set[tuple[str, int | None]]:
    return {(finding.kind, finding.seat) for finding in report.findings}


def test_proof_against_a_seat_that_is_no_attacker_is_a_finding() -> None:
    report = audit(Played(rich(roles=bytes((0, 0, 0, 1)))).history)
    assert report.exit_code == 0, report.violations
    assert ("equivocation of a seat not labelled an attacker", LIAR) in found(report)
    assert ("equivocated", LIAR) not in found(report)
    (said,) = [finding.sentence for finding in report.findings if finding.kind.startswith("equivocation")]
    assert "its key leaked, or its label is wrong" in said


def test_honest_seat_with_proof_against_it_is_a_finding_and_stays_unpaid() -> None:
    script = Script(accused={9: 1}, kind=lambda t: "block", reporters=lambda t: (0, 1, 2, 3))
    report = audit(Played(script).history)
    assert report.exit_code == 0, report.violations
    assert ("equivocation of a seat not labelled an attacker", 1) in found(report)
    listed = 9 + PARAMETERS.evidence_delay
    assert {row.rewards[1] for row in report.rounds if row.round >= listed and row.rewards} == {None}


def test_costs_stop_and_the_pool_is_shared_without_whoever_is_listed(games: Callable[[str], Played]) -> None:
    void = audit(games("void, with a block list").history)
    assert not void.violations
    nets = [account.net for account in void.accounts if account.seat is not None]
    rewards = [account.rewards * 3 for account in void.accounts if account.seat is not None]
    shares = [net - reward for net, reward in zip(nets, rewards, strict=True)]
    assert shares[LIAR] == 0
    assert len(set(shares[:LIAR])) == 1
    assert shares[0] > 0


def test_seat_pays_and_is_paid_for_costly_rounds_before_it_was_listed_only() -> None:
    script = Script(accused={4: 1}, kind=lambda t: "block", reporters=lambda t: (0, 1, 2, 3))
    report = audit(Played(script).history)
    costly = [row.round for row in report.rounds if row.costly]
    listed = 4 + PARAMETERS.evidence_delay
    assert min(costly) < listed < max(costly)
    charge = report.game["cost"] * 3
    costs = [account.cost for account in report.accounts if account.seat is not None]
    before = sum(round_ < listed for round_ in costly)
    assert costs == [charge * len(costly), charge * before, charge * len(costly), -charge * len(costly)]
