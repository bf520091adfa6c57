"""Audits of sealed games: what shows with keys and without them, and what cheats of the environment come to."""

import random
from collections.abc import Callable
from dataclasses import replace

import pytest
from eth_abi import encode

from chain_bandit.auditor.audit import audit
from chain_bandit.auditor.draws import CHECKS_OF_DRAWS
from chain_bandit.auditor.report import AuditReport
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.parameters import BodyMode
from chain_bandit.protocol.settlement import settled_bytes
from tests.unit.audit.forging import Forgery
from tests.unit.audit.planted import OF_OTHERS_RULES, OF_PHASES, OF_PROVABLE_GAMES
from tests.unit.audit.played_game import (
    COMMITTEES,
    LIAR,
    PARAMETERS,
    SEALED,
    L,
    M,
    Played,
    Script,
    T,
    lie,
    rich,
)


def found(report: AuditReport, kind: str) -> tuple[int, set[int]]:
    """How often, and in which rounds as far as they are listed, the liar is named for it; nobody else may be."""
    named = [finding for finding in report.findings if finding.kind == kind]
    assert {finding.seat for finding in named} <= {LIAR}
    return sum(f.count for f in named), {t for f in named for t in f.rounds}


def nobody_honest_is_accused(report: AuditReport) -> None:
    assert report.violations == []
    assert {f.kind for f in report.findings if f.seat not in (None, LIAR)} <= {"no report"}


def wandering(seed: int) -> Callable[..., int | None]:
    """A liar that pulls anything, or nothing."""
    chance = random.Random(seed)
    return lambda arm, seat, t: arm if seat != LIAR else chance.choice((arm, 1 - arm, None))


@pytest.mark.parametrize("mode", BodyMode)
def test_an_honest_sealed_game_is_audited_whole(mode: BodyMode) -> None:
    report = audit(Played(Script(parameters=replace(SEALED, body_mode=mode))).history)
    assert report.exit_code == 0
    checks = report.checks
    assert checks["seal.records"].passed == checks["report.signature"].passed > 80
    assert checks["settlement.tags"].passed == M * (report.game["approved"] - 1)  # round L is not paid
    assert (checks["seal.keys"].passed, checks["settlement.sums"].passed) == (M, M)


def test_a_sealed_game_with_committees_batches_and_a_block_list_is_audited_whole() -> None:
    sealed = replace(COMMITTEES, sealed=1, unrevealed_penalty=7, stake=COMMITTEES.stake + 7)
    report = audit(Played(rich(parameters=sealed)).history)
    assert report.exit_code == 0
    unused = {name for name, tally in report.checks.items() if not tally.passed}
    assert unused == {*CHECKS_OF_DRAWS, *OF_OTHERS_RULES, *OF_PHASES, *OF_PROVABLE_GAMES, "certificate.batch"}


def test_sealed_and_open_games_come_to_the_same_rounds() -> None:
    """But for the records in the reports, and what settlement shows."""
    rows = [
        [(row.kind, row.arm, row.means, row.selected, row.rewards) for row in audit(Played(script).history).rounds]
        for script in (Script(parameters=SEALED, kind=lambda t: "block"), Script(kind=lambda t: "block"))
    ]
    assert [len(each) for each in rows] == [T - L + 1] * 2
    assert all(row[-1] is not None for row in rows[0][1:] if row[0] == "approved")


def test_without_its_key_a_seat_is_not_checkable_and_pays() -> None:
    played = Played(Script(parameters=SEALED, opened_seals=(0, 1, 2), pull=wandering(3)))
    report = audit(played.history)
    nobody_honest_is_accused(report)
    assert report.exit_code == 13
    own = report.checks["seal.records"]
    assert own.not_checkable == found(report, "sealing key not revealed")[0] > 0
    assert own.evidence == f"seat {LIAR} did not reveal its sealing key"
    assert {name for name, tally in report.checks.items() if tally.not_checkable} == {"seal.records"}
    assert own.passed == report.checks["report.signature"].passed - own.not_checkable
    assert found(report, "trusted bits")[0] == own.not_checkable
    assert found(report, "other arm than the honest")[0] > 5  # the tags open without it
    assert report.burned % PARAMETERS.wei_per_unit == 1000 % PARAMETERS.wei_per_unit
    rewards = [account.rewards for account in report.accounts[:M]]
    assert rewards == played.sums


def test_a_record_under_another_key_is_named() -> None:
    script = Script(parameters=SEALED, seal_key=lambda key, seat, t: keccak(key) if seat == LIAR else key)
    report = audit(Played(script).history)
    nobody_honest_is_accused(report)
    assert found(report, "sealed record does not open")[0] > 20


