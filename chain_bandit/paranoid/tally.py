"""Tallies: what a seat was given up to the end of a round, and the Merkle root of those that one settlement binds."""

from chain_bandit.paranoid.words import Reader, keccak, uint


def packed(credited: int, counts: list[int], totals: list[int]) -> bytes:
    """uint64 units credited, K uint32 counts, K uint64 totals."""
    rows = (uint(count, 4) for count in counts), (uint(total, 8) for total in totals)
    return uint(credited, 8) + b"".join(rows[0]) + b"".join(rows[1])


def size(arms: int) -> int:
    """Bytes of a tally."""
    return 8 + 12 * arms


def read(tally: bytes, arms: int) -> tuple[int, list[int], list[int]]:
    """Units credited, counts, and the floored mean of every arm, 0 of one without pulls."""
    reader = Reader(tally)
    credited, counts = reader.uint(8), [reader.uint(4) for _ in range(arms)]
    totals = [reader.uint(8) for _ in range(arms)]
    return credited, counts, [total // count if count else 0 for total, count in zip(totals, counts, strict=True)]


def receipted(tally: bytes) -> bytes:
    """What the receipt of its round says of a tally: nothing of what is credited."""
    return keccak(tally[8:])


def leaf(round_: int, seat: int, tally: bytes) -> bytes:
    """Its place in the tree."""
    return keccak(uint(round_, 4), uint(seat, 2), tally)


def above(left: bytes, right: bytes) -> bytes:
    """The node over two: the smaller is hashed first."""
    return keccak(min(left, right), max(left, right))


def root(leaves: list[bytes]) -> bytes:
    """The root over leaves: a node without a neighbour moves up as it is."""
    if len(leaves) == 1:
        return leaves[0]
    half = 1
    while 2 * half < len(leaves):
        half *= 2
    return above(root(leaves[:half]), root(leaves[half:]))
