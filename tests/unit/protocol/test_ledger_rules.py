"""protocol/ledger.py, protocol/run_digest.py and protocol/regret.py."""

from dataclasses import replace

import pytest
from eth_hash.auto import keccak as outside_keccak

from chain_bandit.protocol import run_digest
from chain_bandit.protocol.blocks import Header, Kind, Record, SignedReport
from chain_bandit.protocol.ledger import (
    accused,
    after_burn_in_round,
    after_record,
    blocked,
    exploration_arm,
    honest_arm,
    opening,
    pulled_arm,
    records_made,
    validators,
)
from chain_bandit.protocol.regret import Regret
from chain_bandit.protocol.ruleset import RulesUnknown
from chain_bandit.protocol.settlement import NOTHING, Pull

GENESIS = b"\7" * 32


SEED = b"\5" * 32


def header(round_, means=(5, 9), selected=(0b0110, 0b0010), accuracies=(0,) * 4, **changes):
    fields = {
        "round": round_, "parent": GENESIS, "blocked": 0, "body": bytes(32), "reporters": 0b1111, "arm": 1,
        "candidates": (15, 15), "selected": selected, "committee": 0, "means": means, "accuracies": accuracies,
    }  # fmt: skip
    return Header(**fields | changes)


def at_round_l(parameters):
    ledger = opening(parameters, GENESIS, SEED)
    while ledger.round < parameters.burn_in:
        ledger = after_burn_in_round(parameters, ledger)
    return ledger


def test_after_a_block_the_policy_chooses_by_what_the_estimators_count_for(parameters):
    """Where nobody knows what they count for there is no honest arm, and the rule that is missing is named."""
    p = parameters()
    ledger = after_record(p, at_round_l(p), Record(4, Kind.APPROVED, header(4, (10**8, 9 * 10**8)), b"\1" * 32))
    learnt = replace(ledger, means=(10**8, 9 * 10**8), pulls=(50, 50), worth=(3, 3))
    assert [honest_arm(p, replace(learnt, means=means)) for means in (learnt.means, learnt.means[::-1])] == [1, 0]
    with pytest.raises(RulesUnknown, match="on which the honest arm rests"):
        honest_arm(p, replace(learnt, worth=()))


def test_a_failed_round_moves_nothing_but_round_head_and_failures(parameters):
    p = parameters()
    ledger = after_record(p, at_round_l(p), Record(4, Kind.APPROVED, header(4), b"\1" * 32))
    for kind in (Kind.SKIP, Kind.REJECTED):
        record = Record(5, kind, header(5, (1, 1)) if kind is Kind.REJECTED else None)
        after = after_record(p, ledger, record)
        assert (after.pulls, after.means, after.worth, after.explorations) == (ledger.pulls, (5, 9), (2, 1), 0)
        assert (after.round, after.failed, after.failures) == (6, 1, 1)
        assert after.head == record.head(ledger.head)
        assert pulled_arm(p, ledger, record) is None


@pytest.mark.parametrize("kind", [Kind.APPROVED, Kind.REJECTED, Kind.SKIP])
def test_round_l_is_pulled_whatever_becomes_of_its_block(parameters, kind):
    p = parameters()
    ledger = at_round_l(p)
    assert (ledger.round, ledger.pulls, ledger.head) == (4, (2, 1), GENESIS)
    after = after_record(p, ledger, Record(4, kind, None if kind is Kind.SKIP else header(4)))
    assert after.pulls == (2, 2)
    assert after.means == ((5, 9) if kind is Kind.APPROVED else None)


def test_the_burn_in_goes_round_robin_and_so_does_learning_until_a_block_is_approved(parameters):
    p = parameters()
    ledger, arms = opening(p, GENESIS, SEED), []
    while ledger.round < p.burn_in:
        arms.append(honest_arm(p, ledger))
        ledger = after_burn_in_round(p, ledger)
    arms.append(honest_arm(p, ledger))
    ledger = after_record(p, ledger, Record(4, Kind.SKIP))
    arms.append(honest_arm(p, ledger))
    assert arms == [0, 1, 0, 1, 0]


