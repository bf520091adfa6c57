"""UCB1 against its formula in big integers."""

from decimal import Context, Decimal
from math import isqrt

from chain_bandit.protocol.rule import Learnt, Terms


def naive(terms: Terms, learnt: Learnt) -> int:
    """argmax of mean + sqrt(C1 ln t / (n w)), in integers (protocol.md: Arm)."""
    if 0 in learnt.pulls:
        return learnt.pulls.index(0)
    log = int(10**9 * Decimal(learnt.round).ln(Context(prec=60)))
    numerator, denominator = terms.c1
    indices = [
        mean + 10 * isqrt(numerator * log * 10**7 // (denominator * max(reports, 1)) // pulls)
        for mean, pulls, reports in zip(learnt.means, learnt.pulls, learnt.worth, strict=True)
    ]
    return indices.index(max(indices))
