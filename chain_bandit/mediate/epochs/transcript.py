"""Who thanked whom in an epoch, as each participant says of what it sent, and what that comes to for each.

All use one token, so a step takes two bits of each participant: whether it asked everybody, and whether it answers
with plus or with minus. Each is the authority on what it sent, so that nobody can raise its own credits.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Sent(NamedTuple):
    """What a participant sent in a step: a token to everybody or none, and plus or minus to everybody who asked it."""

    asked: bool
    pleased: bool


def encode(row: Sequence[Sent]) -> bytes:
    """Two bits a step, the first step's highest."""
    bits = "".join(f"{each.asked:d}{each.pleased:d}" for each in row)
    size = -(-len(bits) // 8)
    return int(bits.ljust(8 * size, "0") or "0", 2).to_bytes(size, "big")


def decode(data: bytes, steps: int) -> tuple[Sent, ...]:
    """What `encode` wrote; bits to spare are nobody's."""
    bits = "".join(f"{byte:08b}" for byte in data)
    return tuple(Sent(bits[2 * at] == "1", bits[2 * at + 1] == "1") for at in range(steps))


def nets(rows: Mapping[int, Sequence[Sent]], participants: int) -> tuple[int, ...]:
    """How many tokens more than none each was sent: a step's largest request, and the least answer if it asked.

    Args:
        rows: by seat, of one length; who has none sent nothing and gets nothing.
    """
    return tuple(_net(seat, rows) if seat in rows else 0 for seat in range(participants))


def _net(seat: int, rows: Mapping[int, Sequence[Sent]]) -> int:
    total = 0
    for step, own in enumerate(rows[seat]):
        others = [row[step] for other, row in rows.items() if other != seat]
        total += any(other.asked for other in others)
        if own.asked and others:
            total += 1 if all(other.pleased for other in others) else -1
    return total
