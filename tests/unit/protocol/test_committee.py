"""protocol/committee.py: the smallest committee is one that occurs, and none is smaller."""

from random import Random

import pytest

from chain_bandit.protocol.assumptions import check
from chain_bandit.protocol.committee import best, size, smallest
from chain_bandit.protocol.errors import AssumptionBroken
from chain_bandit.protocol.parameters import ODDS
from chain_bandit.protocol.quorum import QuorumChoice
from tests.succession import drawn_for

LOWEST, HIGHEST = bytes(32), b"\xff" * 32
"""Of the hashes on one seed, one that draws nobody and one that draws everybody."""


def games(parameters, **changes):
    """Every game of up to ten seats that the theorems allow with such changes."""
    for seats in range(2, 11):
        for validators in range(2, seats + 1):
            for attackers in range(seats):
                p = parameters(seats, validators=validators, attackers=attackers, liars=0, **changes)
                try:
                    check(p)
                except AssumptionBroken:
                    continue
                yield p


@pytest.mark.parametrize("choice", QuorumChoice)
def test_no_committee_of_the_best_is_smaller(parameters, choice):
    rng, seen = Random(1), set()
    for p in games(parameters, quorum_choice=choice):
        n, validators = p.participants, p.validators
        counts = set()
        for listed in range(p.attackers + 1):
            able = p.everybody & ~sum(1 << seat for seat in rng.sample(range(p.participants), listed))
            reputations = tuple(rng.randrange(100) for _ in range(p.participants))
            counts |= {
                best(reputations, able, size(n, validators, skips), bytes(32)).bit_count() for skips in range(3)
            }
        assert min(counts) == smallest(p)
        seen.add((p.validators < p.participants, smallest(p) < p.validators))
    assert seen == {(False, False), (False, True), (True, False), (True, True)}


@pytest.mark.parametrize("tenths", [5, 7, 10])
def test_no_drawn_committee_is_smaller(parameters, tenths):
    rng, seen = Random(2), 0
    odds = min(ODDS * tenths // 10, ODDS - 1)
    for p in games(parameters, quorum_choice=QuorumChoice.MAJORITY, sortition=odds):
        counts, weights = set(), (1,) * p.participants
        for listed in range(p.attackers + 1):
            able = p.everybody & ~sum(1 << seat for seat in rng.sample(range(p.participants), listed))
            for drawn in range(p.participants + 1):
                hashes = {seat: HIGHEST if seat < drawn else LOWEST for seat in range(p.participants)}
                counts.add(drawn_for(p, weights, able, hashes, 9)[0].bit_count())
        assert min(counts) == smallest(p)
        seen += 1
    assert seen > 5
