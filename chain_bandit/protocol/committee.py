"""Who validates a round: the best by reputation, more of them after every skip (Theorem 7; PROTOCOL 1.2)."""

from collections.abc import Iterable

from chain_bandit.protocol.aggregation import tie_break
from chain_bandit.protocol.digests import keccak, uint
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.reputation import Reputations


def size(parameters: Parameters, skips: int) -> int:
    """min(M, N 2**k) after k skips in a row."""
    return min(parameters.participants, parameters.validators << min(skips, 8))


def best(reputations: Reputations, eligible: int, count: int, seed: bytes) -> int:
    """The `count` best of the set `eligible` (all of it when smaller), as a set; ties go by keccak(seed_t, id)."""
    members = [seat for seat in range(len(reputations)) if eligible >> seat & 1]
    order = tie_break(seed, frozenset(members))
    ranked = sorted(members, key=lambda seat: (-reputations[seat], order[seat]))
    return sum(1 << seat for seat in ranked[:count])


def comparison_parties(members: Iterable[int], count: int, seed: bytes, attempt: int) -> tuple[int, ...]:
    """Who computes the comparison: the first `count` of the members by keccak(seed_t, attempt, id) (PROTOCOL 1.4)."""
    return tuple(sorted(members, key=lambda seat: keccak(seed, uint(attempt, 1), uint(seat, 2)))[:count])
