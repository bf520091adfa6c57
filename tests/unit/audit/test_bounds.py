"""Bounds at their very edge: one block more, one account else, one receipt more, and the audit reports it."""

from collections.abc import Callable
from pathlib import Path

import pytest
import rlp

from chain_bandit.auditor import setup
from chain_bandit.auditor.audit import audit
from chain_bandit.auditor.report import AuditReport, Weight
from chain_bandit.audits import audit_file
from chain_bandit.chain_history import files
from chain_bandit.chain_history.evm import decode_header, decode_receipt
from chain_bandit.paranoid import recompute as recompute_module
from chain_bandit.paranoid.recompute import recompute
from chain_bandit.paranoid.verdict import WHAT
from chain_bandit.views.view_model import ViewModel, manifest_of
from tests.unit.audit.forging import Forgery
from tests.unit.audit.planted import parameter
from tests.unit.audit.played_game import COMPACT, LATE, PARAMETERS, SEALED, L, M, Played, Script, T, with_header

WINDOW = PARAMETERS.settlement_window


def forgery(played: Played) -> Forgery:
    return Forgery(played.history, {signer.address: signer for signer in (*played.signers, played.owner)})


def found(report: AuditReport) -> set[tuple[str, int | None, str]]:
    return {(violation.check, violation.round, violation.field) for violation in report.violations}


def audited(forged: Forgery) -> AuditReport:
    report = audit(forged.made())
    assert not any(violation.check.startswith("chain.") for violation in report.violations)
    return report


def test_skip_in_the_deadline_block_is_a_violation(honest: Played) -> None:
    forged = forgery(honest)
    assert not found(audited(forged))  # one block after the deadline
    forged.wait(forged.block_of("skipAfterDeadline", 0), -1)
    assert found(audited(forged)) == {("record.deadline", LATE, "skip")}


def test_closing_without_costs_in_the_windows_last_block_is_a_violation(games: Callable[[str], Played]) -> None:
    forged = forgery(games("void"))
    forged.wait(forged.block_of("close", 0), -1)
    assert not found(audited(forged))
    forged.wait(forged.block_of("close", 0), -1)
    assert found(audited(forged)) == {("money.close", None, "closing")}


SETTLING = {"reveal": ("reveal", 0), "cost settlement": ("settleCosts", -1), "settlement": ("settleRewards", -1)}
OF_A_SEALED_GAME = {
    "payment of the sums": ("settleSums", 0), "revealing of a sealing key": ("revealSeal", -1),
}  # fmt: skip


@pytest.mark.parametrize("what", [*SETTLING, *OF_A_SEALED_GAME])
def test_settling_after_the_window_is_a_violation(honest: Played, sealed: Played, what: str) -> None:
    forged = forgery(sealed if what in OF_A_SEALED_GAME else honest)
    at = forged.block_of(*(SETTLING | OF_A_SEALED_GAME)[what])
    left = WINDOW - (at - forged.block_of("submitBlocks", -1))
    forged.wait(at, left)
    about = ("record.deadline", None, what)
    assert about not in found(audited(forged))
    forged.wait(at, 1)
    report = audited(forged)
    assert about in found(report)
    assert {check for check, _, _ in found(report)} == {"record.deadline"}


@pytest.mark.parametrize("what", ["reveal", "cost settlement"])
def test_settling_before_the_end_is_a_violation(honest: Played, what: str) -> None:
    forged = forgery(honest)
    forged.copy(forged.block_of(*SETTLING[what]), forged.block_of("skip", 0))
    assert ("record.deadline", None, what) in found(audited(forged))


def test_settling_after_the_closing_is_a_violation(honest: Played) -> None:
    forged = forgery(honest)
    forged.copy(forged.block_of("reveal", 0), forged.block_of("withdraw", 0))
    assert ("record.deadline", None, "reveal") in found(audited(forged))


SENDERS = {
    "open": ("game.opening", "sender of the opening"),
    "settleRewards": ("settlement.form", "sender of a settlement"),
    "settleSums": ("settlement.form", "sender of the sums"),
    "reveal": ("reveal.commitment", "sender of the reveal"),
    "settleCosts": ("costs.records", "sender of a cost settlement"),
}


@pytest.mark.parametrize("method", SENDERS)
def test_call_of_the_environment_by_somebody_else_is_a_violation(
    honest: Played, sealed: Played, method: str
) -> None:
    played = sealed if method == "settleSums" else honest
    forged = forgery(played)
    forged.sender(method, 0, played.signers[0])
    check, about = SENDERS[method]
    assert found(audited(forged)) == {(check, None, about)}


def test_record_after_the_games_last_block_is_a_violation(honest: Played) -> None:
    forged = forgery(honest)
    at, opened = forged.block_of("submitBlocks", -1), forged.block_of("open", 0)
    forged.wait(at, PARAMETERS.game_blocks - (at - opened))
    assert not {item for item in found(audited(forged)) if item[2] == "record"}
    forged.wait(at, 1)
    assert ("record.deadline", T, "record") in found(audited(forged))


