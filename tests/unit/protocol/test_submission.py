"""protocol/submission.py: a block comes back from what travels of it, filled in as the contract does."""

from dataclasses import replace

import pytest

from chain_bandit.protocol.blocks import Body, Report, SignedReport
from chain_bandit.protocol.errors import Malformed
from chain_bandit.protocol.ledger import opening
from chain_bandit.protocol.parameters import BodyMode
from chain_bandit.protocol.proposal import propose
from chain_bandit.protocol.submission import Submitted, decode, encode
from chain_bandit.protocol.units import UNIT

SIGNATURES = bytes(range(64)) * 3


@pytest.fixture
def made(parameters):
    """Parameters, header and body of a block of round 5; seat 2 does not report."""
    p = parameters(wei_per_unit=1)
    ledger = replace(opening(p, b"\7" * 32, b"\1" * 32), round=5, pulls=(2, 2))
    reports = {
        seat: SignedReport.of(Report((seat * UNIT // 5, UNIT // 3), bytes([seat]) * 32), bytes([seat + 9]) * 64)
        for seat in (0, 1, 3)
    }
    return (p, *propose(p, ledger, reports, dict.fromkeys(reports, (True, True))))


def test_a_computed_block_comes_back_with_the_means_and_accuracies_of_its_body(made):
    p, header, body = made
    block = Submitted.of(p, header, body, 0b1011, SIGNATURES)
    assert decode(p, encode(p, [block])) == (block,)
    assert (block.derived, block.reporters(p)) == (b"", 0b1011)
    opened, told = block.opened(p, 5, header.parent, 0)
    assert opened == header
    assert told == Body.decode(body, 3, p)
    assert opened.means != (0, 0)
    assert any(opened.accuracies)


def test_what_is_not_in_the_calldata_is_what_the_contract_fills_in(made):
    p, header, body = made
    block = Submitted.of(p, header, body, 0b1011, SIGNATURES)
    other = block.opened(p, 6, b"\5" * 32, 0b0100)[0]
    assert other == replace(header, round=6, parent=b"\5" * 32, blocked=0b0100)


def test_a_block_whose_b_has_a_seat_that_does_not_report_is_refused(made):
    p, header, body = made
    wrong = replace(header, selected=(0b0111, header.selected[1]))
    with pytest.raises(Malformed) as refused:
        Submitted.of(p, wrong, body, 0b1011, SIGNATURES).opened(p, 5, header.parent, 0)
    assert str(refused.value) == f"malformed block: expected B of reporters, got ['0x7', '{header.selected[1]:#x}']"


@pytest.mark.parametrize("change", [lambda body: body[:-1], lambda body: body + b"\0", lambda body: b""])
def test_a_body_of_another_length_is_refused(made, change):
    p, header, body = made
    with pytest.raises(Malformed):
        replace(Submitted.of(p, header, body, 0b1011, SIGNATURES), body=change(body)).opened(p, 5, header.parent, 0)


def test_a_submission_ends_with_a_block_that_is_signed(made):
    p, header, body = made
    silent, signed = (Submitted.of(p, header, body, mask, SIGNATURES * bool(mask)) for mask in (0, 0b1011))
    assert decode(p, encode(p, [silent, signed])) == (silent, signed)
    with pytest.raises(Malformed) as refused:
        decode(p, encode(p, [signed, silent]))
    assert str(refused.value) == "malformed submission: expected signers of its last block, got 0"


def test_in_a_compact_game_the_bodys_hash_travels_and_nothing_is_computed(made):
    p, header, body = made
    p = replace(p, body_mode=BodyMode.COMPACT, vouched=p.vouched | 4)
    block = Submitted.of(p, header, body, 0b1011, SIGNATURES)
    assert (block.body, block.derived) == (header.body, header.derived())
    assert block.opened(p, 5, header.parent, 0) == (header, None)
