"""Agreement on a token among peers, the paper's protocol: additive secret sharing with neighbours, sums to everybody.

    python -m science.peer_agreement [--seeds 100]

Prints what each of three participants in a row takes for the mean of 1, 1 and 10 after one step, by both ways to share.
Each participant splits its token among its neighbours and itself, adds up the shares that it then has, and publishes
the sum. Where not all reach all, sums are handed on, step by step; a participant that all sums have reached knows the
mean. docs/mediate.md compares it with the validators' agreement of `game.agreement`, and has these figures.

Shares are integers modulo 2^64: any n - 1 of n are independent and uniform in the whole ring, whatever they share.
The paper's code draws reals between -x and x, which tell how large x may be, and all are 0 for x = 0.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from chain_bandit.mediate.agreement.agreer import AgreedTokens
from chain_bandit.mediate.agreement.tokens import check
from chain_bandit.protocol.agreement.tokens import mean
from chain_bandit.protocol.digests import keccak, uint
from chain_bandit.protocol.units import UNIT

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


Reach = NDArray[np.bool_]
"""(N, N): of participant i whom it reaches in row i."""


class Sharing(Enum):
    """What shares are drawn from.

    RING: the integers modulo 2^64. Fewer than all sums are chance, and say nothing of the mean.
    RANGE: -x to x of a token x, as in the authors' code. They tell how large x is at least; the mean of the sums that
        a participant has so far depends on the tokens, but is not their mean. For comparison alone.
    """

    RING = "ring"
    RANGE = "range"


@dataclass(frozen=True, slots=True)
class PeerExchange:
    """All that was sent, and what it came to.

    Attributes:
        shares: (from, to, share), the ones kept not among them.
        sums: the one that each publishes.
        received: whose sums have reached each.
        agreed: x* as each knows it.
    """

    shares: tuple[tuple[int, int, int], ...]
    sums: tuple[int, ...]
    received: tuple[frozenset[int], ...]
    agreed: AgreedTokens


@dataclass(frozen=True)
class PeerShares:
    """See `Agreer`.

    Attributes:
        reach: of each step until the next exchange. In the first one shares are sent, and sums from then on;
            nothing stands for one step in which all reach all.
        sharing: what shares are drawn from.
    """

    reach: tuple[Reach, ...] = ()
    sharing: Sharing = Sharing.RING

    def agree(self, tokens: Sequence[int], salts: Sequence[bytes]) -> AgreedTokens:
        """See `mediate.agreement.agreer.Agreer`."""
        return self.exchange(tokens, salts).agreed

    def exchange(self, tokens: Sequence[int], salts: Sequence[bytes]) -> PeerExchange:
        """The same, with all messages."""
        check(tokens)
        count = len(tokens)
        reach = [self._row(step, count) for step in self.reach or (np.ones((count, count), np.bool_),)]
        shares, held = [], [0] * count
        for owner, (token, salt) in enumerate(zip(tokens, salts, strict=True)):
            receivers = sorted(reach[0][owner])
            *sent, kept = self._split(token, salt, len(receivers))
            shares += [(owner, to, share) for to, share in zip(receivers, sent, strict=True)]
            held[owner] += kept
        for _, to, share in shares:
            held[to] += share
        sums = tuple(joined([total]) if self.sharing is Sharing.RING else total for total in held)
        received = _handed_on(reach, count)
        agreed = tuple(self._known([sums[whose] for whose in known], count) for known in received)
        return PeerExchange(tuple(shares), sums, received, agreed)

    @staticmethod
    def _row(step: Reach, count: int) -> list[frozenset[int]]:
        return [frozenset(np.flatnonzero(step[row]).tolist()) - {row} for row in range(count)]

    def _split(self, token: int, salt: bytes, others: int) -> tuple[int, ...]:
        chance = masks(salt, others)
        if self.sharing is Sharing.RING:
            return split(token, chance)
        drawn = [mask * (2 * token + 1) // RING - token for mask in chance]
        return (*drawn, token - sum(drawn))

    def _known(self, sums: Sequence[int], count: int) -> int | None:
        if self.sharing is Sharing.RANGE:
            return max(sum(sums) // len(sums), 0)
        return mean(joined(sums), count) if len(sums) == count else None


def _handed_on(reach: Sequence[Sequence[frozenset[int]]], count: int) -> tuple[frozenset[int], ...]:
    """Whose sums each has after all steps: in a step all send what they had before it to whom they reach."""
    received = [frozenset((each,)) for each in range(count)]
    for step in reach:
        received = [
            received[each].union(*(received[sender] for sender in range(count) if each in step[sender]))
            for each in range(count)
        ]
    return tuple(received)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=100)
    seeds = parser.parse_args().seeds
    row = np.eye(3, k=1, dtype=np.bool_) | np.eye(3, k=-1, dtype=np.bool_)
    table = Table("shares from", "participant", "lowest", "highest", "knows none", title="The mean of 1, 1 and 10 is 4")
    for sharing in Sharing:
        salts = ([bytes([seat, *seed.to_bytes(31, "big")]) for seat in range(3)] for seed in range(seeds))
        found = [PeerShares((row,), sharing).agree([UNIT, UNIT, 10 * UNIT], each) for each in salts]
        for seat, agreed in enumerate(zip(*found, strict=True)):
            known = [each / UNIT for each in agreed if each is not None]
            least, most = (f"{each:.2f}" for each in (min(known), max(known))) if known else ("", "")
            table.add_row(sharing.value, str(seat), least, most, str(agreed.count(None)))
    Console().print(table)


if __name__ == "__main__":
    main()
