"""The 10^5 schedules of `python -m verification.schedules`, and a tenth of those with `--nodes`, in slices: one of 48
where all were played on this very code."""

import pytest

from verification.played import is_played
from verification.schedules.budget import MACHINES, NODES, parts, tally
from verification.schedules.keyring import IdealScribe

EVERY = {MACHINES: list(parts(100_000, 0, every_m=False)), NODES: list(parts(10_000, 0, every_m=False, kind=NODES))}
SLICES = 48
"""Of all sizes alike, so that they take about as long."""
BUDGETS = {MACHINES: 100_000, NODES: 10_000}
PLACES = [
    pytest.param(kind, place, id=f"{place}-{'nodes' if kind is NODES else 'machines'}")
    for kind, budget in BUDGETS.items()
    for place in range(0, SLICES, SLICES if is_played(kind.play.__module__, budget) else 1)
]


def test_the_slices_are_a_hundred_thousand_schedules_of_all_sizes():
    assert sum(len(seeds) for _, seeds in EVERY[MACHINES]) == 100_000
    assert {size.validators for size, _ in EVERY[MACHINES]} == set(range(4, 11))
    assert {size.attackers for size, _ in EVERY[MACHINES]} == {1, 2, 3}


def test_nodes_play_ten_thousand_of_four_to_seven_seats_of_which_fewer_than_half_are_malicious():
    assert sum(len(seeds) for _, seeds in EVERY[NODES]) == 10_000
    assert {size.validators for size, _ in EVERY[NODES]} == {4, 5, 6, 7}
    assert {(size.validators, size.attackers) for size, _ in EVERY[NODES]} >= {(4, 1), (5, 2), (7, 2), (7, 3)}


@pytest.mark.parametrize(("kind", "place"), PLACES)
def test_every_invariant_holds_in_every_schedule(kind, place):
    for size, seeds in EVERY[kind][place::SLICES]:
        played = tally(IdealScribe, kind, (size, seeds))
        assert played.failed == [], size
        assert played.framed == 0
        assert played.schedules == len(seeds)
