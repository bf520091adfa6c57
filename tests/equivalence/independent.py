"""Games of many at once, written from the documents alone: floats, numpy, luck of its own, nothing of the project.

Every function names the page that it is written from. Regret is pseudo-regret of an honest participant in whole
rewards. Arrays are (games, arms) or (games, arms, reports); `n` is n_ref, how often an arm was pulled in rounds before
this one, which in lockstep is how many rewards stand behind every honest report.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Arms = NDArray[np.int64]

MEANS = np.array([0.5, 0.45, 0.4, 0.3])  # docs/results.md, the set-up
PARTICIPANTS = 10
GAPS = MEANS.max() - MEANS


def burn_in(rounds: int) -> int:
    """L = K ceil(ln T), at least 2K (docs/protocol.md, where the paper leaves room)."""
    arms = len(MEANS)
    return max(arms * int(np.ceil(np.log(rounds))), 2 * arms)


def width(constant: float, counted: Floats, n: Floats, t: int) -> Floats:
    """sqrt(C1 ln t / n), C1 a constant over what the estimator counts for (docs/protocol.md, Formulas)."""
    out: Floats = np.sqrt(constant / counted * np.log(t) / n)
    return out


def mean_where(kept: Bools, reports: Floats) -> Floats:
    """Of the kept reports of every arm."""
    out: Floats = np.where(kept, reports, 0.0).sum(axis=-1) / kept.sum(axis=-1)
    return out


# --- aggregation: (reports, who is in A_i, n, f) -> (estimators, what they count for)


@dataclass(frozen=True)
class Aggregation:
    """The estimators of a block, and the constant of C1 = constant / b."""

    estimate: Callable[[Floats, Bools, Floats, int], tuple[Floats, Floats]]
    constant: float


def trimmed(reports: Floats, present: Bools, n: Floats, f: int) -> tuple[Floats, Floats]:
    """Option 1: A_i less its f largest and f smallest (docs/protocol.md, Steps); counts for |B_i|."""
    of_arm = present.sum(axis=-1, keepdims=True)
    ranked = np.sort(np.where(present, reports, np.inf), axis=-1)
    rank = np.arange(reports.shape[-1])
    kept = (rank >= f) & (rank < of_arm - f)
    return mean_where(kept, ranked), kept.sum(axis=-1).astype(float)


def filtered(reports: Floats, present: Bools) -> tuple[Floats, Bools]:
    """F, who has enough pulls of every arm (docs/rules.md), sorted by arm; who is not in it stands behind, at inf."""
    inside = np.broadcast_to(present.all(axis=1, keepdims=True), reports.shape)
    ranked = np.sort(np.where(inside, reports, np.inf), axis=-1)
    return ranked, np.isfinite(ranked)


def at_rank(ranked: Floats, rank: Arms) -> Floats:
    """(games, arms, 1): the reports at a rank, which is a number a game and arm."""
    return np.take_along_axis(ranked, rank[..., np.newaxis], axis=-1)


def radius(delta: float, n: Floats) -> Floats:
    """delta / (2 sqrt(n)) (docs/exclusion.md; of `huber-one-step`, docs/robust.md)."""
    out: Floats = delta / (2 * np.sqrt(n))
    return out


def confidence(reports: Floats, present: Bools, n: Floats, f: int) -> tuple[Floats, Floats]:
    """Who of F is nearer than the radius to its lower median, delta = 2.5 (docs/exclusion.md); counts for |B_i|."""
    ranked, inside = filtered(reports, present)
    median = at_rank(ranked, (inside.sum(axis=-1) - 1) // 2)
    kept = np.abs(ranked - median) < radius(2.5, n)[..., np.newaxis]
    return mean_where(kept, ranked), kept.sum(axis=-1).astype(float)


def huber_one_step(reports: Floats, present: Bools, n: Floats, f: int) -> tuple[Floats, Floats]:
    """The median moved by the mean of clipped deviations, clip = 1.25 (docs/robust.md); counts for |F|."""
    ranked, inside = filtered(reports, present)
    size = inside.sum(axis=-1)
    median = (at_rank(ranked, (size - 1) // 2) + at_rank(ranked, size // 2)) / 2
    bound = radius(1.25, n)[..., np.newaxis]
    moved = np.where(inside, np.clip(ranked - median, -bound, bound), 0.0)
    return median[..., 0] + moved.sum(axis=-1) / size, size.astype(float)


RULES = {
    "option-1": Aggregation(trimmed, 2.0),
    "confidence": Aggregation(confidence, 2.0),
    "huber-one-step": Aggregation(huber_one_step, 1.85),
}
"""The constants of docs/results.md and docs/robust.md, each over what the estimator counts for."""


# --- attacks: (the liars' own means, honest reports of the last block) -> (what they report, what they have pulled)


def worse_half(own: Floats, last: Floats | None) -> tuple[Floats, Bools]:
    """1 of the half of the arms with the lowest sample means of the liar's own, 0 of the others (docs/results.md)."""
    order = np.argsort(own, axis=1, kind="stable")
    lies = np.zeros_like(own)
    np.put_along_axis(lies, order[:, : own.shape[1] // 2], 1.0, axis=1)
    return lies, np.ones(own.shape, bool)


def few_counts(own: Floats, last: Floats | None) -> tuple[Floats, Bools]:
    """0 of the arm that is best in the mean of the honest reports of the last block, and no pulls of any other.

    docs/robust.md, What few counts cost Option 1. Honest in the first block.
    """
    if last is None:
        return own, np.ones(own.shape, bool)
    best = last.mean(axis=-1).argmax(axis=1)
    claimed = np.arange(own.shape[1]) == best[:, np.newaxis]
    claims = np.broadcast_to(claimed[..., np.newaxis], own.shape)
    return np.where(claims, 0.0, own), claims


ATTACKS = {"worse-half": worse_half, "few-counts": few_counts}


# --- games


def play(rule: str, attack: str | None, f: int, rounds: int, games: int, chance: np.random.Generator) -> Floats:
    """(games,) regret after the burn-in, where the last f of the seats lie, or tell the truth without an attack.

    A round t (docs/protocol.md, Steps and Formulas): all pull the arm that the last approved block and n_ref of the
    rounds before t say, reports stand on the rewards of rounds before t, and a block is made of them. The first block
    is that of round L; up to L the arm is (t - 1) mod K.
    """
    aggregation, arms, honest = RULES[rule], len(MEANS), PARTICIPANTS - f
    first, row = burn_in(rounds), np.arange(games)
    sums, n = np.zeros((games, arms, PARTICIPANTS)), np.zeros((games, arms))
    estimators, counted = np.zeros((games, arms)), np.ones((games, arms))
    regret, last = np.zeros(games), None
    for t in range(1, rounds + 1):
        if t <= first:
            arm = np.full(games, (t - 1) % arms)
        else:
            arm = (estimators + width(aggregation.constant, counted, n, t)).argmax(axis=1)
            regret += GAPS[arm]
        if t >= first:
            reports = sums / n[..., np.newaxis]
            present = np.ones(reports.shape, bool)
            if attack:
                reports[..., honest:], present[..., honest:] = ATTACKS[attack](reports[..., honest:], last)
                last = reports[..., :honest]
            estimators, counted = aggregation.estimate(reports, present, n, f)
        sums[row, arm] += chance.random((games, PARTICIPANTS)) < MEANS[arm, np.newaxis]
        n[row, arm] += 1
    return regret


def pooled(seats: int, rounds: int, games: int, chance: np.random.Generator) -> Floats:
    """(games,) regret from round 1 on of UCB on all rewards of some seats: of one it is UCB1, of the honest the oracle.

    C1 = 2 over the number of pooled seats (docs/results.md). An arm that was never pulled goes first (docs/rules.md).
    """
    arms, row = len(MEANS), np.arange(games)
    sums, n = np.zeros((games, arms)), np.zeros((games, arms))
    regret = np.zeros(games)
    for t in range(1, rounds + 1):
        if t <= arms:
            arm = np.full(games, t - 1)
        else:
            arm = (sums / (n * seats) + width(2.0, np.full((games, arms), float(seats)), n, t)).argmax(axis=1)
        sums[row, arm] += chance.binomial(seats, MEANS[arm])
        n[row, arm] += 1
        regret += GAPS[arm]
    return regret
