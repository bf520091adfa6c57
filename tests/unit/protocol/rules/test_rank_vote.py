"""Rank voting: its twin, and FRL's claim that a liar has one vote."""

import numpy as np
from scipy.stats import rankdata

from chain_bandit.protocol.units import UNIT
from tests.unit.protocol.rules import records


def rounding(terms):
    return 0


def naive(terms, agreed):
    """Algorithm 1: ranks summed over clients, arms sorted by the sum; then medians, lowest first, to arms in order."""
    seats = records.passed(agreed)
    if not seats:
        return [None] * terms.arms, [set()] * terms.arms
    rows = np.array([agreed.reports[p] for p in seats])
    sums = sum(rankdata(row) for row in rows)
    medians = np.sort(rows, axis=0)[(len(rows) - 1) // 2]
    means = np.empty(terms.arms, int)
    means[np.lexsort((medians, sums))] = np.sort(medians)
    return means.tolist(), [set(seats)] * terms.arms


def test_liars_turn_no_order_that_the_honest_hold_by_more_than_their_votes():
    """f liars change the difference of two sums of ranks by 2 f (K - 1) at most; 10^4 cases, each liar at its worst."""
    dice, held = np.random.default_rng(10), 0
    for _ in range(10_000 // 4):
        arms, f = int(dice.integers(2, 7)), int(dice.integers(1, 4))
        honest = np.clip(np.linspace(0.2, 0.8, arms) + dice.normal(0, 0.1, (2 * f + 2, arms)), 0, 1)
        votes = sum(rankdata(row) for row in honest)
        for _ in range(4):
            low, high = dice.permutation(arms)[:2]
            lie = dice.random(arms) / 2 + 0.25
            lie[low], lie[high] = 1, 0
            units = [tuple(row) for row in (np.vstack([honest, np.tile(lie, (f, 1))]) * UNIT).astype(int).tolist()]
            found = records.ask("rank-vote", records.matrix(*units), f).means
            if votes[high] - votes[low] > f * (arms - 1):
                held += 1
                assert found[high] >= found[low]
    assert held > 2_000


def test_three_of_ten_who_turn_all_ranks_round_seldom_hide_the_best_arm():
    dice, right = np.random.default_rng(11), 0
    means = np.linspace(0.35, 0.65, 5)
    for _ in range(300):
        honest = np.clip(means + dice.normal(0, 0.06, (7, 5)), 0, 1)
        lies = 1 - honest[:3]
        units = [tuple(row) for row in (np.vstack([honest, lies]) * UNIT).astype(int).tolist()]
        right += np.argmax(records.ask("rank-vote", records.matrix(*units), 3).means) == 4
    assert right >= 0.85 * 300


def test_how_far_apart_a_report_holds_arms_says_nothing_more_than_their_order():
    rows = [(1, 2, 3)] * 3
    sums = [records.ask("rank-vote", records.matrix(*rows, lie)).means for lie in ((UNIT, 5, 4), (9, 8, 7))]
    assert sums[0] == sums[1] == (1, 2, 3)
