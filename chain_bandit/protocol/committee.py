"""Who validates a round, and who commands it (PROTOCOL 1.2).

Validators are everybody, the best by reputation (more of them after every skip, Theorem 7), or those drawn
(Algorithm 2); commanders are all of them, or those drawn (Theorem 5).
"""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from chain_bandit.protocol.aggregation import tie_break
from chain_bandit.protocol.digests import keccak, uint
from chain_bandit.protocol.parameters import ODDS, Parameters
from chain_bandit.protocol.reputation import Reputations
from chain_bandit.protocol.sortition import HALF, commander_probability, drawn, draws_of, halves


def size(parameters: Parameters, skips: int) -> int:
    """min(M, N 2**k) after k skips in a row."""
    return min(parameters.participants, parameters.validators << min(skips, 10))


def smallest(parameters: Parameters) -> int:
    """The fewest validators of any round while at most m are on the block list, which is in no committee.

    Who is drawn makes a quorum at least, or everybody validates, see `drawn_for`.
    """
    named = parameters.quorum(0) if parameters.sortition else parameters.validators
    return min(named, parameters.participants - parameters.attackers)


def best(reputations: Reputations, eligible: int, count: int, seed: bytes) -> int:
    """The `count` best of the set `eligible` (all of it when smaller), as a set; ties go by keccak(seed_t, id)."""
    members = [seat for seat in range(len(reputations)) if eligible >> seat & 1]
    order = tie_break(seed, frozenset(members))
    ranked = sorted(members, key=lambda seat: (-reputations[seat], order[seat]))
    return sum(1 << seat for seat in ranked[:count])


def comparison_parties(members: Iterable[int], count: int, seed: bytes, attempt: int) -> tuple[int, ...]:
    """Who computes the comparison: the first `count` of the members by keccak(seed_t, attempt, id) (PROTOCOL 1.4)."""
    return tuple(sorted(members, key=lambda seat: keccak(seed, uint(attempt, 1), uint(seat, 2)))[:count])


def validator_drawn(parameters: Parameters, weight: int, output: bytes) -> bool:
    """Whether a VRF hash draws its seat, of such a weight, as validator at least once."""
    return halves(output)[0] >= HALF - draws_of(weight, Fraction(parameters.sortition, ODDS))


def commander_drawn(parameters: Parameters, output: bytes, round_: int) -> bool:
    """Whether a VRF hash draws its seat as commander of a round: by trust, whatever it weighs."""
    odds = (parameters.probing, parameters.commanders)
    return drawn(halves(output)[1], 1, commander_probability(odds, round_, parameters.burn_in, blocked=False)) > 0


def drawn_for(
    parameters: Parameters, weights: Sequence[int], eligible: int, hashes: Mapping[int, bytes], round_: int
) -> tuple[int, int]:
    """(who may validate, who of them commands) a round, as masks, by what the seats have proven.

    Without sortition everybody eligible may validate, without drawn commanders whoever validates commands. A set that
    is smaller than its quorum could certify nothing: then all of `eligible` validate and command.

    Args:
        weights: of every seat.
        eligible: who is not on the block list, as a mask.
        hashes: the verified VRF hash of each seat that has one, on the seed of that round.
    """
    able = {seat: output for seat, output in hashes.items() if eligible >> seat & 1}
    members = eligible
    if parameters.sortition:
        members = sum(1 << seat for seat, output in able.items() if validator_drawn(parameters, weights[seat], output))
        if members.bit_count() < parameters.quorum(members.bit_count()):
            return eligible, eligible
    if not parameters.draws_commanders:
        return members, members
    commanding = sum(1 << seat for seat, output in able.items() if commander_drawn(parameters, output, round_))
    return members, members & commanding
