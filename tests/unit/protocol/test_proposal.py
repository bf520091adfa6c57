"""protocol/proposal.py: the block as a function of what was agreed."""

from dataclasses import replace

import pytest

from chain_bandit.protocol.blocks import Body, Header, Kind, Record, Report, SignedReport
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.ledger import accused, after_record, opening, records_made
from chain_bandit.protocol.proposal import propose, readable_report
from chain_bandit.protocol.reputation import radii
from chain_bandit.protocol.units import INFINITY, UNIT

SEED = b"\1" * 32


def at_5(p):
    return replace(opening(p, b"\7" * 32, SEED), round=5, pulls=(2, 2))


def signed(*means):
    return SignedReport(Report(means, b"\3" * 32).encode(), b"\4" * 64)


@pytest.mark.parametrize(
    "content",
    [b"", bytes(39), bytes(41), Report((UNIT + 1, 0), bytes(32)).encode(), Report((0, INFINITY), bytes(32)).encode()],
)
def test_a_report_counts_as_withheld_when_malformed_or_out_of_range(parameters, content):
    assert readable_report(content, parameters()) is None


def test_a_report_is_read_when_every_estimator_is_in_range(parameters):
    assert readable_report(signed(0, UNIT).content, parameters()) == Report((0, UNIT), b"\3" * 32)


def test_the_block_holds_every_arm_infinite_when_nobody_opened(parameters):
    p = parameters()
    header, body = propose(p, at_5(p), {0: signed(1, 2)}, {})
    assert (header.reporters, header.candidates, header.selected) == (0, (0, 0), (0, 0))
    assert Body.decode(body, 0, p) == Body(radii((2, 2)), ())
    assert header.accuracies == (0,) * 4
    assert header.means == (INFINITY, INFINITY)


def test_the_block_is_decided_by_agreed_reports_and_bits_whatever_their_order(parameters):
    p = parameters()
    reports = {0: signed(10, 40), 1: signed(20, 30), 2: signed(30, 20), 3: signed(40, 10)}
    bits = {0: (True, True), 1: (True, True), 2: (True, False), 3: (True, True)}
    header, body = propose(p, at_5(p), reports, bits)
    backwards = propose(p, at_5(p), dict(reversed(reports.items())), dict(reversed(bits.items())))
    assert backwards == (header, body)
    assert header == Header(
        5, b"\7" * 32, 0, keccak(body), 0b1111, 0, (0b1111, 0b1011), (0b0110, 0b0010), 0, (25, 30), (65535,) * 4
    )
    assert Body.decode(body, 4, p) == Body(radii((2, 2)), tuple(reports[seat] for seat in range(4)))


def test_a_seat_without_bits_is_no_reporter(parameters):
    p = parameters()
    reports = {seat: signed(10, 40) for seat in range(4)}
    header, body = propose(p, at_5(p), reports, dict.fromkeys((0, 1, 3), (True, True)))
    assert header.reporters == 0b1011
    assert len(Body.decode(body, 3, p).reports) == 3


def test_whoever_is_on_the_block_list_is_no_reporter(parameters):
    p = parameters(unrecorded=1)
    ledger = accused(at_5(p), 2, 1 + p.evidence_delay)
    assert ledger.blocked_from == (0, 0, 5, 0)
    header, body = propose(p, ledger, {s: signed(10, 40) for s in range(4)}, dict.fromkeys(range(4), (True, True)))
    assert (header.blocked, header.reporters, header.candidates) == (0b0100, 0b1011, (0b1011, 0b1011))
    assert header.accuracies == (65535, 65535, 0, 65535)
    assert len(Body.decode(body, 3, p).reports) == 3


def test_a_block_names_the_committee_that_its_record_leads_to(parameters):
    """Also where the block is rejected and an exploration round comes along, after which another seed breaks ties."""
    p = parameters(7, validators=4, attackers=1, liars=2)
    bits = dict.fromkeys(range(7), (True, True))
    reports = {seat: signed(10 * seat, 40) for seat in range(7)}
    differs = 0
    for seed in range(20):
        ledger = replace(at_5(p), seed=bytes([seed]) * 32, failures=p.failure_limit - 1)
        for agreed, kind, count in ((reports, Kind.APPROVED, 1), ({}, Kind.REJECTED, 2)):
            header, _ = propose(p, ledger, agreed, bits)
            made = records_made(p, ledger, Record(5, kind, header))
            assert len(made) == count
            after = ledger
            for record in made:
                after = after_record(p, after, record)
            assert header.committee == after.committee
            assert header.committee.bit_count() == 4
            differs += after.committee != after_record(p, ledger, made[0]).committee
    assert differs > 5
