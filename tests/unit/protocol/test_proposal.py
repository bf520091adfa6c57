"""protocol/proposal.py: the block as a function of what was agreed."""

from dataclasses import replace

import pytest

from chain_bandit.protocol.blocks import Body, Header, Kind, Record, Report, SignedReport
from chain_bandit.protocol.committee import commander_drawn, validator_drawn
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.ledger import (
    accused,
    after_record,
    commanders,
    committee_after,
    opening,
    records_made,
    validators,
)
from chain_bandit.protocol.proposal import propose, readable_report
from chain_bandit.protocol.reputation import radii
from chain_bandit.protocol.ruleset import CHOSEN
from chain_bandit.protocol.units import INFINITY, UNIT
from tests.succession import drawn_for

SEED = b"\1" * 32


def at_5(p):
    return replace(opening(p, b"\7" * 32, SEED), round=5, pulls=(2, 2))


def signed(*means):
    return SignedReport.of(Report(means, b"\3" * 32), b"\4" * 64)


@pytest.mark.parametrize(
    "content",
    [b"", bytes(39), bytes(41), Report((UNIT + 1, 0), bytes(32)).encode(), Report((0, INFINITY), bytes(32)).encode()],
)
def test_a_report_counts_as_withheld_when_malformed_or_out_of_range(parameters, content):
    assert readable_report(content, parameters(), 5, 0) is None


def test_a_report_is_read_when_every_estimator_is_in_range(parameters):
    assert readable_report(signed(0, UNIT).content, parameters(), 5, 0) == Report((0, UNIT), b"\3" * 32)


