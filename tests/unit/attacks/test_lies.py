"""Lies made of the last block's honest reports, computed again in other ways."""

import random
from dataclasses import replace
from inspect import signature
from math import erf, sqrt
from statistics import fmean, pstdev

import pytest

from chain_bandit.actors.rules import Rules
from chain_bandit.attacks.attack import View
from chain_bandit.attacks.registry import ATTACKS, UnknownAttack, make
from chain_bandit.protocol.digests import ZERO
from chain_bandit.protocol.ledger import opening
from chain_bandit.protocol.messages import Domain
from chain_bandit.protocol.units import UNIT
from chain_bandit.simulation.kernel import encoding
from tests.rules import entry

COLLUDERS = frozenset({1, 4})


def seen(scenario, rng, colluders=COLLUDERS, spread=0.1, arms=3, **changes):
    """A view of seat 4 of seven after a block, and the honest reports in it."""
    p = scenario(7, arms, 60, **changes).parameters
    rules = Rules(p, Domain(0, bytes(20), ZERO), [bytes(20)] * 7, bytes(20), ZERO, ZERO, [])
    pulls = tuple(rng.randint(1, 50) for _ in range(arms))
    ledger = replace(opening(p, ZERO, rng.randbytes(32)), round=rng.randint(7, 60), pulls=pulls)
    centres = [rng.uniform(spread, 1 - spread) for _ in range(arms)]
    rows = {
        seat: tuple(round(UNIT * rng.uniform(c - spread, c + spread)) for c in centres) for seat in range(7)
    }
    view = View(4, rules, colluders, {}, rng, ledger, reported=rows, reported_pulls=pulls)
    return view, [row for seat, row in rows.items() if seat not in colluders]


