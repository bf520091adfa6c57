"""protocol/assumptions.py: every inequality, one case on each side."""

import os
from dataclasses import replace
from math import ceil, log, sqrt
from pathlib import Path

import pytest

from chain_bandit.protocol import rules
from chain_bandit.protocol.assumptions import (
    broken_by_roles,
    check,
    check_contract,
    header_relays,
    minimum_pool,
    minimum_stake,
    relay_rounds,
)
from chain_bandit.protocol.errors import AssumptionBroken, require
from chain_bandit.protocol.parameters import ODDS
from chain_bandit.protocol.quorum import QuorumChoice, least_committee, quorum
from chain_bandit.protocol.rules import delta_safe, named
from chain_bandit.protocol.ruleset import CHOSEN, STATE, RuleKind, RulesUnknown
from chain_bandit.protocol.units import MAX_ARMS, MAX_PARTICIPANTS, MOST, UNIT
from tests.rules import rule

TWO_THIRDS, MAJORITY = int(QuorumChoice.TWO_THIRDS), int(QuorumChoice.MAJORITY)

OPTION_2, OPTION_3 = rule("option-2"), rule("option-3")
NOISE = named(RuleKind.DISCLOSURE, "tree-noise")
DELTA_SAFE, CONFIDENCE = (rule(name, delta=1) for name in ("delta-safe", "confidence"))

REFUSALS = Path(__file__).parents[2] / "snapshots" / "refusals.txt"
SENTENCES = REFUSALS.read_text(encoding="utf-8").splitlines()

