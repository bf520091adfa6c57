"""Agreement among the participants themselves, as in the paper: shares to neighbours, sums to everybody.

Each splits its token among its neighbours and itself, adds up what it then holds, and publishes the sum. Where not all
reach all, sums are handed on, step by step, and whom all sums have reached knows the mean. No command or option reaches
this: it is the paper's protocol, beside which docs/mediate.md sets the validators' of `game.agreement`, and what its
"Neighbourhoods" says of `Sharing.RANGE` is computed with it in tests/unit/mediate/test_agreement.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from chain_bandit.mediate.agreement import additive
from chain_bandit.mediate.agreement.agreer import AgreedTokens
from chain_bandit.mediate.agreement.tokens import check
from chain_bandit.protocol.agreement.tokens import mean

Reach = NDArray[np.bool_]
"""(N, N): of participant i whom it reaches in row i."""


class Sharing(Enum):
    """What shares are drawn from.

    RING: the integers modulo 2^64. Fewer than all sums are random, so a participant that lacks one learns nothing.
    RANGE: -x to x of a token x, as the authors' code does. They tell how large x is at least; the mean of the sums that
        somebody has so far says something, but not the mean of the tokens. For comparison alone.
    """

    RING = "ring"
    RANGE = "range"


@dataclass(frozen=True, slots=True)
class PeerExchange:
    """All that was sent, and what it came to.

    Attributes:
        shares: (from, to, share), the ones kept not among them.
        sums: what each publishes.
        heard: senders whose sums have reached each.
        agreed: x* as each knows it.
    """

    shares: tuple[tuple[int, int, int], ...]
    sums: tuple[int, ...]
    heard: tuple[frozenset[int], ...]
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
        """See `Agreer`."""
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
        sums = tuple(additive.joined([total]) if self.sharing is Sharing.RING else total for total in held)
        heard = _handed_on(reach, count)
        agreed = tuple(self._known([sums[whose] for whose in known], count) for known in heard)
        return PeerExchange(tuple(shares), sums, heard, agreed)

    @staticmethod
    def _row(step: Reach, count: int) -> list[frozenset[int]]:
        return [frozenset(np.flatnonzero(step[row]).tolist()) - {row} for row in range(count)]

    def _split(self, token: int, salt: bytes, others: int) -> tuple[int, ...]:
        chance = additive.masks(salt, others)
        if self.sharing is Sharing.RING:
            return additive.split(token, chance)
        drawn = [mask * (2 * token + 1) // additive.RING - token for mask in chance]
        return (*drawn, token - sum(drawn))

    def _known(self, sums: Sequence[int], count: int) -> int | None:
        if self.sharing is Sharing.RANGE:
            return max(sum(sums) // len(sums), 0)
        return mean(additive.joined(sums), count) if len(sums) == count else None


def _handed_on(reach: Sequence[Sequence[frozenset[int]]], count: int) -> tuple[frozenset[int], ...]:
    """Whose sums each has after all steps: in a step all send what they had before it to whom they reach."""
    heard = [frozenset((each,)) for each in range(count)]
    for step in reach:
        heard = [
            heard[each].union(*(heard[sender] for sender in range(count) if each in step[sender]))
            for each in range(count)
        ]
    return tuple(heard)