@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_every_attack_has_something_to_tell_of_a_single_arm(scenario, name):
    view, _ = seen(scenario, random.Random(name), arms=1)
    (told,) = make(name, {}).means(view, (UNIT // 3,))
    assert 0 <= told <= UNIT


def means_of(rows):
    return [sum(row[arm] for row in rows) // len(rows) for arm in range(len(rows[0]))]


def ranking(rows):
    means = means_of(rows)
    return sorted(range(len(means)), key=lambda arm: (-means[arm], arm))


def kept(value):
    return min(max(value, 0), UNIT)


FROM_A_BLOCK = ["a-little-is-enough", "inner-product", "mimic", "optimiser", "radius", "swap", "sybil", "within-range"]


@pytest.mark.parametrize("name", FROM_A_BLOCK)
def test_all_colluders_tell_one_vector_made_of_honest_reports_and_the_truth_until_there_are_some(scenario, name):
    rng = random.Random(name)
    for _ in range(20):
        view, _ = seen(scenario, rng)
        own, others = tuple(rng.randint(0, UNIT) for _ in range(3)), tuple(rng.randint(0, UNIT) for _ in range(3))
        told = make(name, {}).means(view, own)
        assert told == make(name, {}).means(replace(view, seat=1), others) != own
        noise = {seat: tuple(rng.randint(0, UNIT) for _ in range(3)) for seat in COLLUDERS}
        assert make(name, {}).means(replace(view, reported=view.reported | noise), own) == told
        assert all(type(mean) is int and 0 <= mean <= UNIT for mean in told)
        for nothing in ({}, noise):
            assert make(name, {}).means(replace(view, reported=nothing), own) == own


@pytest.mark.parametrize("z", [0.0, 0.3, 1.5, 40.0])
def test_a_little_is_enough_tells_z_deviations_below_for_the_best_arm_and_above_elsewhere(scenario, z):
    rng = random.Random(z)
    for _ in range(20):
        view, rows = seen(scenario, rng)
        told = make("a-little-is-enough", {"z": z}).means(view, (0, 0, 0))
        for arm, column in enumerate(zip(*rows, strict=True)):
            sign = -1 if arm == ranking(rows)[0] else 1
            assert abs(told[arm] - kept(fmean(column) + sign * z * pstdev(column))) < 5 + 5 * z


@pytest.mark.parametrize(("participants", "liars"), [(4, 1), (7, 2), (10, 3), (50, 10), (100, 24)])
def test_a_little_is_enough_by_default_leaves_it_to_the_normal_law_to_win_a_majority(scenario, participants, liars):
    p = scenario(participants, 2, 60, liars=liars, attackers=1).parameters
    z = make("a-little-is-enough", {}).z(p) / 1e6
    wanted = (participants - liars - (participants // 2 + 1 - liars)) / (participants - liars)
    won = (1 + erf(z / sqrt(2))) / 2
    assert abs(won - max(wanted, 0.5)) < 1e-6
    assert (z > 0) is (participants > 4)


@pytest.mark.parametrize("epsilon", [0.0, 0.1, 1.0, 300.0])
def test_inner_product_mirrors_the_means_at_their_centre_scaled(scenario, epsilon):
    rng = random.Random(epsilon)
    for _ in range(20):
        view, rows = seen(scenario, rng)
        means = [fmean(column) for column in zip(*rows, strict=True)]
        told = make("inner-product", {"epsilon": epsilon}).means(view, (0, 0, 0))
        expected = [kept(fmean(means) - epsilon * (mean - fmean(means))) for mean in means]
        assert all(abs(one - other) < 5 + 5 * epsilon for one, other in zip(told, expected, strict=True))
        if epsilon == 1.0:
            honest, lie = ([x - fmean(row) for x in row] for row in (means, told))
            assert sum(x * y for x, y in zip(honest, lie, strict=True)) < 0  # the product that it is named for


def test_mimic_repeats_the_first_honest_seat(scenario):
    view, _ = seen(scenario, random.Random(1))
    assert make("mimic", {}).means(view, (0, 0, 0)) == view.reported[0]
    first = seen(scenario, random.Random(1), frozenset({0, 1}))[0]
    assert make("mimic", {}).means(first, (0, 0, 0)) == first.reported[2]


def test_swap_exchanges_the_two_best_as_far_as_the_honest_reach(scenario):
    rng, reached = random.Random(2), 0
    for spread in [0.02, 0.5] * 20:
        view, rows = seen(scenario, rng, spread=spread)
        best, second, third = ranking(rows)
        told, means = make("swap", {}).means(view, (0, 0, 0)), means_of(rows)
        assert told[third] == means[third]
        for arm, wanted in ((best, means[second]), (second, means[best])):
            column = [row[arm] for row in rows]
            assert told[arm] == sorted([min(column), wanted, max(column)])[1]
        reached += told[best] == means[second] and told[second] == means[best]
    assert 0 < reached < 40


def test_sybil_tells_the_worst_lie_of_the_honest_means(scenario):
    rng = random.Random(3)
    for _ in range(20):
        view, rows = seen(scenario, rng, arms=5)
        praised = ranking(rows)[3:]
        told = make("sybil", {}).means(view, (0,) * 5)
        assert told == tuple(UNIT if arm in praised else 0 for arm in range(5))


@pytest.mark.parametrize("favour", [None, 0, 2, 4])
@pytest.mark.parametrize("share", [0.0, 0.99, 3.0])
def test_radius_tells_a_share_of_it_off_the_median_up_for_one_arm_and_down_for_the_best_other(scenario, share, favour):
    rng = random.Random(f"{share} {favour}")
    for _ in range(20):
        view, rows = seen(scenario, rng)
        up = ranking(rows)[1] if favour is None else favour % 3
        down = next(arm for arm in ranking(rows) if arm != up)
        told = make("radius", {"share": share, "favour": favour}).means(view, (0, 0, 0))
        for arm, column in enumerate(zip(*rows, strict=True)):
            off = ((arm == up) - (arm == down)) * share / sqrt(view.ledger.pulls[arm])
            assert abs(told[arm] - kept(sorted(column)[2] + UNIT * off)) < 5  # five are honest


def in_b(p, values, value):
    """Whether it is a value of B, by counting how many are beyond it; the option's own words in another order."""
    values, n = sorted(values), len(values)
    below, above = sum(v < value for v in values), sum(v > value for v in values)
    if p.aggregation.name == "delta-safe":
        return abs(value - values[-(-n // 2) - 1]) * 2 < dict(p.aggregation.options)["delta"]
    cut = p.liars if p.aggregation.name == "option-1" else min(p.liars, -(-n // 2) - 1)
    return n > 2 * cut and below < n - cut and above < n - cut and value in values[cut : n - cut]


def accepted(p, column, value, copies):
    return in_b(p, [*column, *[value] * copies], value)


@pytest.mark.parametrize("colluders", [{4}, {1, 4}, {1, 3, 4}])
@pytest.mark.parametrize("option", ["option-1", "option-2", "option-3", "delta-safe"])
def test_optimiser_tells_what_is_accepted_and_nothing_further_out_is(scenario, option, colluders):
    rng = random.Random(f"{option} {colluders}")
    for _ in range(5):
        named = entry(option, delta=0.3) if option == "delta-safe" else option
        view, rows = seen(scenario, rng, frozenset(colluders), aggregation=named)
        told, p = make("optimiser", {}).means(view, (0, 0, 0)), view.rules.parameters
        for arm, column in enumerate(zip(*rows, strict=True)):
            sign = -1 if arm == ranking(rows)[0] else 1
            assert accepted(p, column, told[arm], len(colluders))
            further = [told[arm] + sign, 0, UNIT, *column, *(rng.randint(0, UNIT) for _ in range(300))]
            further = [v for v in further if 0 <= v <= UNIT and (v - told[arm]) * sign > 0]
            assert not any(accepted(p, column, value, len(colluders)) for value in further)


def test_parametric_keeps_to_a_share_of_what_is_accepted_and_tells_the_truth_where_its_distance_is_0(scenario):
    rng = random.Random(7)
    view, rows = seen(scenario, rng, aggregation="option-2")
    edge, own = make("optimiser", {}).means(view, (1, 2, 3)), (1, 2, 3)
    best, second, last = ranking(rows)
    options = {"best": -9000.0, "second": 0.0, "others": 9000.0, "within": 0.5}
    told = make("parametric", options).means(view, own)
    medians = [sorted(column)[(len(column) - 1) // 2] for column in zip(*rows, strict=True)]
    assert [told[arm] - medians[arm] for arm in (best, last)] == [
        -((medians[best] - edge[best]) // 2), (edge[last] - medians[last]) // 2
    ]  # fmt: skip
    assert told[second] == own[second]
    aimed = make("parametric", options | {"target": last}).means(view, own)
    assert aimed[last] < medians[last]
    assert aimed[best] == own[best]


@pytest.mark.parametrize(("claims", "left"), [("all", {0, 1, 2}), ("best", {0}), ("others", {1, 2})])
def test_parametric_claims_the_pulls_of_some_arms_in_the_rounds_of_its_lie(scenario, claims, left):
    view, rows = seen(scenario, random.Random(8))
    by_rank = [ranking(rows)[rank] for rank in left]
    attack = make("parametric", {"claims": claims, "sleeps": 40})
    for round_, claimed in ((40, by_rank), (41, (0, 1, 2))):
        counts = attack.counts(replace(view, ledger=replace(view.ledger, round=round_, time=round_)), (7, 8, 9))
        assert counts == tuple(n if arm in claimed else 0 for arm, n in enumerate((7, 8, 9)))


def test_greedy_tells_of_the_distances_that_it_tries_what_moves_a_trimmed_mean_most(scenario):
    view, rows = seen(scenario, random.Random(9), aggregation="option-2")
    told, f = make("greedy", {"steps": 4, "farthest": 6.0}).means(view, (0, 0, 0)), view.rules.parameters.liars
    for arm, column in enumerate(zip(*rows, strict=True)):
        median, deviation = sorted(column)[(len(column) - 1) // 2], UNIT / 2 / sqrt(view.ledger.pulls[arm])

        def moved(value, column=column):
            return fmean(sorted([*column, value, value])[f : 7 - f])

        tried = [moved(min(max(median + step * 1.5 * deviation, 0), UNIT)) for step in range(-4, 5)]
        worst = min(tried) if arm == ranking(rows)[0] else max(tried)
        assert moved(told[arm]) == pytest.approx(worst, abs=5)


def test_on_off_is_honest_and_upside_down_in_turn(scenario):
    view, _ = seen(scenario, random.Random(4))
    attack, told = make("on-off", {"period": 3}), {}
    for t in range(12):
        told[t] = attack.means(replace(view, ledger=replace(view.ledger, round=t, time=t)), (1, 2, 3))
    assert [told[t] == (1, 2, 3) for t in range(12)] == [True, True, True, False, False, False] * 2
    assert told[3] == (UNIT - 1, UNIT - 2, UNIT - 3)


def test_inflated_counts_claim_more_than_there_were_but_no_more_than_there_are_rounds(scenario):
    view, _ = seen(scenario, random.Random(5))
    attack = make("inflated-counts", {"favour": 4, "times": 3})
    assert attack.counts(view, (1, 20, 59)) == (3, 60, 60)
    assert attack.means(view, (1, 2, 3)) == (1, UNIT, 3)


NO_NUMBERS = (float("nan"), float("inf"), -float("inf"), "x", "", [], {}, -1, 10**30, 2.5)
OPTIONS = [(name, option) for name, kind in ATTACKS.items() for option in signature(kind).parameters]


@pytest.mark.parametrize(("name", "option"), OPTIONS)
def test_whatever_an_option_is_it_is_refused_or_can_be_simulated(scenario, name, option):
    kept = []
    for value in NO_NUMBERS:
        try:
            attack = make(name, {option: value})
        except UnknownAttack:
            continue
        kept.append(value)
        if name == "greedy":  # it has no compiled form
            attack.means(seen(scenario, random.Random(6))[0], (1, 2, 3))
        else:
            encoding.cast(scenario(7, 3, 60).parameters, {1: attack})
    assert kept in ([], [2.5], [-1, 2.5])  # a share, a distance with a sign


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a-little-is-enough", {"z": -0.1}), ("a-little-is-enough", {"z": float("nan")}),
        ("inner-product", {"epsilon": 1001}), ("inner-product", {"epsilon": "much"}),
        ("radius", {"share": float("inf")}), ("radius", {"favour": 0.5}), ("radius", {"favour": -1}),
        ("on-off", {"period": 0}), ("on-off", {"period": 2.5}), ("on-off", {"period": 2**64}),
        ("optimiser", {"rushing": 1}), ("inflated-counts", {"times": 0}), ("inflated-counts", {"favour": True}),
    ],
)  # fmt: skip
def test_options_out_of_their_bounds_are_refused(name, options):
    with pytest.raises(UnknownAttack, match=f"^attack '{name}'"):
        make(name, options)