def test_the_limits_failure_in_a_row_brings_an_exploration_round_along(parameters):
    p = parameters(failure_limit=2)
    ledger = at_round_l(p)
    arms = []
    for expected_failed in (2, 4):
        first = Record(ledger.round, Kind.SKIP)
        assert records_made(p, ledger, first) == (first,)
        ledger = after_record(p, ledger, first)
        second = Record(ledger.round, Kind.REJECTED, header(ledger.round))
        made = records_made(p, ledger, second)
        assert made == (second, Record(ledger.round + 1, Kind.EXPLORATION))
        ledger = after_record(p, ledger, second)
        arms.append(exploration_arm(p, ledger))
        assert pulled_arm(p, ledger, made[1]) == arms[-1]
        before = ledger.pulls
        ledger = after_record(p, ledger, made[1])
        assert ledger.pulls[arms[-1]] == before[arms[-1]] + 1
        assert (ledger.failures, ledger.failed) == (0, expected_failed)
    assert arms == [0, 1]
    assert ledger.explorations == 2


def test_no_exploration_round_follows_the_last_round(parameters):
    p = parameters(failure_limit=1, horizon=6)
    ledger = at_round_l(p)
    made = records_made(p, ledger, Record(4, Kind.SKIP))
    assert [record.kind for record in made] == [Kind.SKIP, Kind.EXPLORATION]
    for record in made:
        ledger = after_record(p, ledger, record)
    assert ledger.round == 6
    assert records_made(p, ledger, Record(6, Kind.SKIP)) == (Record(6, Kind.SKIP),)


def test_an_approved_block_ends_a_row_of_failures_and_brings_its_means(parameters):
    p = parameters()
    ledger = after_record(p, at_round_l(p), Record(4, Kind.SKIP))
    after = after_record(p, ledger, Record(5, Kind.APPROVED, header(5)))
    assert (after.failures, after.failed, after.means, after.worth) == (0, 1, (5, 9), (2, 1))
    assert after.pulls == (3, 2)


def test_the_run_digest_covers_every_part(parameters):
    p = parameters()
    reports = (SignedReport.decode(b"\1" * 40, b"\2" * 64, p),)
    pulls = (Pull(1, 5), NOTHING, NOTHING, NOTHING)
    base = run_digest.extend(run_digest.START, p, 5, Kind.APPROVED, header(5), reports, pulls)
    assert base == outside_keccak(
        bytes(32) + b"\0\0\0\5\1" + b"\1" * 40 + bytes([15, 15, 15, 6, 2, 0]) + b"\0\0\0\5\0\0\0\x09"
        + b"\1\0\0\0\5" + b"\xff\0\0\0\0" * 3
    )
    others = {
        run_digest.extend(b"\1" * 32, p, 5, Kind.APPROVED, header(5), reports, pulls),
        run_digest.extend(run_digest.START, p, 6, Kind.APPROVED, header(5), reports, pulls),
        run_digest.extend(run_digest.START, p, 5, Kind.REJECTED, header(5), reports, pulls),
        run_digest.extend(run_digest.START, p, 5, Kind.APPROVED, header(5, (5, 8)), reports, pulls),
        run_digest.extend(run_digest.START, p, 5, Kind.APPROVED, header(5, selected=(6, 6)), reports, pulls),
        run_digest.extend(run_digest.START, p, 5, Kind.APPROVED, header(5), (), pulls),
        run_digest.extend(run_digest.START, p, 5, Kind.APPROVED, header(5, blocked=1), reports, pulls),
        run_digest.extend(run_digest.START, p, 5, Kind.APPROVED, header(5), reports, pulls[:1]),
        run_digest.extend(run_digest.START, p, 5, Kind.SKIP),
    }
    assert len(others | {base}) == 10