OUTSIDE = [
    ("participants", {"participants": 1, "liars": 0, "attackers": 0}),
    ("participants", {"participants": MOST + 1, "validators": MOST + 1}),
    ("arms", {"arms": 0}),
    ("arms", {"arms": MOST + 1}),
    ("threshold", {"threshold": 1}),
    ("exploration", {"c1_numerator": 0}),
    ("exploration", {"c1_denominator": 0}),
    ("failure_limit", {"failure_limit": 0}),
    ("liars", {"liars": -1}),
    ("liars", {"participants": 3, "attackers": 0}),
    ("liars", {"liars": 2}),
    ("cost", {"cost": 2}),
    ("cost", {"cost": -1}),
    ("sealed", {"sealed": 2}),
    ("sealed", {"sealed": -1}),
    ("disclosure", {"disclosure": NOISE}),
    ("unrevealed_penalty", {"unrevealed_penalty": 1}),
    ("unrevealed_penalty", {"sealed": 1, "unrevealed_penalty": 2**128}),
    ("unrevealed_penalty", {"sealed": 1, "unrevealed_penalty": -1}),
    ("stake", {"sealed": 1, "unrevealed_penalty": 1}),
    ("slash", {"slash": -1}),
    ("stake", {"slash": 1}),
    ("delta", {"aggregation": rule("delta-safe", delta=0)}),
    ("delta", {"aggregation": rule("delta-safe", delta=2**32)}),
    ("delta", {"aggregation": rule("confidence", delta=0)}),
    ("liars", {"aggregation": OPTION_2, "liars": -1}),
    ("attackers", {"aggregation": OPTION_2, "participants": 6, "validators": 6, "liars": 3}),
    ("attackers", {"aggregation": OPTION_3, "participants": 5, "validators": 5, "liars": 2}),
    ("attackers", {"aggregation": DELTA_SAFE, "participants": 5, "validators": 5, "liars": 2}),
    ("attackers", {"aggregation": CONFIDENCE, "participants": 5, "validators": 5, "liars": 2}),
    ("validators", {"aggregation": OPTION_2, "liars": 0, "attackers": 2}),
    ("attackers", {"attackers": -1}),
    ("attackers", {"attackers": 3}),
    ("attackers", {"attackers": 2}),
    ("attackers", {"participants": 7, "liars": 2, "attackers": 3, "quorum_choice": MAJORITY}),
    ("quorum", {"liars": 0, "attackers": 1, "validators": 3}),
    ("quorum", {"participants": 6, "validators": 6, "attackers": 2}),
    ("quorum", {"participants": 7, "validators": 6, "liars": 1, "attackers": 2}),
    ("validators", {"liars": 0, "attackers": 2, "quorum_choice": MAJORITY}),
    ("validators", {"liars": 0, "attackers": 2}),
    ("validators", {"validators": 5}),
    ("validators", {"validators": 2, "quorum_choice": MAJORITY}),
    ("validators", {"validators": 0, "attackers": 0}),
    ("unrecorded", {"unrecorded": 0}),
    ("unrecorded", {"unrecorded": 2**16}),
    ("tolerance", {"tolerance": 0}),
    ("tolerance", {"tolerance": 2**32}),
    ("skip_penalty", {"skip_penalty": 0}),
    ("skip_penalty", {"skip_penalty": 2**16}),
    ("evidence_penalty", {"evidence_penalty": 2**16}),
    ("body_mode", {"body_mode": 2}),
    ("quorum_choice", {"quorum_choice": 2}),
    ("quorum_choice", {"quorum_choice": -1}),
    ("evidence_penalty", {"evidence_penalty": -1}),
    ("c1_per_report", {"c1_per_report": 2}),
    ("failure_limit", {"failure_limit": 2**16}),
    ("threshold", {"threshold": 2**32}),
    ("stake", {"stake": 2**128}),
    ("game_blocks", {"game_blocks": 2**32}),
    ("burn_in", {"burn_in": 2}),
    ("burn_in", {"burn_in": 5}),
    ("commanders", {"commanders": 0}),
    ("commanders", {"probing": ODDS - 1}),
    ("commanders", {"probing": ODDS + 1}),
    ("sortition", {"sortition": -1}),
    ("sortition", {"quorum_choice": MAJORITY, "sortition": ODDS + 1}),
    ("sortition", {"sortition": ODDS}),
    ("sortition", {"quorum_choice": MAJORITY, "validators": 3, "sortition": 3 * ODDS // 4}),
    ("sortition", {"quorum_choice": MAJORITY, "sortition": 3 * ODDS // 4 - 1}),
    ("horizon", {"burn_in": 12}),
    ("wei_per_unit", {"wei_per_unit": 0}),
    ("stake", {"stake": 12 * UNIT - 1}),
    ("opening_deadline", {"opening_deadline": 0}),
    ("skip_deadline", {"skip_deadline": 0}),
    ("game_blocks", {"game_blocks": 0}),
    ("settlement_window", {"settlement_window": 0}),
    ("burn_in_blocks", {"burn_in_blocks": -1}),
    ("attested", {"vouched": CHOSEN}),
    ("attested", {"vouched": STATE}),
    ("provable", {"provable": 1}),
    ("provable", {"slash": 1, "stake": 12 * UNIT + 1, "provable": 2}),
    ("paid_burn_in", {"paid_burn_in": 1, "sealed": 1}),
    ("growth", {"growth": 4 * UNIT + 1}),
    ("growth", {"growth": UNIT, "sealed": 1}),
    ("settlement_window", {"slash": 1, "stake": 12 * UNIT + 1, "settlement_window": 7}),
]

INSIDE = [
    {"participants": 2, "validators": 2, "liars": 0, "attackers": 0},
    {"participants": 256, "validators": 256, "liars": 85, "attackers": 85},
    {"participants": MOST, "validators": MOST, "liars": 340, "attackers": 340},
    {"participants": 256, "validators": 1, "liars": 85, "attackers": 0},
    {"participants": 7, "validators": 4, "liars": 2},
    {"participants": 7, "validators": 3, "liars": 2, "quorum_choice": MAJORITY},
    {"unrecorded": 2**16 - 1, "tolerance": 2**32 - 1, "skip_penalty": 2**16 - 1, "evidence_penalty": 2**16 - 1},
    {"unrecorded": 1, "tolerance": 1, "skip_penalty": 1, "evidence_penalty": 0, "body_mode": 1},
    {"aggregation": OPTION_2, "participants": 6, "validators": 6, "liars": 2},
    {"aggregation": OPTION_3, "participants": 6, "validators": 6, "liars": 2},
    {"aggregation": DELTA_SAFE, "participants": 6, "validators": 6, "liars": 2},
    {"aggregation": rule("delta-safe", delta=2**32 - 1)},
    {"aggregation": CONFIDENCE, "participants": 6, "validators": 6, "liars": 2},
    {"aggregation": OPTION_2, "participants": 3, "validators": 3, "attackers": 0},
    {"cost": 1},
    {"quorum_choice": MAJORITY, "sortition": 3 * ODDS // 4},
    {"quorum_choice": MAJORITY, "sortition": ODDS, "commanders": 1},
    {"probing": 1, "commanders": 1},
    {"participants": 7, "validators": 4, "liars": 2, "commanders": ODDS - 1},
    {"arms": 1},
    {"arms": 254, "burn_in": 508, "horizon": 509, "stake": 509 * UNIT},
    {"arms": MOST, "burn_in": 2 * MOST, "horizon": 3 * MOST, "stake": 3 * MOST * UNIT},
    {"threshold": 2},
    {"failure_limit": 1},
    {"participants": 7, "validators": 7, "liars": 2, "attackers": 2},
    {"participants": 5, "validators": 5, "attackers": 2, "quorum_choice": MAJORITY},
    {"participants": 2, "validators": 2, "liars": 0, "attackers": 0, "quorum_choice": MAJORITY},
    {"burn_in": 4},
    {"burn_in": 10},
    {"stake": 12 * UNIT},
    {"wei_per_unit": 1, "burn_in_blocks": 0},
    {"opening_deadline": 1, "skip_deadline": 1, "game_blocks": 1, "settlement_window": 1},
    {"slash": 1, "stake": 12 * UNIT + 1, "settlement_window": 8, "provable": 1},
    {"growth": 4 * UNIT},
    {"paid_burn_in": 1},
]


@pytest.mark.parametrize(("name", "change"), OUTSIDE)
def test_check_refuses_and_names_the_inequality_when_it_fails(parameters, name, change):
    with pytest.raises(AssumptionBroken) as refused:
        check(replace(parameters(), **change))
    assert refused.value.name == name
    assert refused.value.exit_code == 3
    assert str(refused.value) in SENTENCES


def test_the_sentences_of_refusals_are_these(parameters):
    """Recorded anew with `WRITE_SNAPSHOTS=1`: who reads a change of them sees what a user is told."""
    said = []
    for _, change in OUTSIDE:
        with pytest.raises(AssumptionBroken) as refused:
            check(replace(parameters(), **change))
        said.append(f"{refused.value}\n")
    if os.environ.get("WRITE_SNAPSHOTS"):
        REFUSALS.write_text("".join(said), encoding="utf-8")
    assert "".join(said).splitlines() == SENTENCES


@pytest.mark.parametrize("change", INSIDE)
def test_check_passes_when_each_inequality_just_holds(parameters, change):
    check(replace(parameters(), **change))


@pytest.mark.parametrize(
    ("name", "most", "change"),
    [
        ("participants", MAX_PARTICIPANTS, {}),
        ("arms", MAX_ARMS, {"burn_in": 2 * MAX_ARMS + 2, "horizon": 600, "stake": 600 * UNIT}),
    ],
)
def test_what_is_too_large_for_the_contract_may_be_simulated(parameters, name, most, change):
    most_of_all, more = (replace(parameters(), **change, **{name: size}) for size in (most, most + 1))
    check_contract(replace(most_of_all, burn_in=2 * most_of_all.arms))
    check(more)
    with pytest.raises(AssumptionBroken, match=rf"{name}: . <= {most} \(on chain\)"):
        check_contract(more)


def test_the_contract_refuses_two_ways_to_choose_validators(parameters):
    with pytest.raises(AssumptionBroken) as refused:
        check_contract(replace(parameters(), quorum_choice=MAJORITY, sortition=ODDS, vouched=CHOSEN))
    assert str(refused.value) == (
        f"sortition: sortition or a rule that chooses validators, not both does not hold (p = {ODDS})"
    )


def test_a_rule_names_its_own_theorem_where_too_few_are_honest(parameters):
    (broken,) = broken_by_roles(replace(parameters(), liars=2), 2, 0, 2)
    assert str(broken) == "honest: |H| >= 2M/3 (Theorem 1, Option 1) does not hold (H = 2, M = 4)"


@pytest.mark.parametrize(
    "choice",
    [
        rule("no-such"), rule("option-1", 2), rule("option-1", 0), rule("option-1", delta=1), rule("option-3", delta=1),
        rule("delta-safe"), rule("confidence"), rule("delta-safe", delta=1, epsilon=1), rule(""),
        replace(rule("option-1"), kind=RuleKind.SELECTION), replace(rule("option-1"), digest=bytes(32)),
    ],
    ids=str,
)  # fmt: skip
def test_an_aggregation_that_is_not_here_is_no_broken_assumption(parameters, choice):
    """Nobody is to blame; who audits says what it cannot check."""
    p = replace(parameters(), aggregation=choice)
    check_contract(p)
    with pytest.raises(RulesUnknown) as unknown:
        check(p)
    assert unknown.value.exit_code == 13
    assert str(choice) in str(unknown.value)


def test_where_one_rule_is_not_here_the_others_are_asked_all_the_same(parameters):
    merits = rules.named(RuleKind.REPUTATION, "meritrank")
    p = replace(parameters(), aggregation=rule("no-such"), reputation=merits)
    with pytest.raises(RulesUnknown):
        check(p)
    out = replace(merits, options=tuple({**dict(merits.options), "steps": 4}.items()))
    with pytest.raises(AssumptionBroken, match="steps <= 3"):
        check(replace(p, reputation=out))


def test_every_inequality_has_a_case_outside():
    assert {name for name, _ in OUTSIDE} == {
        "participants", "arms", "threshold", "exploration", "failure_limit", "liars", "attackers", "quorum",
        "burn_in", "horizon", "wei_per_unit", "stake", "opening_deadline", "skip_deadline", "game_blocks",
        "settlement_window", "sealed", "unrevealed_penalty", "burn_in_blocks", "validators", "unrecorded", "tolerance",
        "skip_penalty", "disclosure", "slash",
        "evidence_penalty", "body_mode", "quorum_choice", "c1_per_report", "delta", "cost",
        "sortition", "commanders", "attested", "provable", "paid_burn_in", "growth",
    }  # fmt: skip


def test_require_says_both_sides():
    require(True, "x", "1 < 2")
    with pytest.raises(AssumptionBroken, match=r"x: a < b does not hold \(a = 2, b = 1\)"):
        require(False, "x", "a < b", a=2, b=1)


def test_two_certificates_need_more_than_m_common_signers_when_the_quorum_is_two_thirds():
    tried = 0
    for n in range(2, 60):
        for m in range(n):
            q = quorum(n, m, QuorumChoice.TWO_THIRDS)
            assert 2 * q - n > m
            assert 2 * (q - 1) - n <= m
            assert (q <= n - m) == (n >= 3 * m + 1)
            tried += 1
    assert tried == 1769


def test_a_majority_quorum_exceeds_half_and_the_attackers():
    for n in range(2, 60):
        for m in range(n):
            q = quorum(n, m, QuorumChoice.MAJORITY)
            assert 2 * q > n
            assert q > m
            assert not (2 * (q - 1) > n and q - 1 > m)


def test_money_covers_every_reward_and_cost():
    assert minimum_stake(10, 3) == 30 * UNIT
    assert minimum_pool(4, 10, 3) == 240 * UNIT
    assert relay_rounds(3) == 3


@pytest.mark.parametrize(("validators", "drawn", "relays"), [(7, False, 0), (6, False, 3), (7, True, 3), (10, True, 3)])
def test_headers_are_relayed_where_commanders_are_drawn_or_half_may_be_malicious(validators, drawn, relays):
    assert header_relays(validators, 3, drawn) == relays


def test_refusals_name_both_sides_where_more_lie_than_tell_the_truth(parameters):
    with pytest.raises(AssumptionBroken, match=r"M >= 2f \+ m \+ 1 .*\(M = 6, f = 3, m = 1\)"):
        check(replace(parameters(), aggregation=OPTION_2, participants=6, validators=6, liars=3))


@pytest.mark.parametrize(
    "option", [rule("option-1"), OPTION_2, OPTION_3, DELTA_SAFE, CONFIDENCE, rule("median")], ids=str
)
@pytest.mark.parametrize("choice", QuorumChoice)
def test_true_roles_are_held_against_the_option_and_the_quorum(parameters, option, choice):
    """Every way to fill seven seats, against the theorems' inequalities, written out."""
    m = 3 if choice is QuorumChoice.MAJORITY else 2
    p = replace(
        parameters(), participants=7, validators=7, liars=1, attackers=m, aggregation=option,
        quorum_choice=int(choice),
    )  # fmt: skip
    check(p)
    seen = set()
    for lie in range(8):
        for both in range(8 - lie):
            for attack in range(8 - lie - both):
                honest, liars, attackers = 7 - lie - both - attack, lie + both, both + attack
                promised = 3 * honest >= 14 if option.name == "option-1" else liars < honest
                wanted = {
                    "liars": liars > 1, "attackers": attackers > m, "honest": not promised,
                    "quorum": 7 - attackers < (4 if choice is QuorumChoice.MAJORITY else 5),
                }
                names = tuple(broken.name for broken in broken_by_roles(p, liars, attackers, lie + both + attack))
                assert names == tuple(name for name, holds in wanted.items() if holds)
                seen.add(names)
    assert () in seen
    assert list(map(str, broken_by_roles(p, 2, m + 1, m + 1)))[:2] == [
        "liars: |A1 u A3| <= f does not hold (liars = 2, f = 1)",
        f"attackers: |A2 u A3| <= m does not hold (attackers = {m + 1}, m = {m})",
    ]


@pytest.mark.parametrize("choice", QuorumChoice)
def test_the_least_committee_is_the_first_of_all_sizes_that_no_attackers_can_stop(choice):
    for participants in range(2, 30):
        for m in range(participants // 2):
            sizes = [n for n in range(2 * m + 1, participants + 1) if quorum(n, m, choice) <= n - m]
            assert least_committee(participants, m, choice) == (sizes[0] if sizes else participants)


def test_the_burn_in_that_a_rule_asks_for_is_that_of_the_game(parameters):
    p = replace(parameters(10, 4, 10_000, burn_in=4588), aggregation=rule("delta-safe", delta=3 * UNIT // 10))
    assert rules.aggregation(p).least_burn_in(p.terms) == 4588


@pytest.mark.parametrize(("horizon", "least"), [(10**4, 4588), (10**5, 5408)])
def test_delta_safe_asks_thousands_of_burn_in_rounds(horizon, least):
    """The first figure is that of δ-safe: delta = 0.3, M = 10, K = 4."""
    assert delta_safe.burn_in(10, 4, horizon, 3 * UNIT // 10) == least


def test_delta_safe_burn_in_is_the_shortest_after_which_the_width_is_a_quarter_of_delta():
    tried = 0
    for participants in (4, 31, 256):
        for arms in (1, 3, 10):
            for horizon in (50, 10**6):
                for delta in (UNIT // 20, UNIT // 3, UNIT, 2 * UNIT):
                    sweeps, rest = divmod(delta_safe.burn_in(participants, arms, horizon, delta), arms)
                    logarithm = log(participants * arms * horizon)
                    assert rest == 0
                    assert sqrt(logarithm / (2 * sweeps)) <= delta / UNIT / 4
                    assert sweeps == 1 or sqrt(logarithm / (2 * (sweeps - 1))) > delta / UNIT / 4
                    assert sweeps == ceil(8 * logarithm / (delta / UNIT) ** 2)
                    tried += 1
    assert tried == 72


def test_parameters_derive_quorum_and_mask(parameters):
    assert [parameters().quorum(n) for n in (4, 3, 7)] == [3, 3, 5]
    assert replace(parameters(), participants=7, attackers=2).quorum(7) == 5
    assert [replace(parameters(), quorum_choice=MAJORITY).quorum(n) for n in (2, 4, 7)] == [2, 3, 4]
    drawn = replace(parameters(), participants=10, attackers=1, quorum_choice=MAJORITY, sortition=-(ODDS * -7 // 10))
    assert [drawn.quorum(n) for n in (0, 3, 6, 8, 10)] == [4, 4, 4, 5, 6]  # E = 7, and a fraction
    assert replace(drawn, sortition=-(ODDS * -6 // 10)).half_expected == 3
    assert replace(drawn, sortition=ODDS * 6 // 10).half_expected == 2  # 6, less a fraction
    assert (parameters().everybody, parameters().has_committees) == (0b1111, False)
    assert replace(parameters(), validators=3).has_committees
    sizes = [
        (p.draws, p.has_committees, p.draws_commanders, p.report_bytes, p.successor_bytes)
        for p in (
            parameters(), replace(parameters(), sortition=1), replace(parameters(), commanders=1),
            replace(parameters(), sortition=1, commanders=1), replace(parameters(), validators=3, commanders=1),
        )
    ]  # fmt: skip
    assert sizes == [
        (False, False, False, 40, 0), (True, True, False, 121, 1), (True, False, True, 121, 1),
        (True, True, True, 121, 2), (True, True, True, 121, 2),
    ]  # fmt: skip
    assert [replace(parameters(), participants=n).mask_bytes for n in (2, 8, 9, 256)] == [1, 1, 2, 32]
