"""protocol/proposal.py: the block as a function of what was agreed."""

import pytest

from chain_bandit.protocol.blocks import Header, Report, SignedReport, decode_body
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.ledger import Ledger
from chain_bandit.protocol.proposal import propose, readable_report
from chain_bandit.protocol.units import INFINITY, UNIT

LEDGER = Ledger(5, b"\7" * 32, (2, 2))
SEED = b"\1" * 32


def signed(*means):
    return SignedReport(Report(means, b"\3" * 32).encode(), b"\4" * 64)


@pytest.mark.parametrize(
    "content",
    [b"", bytes(39), bytes(41), Report((UNIT + 1, 0), bytes(32)).encode(), Report((0, INFINITY), bytes(32)).encode()],
)
def test_a_report_counts_as_withheld_when_malformed_or_out_of_range(parameters, content):
    assert readable_report(content, parameters().arms) is None


def test_a_report_is_read_when_every_estimator_is_in_range(parameters):
    assert readable_report(signed(0, UNIT).content, parameters().arms) == Report((0, UNIT), b"\3" * 32)


def test_the_block_holds_every_arm_infinite_when_nobody_opened(parameters):
    p = parameters()
    header, body = propose(p, LEDGER, SEED, {0: signed(1, 2)}, {})
    assert (header.reporters, header.candidates, header.selected, body) == (0, (0, 0), (0, 0), b"")
    assert header.means == (INFINITY, INFINITY)


def test_the_block_is_decided_by_agreed_reports_and_bits_whatever_their_order(parameters):
    p = parameters()
    reports = {0: signed(10, 40), 1: signed(20, 30), 2: signed(30, 20), 3: signed(40, 10)}
    bits = {0: (True, True), 1: (True, True), 2: (True, False), 3: (True, True)}
    header, body = propose(p, LEDGER, SEED, reports, bits)
    backwards = propose(p, LEDGER, SEED, dict(reversed(reports.items())), dict(reversed(bits.items())))
    assert backwards == (header, body)
    assert header == Header(
        5, LEDGER.head, keccak(body), 0b1111, 0, (0b1111, 0b1011), (0b0110, 0b0010), (25, 30)
    )
    assert decode_body(body, 4, 2) == tuple(reports[p] for p in range(4))


def test_a_seat_without_bits_is_no_reporter(parameters):
    p = parameters()
    reports = {seat: signed(10, 40) for seat in range(4)}
    header, body = propose(p, LEDGER, SEED, reports, dict.fromkeys((0, 1, 3), (True, True)))
    assert header.reporters == 0b1011
    assert len(decode_body(body, 3, 2)) == 3
