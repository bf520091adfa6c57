"""The arm of participants that follow the rules: index policies, by the formulas of docs/rules.md."""

from decimal import Context, Decimal, localcontext
from fractions import Fraction
from math import isqrt

from chain_bandit.paranoid.parameters import UNIT, Parameters
from chain_bandit.paranoid.words import keccak, number, uint

EXACT = Context(prec=60)
HALF = Decimal("0.5")


def learning_arm(
    p: Parameters, round_: int, seed: bytes, pulls: list[int], means: list[int], reports: list[int]
) -> int:
    """The arm with the highest index; the first of equals.

    Args:
        seed: seed_t.
        pulls: n_ref by arm.
        means: the estimators of the last approved block.
        reports: how many reports each of them counts for, see `rules.counted`.
    """
    indices = []
    for arm, (pulled, mean, counts) in enumerate(zip(pulls, means, reports, strict=True)):
        samples = Fraction(2 * p.c1_denominator * pulled * max(1, counts), p.c1_numerator)
        with localcontext(EXACT):
            billionths = int(UNIT * Decimal(round_).ln())
            if p.policy == "kl-ucb":
                indices.append(divergent(min(mean, UNIT), samples, billionths))
            elif p.policy == "thompson":
                indices.append(drawn(min(mean, UNIT), samples, seed, arm))
            else:
                indices.append(mean + width(p, pulled, max(1, counts), billionths))
    return indices.index(max(indices))


def width(p: Parameters, pulls: int, reports: int, billionths: int) -> int:
    """F of UCB1 (protocol.md: Arm), in tens of units rounded down."""
    square = Fraction(p.c1_numerator * billionths * 10**7, p.c1_denominator * reports) // 1
    return 10 * isqrt(square // pulls)


def divergent(mean: int, samples: Fraction, billionths: int) -> int:
    """The highest q, in units, with N KL(mean, q) <= ln t: KL-UCB. By halving, for KL grows with q."""
    least, most = mean, UNIT
    while least < most:
        q = (least + most + 1) // 2
        if q < UNIT and samples.numerator * divergence(mean, q) * UNIT <= billionths * samples.denominator:
            least = q
        else:
            most = q - 1
    return least


def divergence(p: int, q: int) -> Decimal:
    """Kullback and Leibler's, of Bernoulli laws with means in units; 0 ln 0 = 0."""
    parts = (part * (Decimal(part) / other).ln() for part, other in ((p, q), (UNIT - p, UNIT - q)) if part)
    return sum(parts, Decimal(0)) / UNIT


def drawn(mean: int, samples: Fraction, seed: bytes, arm: int) -> int:
    """A draw, in units, from Beta(1 + N mean, 1 + N (1 - mean)): Thompson sampling."""
    ones = samples * mean / UNIT
    hits, misses = gamma(1 + ones, seed, arm, 1), gamma(1 + samples - ones, seed, arm, 0)
    return int(UNIT * hits / (hits + misses))


def gamma(shape: Fraction, seed: bytes, arm: int, which: int) -> Decimal:
    """A draw from a gamma law (Marsaglia, Tsang 2000), its normal numbers by Marsaglia's polar method."""
    d = Decimal((3 * shape - 1).numerator) / (3 * (3 * shape - 1).denominator)
    attempt = 0
    while True:
        coins = keccak(seed, uint(arm, 4), uint(which, 4), uint(attempt, 4))
        attempt += 1
        first, second, third = (number(coins[at : at + 10]) for at in (22, 12, 2))  # from the last byte on
        u, v, w = ((each + HALF) / 2**80 for each in (first, second, third))
        x, y = 2 * u - 1, 2 * v - 1
        square = x * x + y * y
        if square >= 1:
            continue
        normal = x * (-2 * square.ln() / square).sqrt()
        cube = (1 + normal / (3 * d.sqrt())) ** 3
        if cube > 0 and w.ln() < normal * normal / 2 + d - d * cube + d * cube.ln():
            return d * cube
