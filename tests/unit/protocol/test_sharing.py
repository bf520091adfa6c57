"""protocol/sharing.py: any t + 1 shares give the counts, fewer nothing, and only what was committed to opens."""

import random
from itertools import combinations

import pytest

from chain_bandit.protocol.committee import comparison_parties
from chain_bandit.protocol.sharing import (
    ELEMENT_BYTES,
    PRIME,
    Dealing,
    deal,
    degree,
    is_one_polynomial,
    leaf,
    opened,
    probe,
    share_bytes,
    shares_commitment,
)

COUNTS, SALT = (0, 5, 2**32 - 1), b"\7" * 32
ARMS = len(COUNTS)


def elements(dealing: Dealing, place: int, parties: int, attempts: int) -> tuple[int, ...]:
    found = opened(
        dealing.shares[place], place, parties * attempts, dealing.leaves, shares_commitment(dealing.leaves), ARMS
    )
    assert found is not None
    return found


def recombined(points: dict[int, int]) -> int:
    """Lagrange at 0, written out: independent of the code under test."""
    total = 0
    for x, y in points.items():
        for other in points:
            if other != x:
                y = y * other * pow(other - x, -1, PRIME) % PRIME
        total += y
    return total % PRIME


@pytest.mark.parametrize("parties", [3, 4, 5])
def test_any_t_plus_one_shares_give_the_counts_in_every_attempt(parties):
    attempts = 2
    dealing = deal(COUNTS, SALT, parties, attempts)
    for attempt in range(attempts):
        rows = [elements(dealing, attempt * parties + party, parties, attempts) for party in range(parties)]
        for chosen in combinations(range(parties), degree(parties) + 1):
            assert tuple(recombined({i + 1: rows[i][arm] for i in chosen}) for arm in range(ARMS)) == COUNTS


def test_a_dealing_is_a_function_of_its_arguments():
    assert deal(COUNTS, SALT, 3, 2) == deal(COUNTS, SALT, 3, 2)
    given = [
        (COUNTS, SALT, 3, 2), (COUNTS, bytes(32), 3, 2), ((0, 5, 1), SALT, 3, 2), (COUNTS, SALT, 4, 2),
        (COUNTS, SALT, 3, 1),
    ]  # fmt: skip
    commitments = {shares_commitment(deal(*each).leaves) for each in given}
    assert len(commitments) == 5


def test_the_golden_commitment_never_changes():
    commitment = shares_commitment(deal((1, 2), bytes(32), 3, 3).leaves)
    assert commitment.hex() == "b3e4594d33e467ab8f4944470603135942c90824752004624a6d1126e1a96829"


def test_attempts_are_shared_afresh():
    shares = deal(COUNTS, SALT, 3, 3).shares
    pieces = [share[at : at + ELEMENT_BYTES] for share in shares for at in range(0, share_bytes(ARMS), ELEMENT_BYTES)]
    assert len(set(shares)) == 9
    assert len(set(pieces)) == len(pieces)


def test_shares_look_uniform():
    rng = random.Random(1)
    values = []
    for _ in range(300):
        dealing = deal((0, 0, 0), rng.randbytes(32), 3, 1)
        values += [value / PRIME for value in elements(dealing, 0, 3, 1)]
    assert abs(sum(values) / len(values) - 0.5) < 0.03  # 3.6 standard deviations
    assert abs(sum(value < 0.1 for value in values) / len(values) - 0.1) < 0.03


BAD_SHARES = {
    "nothing": lambda share: b"",
    "one byte short": lambda share: share[:-1],
    "one byte more": lambda share: share + b"\0",
    "a bit flipped": lambda share: bytes([share[0] ^ 1]) + share[1:],
    "another salt": lambda share: share[:-1] + bytes([share[-1] ^ 1]),
    "another party's": lambda share: deal(COUNTS, SALT, 3, 1).shares[2],
}


@pytest.mark.parametrize("change", BAD_SHARES.values(), ids=BAD_SHARES)
def test_a_share_that_was_not_committed_to_does_not_open(change):
    dealing = deal(COUNTS, SALT, 3, 1)
    commitment = shares_commitment(dealing.leaves)
    assert opened(dealing.shares[1], 1, 3, dealing.leaves, commitment, ARMS) is not None
    assert opened(change(dealing.shares[1]), 1, 3, dealing.leaves, commitment, ARMS) is None


@pytest.mark.parametrize(
    "leaves", [b"", bytes(96), deal(COUNTS, SALT, 3, 1).leaves[:-1], deal(COUNTS, SALT, 3, 2).leaves]
)
def test_leaves_of_another_size_or_hash_open_nothing(leaves):
    dealing = deal(COUNTS, SALT, 3, 1)
    assert opened(dealing.shares[0], 0, 3, leaves, shares_commitment(dealing.leaves), ARMS) is None
    assert opened(dealing.shares[0], 0, 3, leaves, shares_commitment(leaves), ARMS) is None


def test_an_element_outside_the_field_does_not_open_even_if_committed_to():
    for value, opens in ((PRIME - 1, True), (PRIME, False), (2**96 - 1, False)):
        share = value.to_bytes(ELEMENT_BYTES, "big") * (ARMS + 1) + bytes(32)
        leaves = leaf(0, share) * 3
        assert (opened(share, 0, 3, leaves, shares_commitment(leaves), ARMS) is not None) is opens


@pytest.mark.parametrize("parties", [3, 4, 5])
def test_probes_tell_a_false_share_and_pass_true_ones(parties):
    rng = random.Random(parties)
    for _ in range(50):
        salt = rng.randbytes(32)
        dealing = deal(COUNTS, salt, parties, 1)
        rows = [elements(dealing, party, parties, 1) for party in range(parties)]
        assert is_one_polynomial([probe(row, salt) for row in rows])
        liar, arm = rng.randrange(parties), rng.randrange(ARMS + 1)
        rows[liar] = (*rows[liar][:arm], (rows[liar][arm] + 1) % PRIME, *rows[liar][arm + 1 :])
        assert not is_one_polynomial([probe(row, salt) for row in rows])


def test_parties_are_chosen_anew_in_every_attempt_and_by_nothing_else():
    seed = b"\1" * 32
    sets = {comparison_parties(range(10), 3, seed, attempt) for attempt in range(8)}
    assert len(sets) == 8
    assert all(len({*members}) == 3 for members in sets)
    assert comparison_parties([4, 2, 9, 7], 3, seed, 1) == comparison_parties([9, 7, 4, 2], 3, seed, 1)
    assert len(comparison_parties([1, 2], 3, seed, 0)) == 2
