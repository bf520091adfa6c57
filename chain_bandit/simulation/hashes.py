"""keccak-256 of many heads and tails at once: compiled where it can be, which takes a third of the time."""

from collections.abc import Iterable

import numpy as np

from chain_bandit.array_types import Words
from chain_bandit.protocol.digests import keccak, uint
from chain_bandit.simulation.kernel.compiled import AVAILABLE

FEW = 256
"""Digests for which nothing is compiled."""


def digests(heads: Words, tails: Iterable[int], size: int) -> Words:
    """Of each head of 32 bytes with each tail behind it.

    Args:
        heads: four big-endian words each, (heads, 4).
        tails: of `size` bytes, 1 to 7.

    Returns:
        As heads, (heads, tails, 4).
    """
    ends = np.fromiter(tails, np.int64)
    if AVAILABLE and len(heads) * len(ends) > FEW:
        from chain_bandit.simulation.kernel.keccak import LANES, keccaks

        found = np.empty((len(heads), len(ends), heads.shape[1]), np.uint64)
        keccaks(np.ascontiguousarray(heads), ends, size, np.empty(LANES, np.uint64), found)
        return found
    each = [uint(end, size) for end in ends.tolist()]
    data = b"".join(keccak(head.tobytes(), end) for head in heads.astype(">u8") for end in each)
    return np.frombuffer(data, ">u8").astype(np.uint64).reshape(len(heads), len(ends), 4)
