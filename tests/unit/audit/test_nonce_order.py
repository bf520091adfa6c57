"""A transaction that is left out, told twice or moved shows in the numbers of its account, without any kept hash."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import rlp

from chain_bandit.auditor.audit import audit
from chain_bandit.auditor.catalogue import CHECKS
from chain_bandit.auditor.report import AuditReport, Violation
from chain_bandit.auditor.second_implementation import CHAIN
from chain_bandit.audits import audit_file
from chain_bandit.chain_history import files
from chain_bandit.chain_history.blocks import History
from chain_bandit.chain_history.evm import HEADER_FIELDS, decode_transaction
from chain_bandit.crypto.keys import Signer
from chain_bandit.protocol.digests import keccak
from tests.unit.audit.played_game import Played
from tests.unit.audit.test_planted_violations import forgery
from verification.tampering import rehashed, taken_apart


def numbers(played: Played) -> list[tuple[int, bytes, int]]:
    """Index of the block, sender and number of every transaction, read by another decoder than the audit's."""
    return [(index, decode_transaction(raw).sender, int.from_bytes(rlp.decode(raw[1:])[1], "big"))
            for index, block in enumerate(played.history.blocks) for raw in block.transactions]  # fmt: skip


def without(history: History, index: int) -> History:
    """The history with nothing in one block; every hash fits."""
    blocks = taken_apart(tuple(history.blocks))
    header, *held = blocks[index]
    header[10] = b""
    for each in held:
        each.clear()
    return History(history.origin, rehashed(blocks))


def without_logs(receipt: bytes) -> bytes:
    status, gas, *_ = rlp.decode(receipt[1:])
    return receipt[:1] + rlp.encode([status, gas, bytes(256), []])


def out_of_order(report: AuditReport) -> list[Violation]:
    return [violation for violation in report.violations if violation.check == "chain.order"]


def test_a_transaction_that_is_left_out_is_bounded_by_those_around_it(honest: Played) -> None:
    first = honest.history.origin.first_block
    own = [(index, number) for index, sender, number in numbers(honest) if sender == honest.owner.address]
    (before, _), (missing, number), (after, _) = own[2:5]
    assert before < missing < after
    (found,) = out_of_order(audit(without(honest.history, missing)))
    assert found.exhibit is not None
    assert (found.since, found.exhibit.block) == (first + before, first + after)
    assert (found.expected, found.found) == (number, number + 1)
    assert (found.exhibit.field, found.exhibit.bytes) == ("nonce", hex(number + 1))
    assert f"its account is at {number} since block {first + before}" in found.sentence


def test_the_last_transaction_of_an_account_leaves_no_gap(honest: Played) -> None:
    """An account that has not withdrawn yet breaks no rule: only a kept hash tells that it had."""
    last, _, _ = numbers(honest)[-1]
    shortened = without(honest.history, last)
    assert audit(shortened).exit_code == 0
    report = audit(shortened, bytes.fromhex(audit(honest.history).head[2:]))
    assert {violation.check for violation in report.violations} == {"chain.head"}


def test_a_chain_that_is_known_by_its_head_may_skip_numbers(honest: Played) -> None:
    """An account with code of its own makes contracts, which its numbers count."""
    gap = without(honest.history, [index for index, sender, _ in numbers(honest) if sender == honest.owner.address][2])
    *_, end = gap.blocks
    assert out_of_order(audit(gap, bytes(32)))
    assert out_of_order(audit(gap))
    assert not out_of_order(audit(gap, keccak(end.header)))


def test_a_transaction_that_is_told_twice_is_out_of_order_whatever_is_known(honest: Played) -> None:
    blocks = taken_apart(tuple(honest.history.blocks))
    withdrawal, empty = numbers(honest)[-1][0], list(blocks[-1][0])
    (header, transactions, receipts) = blocks[withdrawal]
    again = list(empty)
    again[8], again[10] = rlp.sedes.big_endian_int.serialize(int.from_bytes(empty[8], "big") + 1), header[10]
    repeated = History(honest.history.origin, rehashed([*blocks, (again, transactions, receipts)]))
    *_, end = repeated.blocks
    (found,) = out_of_order(audit(repeated, keccak(end.header)))
    assert found.found + 1 == found.expected


@pytest.mark.parametrize(("method", "which"), [("join", 1), ("join", -1), ("close", 0)])
def test_a_call_that_others_rest_on_is_missed_between_those_around_it(honest: Played, method: str, which: int) -> None:
    missing = forgery(honest).block_of(method, which)
    before, _, after = sorted(index for index, *_ in numbers(honest) if abs(index - missing) <= 1)
    first = honest.history.origin.first_block
    found = [each for each in audit(without(honest.history, missing)).violations if each.exhibit]
    assert (first + before, first + after) in {(each.since, each.exhibit and each.exhibit.block) for each in found}


def test_strangers_are_not_followed(honest: Played) -> None:
    """They may have sent anything before, or elsewhere: a transaction of theirs counts from their first call on."""
    called = audit(honest.history).checks["chain.order"].passed
    forged = forgery(honest)
    block = forged.block_of("settleRewards", 1)
    forged.recipient("settleRewards", 1, bytes(20))
    forged.blocks[block][2][0] = without_logs(forged.blocks[block][2][0])
    forged.change_transaction(block, 0, lambda fields: fields.__setitem__(1, b"\x63"), Signer(bytes(31) + b"\7"))
    report = audit(History(honest.history.origin, rehashed(forged.blocks)))
    (found,) = out_of_order(report)
    assert found.exhibit is not None
    assert found.exhibit.block == honest.history.origin.first_block + forged.block_of("settleRewards", 2)
    assert report.checks["chain.order"].passed == called - 2


