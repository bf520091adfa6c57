"""Truthfulness test of an aggregation rule: no seat may bring the estimator nearer to its report by another one."""

from collections.abc import Sequence
from typing import NamedTuple

from chain_bandit.protocol.digests import ZERO
from chain_bandit.protocol.rule import Aggregation, Agreed, Terms
from chain_bandit.protocol.units import UNIT


class Misreports(NamedTuple):
    """How many false reports were tried, how many paid, and by how many units the best of them."""

    tried: int
    profitable: int
    most: int


def misreport_grid(
    rule: Aggregation, terms: Terms, profiles: Sequence[Sequence[int]], values: int = 21, means: int | None = None
) -> Misreports:
    """Every participant of every profile, with each value of an even grid in place of its report of the only arm.

    A false report pays where the estimator comes nearer to the true one: utility has a single peak there.

    Args:
        terms: of a game of one arm; there are as many participants as in a profile.
        profiles: the true reports of everybody, in units.
        means: the estimator in force, for a rule that looks at it.
    """
    grid = [at * UNIT // (values - 1) for at in range(values)]
    tried = profitable = most = 0
    for profile in profiles:
        seats = len(profile)
        bits, in_force = dict.fromkeys(range(seats), (True,)), None if means is None else (means,)

        def off(reports: Sequence[int], true: int) -> int:
            told = {seat: (report,) for seat, report in enumerate(reports)}
            agreed = Agreed(3, ZERO, told, bits, (9,), in_force, (0,) * len(reports))  # noqa: B023
            return abs(rule.estimate(terms._replace(participants=len(told)), (), agreed).means[0] - true)

        for seat, true in enumerate(profile):
            honest = off(profile, true)
            gains = [honest - off([*profile[:seat], lie, *profile[seat + 1 :]], true) for lie in grid]
            tried, profitable = tried + len(gains), profitable + sum(gain > 0 for gain in gains)
            most = max(most, *gains)
    return Misreports(tried, profitable, most)