def test_an_honest_seat_that_pulls_another_arm_is_named_by_its_tag() -> None:
    script = Script(parameters=SEALED, pull=lambda arm, seat, t: 1 - arm if (seat, t) == (1, 10) else arm)
    report = audit(Played(script).history)
    assert [(v.check, v.round) for v in report.violations] == [("honest.arm", 10)]


def test_one_false_tag_is_named_by_seat_and_round_and_all_else_is_checked() -> None:
    script = Script(
        parameters=SEALED, tags=lambda tags, t: tags[:8] + keccak(tags)[:8] + tags[16:] if t == 10 else tags
    )
    report = audit(Played(script).history)
    assert [(v.check, v.round, v.field) for v in report.violations] == [
        ("settlement.tags", 10, "receipt tag of seat 1")
    ]
    assert report.run_digest is None
    checks, reports = report.checks, report.checks["report.signature"].passed
    assert (checks["settlement.sums"].passed, checks["settlement.sums"].not_checkable) == (M - 1, 1)
    later = sum(row.round > 10 and 1 in row.reporters for row in report.rounds)
    assert later > 10
    for name in ("honest.report", "counts.commitment"):
        assert checks[name].not_checkable == later
    assert checks["seal.records"].not_checkable == 1  # the next receipt is known again
    assert checks["seal.records"].passed == reports - 1


def test_with_a_false_tag_of_a_liar_its_lies_and_their_cost_are_not_known() -> None:
    script = Script(parameters=SEALED, tags=lambda tags, t: tags[:24] + keccak(tags)[:8] if t == 10 else tags)
    report = audit(Played(script).history)
    assert [(v.check, v.round, v.field) for v in report.violations] == [
        ("settlement.tags", 10, "receipt tag of seat 3")
    ]
    later = sum(row.round > 10 and LIAR in row.reporters for row in report.rounds)
    assert report.checks["honest.report"].not_checkable == later > 10
    assert report.checks["costs.case"].not_checkable > 10
    assert max(found(report, "false report")[1]) <= 10


def test_false_sums_are_named() -> None:
    script = Script(parameters=SEALED, sums=lambda sums: [sums[0], sums[1] + 1, *sums[2:]])
    report = audit(Played(script).history)
    assert [v.check for v in report.violations] == ["settlement.sums"]
    assert "seat 1" in report.violations[0].sentence


FORGED: dict[str, Callable[[Forgery], None]] = {
    "seal.keys": lambda f: f.call("revealSeal", 0, lambda data: data[:5] + bytes([data[5] ^ 1]) + data[6:]),
    "settlement.form": lambda f: f.call("settleSums", 0, lambda data: data[:4] + encode(["bytes"], [bytes(8 * M - 1)])),
    "record.events": lambda f: f.event("RewardsSettled", -1, lambda data: data[:96] + bytes(32)),
    "settlement.sums": lambda f: f.call("settleSums", 0, lambda data: data[:-1] + bytes([data[-1] ^ 1])),
}


@pytest.mark.parametrize("check", FORGED)
def test_made_up_sums_and_keys_are_named(sealed: Played, check: str) -> None:
    forged = Forgery(sealed.history, {signer.address: signer for signer in (*sealed.signers, sealed.owner)})
    FORGED[check](forged)
    assert check in {violation.check for violation in audit(forged.made()).violations}


def test_records_have_one_length_and_never_repeat(sealed: Played) -> None:
    """Before keys are revealed, all that anybody sees."""
    records = [sealed._sealed(seat, t) for seat in range(M) for t in range(1, T)]
    assert {len(record) for record in records} == {21}
    assert len(set(records)) == len(records)


def test_an_honest_open_game_names_no_counts() -> None:
    report = audit(Played(Script(means=lie)).history)
    assert found(report, "bits of other counts") == found(report, "false count commitment") == (0, set())
    assert report.checks["counts.commitment"].passed == report.checks["report.signature"].passed


def test_while_roles_are_hidden_a_false_commitment_accuses_nobody() -> None:
    counts = lambda counts, seat, t: (counts[0] + 1, *counts[1:]) if seat == LIAR else counts  # noqa: E731
    for script in (Script(counts=counts, finish="void"), Script(counts=counts, last=20, finish="running")):
        report = audit(Played(script).history)
        assert report.violations == []
        tally = report.checks["counts.commitment"]
        assert tally.passed > tally.not_checkable > 10
        assert tally.evidence == "roles are not revealed"


def test_settled_bytes_are_a_tag_a_seat() -> None:
    assert (settled_bytes(SEALED), settled_bytes(PARAMETERS)) == (8 * M, 5 * M)
