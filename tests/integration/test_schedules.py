"""The 10^5 schedules of `make schedules`, in slices (docs/consensus.md)."""

import pytest

from benchmarks.schedules import parts, tally
from chain_bandit.schedules.keyring import IdealScribe

EVERY = list(parts(100_000, 0, every_m=False))
SLICES = 24
"""Of all sizes alike, so that they take about as long."""


def test_the_slices_are_a_hundred_thousand_schedules_of_all_sizes():
    assert sum(len(seeds) for _, seeds in EVERY) == 100_000
    assert {size.validators for size, _ in EVERY} == set(range(4, 11))
    assert {size.attackers for size, _ in EVERY} == {1, 2, 3}


@pytest.mark.parametrize("place", range(SLICES))
def test_every_invariant_holds_in_every_schedule(place):
    for size, seeds in EVERY[place::SLICES]:
        played = tally(IdealScribe, (size, seeds))
        assert played.failed == [], size
        assert played.framed == 0
        assert played.schedules == len(seeds)
