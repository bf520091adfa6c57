"""KL-UCB (Garivier, Cappe, The KL-UCB algorithm for bounded stochastic bandits and beyond, COLT 2011)."""

from decimal import Context, Decimal
from functools import lru_cache
from itertools import count
from math import isqrt, log

from chain_bandit.protocol.arms import log_billionths
from chain_bandit.protocol.rule import Learnt, Policy, Terms
from chain_bandit.protocol.units import UNIT

_DIGITS = 20

NEAR = 1e-3
"""How near to 0 the sign of an excess may be wrong as a double: by far more than any is."""


class KlUcb(Policy):
    """The arm with the highest q, in units, that has n w KL(mean, q) <= (C1 / 2) ln t; the lowest one of equals.

    w reports are behind a mean. KL is that of Bernoulli laws, which is for all rewards from 0 to 1. With C1 = 2 it is
    the source's algorithm 1, with its c = 0. By Pinsker's inequality no q is above the index of `ucb1` for C1 / 4, from
    which the search goes down. Work: some 6 K pairs of logarithms.
    """

    name = "kl-ucb"

    def arm(self, terms: Terms, learnt: Learnt) -> int:
        """In units; an arm that was never pulled goes first."""
        p, q = terms.c1
        most = p * log_billionths(learnt.round)
        best, best_index = 0, -1
        for arm, (mean, pulls, reports) in enumerate(zip(learnt.means, learnt.pulls, learnt.worth, strict=True)):
            if pulls == 0:
                return arm
            index = _index_above(best_index, min(mean, UNIT), 2 * q * pulls * max(reports, 1), most)
            if index > best_index:
                best, best_index = arm, index
        return best

    def explain(self, terms: Terms) -> str:
        """How far above an estimator."""
        return (
            "Everybody who follows the rules pulls the arm with the highest mean that its estimator does not "
            "contradict, by the Kullback-Leibler divergence (KL-UCB)."
        )


def _index_above(below: int, mean: int, samples: int, most: int) -> int:
    """The index of an arm, where it is above `below`, else that or less.

    By Newton's method, which never passes the root of a convex function that it comes down to.
    """
    q = min(max(mean, UNIT - 1), mean + isqrt(UNIT * most // (2 * samples)))
    while q > max(mean, below) and (excess := _excess(mean, q, samples, most)) > 0:
        q -= max(1, int(excess * (q * (UNIT - q))) // ((q - mean) * UNIT))
    return q


def _excess(mean: int, q: int, samples: int, most: int) -> float | Decimal:
    """By how much UNIT * KL(mean, q) is above most / samples, at least; below 0 where it is not.

    The sign is certain. They are never equal, since logarithms of rational numbers but 1 are not rational.
    """
    near = mean * log(max(mean, 1) / q) + (UNIT - mean) * log((UNIT - mean) / (UNIT - q)) - most / samples
    if abs(near) > NEAR:
        return near - NEAR
    for digits in count(_DIGITS, _DIGITS):
        exact, margin = Context(prec=digits), Decimal(10) ** (12 - digits)  # rounding errs by 6 * 10^(11 - digits)
        hits = exact.multiply(mean, exact.subtract(_log(mean, digits), _log(q, digits)))
        misses = exact.multiply(UNIT - mean, exact.subtract(_log(UNIT - mean, digits), _log(UNIT - q, digits)))
        over = exact.subtract(exact.add(hits, misses), exact.divide(most, samples))
        if abs(over) > margin:
            return exact.subtract(over, margin)
    raise AssertionError


@lru_cache(maxsize=1 << 12)
def _log(number: int, digits: int) -> Decimal:
    return Context(prec=digits).ln(Decimal(max(number, 1)))
