"""Every check has been seen to fail: a game played wrong where the contract lets it pass, else a forged history."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from chain_bandit.auditor.audit import audit
from chain_bandit.auditor.catalogue import CHECKS
from chain_bandit.auditor.report import AuditReport
from chain_bandit.chain_history.blocks import History, RawBlock
from chain_bandit.protocol.parameters import BodyMode
from tests.unit.audit.forging import Forgery
from tests.unit.audit.planted import (
    LIES,
    OF_OTHERS_RULES,
    OF_PROVABLE_GAMES,
    ROUND,
    By,
    flip,
    no_proof,
    old_proof,
    others_proof,
    rewrite,
    weighing,
    word,
)
from tests.unit.audit.played_game import DRAWS, LATE, WEIGHTS, Played, Script


def failing(report: AuditReport) -> set[str]:
    assert report.exit_code == 12
    assert report.verdict == "violated"
    return {violation.check for violation in report.violations}


def forgery(played: Played) -> Forgery:
    return Forgery(played.history, {signer.address: signer for signer in (*played.signers, played.owner)})


def kinds(report: AuditReport) -> set[str]:
    return {finding.kind for finding in report.findings}


@pytest.mark.parametrize("name", LIES)
def test_every_lie_is_found_under_its_check_and_under_no_other(name: str, request: pytest.FixtureRequest) -> None:
    told = LIES[name]
    if told.script is None:
        honest = request.getfixturevalue(told.of)
        made = forgery(honest)
        told.forge(made)
        history, usual = made.made(), kinds(audit(honest.history))
    else:
        history, usual = told.script().history, {"false report", "no report", "ended by the deadline"}
    report = audit(history)
    assert {violation.check for violation in report.violations} == set(told.fails)
    assert kinds(report) - usual == told.finds
    for violation in report.violations:
        assert violation.exhibit is not None
        assert violation.exhibit.bytes != "0x" or violation.exhibit.field == "data"  # an event that is not there
    if told.fails:
        assert report.exit_code == 12
        rounds = {violation.round for violation in report.violations if violation.check == told.fails[0]}
        assert set(told.rounds) <= rounds if told.of or not told.rounds else set(told.rounds) == rounds


def test_there_are_lies_of_everybody_and_under_every_check() -> None:
    assert {told.by for told in LIES.values()} == set(By)
    assert len(LIES) >= 40
    of_a_chain = {*CHAINED, "chain.order", "chain.head", "chain.trail"}
    found = {check for told in LIES.values() for check in told.fails[:1]}
    assert found | of_a_chain | OF_OTHERS_RULES | OF_PROVABLE_GAMES == set(CHECKS)


@pytest.mark.parametrize("proof", [others_proof, old_proof, no_proof])
@pytest.mark.parametrize("mode", list(BodyMode))
def test_a_false_proof_draws_nobody(proof: Callable[..., bytes], mode: BodyMode) -> None:
    honest = audit(Played(Script(parameters=replace(DRAWS, body_mode=mode), proof=proof)).history)
    assert honest.exit_code == 0, honest.violations
    false = {(finding.seat, finding.rounds) for finding in honest.findings if finding.kind == "false proof"}
    assert false == (set() if proof is no_proof else {(0, (ROUND,))})


@pytest.mark.parametrize(("draws", "weight"), [(True, 0), (True, 1025), (True, 2**16 - 1), (False, 0), (False, 2)])
def test_audit_follows_no_game_with_a_weight_that_it_does_not_allow(
    honest: Played, drawn: Played, draws: bool, weight: int
) -> None:
    played = drawn if draws else honest
    forged = forgery(played)
    forged.call("join", 1, weighing(weight))
    forged.value(forged.block_of("join", 1), weight * played.p.stake)
    report = audit(forged.made())
    assert failing(report) == {"game.weights"}
    most = 1024 if draws else 1
    assert f"weight of seat 1: it is {weight}, the game allows 1 to {most}" in report.violations[0].sentence
    assert report.checks["record.links"].not_checkable


@pytest.mark.parametrize("stakes", [0, 1, 2, 4, 40])
def test_audit_names_a_deposit_that_is_not_as_many_stakes_as_the_seat_weighs(weighed: Played, stakes: int) -> None:
    forged = forgery(weighed)
    forged.value(forged.block_of("join", 3), stakes * DRAWS.stake)
    report = audit(forged.made())
    assert failing(report) == {"game.deposits", "money.conservation"}


def test_audit_names_a_weight_that_was_registered_otherwise(weighed: Played) -> None:
    """It enters the seed: all that follows is another game's."""
    forged = forgery(weighed)
    forged.call("join", 3, weighing(4))
    assert {"game.deposits", "game.genesis"} <= failing(audit(forged.made()))


def test_audit_names_a_withdrawal_that_leaves_a_stake_behind(weighed: Played) -> None:
    for seat, weight in enumerate(WEIGHTS):
        forged = forgery(weighed)
        forged.event("Withdrawn", seat, lambda data: word(1, int.from_bytes(data[32:64], "big") - DRAWS.stake)(data))
        sentences = [v.sentence for v in audit(forged.made()).violations if v.check == "money.balances"]
        assert len(sentences) == 1, (seat, weight)


def test_audit_names_whom_a_skip_by_deadline_leaves_out_where_validators_are_drawn(drawn: Played) -> None:
    forged = forgery(drawn)
    forged.call("skipAfterDeadline", 0, rewrite("skipAfterDeadline", _0=lambda seats: seats ^ 8))
    report = audit(forged.made())
    assert ("draw.committee", LATE) in {(violation.check, violation.round) for violation in report.violations}


def change_chain(history: History, at_block: int, change: Callable[[RawBlock], list[RawBlock]]) -> History:
    blocks = [[block] if index != at_block else change(block) for index, block in enumerate(history.blocks)]
    return History(history.origin, tuple(block for part in blocks for block in part))


CHAINED: dict[str, Callable[[RawBlock], list[RawBlock]]] = {
    "chain.links": lambda block: [],
    "chain.transactions": lambda block: [replace(block, transactions=(flip(9)(block.transactions[0]),))],
    "chain.receipts": lambda block: [replace(block, receipts=(flip(400)(block.receipts[0]),))],
}


@pytest.mark.parametrize("check", CHAINED)
def test_audit_stops_when_the_blocks_are_no_chain(honest: Played, check: str) -> None:
    report = audit(change_chain(honest.history, 20, CHAINED[check]))
    assert failing(report) == {check}
    assert "block 21" in report.violations[0].sentence
    assert report.checks["aggregate.selected"].not_checkable == 1
    assert report.checks["aggregate.selected"].passed == 0


@pytest.mark.parametrize("chain_id", [b"\1", b"\5\x38"])
def test_audit_stops_when_a_transaction_is_signed_for_another_chain(honest: Played, chain_id: bytes) -> None:
    forged = forgery(honest)
    forged.chain(1, chain_id)
    report = audit(forged.made())
    assert failing(report) == {"chain.transactions"}
    assert "not signed for chain" in report.violations[0].sentence


def test_audit_fails_when_the_head_is_not_the_kept_one(honest: Played) -> None:
    assert failing(audit(honest.history, bytes(32))) == {"chain.head"}