def test_record_after_the_last_round_is_a_violation(honest: Played) -> None:
    forged = forgery(honest)
    target = forged.block_of("settleRewards", -1)
    forged.copy(forged.block_of("skipAfterDeadline", 0), target)
    forged.wait(target, PARAMETERS.skip_deadline)
    report = audited(forged)
    assert ("record.deadline", T + 1, "record") in found(report)
    assert ("record.deadline", T + 1, "skip") not in found(report)


def test_account_that_withdraws_twice_is_a_violation(honest: Played) -> None:
    forged = forgery(honest)
    forged.copy(forged.block_of("withdraw", 0), forged.block_of("withdraw", 1))
    report = audited(forged)
    assert found(report) == {
        ("money.balances", None, "withdrawal of seat 0"), ("money.conservation", None, "money"),
    }  # fmt: skip
    assert "which it already took" in report.violations[0].sentence


@pytest.mark.parametrize("more", [True, False], ids=["one more", "one less"])
def test_receipts_that_are_not_one_a_transaction_are_a_violation(honest: Played, more: bool) -> None:
    forged = forgery(honest)
    at = forged.block_of("submitBlocks", 3)
    receipts = forged.blocks[at][2]
    receipts[:] = receipts * 2 if more else []
    report = audit(forged.made())
    number = decode_header(tuple(forged.made().blocks)[at].header).number
    assert [(item.check, item.field) for item in report.violations] == [("chain.receipts", f"block {number}")]
    assert "one receipt for each transaction" in report.violations[0].sentence


GAS_LIMIT, GAS_USED, TIME = 9, 10, 11
"""Where a header has them."""


def reheaded(field: int, say: Callable[[list[bytes], list[bytes]], int]) -> Callable[[Forgery], None]:
    """The header of a block without calls is another; `say` is given its fields and those of its parent."""

    def change(forged: Forgery) -> None:
        at = next(index for index, (_, sent, _) in enumerate(forged.blocks) if index and not sent)
        (before, _, _), (fields, _, _) = forged.blocks[at - 1 : at + 1]
        fields[field] = rlp.sedes.big_endian_int.serialize(say(fields, before))

    return change


def gas_of(part: int, change: int) -> Callable[[Forgery], None]:
    """The gas of a call, in its header (part 0) or its receipt and header (2), is another by so much."""

    def changed(forged: Forgery) -> None:
        header, _, receipts = forged.blocks[forged.block_of("submitBlocks", 3)]
        gas = int.from_bytes(header[GAS_USED], "big") + change
        header[GAS_USED] = rlp.sedes.big_endian_int.serialize(gas)
        if part:
            status, _, *rest = rlp.decode(receipts[0][1:])
            receipts[:] = [receipts[0][:1] + rlp.encode([status, gas, *rest])]

    return changed


def given(gas: int) -> Callable[[Forgery], None]:
    """A call may use so much gas; all of them used 21,000."""
    raw = rlp.sedes.big_endian_int.serialize(gas)
    return lambda forged: forged.change_transaction(
        forged.block_of("submitBlocks", 3), 0, lambda fields: fields.__setitem__(4, raw)
    )


IMPOSSIBLE: dict[str, tuple[str, str, Callable[[Forgery], None]]] = {
    "a call used more gas than it was given": ("chain.receipts", "than it was given", given(20_999)),
    "a block used more gas than its receipts say": ("chain.receipts", "not that of its receipts", gas_of(0, 1)),
    "a block used less gas than its receipts say": ("chain.receipts", "not that of its receipts", gas_of(0, -1)),
    "a call used no gas": ("chain.receipts", "not of its transaction", gas_of(2, -21_000)),
    "a block of time 0": ("chain.links", "its time is 0", reheaded(TIME, lambda own, before: 0)),
    "a block before its parent": (
        "chain.links", "or later", reheaded(TIME, lambda own, before: int.from_bytes(before[TIME], "big") - 1),
    ),
    "a block for no gas": ("chain.links", "gas limit is 0, not 1", reheaded(GAS_LIMIT, lambda own, before: 0)),
}  # fmt: skip


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_what_no_block_can_say_is_a_violation(honest: Played, name: str) -> None:
    check, sentence, change = IMPOSSIBLE[name]
    forged = forgery(honest)
    change(forged)
    (violation,) = audit(forged.made()).violations
    assert (violation.check, sentence in violation.sentence) == (check, True), violation.sentence


def test_a_block_of_more_gas_than_it_holds_is_a_violation(honest: Played) -> None:
    forged = forgery(honest)
    forged.blocks[forged.block_of("submitBlocks", 3)][0][GAS_LIMIT] = (20_999).to_bytes(2, "big")
    (violation,) = audit(forged.made()).violations
    assert (violation.check, violation.found, violation.expected) == ("chain.links", 20_999, 21_000)
    assert violation.exhibit is not None
    assert (violation.exhibit.field, violation.exhibit.bytes) == ("gasLimit", hex(20_999))


def test_two_blocks_of_one_second_and_a_call_that_used_all_its_gas_are_none(honest: Played) -> None:
    forged = forgery(honest)
    reheaded(TIME, lambda own, before: int.from_bytes(before[TIME], "big"))(forged)
    given(21_000)(forged)
    assert audit(forged.made()).exit_code == 0


