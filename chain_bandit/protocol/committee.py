"""Validators and commanders of a round (protocol.md: Validators).

Validators are whom the game's selection chooses: everybody, the best by reputation (more of them after every skip,
Theorem 7), or those drawn (Algorithm 2); commanders are all of them, or those drawn (Theorem 5).
"""

from collections.abc import Iterable, Mapping
from fractions import Fraction

from chain_bandit.protocol.aggregation import Seats, tie_break
from chain_bandit.protocol.digests import keccak, uint
from chain_bandit.protocol.parameters import ODDS, Parameters
from chain_bandit.protocol.reputation import Reputations
from chain_bandit.protocol.sortition import HALF, commander_probability, drawn, draws_of, halves


def size(participants: int, validators: int, skips: int) -> int:
    """min(M, N 2**k) after k skips in a row."""
    return min(participants, validators << min(skips, 10))


def smallest(parameters: Parameters) -> int:
    """The fewest validators of any round while at most m are on the block list, which is in no committee.

    Whom a header names are a quorum at least, or everybody validates, see `Parameters.least_committee`.
    """
    return min(parameters.least_committee, parameters.participants - parameters.attackers)


def best(reputations: Reputations, eligible: int, count: int, seed: bytes) -> int:
    """The `count` best of the set `eligible` (all of it when smaller), as a set; ties go by keccak(seed_t, id)."""
    members = [seat for seat in range(len(reputations)) if eligible >> seat & 1]
    order = tie_break(seed, frozenset(members))
    ranked = sorted(members, key=lambda seat: (-reputations[seat], order[seat]))
    return sum(1 << seat for seat in ranked[:count])


def comparison_parties(members: Iterable[int], count: int, seed: bytes, attempt: int) -> tuple[int, ...]:
    """Parties of a comparison: first `count` members by keccak(seed_t, attempt, id) (protocol.md: Aggregation)."""
    return tuple(sorted(members, key=lambda seat: keccak(seed, uint(attempt, 1), uint(seat, 2)))[:count])


def validator_drawn(odds: int, weight: int, output: bytes) -> bool:
    """Whether a VRF hash draws its seat, of such a weight, as validator at least once; odds over `ODDS`."""
    return halves(output)[0] >= HALF - draws_of(weight, Fraction(odds, ODDS))


def commander_drawn(parameters: Parameters, output: bytes, round_: int) -> bool:
    """Whether a VRF hash draws its seat as commander of a round: by trust, whatever it weighs."""
    odds = (parameters.probing, parameters.commanders)
    return drawn(halves(output)[1], 1, commander_probability(odds, round_, parameters.burn_in, blocked=False)) > 0


def commanders_drawn(parameters: Parameters, eligible: Seats, outputs: Mapping[int, bytes], round_: int) -> Seats:
    """Seats that may command a round, if they validate: all, or those eligible and drawn by their proven VRF hash."""
    if not parameters.draws_commanders:
        return eligible
    return frozenset(
        seat for seat, output in outputs.items() if seat in eligible and commander_drawn(parameters, output, round_)
    )
