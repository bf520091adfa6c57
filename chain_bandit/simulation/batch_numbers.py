"""The kernel's numbers for many replicates at once, in numpy: Philox words, rewards, roots, and the best seats."""

from math import sqrt

import numpy as np
from numpy.typing import NDArray

from chain_bandit.array_types import Ints, Words
from chain_bandit.roots import isqrt
from chain_bandit.simulation.kernel.arms import FLOORED
from chain_bandit.simulation.kernel.encoding import ArmRewards

_ROUNDS = 10
_FACTORS = np.array([0xD2E7470EE14C6C93, 0xCA5A826395121157], np.uint64).reshape(2, 1, 1)
_STEPS = np.array([0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B], np.uint64).reshape(2, 1, 1)
_HALF, _LOW = np.uint64(32), np.uint64(2**32 - 1)
_LOWS, _HIGHS = _FACTORS & _LOW, _FACTORS >> _HALF


def philox(keys: Words, t: int, blocks: int, arms: Ints) -> Words:
    """The words of Philox4x64-10 at counters (t, block, arm, 0) for blocks 0, 1, ...: `protocol.rewards.philox`.

    Args:
        keys: (2, 1, replicates).
        arms: one a replicate.

    Returns:
        (4, blocks, replicates).
    """
    even, odd = (np.zeros((2, blocks, len(arms)), np.uint64) for _ in range(2))  # words 0 and 2, words 1 and 3
    even[0], even[1] = t, arms
    odd[0] = np.arange(blocks)[:, np.newaxis]
    for _ in range(_ROUNDS):
        high, low = _product(even)
        even = high[::-1] ^ odd
        even ^= keys
        odd = low[::-1]
        keys = keys + _STEPS
    return np.stack([even, odd], axis=1).reshape(4, blocks, len(arms))


def _product(words: Words) -> tuple[Words, Words]:
    """(upper, lower 64 bits) of the products with `_FACTORS`, by halves of 32 bits; no sum of them overflows."""
    low, high = words & _LOW, words >> _HALF
    middle = low * _LOWS
    middle >>= _HALF
    middle += high * _LOWS
    low *= _HIGHS
    low += middle & _LOW
    low >>= _HALF
    middle >>= _HALF
    high *= _HIGHS
    high += middle
    high += low
    return high, words * _FACTORS


def rewards(environment: ArmRewards, arms: Ints, words: Words) -> Ints:
    """In units, what words (any, replicates) draw from one arm a replicate: `protocol.rewards.Draws`, by halving."""
    sizes = np.diff(environment.first)
    at, left = environment.first[arms], sizes[arms]
    for _ in range(int(sizes.max() - 1).bit_length()):
        half = left // 2
        at = at + half * (words >= environment.from_word[at + half])
        left = left - half
    return environment.values[np.broadcast_to(at, words.shape)]


def factors(samples: Ints) -> NDArray[np.float64]:
    """`kernel.arms.factor` of each, none of them 0."""
    each: NDArray[np.float64] = 10 / np.sqrt(samples)
    return each


def ucb_arms(means: Ints, samples: Ints, factors: NDArray[np.float64], width: int) -> Ints:
    """`protocol.arms.ucb_arm` by doubles, and by integers where more than one arm is within their rounding.

    Args:
        means, samples, factors: (arms, replicates), nothing without samples.
        width: the tabled width of the round, more than 0.

    Returns:
        One a replicate.
    """
    near = means + sqrt(width) * factors
    hits = near >= near.max(axis=0) - FLOORED
    arms, replicates = np.nonzero(hits)
    best = np.empty(means.shape[1], np.int64)
    best[replicates] = arms
    if len(arms) > len(best):
        unsure = np.flatnonzero(hits.sum(axis=0) > 1)
        exact = means[:, unsure] + 10 * isqrt(width // samples[:, unsure])
        best[unsure] = exact.argmax(axis=0)
    return best