def test_a_call_that_the_contract_took_shows_an_account_without_code(honest: Played) -> None:
    """Though its numbers do not begin with 0, so that it may have had some before."""
    forged = forgery(honest)
    for block, (_, raws, _) in enumerate(forged.blocks):
        for index, raw in enumerate(raws):
            number = decode_transaction(raw).nonce + 7
            if decode_transaction(raw).sender == honest.signers[0].address:
                forged.change_transaction(block, index, lambda fields, at=bytes([number]): fields.__setitem__(1, at))
    seven = forged.made()
    assert audit(seven).exit_code == 0
    own = [index for index, sender, _ in numbers(honest) if sender == honest.signers[0].address]
    (found,) = out_of_order(audit(without(seven, own[2])))
    assert found.found == found.expected + 1


@pytest.mark.parametrize("kind", [5, 0x7E])
def test_a_type_that_came_later_is_not_checkable(honest: Played, tmp_path: Path, kind: int) -> None:
    blocks = taken_apart(tuple(honest.history.blocks))
    _, transactions, receipts = blocks[7]
    transactions[:] = [bytes([kind]) + rlp.encode([b"\1"] * 9)]
    receipts[:] = [bytes([kind]) + receipts[0][1:]]
    path = tmp_path / "history.jsonl"
    files.write(History(honest.history.origin, rehashed(blocks)), path)
    report = audit_file(path, paranoid=True)
    assert (report.exit_code, report.violations) == (13, [])
    assert f"no transactions of type {kind}" in report.checks["chain.transactions"].evidence
    replayed = CHECKS.keys() - {*CHAIN, "chain.head", "chain.trail"}
    assert all(report.checks[name].not_checkable for name in replayed)


def with_a_later_type(history: History, index: int) -> History:
    """One byte another: what the transactions of a block are of; every hash fits."""
    blocks = taken_apart(tuple(history.blocks))
    blocks[index][1][0] = b"\5" + blocks[index][1][0][1:]
    return History(history.origin, rehashed(blocks))


def with_later_fields(history: History, index: int) -> History:
    """The header of a block with one field more than this version knows, and every hash fits."""
    blocks = taken_apart(tuple(history.blocks))
    fields = blocks[index][0]
    fields.extend([b"\1" * 32] * (len(HEADER_FIELDS) + 1 - len(fields)))
    return History(history.origin, rehashed(blocks))


Later = Callable[[History, int], History]
LATER = [with_a_later_type, with_later_fields]
SAID = ["no transactions of type 5", "fields that this version does not know"]


@pytest.mark.parametrize(("later", "said"), list(zip(LATER, SAID, strict=True)))
def test_what_came_later_blinds_the_audit_and_nothing_else(
    honest: Played, tmp_path: Path, later: Later, said: str
) -> None:
    path = tmp_path / "history.jsonl"
    files.write(later(honest.history, 7), path)
    report = audit_file(path, paranoid=True)
    assert (report.exit_code, report.violations) == (13, [])
    assert said in report.checks["record.deadline"].evidence
    assert report.checks["chain.links"].passed == len(tuple(honest.history.blocks))


@pytest.mark.parametrize("later", LATER)
def test_what_came_later_hides_neither_from_the_head_nor_from_the_trail(honest: Played, later: Later) -> None:
    """What it does nobody can say, but not that it was there."""
    kept = audit(honest.history)
    head, trail = bytes.fromhex(kept.head[2:]), bytes.fromhex(kept.trail)
    block = forgery(honest).block_of("settleRewards", 1)
    changed = later(honest.history, block)
    assert audit(changed).exit_code == 13
    by_head, by_trail = audit(changed, head), audit(changed, trail=trail)
    assert (by_head.exit_code, [each.check for each in by_head.violations]) == (12, ["chain.head"])
    (strayed,) = by_trail.violations
    assert strayed.exhibit is not None
    assert (strayed.check, strayed.exhibit.block) == ("chain.trail", honest.history.origin.first_block + block)
    own = audit(changed)
    again = audit(changed, bytes.fromhex(own.head[2:]), trail=bytes.fromhex(own.trail))
    assert (again.exit_code, again.violations, len(own.trail)) == (13, [], len(kept.trail))
    assert not again.complete


@pytest.mark.parametrize("later", LATER)
def test_what_is_violated_before_it_stays_so(honest: Played, tmp_path: Path, later: Later) -> None:
    """A block at the end, by whomever, clears nobody."""
    forged = forgery(honest)
    forged.event("Closed", 0, lambda data: data[:-1] + bytes([data[-1] ^ 1]))
    planted = forged.made()
    expected = {each.check for each in audit(planted).violations}
    last = len(forged.blocks) - 1
    assert forged.block_of("close", 0) < last
    path = tmp_path / "history.jsonl"
    files.write(later(planted, last), path)
    report = audit_file(path, paranoid=True)
    assert (report.exit_code, {each.check for each in report.violations}) == (12, expected)
    assert report.checks["chain.order"].not_checkable


def test_a_link_is_broken_behind_a_later_type_too(honest: Played) -> None:
    changed = with_a_later_type(honest.history, 7)
    *before, last = changed.blocks
    header = last.header[:4] + bytes(32) + last.header[36:]
    report = audit(History(changed.origin, (*before, replace(last, header=header))))
    assert (report.exit_code, [each.check for each in report.violations]) == (12, ["chain.links"])
