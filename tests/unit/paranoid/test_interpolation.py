"""Decoding by the second implementation against that by the first, up to as many false shares as can be, and more."""

import random

import pytest

from chain_bandit.paranoid.interpolation import at, decoded
from chain_bandit.protocol.agreement import shamir
from chain_bandit.protocol.sharing import PRIME


def shared(chance: random.Random, degree: int, parties: int, wrong: int, missing: int) -> dict[int, int]:
    polynomial = [chance.randrange(PRIME) for _ in range(degree + 1)]
    if chance.random() < 0.2:
        polynomial[-1] = 0
    shares = dict(enumerate(shamir.split(polynomial[0], polynomial[1:], parties)))
    for place in chance.sample(range(parties), wrong):
        shares[place] = chance.randrange(PRIME)
    for place in chance.sample(range(parties), missing):
        del shares[place]
    return shares


@pytest.mark.parametrize("degree", [0, 1, 2, 5])
def test_both_find_the_same_secret_and_the_same_false_shares(degree: int) -> None:
    chance = random.Random(degree)
    told = 0
    for _ in range(150):
        parties = 3 * degree + 1 + chance.randrange(3)
        shares = shared(chance, degree, parties, chance.randrange(degree + 2), chance.randrange(degree + 1))
        polynomial = decoded(shares, degree)
        try:
            found = shamir.opened(shares, degree)
        except shamir.NotShared:
            assert polynomial is None
            continue
        assert polynomial is not None
        told += 1
        assert at(polynomial, -1) == found.secret
        assert {place for place, value in shares.items() if at(polynomial, place) != value} == found.wrong
    assert told > 20


def test_nothing_lies_on_nothing() -> None:
    assert decoded({}, 0) is None
    assert decoded({3: 7}, 1) is None
    assert decoded({3: 7}, 0) is not None
