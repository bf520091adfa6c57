"""The greedy lie against a brute-force choice among all its distances, for indices that follow no rule."""

from math import isqrt
from random import Random

import numpy as np
import pytest

from chain_bandit.attacks.greedy import Greedy
from chain_bandit.attacks.seen import Honest, Seen
from chain_bandit.protocol.units import UNIT

STEPS = 3


def index(arm: int, value: int) -> int:
    return Random(f"{arm} {value}").randrange(UNIT)


def offered(median: int, pulls: int, harmful: int) -> list[int]:
    """In the order in which they are tried."""
    deviation = isqrt(UNIT**2 // (4 * pulls))
    steps = [side * (4_000_000 * step // STEPS * deviation // 10**6) for step in range(1, STEPS + 1)
             for side in (harmful, -harmful)]  # fmt: skip
    return [min(max(median + step, 0), UNIT) for step in (0, *steps)]


@pytest.mark.parametrize("seed", range(20))
def test_told_is_what_moves_the_index_of_each_arm_most_whichever_side_it_is_on(seed):
    chance = Random(seed)
    reports = np.array([[[chance.randrange(UNIT)] for _ in range(4)] for _ in range(5)])
    pulls = [chance.randrange(20, 2000) for _ in range(4)]
    asked = Seen(
        None, 9, reports[:1], None, np.array(pulls)[:, np.newaxis], Honest(reports), None,
        lambda lie: np.array([[index(arm, int(value))] for arm, (value,) in enumerate(lie)]),
    )  # fmt: skip
    best = int((reports.sum(axis=0) // 5)[:, 0].argmax())
    expected = []
    for arm in range(4):
        sign = -1 if arm == best else 1
        values = offered(sorted(reports[:, arm, 0].tolist())[2], pulls[arm], sign)
        expected.append(max(values, key=lambda value: sign * index(arm, value)))  # of equals the first
    assert Greedy(steps=STEPS).lie(asked)[:, 0].tolist() == expected