def test_a_report_that_names_a_round_too_old_or_yet_to_come_counts_as_withheld(parameters):
    p = parameters(slash=1, provable=1, burn_in=4, horizon=100)
    for round_, failures in ((4, 0), (5, 1), (20, 0), (64, 0), (64, 9), (100, 3)):
        oldest = max(3, round_ - 1 - failures - round_ // 16)
        read = [
            named for named in range(110)
            if readable_report(Report((0, UNIT), b"\3" * 32, named=(named,)).encode(), p, round_, failures) is not None
        ]
        assert read == list(range(oldest, round_))
    assert readable_report(signed(0, UNIT).content, p, 5, 0) is None


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


def test_without_a_block_everybody_eligible_in_the_next_round_validates(parameters):
    p = parameters(7, validators=4, attackers=1, liars=2, vouched=CHOSEN)
    ledger = replace(at_5(p), blocked_from=(0, 6, 0, 5, 0, 7, 0))
    assert committee_after(p, ledger, None, ledger.reputations, 0) == 0b1110101


def test_a_block_of_a_game_in_which_everybody_commands_names_no_commanders(parameters):
    p = parameters(7, validators=4, attackers=1, liars=2)
    bits = dict.fromkeys(range(7), (True, True))
    header, _ = propose(p, at_5(p), {seat: signed(10 * seat, 40) for seat in range(7)}, bits)
    assert header.commanders == 0


def output(validator, commander):
    """A VRF hash whose halves lie at these fractions of their range: drawn from 1 - p on."""
    return int(validator * 2**128).to_bytes(16, "big") + int(commander * 2**128).to_bytes(16, "big")


YES, NO = 0.999, 0.0
ONES = (1,) * 7


@pytest.fixture
def draws(parameters):
    return lambda **changes: replace(
        parameters(7, validators=7, attackers=1, liars=1, quorum_choice=0, sortition=2**63, commanders=2**62), **changes
    )


def test_those_drawn_are_eligible_have_a_hash_and_fall_in_the_upper_slice(draws):
    p = draws()
    assert p.quorum(0) == 2
    hashes = {0: output(YES, NO), 1: output(YES, YES), 2: output(NO, YES), 3: output(YES, YES), 5: output(YES, YES)}
    assert drawn_for(p, ONES, 0b1111111, hashes, 9) == (0b0101011, 0b0101010)
    assert drawn_for(p, ONES, 0b1011111, hashes, 9) == (0b0001011, 0b0001010)
    assert drawn_for(p, ONES, 0b1111111, dict(reversed(hashes.items())), 9) == (0b0101011, 0b0101010)
    assert drawn_for(draws(commanders=2**64), ONES, 0b1111111, hashes, 9) == (0b0101011, 0b0101011)
    assert drawn_for(draws(sortition=0), ONES, 0b1011111, hashes, 9) == (0b1011111, 0b0001110)
    assert drawn_for(draws(sortition=0), ONES, 0b1111111, {}, 9) == (0b1111111, 0)  # nobody commands
    assert drawn_for(draws(sortition=0, commanders=2**64), ONES, 0b1011111, {}, 9) == (0b1011111, 0b1011111)


def test_a_seat_has_as_many_trials_as_it_weighs_to_validate_and_one_to_command(draws):
    """With p = 1/2 a half draws from 2^-w on; a commander with p = 1/4 from 3/4 on, whatever it weighs."""
    p, weights = draws(), (1, 2, 3, 1, 2, 3, 1024)
    for below, above in ((0.49, 0.5), (0.24, 0.25), (0.124, 0.125)):
        low, high = ({seat: output(half, 0.74) for seat in range(7)} for half in (below, above))
        heavier = {0.5: 0b1110110, 0.25: 0b1100100, 0.125: 0b1000000}[above]
        lighter = {0.5: 0b1111111, 0.25: 0b1110110, 0.125: 0b1100100}[above]
        expected = [members if members.bit_count() >= p.quorum(members.bit_count()) else 127
                    for members in (heavier, lighter)]  # fmt: skip
        assert [drawn_for(p, weights, 127, hashes, 9)[0] for hashes in (low, high)] == expected
    assert drawn_for(p, weights, 127, {seat: output(0.3, 0.76) for seat in range(7)}, 9) == (0b1110110, 0b1110110)
    assert drawn_for(p, weights, 127, {seat: output(0.3, 0.74) for seat in range(7)}, 9) == (0b1110110, 0)


def test_everybody_validates_and_commands_where_fewer_than_a_quorum_are_drawn(draws):
    p = draws(sortition=2**64 * 3 // 4)
    assert [p.quorum(n) for n in (2, 3, 6, 7)] == [3, 3, 4, 4]
    two, three = ({seat: output(YES, YES) for seat in range(n)} for n in (2, 3))
    assert drawn_for(p, ONES, 0b1111011, two, 9) == (0b1111011, 0b1111011)
    assert drawn_for(p, ONES, 0b1111111, three, 9) == (0b111, 0b111)
    assert drawn_for(p, ONES, 0b1111011, three, 9) == (0b1111011, 0b1111011)


def test_a_commander_is_drawn_with_another_chance_up_to_round_l(draws):
    p = draws(probing=2**63, commanders=2**62)
    between = output(YES, 0.6)
    assert commander_drawn(p, between, p.burn_in)
    assert not commander_drawn(p, between, p.burn_in + 1)
    assert commander_drawn(p, output(YES, 0.75), p.burn_in + 1)
    assert validator_drawn(p.sortition, 1, output(0.5, NO))
    assert not validator_drawn(p.sortition, 1, output(0.4999, YES))


def test_a_block_names_whom_the_hashes_of_its_reporters_draw_and_the_next_round_is_theirs(draws):
    p = draws()
    ledger = replace(at_5(p), blocked_from=(0, 6, 0, 0, 0, 0, 0))
    reports = {seat: SignedReport.of(Report((10, 40), b"\3" * 32, bytes(81)), b"\4" * 64) for seat in range(6)}
    bits = dict.fromkeys(range(5), (True, True))  # seat 5 did not open its commitment
    hashes = dict.fromkeys(range(7), output(YES, YES)) | {0: output(YES, NO)}
    header, body = propose(p, ledger, reports, bits, hashes)
    assert (header.committee, header.commanders) == (0b0011101, 0b0011100)
    assert propose(p, ledger, reports, bits)[0].committee == 0b1111101
    assert len(Body.decode(body, 5, p).reports) == 5
    after = after_record(p, ledger, Record(5, Kind.APPROVED, header))
    assert (validators(after), commanders(after)) == (0b0011101, 0b0011100)
    for kind in (Kind.SKIP, Kind.EXPLORATION):
        alone = after_record(p, after, Record(6, kind))
        assert (validators(alone), commanders(alone)) == (0b1111101, 0b1111101)
    assert (validators(ledger), commanders(ledger)) == (0b1111111, 0b1111111)


def test_nobody_is_drawn_for_the_round_after_an_exploration(draws):
    p = draws()
    ledger = replace(at_5(p), failures=p.failure_limit - 1)
    hashes = dict.fromkeys(range(3), output(YES, YES))
    header, _ = propose(p, ledger, {}, {}, hashes)
    assert len(records_made(p, ledger, Record(5, Kind.REJECTED, header))) == 2
    assert (header.committee, header.commanders) == (p.everybody, p.everybody)


def test_of_the_best_by_reputation_only_those_drawn_command(draws):
    p = draws(sortition=0, validators=4)
    ledger = replace(at_5(p), reputations=(9, 8, 7, 6, 5, 4, 3))
    reports = {seat: SignedReport.of(Report((10, 40), b"\3" * 32, bytes(81)), b"\4" * 64) for seat in range(7)}
    bits = dict.fromkeys(range(7), (True, True))
    header, _ = propose(p, ledger, reports, bits, {s: output(NO, YES) for s in (1, 3, 6)})
    assert header.committee.bit_count() == 4
    assert header.commanders == 0b1001010 & header.committee
    after = after_record(p, ledger, Record(5, Kind.APPROVED, header))
    assert (after.committee, commanders(after)) == (header.committee, header.commanders)
