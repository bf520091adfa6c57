"""Thompson sampling with uniform priors (Agrawal, Goyal, COLT 2012), its coins tossed by seed_t."""

from decimal import Context, Decimal, localcontext
from itertools import count

from chain_bandit.protocol.rule import Learnt, Policy, Terms, chance
from chain_bandit.protocol.units import UNIT

_EXACT = Context(prec=40)
_BITS = 80


class Thompson(Policy):
    """The arm with the highest draw from Beta(1 + N mean, 1 + N (1 - mean)), N = 2 n w / C1; the lowest one of equals.

    w reports are behind a mean. With C1 = 2 and rewards of 0 and 1 it is the source's algorithm 1; other rewards count
    as parts of one. seed_t is known since the opening: liars foresee the draws, and move them as they move an
    estimator. Decimals of 40 digits are the same on every machine. Work: 2 K draws of about 1.3 attempts, a hash and
    five roots or logarithms each.
    """

    name = "thompson"
    draws = True

    def arm(self, terms: Terms, learnt: Learnt) -> int:
        """By draws in units; an arm that was never pulled goes first."""
        if 0 in learnt.pulls:
            return learnt.pulls.index(0)
        p, q = terms.c1
        with localcontext(_EXACT):
            draws = [
                _beta(Decimal(2 * q * pulls * max(reports, 1)) / p, Decimal(min(mean, UNIT)) / UNIT, learnt.seed, arm)
                for arm, (mean, pulls, reports) in enumerate(zip(learnt.means, learnt.pulls, learnt.worth, strict=True))
            ]
        return draws.index(max(draws))

    def explain(self, terms: Terms) -> str:
        """What is drawn."""
        return (
            "The round's seed draws a mean of each arm from what its estimator leaves likely, and everybody who "
            "follows the rules pulls the arm with the highest (Thompson sampling)."
        )


def _beta(samples: Decimal, mean: Decimal, seed: bytes, arm: int) -> int:
    """A draw from the beta law, as a share of two from gamma laws."""
    hits, misses = _gamma(1 + samples * mean, seed, arm, 1), _gamma(1 + samples * (1 - mean), seed, arm, 0)
    return int(UNIT * hits / (hits + misses))


def _gamma(shape: Decimal, seed: bytes, arm: int, which: int) -> Decimal:
    """A draw from the gamma law of a shape from 1 on.

    Source: Marsaglia, Tsang, A simple method for generating gamma variables, ACM TOMS 2000; the normal number by
    Marsaglia's polar method.
    """
    d = shape - Decimal(1) / 3
    for attempt in count():
        coins = chance(seed, arm, which, attempt)
        u, v, w = (Decimal(2 * (coins >> _BITS * place) % (2 << _BITS) + 1) / (1 << _BITS) - 1 for place in range(3))
        s = u * u + v * v
        if s >= 1:
            continue
        x = u * (-2 * s.ln() / s).sqrt()
        root = 1 + x / (9 * d).sqrt()
        cube = root * root * root
        if cube > 0 and ((w + 1) / 2).ln() < x * x / 2 + d * (1 - cube + cube.ln()):
            return d * cube
    raise AssertionError
