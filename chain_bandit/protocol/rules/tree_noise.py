"""Reports under which no single reward shows: noise of a binary tree (Chan, Shi, Song 2011; Dwork et al. 2010).

The noise of n receipts of an arm is the sum of that of the tree's nodes whose spans make up 1 to n, one for each 1
among the binary digits of n. It does not change until the arm is pulled again, so that no mean over rounds takes it
away, and each receipt is in at most h = log2(T) + 1 nodes, rounded down. That of a node follows a staircase law (Geng,
Viswanath 2014): G whole rewards, geometric with ratio q = s / (s + 1) below W = s * `width`, and up to one more,
evenly; of either sign. So the reports of a whole game are (h ln(1 + 1/s), h d)-differentially private for any one
reward, where d = q^(W - 1) (1 - q) / (2 (1 - q^W)) is the price of the cut: up to 2^-80, and as far as keccak passes
for chance.

It holds while the game runs, against all but the environment; then sums are paid and keys opened. Pulls are public.
"""

from bisect import bisect_right
from functools import cache, lru_cache
from itertools import accumulate
from math import log
from types import MappingProxyType

from chain_bandit.protocol.rule import Disclosure, Option, Own, Terms, chance
from chain_bandit.protocol.units import UNIT, Means


class TreeNoise(Disclosure):
    """Sums of rewards with the noise of their receipts, divided by pulls; `scale` is s, in whole rewards."""

    name = "tree-noise"
    options = MappingProxyType({"scale": Option(1, 1, 256), "width": Option(16, 1, 64)})
    draws = True

    def encode(self, terms: Terms, own: Own) -> Means:
        """Nothing below 0 and nothing above a whole reward."""
        scale, width = terms.options["scale"], terms.options["width"]

        def one(arm: int, total: int, pulls: int) -> int:
            levels = [level for level in range(pulls.bit_length()) if pulls >> level & 1]
            noise = sum(_node(scale, width, own.seed, arm, level, pulls >> level) for level in levels)
            return min(max((total + noise) // pulls, 0), UNIT) if pulls else 0

        return tuple(map(one, range(terms.arms), own.sums, own.pulls))

    def bound(self, terms: Terms, own: Own) -> Means:
        """W whole rewards a node, over the pulls."""
        most = terms.options["scale"] * terms.options["width"] * UNIT
        return tuple(min(-(-most * pulls.bit_count() // max(pulls, 1)), UNIT) for pulls in own.pulls)

    def explain(self, terms: Terms) -> str:
        """What is spent of privacy in a game."""
        scale, width, levels = terms.options["scale"], terms.options["width"], terms.horizon.bit_length()
        ratio = scale / (scale + 1)
        cut = ratio ** (scale * width - 1) * (1 - ratio) / (2 * (1 - ratio ** (scale * width)))
        budget = f"epsilon = {levels * log(1 + 1 / scale):.3g}, delta = {levels * cut:.2g}"
        return f"Reports carry noise under which no single reward shows while the game runs: {budget} over all rounds."


@lru_cache(1 << 14)
def _node(scale: int, width: int, seed: bytes, arm: int, level: int, place: int) -> int:
    """The noise of a node, kept for the reports in which it comes again."""
    return _noise(_steps(scale, width), chance(seed, arm, level, place))


@cache
def _steps(scale: int, width: int) -> tuple[int, ...]:
    """How likely 0, 1, 2, ... W - 1 whole rewards of noise are, added up, from 0 on."""
    weights = accumulate(range(scale * width - 1), lambda weight, _: weight * scale // (scale + 1), initial=1 << 200)
    return tuple(accumulate(weights, initial=0))


def _noise(steps: tuple[int, ...], drawn: int) -> int:
    """From 256 bits, in units: from -W to W whole rewards, less one unit."""
    place = (drawn >> 1) * steps[-1] * UNIT >> 255
    whole = bisect_right(steps, place // UNIT) - 1
    size = whole * UNIT + (place - steps[whole] * UNIT) // (steps[whole + 1] - steps[whole])
    return -1 - size if drawn & 1 else size
