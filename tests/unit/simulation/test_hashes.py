"""Many digests at once are those of the protocol, compiled or not."""

import numpy as np
import pytest

from chain_bandit.protocol.digests import keccak, uint
from chain_bandit.protocol.rule import chance
from chain_bandit.simulation import hashes
from chain_bandit.simulation.arrays.random_rank import share

HEADS = np.random.default_rng(3).integers(0, 2**64, (6, 4), np.uint64)
HEADS[0], HEADS[1] = 0, 2**64 - 1


def data(words):
    return words.astype(">u8").tobytes()


@pytest.mark.parametrize("few", [0, 10**6])
@pytest.mark.parametrize("size", [1, 2, 4, 7])
def test_digests_are_those_of_the_protocol(few, size, monkeypatch):
    monkeypatch.setattr(hashes, "FEW", few)
    tails = [0, 1, 200, 2 ** (8 * size) - 1]
    found = hashes.digests(HEADS, tails, size)
    assert found.shape == (6, 4, 4)
    for at, head in enumerate(HEADS):
        assert [data(each) for each in found[at]] == [keccak(data(head), uint(tail, size)) for tail in tails]
    assert hashes.digests(HEADS[:0], tails, size).shape == (0, 4, 4)


@pytest.mark.parametrize("seats", [1, 2, 10, 256, 1024])
def test_a_share_of_a_hash_is_the_rule_s_own(seats):
    words = hashes.digests(HEADS, range(9), 4)
    expected = [[seats * chance(data(head), arm) >> 256 for arm in range(9)] for head in HEADS]
    assert share(words, seats).tolist() == expected
    assert share(np.array([[0] * 4, [2**64 - 1] * 4], np.uint64), seats).tolist() == [0, seats - 1]
