"""Additive shares in the integers modulo 2^64: all but one are chance, and the last is what is left.

Any n - 1 of n shares are independent and uniform in the whole ring, whatever they share. The paper's code draws reals
between -x and x, which tell how large x may be, and all are 0 for x = 0: see `peers.Sharing`.
"""

from collections.abc import Sequence

from chain_bandit.protocol.digests import keccak, uint

RING = 2**64

_MASK = keccak(b"chain_bandit.mediate.mask")


def masks(salt: bytes, count: int) -> tuple[int, ...]:
    """Uniform elements of the ring from a salt of 32 bytes, which is its owner's secret and used once."""
    return tuple(int.from_bytes(keccak(_MASK, salt, uint(at, 2))[:8], "big") for at in range(count))


def split(secret: int, chance: Sequence[int], ring: int = RING) -> tuple[int, ...]:
    """One share more than there are elements of chance."""
    return (*chance, (secret - sum(chance)) % ring)


def joined(shares: Sequence[int], ring: int = RING) -> int:
    """What was split; of the sums of many shares, the sum of what was split."""
    return sum(shares) % ring