def test_the_run_digest_leaves_out_what_is_bound_to_a_chain(parameters):
    p = parameters()
    one, other = header(5), header(5, parent=bytes(32), body=b"\1" * 32)
    reports = [SignedReport.decode(b"\1" * 40, signature * 64, p) for signature in (b"\2", b"\3")]
    digests = {
        run_digest.extend(run_digest.START, p, 5, Kind.APPROVED, block, (report,))
        for block in (one, other)
        for report in reports
    }
    assert len(digests) == 1


def test_regret_is_shown_in_its_parts_and_sums_to_the_whole():
    regret = Regret((700, 400), 2)
    for played in ((1, 0, False), (2, 1, False), (3, 1, True, 50), (4, 0, True), (5, None, False), (6, 1, False),
                   (7, 0, True, 0), (8, 0, True, 7)):  # fmt: skip
        regret.add(*played)
    assert (regret.burn_in, regret.arms, regret.failed, regret.cost) == (1400, 300, 1400, 57)
    assert (regret.paid, regret.costly, regret.total) == (4, 3, 3157)


def test_reputations_of_a_block_move_an_eighth_of_the_way_and_a_skip_costs_the_committee(parameters):
    p = parameters(skip_penalty=100)
    ledger = at_round_l(p)
    assert ledger.reputations == (32768,) * 4
    for kind in (Kind.APPROVED, Kind.REJECTED):
        after = after_record(p, ledger, Record(4, kind, header(4, accuracies=(65535, 32768, 7, 0))))
        assert after.reputations == (32768 - 4096 + 8191, 32768, 32768 - 4096, 32768 - 4096)
    skipped = after_record(p, ledger, Record(4, Kind.SKIP))
    assert skipped.reputations == (32668,) * 4
    assert after_record(p, skipped, Record(5, Kind.EXPLORATION)).reputations == (32668,) * 4
    low = replace(ledger, reputations=(99, 100, 101, 0))
    assert after_record(p, low, Record(4, Kind.SKIP)).reputations == (0, 0, 1, 0)


def test_proof_counts_after_w_more_rounds_and_costs_once(parameters):
    p = parameters(evidence_penalty=1000, unrecorded=2)
    ledger = accused(at_round_l(p), 3, 4 + p.evidence_delay)
    assert ledger.blocked_from == (0, 0, 0, 9)
    seen = []
    while ledger.round < 11:
        seen.append((ledger.round, blocked(ledger, ledger.round), validators(ledger), ledger.reputations[3]))
        ledger = after_record(p, ledger, Record(ledger.round, Kind.EXPLORATION))
    before, after = (0, 0b1111, 32768), (0b1000, 0b0111, 31768)
    assert seen == [*((t, *before) for t in range(4, 9)), (9, *after), (10, *after)]


def test_a_skip_costs_nobody_on_the_block_list(parameters):
    p = parameters(skip_penalty=100, evidence_penalty=0)
    ledger = replace(at_round_l(p), blocked_from=(0, 1, 0, 5))
    assert after_record(p, ledger, Record(4, Kind.SKIP)).reputations == (32668, 32768, 32668, 32668)


def test_committees_grow_with_skips_and_shrink_after_a_block(parameters):
    p = parameters(10, validators=2, attackers=0, failure_limit=3, horizon=12)
    ledger = replace(at_round_l(p), round=20)
    sizes = []
    for kind in (Kind.SKIP, Kind.SKIP, Kind.EXPLORATION, Kind.SKIP, Kind.SKIP, Kind.APPROVED, Kind.SKIP, Kind.REJECTED):
        block = None if kind in (Kind.SKIP, Kind.EXPLORATION) else header(ledger.round, accuracies=(0,) * 10)
        ledger = after_record(p, ledger, Record(ledger.round, kind, block))
        sizes.append((ledger.skips, ledger.committee.bit_count()))
    assert sizes == [(1, 4), (2, 8), (2, 8), (3, 10), (4, 10), (0, 2), (1, 4), (0, 2)]
