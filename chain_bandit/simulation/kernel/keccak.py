"""keccak-256 compiled, of a head of 32 bytes and a short tail: seeds of rounds, draws, and the order of equals."""

from typing import Any

import numpy as np

from chain_bandit.simulation.kernel.compiled import compiled, inlined


def _round_constants() -> list[int]:
    """FIPS 202, algorithm 5: a linear feedback shift register sets bit 2^j - 1 of each constant."""
    state, constants = 1, []
    for _ in range(24):
        constant = 0
        for j in range(7):
            constant |= (state & 1) << ((1 << j) - 1)
            state = (state << 1) ^ (0x171 * (state >> 7))
        constants.append(constant)
    return constants


def _walk() -> tuple[list[int], list[int]]:
    """FIPS 202, algorithms 2 and 3: which lane comes next on the walk through the sheet, and how far it turns."""
    x, y, to, turns = 1, 0, [], []
    for step in range(24):
        x, y = y, (2 * x + 3 * y) % 5
        to.append(x + 5 * y)
        turns.append((step + 1) * (step + 2) // 2 % 64)
    return to, turns


_TABLE = np.zeros((3, 24), np.uint64)
_TABLE[0], (_TABLE[1], _TABLE[2]) = _round_constants(), _walk()

WORDS, LANES = 4, 35
"""Of a digest, each big-endian, so that digests compare as their words do; of the memory that making it takes."""


@inlined
def swapped(lane: Any) -> Any:
    """The lane as its bytes read from the other end."""
    lane = ((lane & np.uint64(0x00FF00FF00FF00FF)) << np.uint64(8)) | (
        (lane >> np.uint64(8)) & np.uint64(0x00FF00FF00FF00FF)
    )
    lane = ((lane & np.uint64(0x0000FFFF0000FFFF)) << np.uint64(16)) | (
        (lane >> np.uint64(16)) & np.uint64(0x0000FFFF0000FFFF)
    )
    return (lane << np.uint64(32)) | (lane >> np.uint64(32))


@inlined
def turned(lane: Any, by: Any) -> Any:
    """The lane rotated left by 1 to 63 bits."""
    return (lane << by) | (lane >> (np.uint64(64) - by))


@compiled
def permute(lanes: Any, table: Any) -> None:
    """Keccak-f[1600]; lanes 25 to 34 are for notes. Counts are read from the table, or it would be unrolled whole."""
    for turn in range(table.shape[1]):
        for x in range(5):
            lanes[25 + x] = lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20]
        for x in range(5):
            parity = lanes[25 + (x + 4) % 5] ^ turned(lanes[25 + (x + 1) % 5], np.uint64(1))
            for y in range(0, 25, 5):
                lanes[x + y] ^= parity
        held = lanes[1]
        for step in range(table.shape[1]):
            to = np.int64(table[1, step])
            lane = lanes[to]
            lanes[to] = turned(held, table[2, step])
            held = lane
        for y in range(0, 25, 5):
            for x in range(5):
                lanes[25 + x] = lanes[x + y]
            for x in range(5):
                lanes[x + y] = lanes[25 + x] ^ (~lanes[25 + (x + 1) % 5] & lanes[25 + (x + 2) % 5])
        lanes[0] ^= table[0, turn]


@compiled
def keccak(lanes: Any, head: Any, tail: Any, size: Any) -> None:
    """Write into the first `WORDS` of `LANES` the digest of a head and a tail, and notes into the others.

    Args:
        head: four big-endian words, of other lanes.
        tail: `size` bytes, 1 to 7, as a big-endian number.
    """
    for at in range(LANES):
        lanes[at] = np.uint64(0)
    for at in range(WORDS):
        lanes[at] = swapped(head[at])
    bits = np.uint64(8 * (8 - size))
    lanes[4] = swapped(np.uint64(tail) << bits) | (np.uint64(1) << (np.uint64(64) - bits))
    lanes[16] = np.uint64(1) << np.uint64(63)
    permute(lanes, _TABLE)
    for at in range(WORDS):
        lanes[at] = swapped(lanes[at])


@compiled
def before(one: Any, other: Any) -> Any:
    """Whether a digest comes before another, as bytes do."""
    for at in range(WORDS):
        if one[at] != other[at]:
            return one[at] < other[at]
    return False
