"""MeritRank: its twin, and what Sybils behind one participant gain."""

from dataclasses import replace
from itertools import product
from math import sqrt

from chain_bandit.protocol.rule import mean_over
from chain_bandit.protocol.units import UNIT
from tests.unit.protocol.rules import records

ROUNDING = 40
"""Of 65,535: an accuracy is one in 65,535, a share of walks one in 2^30."""


def options(dice):
    rule = records.REPUTATIONS["meritrank"]
    decays = {name: dice.below(UNIT + 1) for name in ("transitivity_decay", "connectivity_decay")}
    return records.options(rule) | decays | {"steps": 1 + dice.below(3)}


def naive(terms, agreed):
    """Every walk by itself, from the estimators over reporters, in floats."""
    said, k, seats = agreed.reports, terms.arms, sorted(agreed.reports)
    if not seats:
        return [0] * terms.participants
    alpha, beta, bridge = (
        terms.options[name] / UNIT for name in ("transitivity_decay", "connectivity_decay", "bridge")
    )  # fmt: skip
    free = [int(UNIT / sqrt(n)) if n else 4 * UNIT for n in agreed.pulls]

    def near(one, other):
        beyond = sum(max(0, abs(a - b) - r) for a, b, r in zip(one, other, free, strict=True)) // k
        return 65_535 * max(0, terms.tolerance - beyond) // terms.tolerance

    estimate = [sum(said[p][arm] for p in seats) // len(seats) for arm in range(k)]
    first = {p: near(said[p], estimate) for p in seats}
    links = {p: {q: near(said[p], said[q]) for q in seats if q != p} for p in seats}
    total, passing = dict.fromkeys(seats, 0.0), dict.fromkeys(product(seats, seats), 0.0)

    def go(walk, chance, left):
        total[walk[-1]] += chance
        for through in set(walk):
            passing[through, walk[-1]] += chance
        whole = sum(links[walk[-1]].values())
        for to, link in links[walk[-1]].items() if left else ():
            if link:
                go([*walk, to], chance * link / whole * (1 - alpha), left - 1)

    for p in seats:
        if first[p]:
            go([p], first[p] / sum(first.values()), terms.options["steps"] - 1)
    behind = {p: any(passing[q, p] > bridge * total[p] for q in seats if q != p) for p in seats}
    merit = {p: total[p] * (1 - beta * behind[p]) for p in seats}
    best = max(merit.values()) or 1
    return [65_535 * merit.get(p, 0) / best for p in range(terms.participants)]


def share_of_clones(clones, decay):
    """Ten honest seats report alike, one attacker is near some, its clones are near it alone."""
    honest = [(UNIT // 2 + at * UNIT // 500,) for at in range(10)]
    rows = [*honest, (UNIT // 2 + UNIT // 9,), *[(UNIT // 2 + UNIT // 5,)] * clones]
    agreed = replace(records.matrix(*rows), pulls=(10**8,))
    rule = records.REPUTATIONS["meritrank"]
    terms = records.terms(rule, agreed, 0, records.options(rule) | {"connectivity_decay": decay})
    estimate = mean_over(agreed, [frozenset(range(10))])
    weights = rule.merits(terms, agreed, estimate)
    assert min(weights[:10]) > max(weights[11:])
    return sum(weights[11:]) / sum(weights)


def test_a_hundred_clones_gain_no_more_than_a_few_and_less_by_the_connectivity_decay():
    plain, decayed = ([share_of_clones(n, decay) for n in (1, 10, 100)] for decay in (0, 9 * UNIT // 10))
    assert 0 < plain[2] < 0.03
    assert plain[2] <= 1.5 * plain[1]
    assert decayed[2] < 0.2 * plain[2]
