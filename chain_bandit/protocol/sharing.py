"""Shamir shares of pull counts for parties of a comparison, and commitments to them (protocol.md: Aggregation).

Arithmetic is ours because MPyC's `thresha` takes its coefficients from the system: here everything follows from a salt,
so that an auditor with the salt makes the same shares.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from chain_bandit.protocol.digests import keccak, uint
from chain_bandit.protocol.messages import commitment
from chain_bandit.protocol.units import Counts

PRIME = 2**89 - 1
"""The field: a Mersenne prime, so wide that a mask hides a difference of 33 bits with 54 bits to spare."""

FEWEST_PARTIES, MOST_PARTIES = 3, 5
ATTEMPTS = 3
"""s: the sets of parties that try before a round is skipped; a dealing has shares for all of them."""

ELEMENT_BYTES = 12
SALT_BYTES = 32

_COEFFICIENT, _MASK, _SALT, _LEAF, _COMMITMENT, _CHALLENGE = (
    keccak(b"chain_bandit.sharing." + label)
    for label in (b"coefficient", b"mask", b"salt", b"leaf", b"commitment", b"challenge")
)


@dataclass(frozen=True, slots=True)
class Dealing:
    """A participant's counts, shared. Place a * n + i is for party i of n in attempt a; each attempt is shared afresh.

    Attributes:
        leaves: the hashes of all shares, 32 bytes each; public.
        shares: the bytes of every share, each for its party alone: K + 1 field elements, then a salt.
    """

    leaves: bytes
    shares: tuple[bytes, ...]


def degree(parties: int) -> int:
    """The most parties that together learn nothing: t < n / 2, the degree of the polynomials."""
    return (parties - 1) // 2


def share_bytes(arms: int) -> int:
    """Bytes of one share: an element an arm, one of a random mask, a salt."""
    return ELEMENT_BYTES * (arms + 1) + SALT_BYTES


@lru_cache(maxsize=256)  # in one process a participant asks for its commitment, then the comparison for the shares
def deal(counts: Counts, salt: bytes, parties: int, attempts: int) -> Dealing:
    """Share the counts among so many parties, for so many attempts. The same arguments give the same dealing.

    Args:
        counts: one field element an arm.
        salt: 32 bytes, fresh for every round: all randomness follows from them, so shares hide while they are secret.
    """
    shares: list[bytes] = []
    for attempt in range(attempts):
        secrets = (*counts, field_element(_MASK, salt, uint(attempt, 1)))
        polynomials = [
            (secret, *(field_element(_COEFFICIENT, salt, uint(attempt, 1), uint(at, 2), uint(power, 1))
                       for power in range(1, degree(parties) + 1)))
            for at, secret in enumerate(secrets)
        ]  # fmt: skip
        for party in range(parties):
            values = (evaluate(polynomial, party + 1) for polynomial in polynomials)
            own_salt = keccak(_SALT, salt, uint(attempt, 1), uint(party, 1))
            shares.append(b"".join(uint(value, ELEMENT_BYTES) for value in values) + own_salt)
    return Dealing(b"".join(leaf(place, share) for place, share in enumerate(shares)), tuple(shares))


def leaf(place: int, share: bytes) -> bytes:
    """The hash of the share at a place of a dealing."""
    return keccak(_LEAF, uint(place, 2), share)


def shares_commitment(leaves: bytes) -> bytes:
    """What a report holds: the hash of all leaves. Binds and hides as `protocol.messages.commitment` does."""
    return keccak(_COMMITMENT, leaves)


def counts_commitment(counts: Counts, salt: bytes, parties: int) -> bytes:
    """What a participant reports of its counts: for so many parties, or with 0 for a trusted function."""
    return shares_commitment(deal(counts, salt, parties, ATTEMPTS).leaves) if parties else commitment(counts, salt)


def commits_to(committed: bytes, counts: Counts, salt: bytes) -> bool:
    """Whether a report's commitment opens to these counts, for any number of parties."""
    numbers = (0, *range(FEWEST_PARTIES, MOST_PARTIES + 1))
    return any(counts_commitment(counts, salt, parties) == committed for parties in numbers)


def opened(
    share: bytes, place: int, places: int, leaves: bytes, committed: bytes, arms: int
) -> tuple[int, ...] | None:
    """The field elements in a share, None unless it opens its place of the commitment.

    Args:
        share, leaves: what the participant sent; may be any bytes.
        place, places: the share's place in a dealing, and how many that has.
    """
    if len(share) != share_bytes(arms) or len(leaves) != 32 * places or shares_commitment(leaves) != committed:
        return None
    if leaf(place, share) != leaves[32 * place : 32 * place + 32]:
        return None
    end = ELEMENT_BYTES * (arms + 1)
    elements = tuple(int.from_bytes(share[at : at + ELEMENT_BYTES], "big") for at in range(0, end, ELEMENT_BYTES))
    return elements if max(elements) < PRIME else None


def probe(elements: Sequence[int], committed: bytes) -> int:
    """A party's share of a combination of what was dealt, under a challenge that the dealer could not foresee.

    The mask, which is the last element, hides it: all probes of a dealing together say nothing about the counts.
    """
    challenge, total = field_element(_CHALLENGE, committed), 0
    for element in elements:
        total = (total * challenge + element) % PRIME
    return total


def is_one_polynomial(values: Sequence[int]) -> bool:
    """Whether all parties' shares, in order, lie on one polynomial of the right degree.

    On probes: false shares pass with probability (arms + 1) / `PRIME` (a random linear combination hides no error).
    """
    row = list(values)
    for _ in range(degree(len(values)) + 1):  # differences of that order vanish, since the places are 1, 2, 3, ...
        row = [(after - before) % PRIME for before, after in pairwise(row)]
    return not any(row)


def field_element(*parts: bytes) -> int:
    """A field element from a hash: uniform but for 2**-167."""
    return int.from_bytes(keccak(*parts), "big") % PRIME


def evaluate(polynomial: Sequence[int], x: int, prime: int = PRIME) -> int:
    """The polynomial, lowest coefficient first, at x."""
    total = 0
    for coefficient in reversed(polynomial):
        total = (total * x + coefficient) % prime
    return total
