"""Bittensor's trust: its twin, collusion below half of the reputation, and the dust that opens the paper's gate."""

from math import exp, sqrt

from chain_bandit.protocol.units import UNIT
from tests.unit.protocol.rules import records

ROUNDING = 40
"""Of 65,535: an accuracy is one in 65,535."""


def options(dice):
    return {"temperature": 1 + dice.below(20), "clipped": dice.below(2)}


def naive(terms, agreed):
    """R = W^T S, T = (W > 0)^T S, C = 1 / (1 + exp(-rho (T - 1/2))), R C over the largest; in floats."""
    seats, weights = sorted(agreed.reports), [0.0] * terms.participants
    free = [int(UNIT / sqrt(n)) if n else 4 * UNIT for n in agreed.pulls]
    stakes = {p: agreed.reputations[p] / max(1, sum(agreed.reputations[q] for q in seats)) for p in seats}

    def near(p, q):
        beyond = sum(max(0, abs(a - b) - r) for a, b, r in zip(agreed.reports[p], agreed.reports[q], free, strict=True))
        return 0.0 if p == q else 65_535 * max(0, terms.tolerance - beyond // terms.arms) // terms.tolerance

    rows = {p: sum(near(p, q) for q in seats) for p in seats}
    for to in seats:
        given = {p: near(p, to) / rows[p] if rows[p] else 0.0 for p in seats}
        if terms.options["clipped"]:
            behind = {x: sum(agreed.reputations[p] for p in seats if given[p] >= x - 1e-12) for x in given.values()}
            half = sum(agreed.reputations[p] for p in seats) / 2
            cap = max((x for x, stake in behind.items() if stake > half), default=0.0)
            given = {p: min(x, cap) for p, x in given.items()}
        rank = sum(stakes[p] * x for p, x in given.items())
        trust = sum(stakes[p] for p, x in given.items() if x > 0)
        weights[to] = rank / (1 + exp(-terms.options["temperature"] * (trust - 0.5)))
    most = max(weights)
    return [65_535 * weight / most if most else 0 for weight in weights]


def play(cabal, dust, clipped, blocks=25):
    """The cabal's share of reputation after so many blocks: a hundred seats, who report two values."""
    rule, seats = records.REPUTATIONS["bittensor-trust"], 100
    near = [(UNIT // 2,)] * (seats - cabal) + [(UNIT // 2 + UNIT // 5,)] * cabal
    if dust:
        near[0] = (UNIT // 2 + UNIT // 5 - UNIT // 10 + 10**5,)
    reputations = (2**15,) * seats
    for _ in range(blocks):
        agreed = records.Agreed(
            9, bytes(32), dict(enumerate(near)), dict.fromkeys(range(seats), (True,)), (2**31,), None, reputations
        )
        terms = records.terms(rule, agreed, 0, {"temperature": 10, "clipped": clipped})
        reputations = records.weighed(rule, terms, agreed).weights
    return sum(reputations[seats - cabal :]) / sum(reputations)


def test_a_cabal_below_half_falls_and_one_above_half_takes_all():
    assert play(40, dust=False, clipped=1) < 0.02
    assert play(40, dust=False, clipped=0) < 0.1
    assert play(60, dust=False, clipped=1) > 0.9


def test_clipping_at_the_median_of_stakes_keeps_the_gate_shut_for_dust():
    assert play(45, dust=True, clipped=1) < 0.02
    assert play(45, dust=True, clipped=0) > play(45, dust=True, clipped=1)
