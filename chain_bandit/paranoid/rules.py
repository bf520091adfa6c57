"""Rules as functions of reports and records: exclusion, means, accuracies, draws. Fractions, naive loops."""

from decimal import Decimal
from fractions import Fraction
from math import isqrt

from chain_bandit.paranoid.arms import EXACT
from chain_bandit.paranoid.packed import Seats
from chain_bandit.paranoid.parameters import ALWAYS, INFINITE, UNIT, Parameters
from chain_bandit.paranoid.words import keccak, number, uint


def round_seed(seed: bytes, round_: int) -> bytes:
    """seed_t."""
    return keccak(seed, uint(round_, 4))


def tie(seed: bytes, seat: int) -> bytes:
    """What breaks a tie; the lower comes first."""
    return keccak(seed, uint(seat, 2))


PI = Decimal("3.14159265358979323846")
OVER_B = frozenset({
    "option-1", "option-2", "option-3", "delta-safe", "confidence", "krum", "random-rank", "meamed", "centred-clipping",
    "geometric-median", "uniform-phantom", "nash-mean", "huber",
})  # fmt: skip
"""Aggregations whose estimators count for as many reports as B has."""

OVER_F = frozenset({"median", "rank-vote", "huber-one-step"})
"""Aggregations whose estimators count for a share of F, 2/pi of it or all."""


def counted(
    p: Parameters, selected: list[Seats], candidates: list[Seats], left_out: Seats | None
) -> list[int] | None:
    """How many reports each estimator counts for; None where that rests on a rule that is not here."""
    if not p.c1_per_report:
        return [1 for _ in selected]
    if p.named in OVER_B:
        return [len(members) for members in selected]
    if p.named in OVER_F and left_out is not None:
        everywhere = Decimal(len(frozenset.intersection(*candidates) - left_out))
        share = everywhere if p.named == "huber-one-step" else EXACT.divide(2 * everywhere, PI)
        return [max(1, int(share)) for _ in selected]
    return None


def left_out(p: Parameters, reputations: list[int]) -> Seats | None:
    """Seats with less than the share `least` of the highest reputation, f + m seats at most; of more nobody.

    None for a rule of reputation that is not here.
    """
    if p.least is None:
        return None
    found = frozenset(seat for seat in p.seats if Fraction(reputations[seat], 65535) < Fraction(p.least, UNIT))
    return found if len(found) <= p.liars + p.attackers else frozenset()


def radius(pulls: int) -> int:
    """floor(10⁹ / √n): two standard deviations of an honest mean."""
    return isqrt(UNIT * UNIT // pulls)


def selected(
    p: Parameters, means: dict[int, list[int]], candidates: list[Seats], seed: bytes, pulls: list[int]
) -> list[Seats]:
    """B_i of every arm from reports and comparison bits (protocol.md: Aggregation).

    Args:
        means: reported, by reporter.
        candidates: A_i.
        seed: seed_t, which breaks ties.
    """
    everywhere = frozenset(seat for seat in means if all(seat in row for row in candidates))
    chosen = []
    for arm in range(p.arms):
        members = candidates[arm] if p.aggregation == "option-1" else everywhere
        ranked = sorted(members, key=lambda seat: (means[seat][arm], tie(seed, seat)))
        if p.aggregation == "option-1":
            trim = p.liars
            kept = ranked[trim : len(ranked) - trim] if len(ranked) > 2 * trim else []
        elif p.aggregation in ("option-2", "option-3"):
            trim = max(0, min(p.liars, (len(ranked) + 1) // 2 - 1))
            kept = ranked[trim : len(ranked) - trim]
        else:
            middle = means[ranked[(len(ranked) - 1) // 2]][arm] if ranked else 0
            counted = max(1, pulls[arm]) if p.aggregation == "confidence" else 1
            # |x - med| < delta / (2 sqrt(n)), squared
            kept = [seat for seat in ranked if 4 * (means[seat][arm] - middle) ** 2 * counted < p.delta**2]
        chosen.append(frozenset(kept))
    return chosen


def global_mean(reported: list[int]) -> int:
    """The floored mean, or what stands for none."""
    return Fraction(sum(reported), len(reported)) // 1 if reported else INFINITE


def accuracy(p: Parameters, reported: list[int], means: list[int], radii: list[int]) -> int:
    """G of a report's distance from the global estimators (protocol.md: Reputation)."""
    apart = 0
    for arm in range(p.arms):
        if means[arm] != INFINITE:
            apart += max(0, abs(reported[arm] - means[arm]) - radii[arm])
    distance = apart // p.arms
    return max(0, Fraction(65535 * (p.tolerance - distance), p.tolerance) // 1)


def best(p: Parameters, reputations: list[int], eligible: Seats, skips: int, seed: bytes) -> Seats:
    """The min(M, N 2^skips) best of the eligible by reputation."""
    ranked = sorted(eligible, key=lambda seat: (-reputations[seat], tie(seed, seat)))
    return frozenset(ranked[: p.validators * 2 ** min(skips, 16)])


def is_drawn(half: bytes, weight: int, probability: int) -> bool:
    """Whether 16 bytes fall beyond the first slice of the binomial distribution: some trial succeeds."""
    nothing = Fraction(ALWAYS - min(ALWAYS, probability), ALWAYS) ** weight
    return number(half) >= nothing * 2**128 // 1