def test_a_reverted_call_that_has_events_is_a_violation(honest: Played, tmp_path: Path) -> None:
    forged = forgery(honest)
    at = forged.block_of("withdraw", 1)
    receipts = forged.blocks[at][2]
    (raw,) = receipts
    fields = rlp.decode(raw[1:])
    receipts[0] = raw[:1] + rlp.encode([b"", *fields[1:]])
    assert not decode_receipt(receipts[0]).succeeded
    history = forged.made()
    (violation,) = audit(history).violations
    assert violation.check == "chain.receipts"
    assert "was reverted, and yet has events" in violation.sentence
    files.write(history, tmp_path / "history.jsonl")
    assert "chain" in {each.what for each in recompute(tmp_path / "history.jsonl").differences.values()}


@pytest.mark.parametrize("line", [b"[" * 200_000, b"[]", b'{"header": [[]]}'], ids=["deep", "list", "lists"])
def test_a_second_computation_says_of_a_hostile_line_that_it_is_no_chain(
    honest: Played, tmp_path: Path, line: bytes
) -> None:
    path = tmp_path / "history.jsonl"
    path.write_bytes(files.origin_line(honest.history.origin) + line + b"\n")
    assert [each.what for each in recompute(path).differences.values()] == ["chain"]


def test_the_environment_takes_no_seat(honest: Played, tmp_path: Path) -> None:
    forged = forgery(honest)
    forged.change_transaction(forged.block_of("join", 1), 0, lambda fields: None, honest.owner)
    history = forged.made()
    assert ("game.deposits", None, "seats") in found(audit(history))
    files.write(history, tmp_path / "history.jsonl")
    said = recompute(tmp_path / "history.jsonl").differences.values()
    assert "earlier places of the account of seat 1" in {each.about for each in said}


@pytest.mark.parametrize("field", ["candidates", "selected"])
def test_set_that_names_no_seat_is_malformed(field: str) -> None:
    stranger = 1 << M
    # A contract that computes the means refuses strangers in B; one that is told them leaves it to the audit.
    change = with_header(10, **{field: lambda rows: (rows[0] | stranger, *rows[1:])})
    script = Script(header=change, parameters=COMPACT if field == "selected" else PARAMETERS)
    report = audit(Played(script).history)
    assert "header.form" in {item.check for item in report.violations}
    assert {item.round for item in report.violations} == {10}


@pytest.mark.parametrize("sealed", [False, True], ids=["open", "sealed"])
@pytest.mark.parametrize("rounds", [range(L + 1, T + 1), range(10, 11)], ids=["all", "one"])
def test_an_honest_seat_that_was_away_forfeits_rewards_and_breaks_no_rule(
    rounds: range, sealed: bool, tmp_path: Path
) -> None:
    parameters = SEALED if sealed else PARAMETERS
    script = Script(parameters=parameters, pull=lambda arm, seat, t: None if seat == 1 and t in rounds else arm)
    files.write(Played(script).history, tmp_path / "history.jsonl")
    report = audit_file(tmp_path / "history.jsonl", paranoid=True)
    paid = [row.round for row in report.rounds if row.kind == "approved" and row.round in rounds]
    (found_,) = [item for item in report.findings if item.kind == "forfeited"]
    assert (report.exit_code, report.violations) == (0, [])
    assert (found_.seat, found_.count, found_.weight) == (1, len(paid), Weight.OBSERVATION)
    assert all(row.rewards is not None and row.rewards[1] is None for row in report.rounds if row.round in paid)
    if not sealed:  # a table of the money names it
        shown = ViewModel.of(manifest_of(report, files.read(tmp_path / "history.jsonl")), report, None).participants[1]
        assert f"forfeited {len(paid)}\N{MULTIPLICATION SIGN}" in shown.conduct


def test_a_second_computation_replays_no_longer_burn_in_than_the_audit(
    honest: Played, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "history.jsonl"
    files.write(honest.history, path)
    pulls = PARAMETERS.burn_in * PARAMETERS.participants
    assert recompute_module.LONGEST_BURN_IN == setup.LONGEST_BURN_IN
    monkeypatch.setattr(recompute_module, "LONGEST_BURN_IN", pulls)
    assert recompute(path).complete
    monkeypatch.setattr(recompute_module, "LONGEST_BURN_IN", pulls - 1)
    verdict = recompute(path)
    assert not verdict.complete
    assert not verdict.differences
    assert verdict.unknown.keys() == WHAT.keys()


def test_a_second_computation_of_the_longest_burn_in_that_a_creation_can_ask_for_ends(
    honest: Played, tmp_path: Path
) -> None:
    forged = forgery(honest)
    forged.creation(parameter(horizon=2**32 - 1, burn_in=2**32 - 1))
    path = tmp_path / "history.jsonl"
    files.write(forged.made(), path)
    verdict = recompute(path)
    assert not verdict.complete
    assert verdict.unknown.keys() == WHAT.keys()
