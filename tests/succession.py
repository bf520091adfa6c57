"""Whom proofs draw, as tests ask for it: by masks, without a ledger or a block."""

from collections.abc import Mapping, Sequence

from chain_bandit.protocol.blocks import mask, seats
from chain_bandit.protocol.digests import ZERO
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.proposal import successors
from chain_bandit.protocol.rule import Agreed, Standing


def agreed_on(hashes: Mapping[int, bytes]) -> Agreed:
    """A round of which nothing is known but what it proves."""
    return Agreed(0, ZERO, {}, {}, (), outputs=hashes)


def drawn_for(
    p: Parameters, weights: Sequence[int], eligible: int, hashes: Mapping[int, bytes], round_: int
) -> tuple[int, int]:
    """(who may validate, who of them commands) a round, as masks."""
    among = Standing(
        round_, ZERO, frozenset(seats(eligible)), (), tuple(weights), 0, p.validators, p.least_committee, p.sortition
    )
    chosen, commanding = successors(p, among, (), agreed_on(hashes))
    return mask(chosen.validators), mask(commanding & chosen.validators)
