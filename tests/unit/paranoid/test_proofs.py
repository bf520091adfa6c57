"""Encodings and trees of proofs of false reports, against libraries and the protocol's own."""

import random
from dataclasses import replace

import pytest
from eth_abi.abi import encode

from chain_bandit.paranoid import tally
from chain_bandit.paranoid.calls import FUNCTIONS, Call, canonical
from chain_bandit.paranoid.proofs import Lie, Lies, false_report
from chain_bandit.paranoid.words import Broken, keccak
from chain_bandit.protocol import tallies
from chain_bandit.protocol.tallies import Tally

CHANCE = random.Random(9)


def call(name: str, *arguments: object) -> Call:
    data = encode([FUNCTIONS[name]], arguments)
    return Call(name, 1, True, False, bytes(20), True, 0, data, True, [], {})


def words(count: int) -> list[bytes]:
    return [CHANCE.randbytes(32) for _ in range(count)]


def proof(report: int, size: int, path: int) -> tuple[object, ...]:
    parent, r, vs, root, root_r, root_vs = words(6)
    return (
        3, 70000, parent, CHANCE.randbytes(report), r, vs, CHANCE.randbytes(size), 70010, root, root_r, root_vs,
        words(path), CHANCE.randrange(256),
    )  # fmt: skip


@pytest.mark.parametrize(("report", "size", "path"), [(44, 32, 0), (64, 200, 1), (0, 0, 11)])
def test_a_proof_has_the_encoding_of_the_library(report: int, size: int, path: int) -> None:
    told = proof(report, size, path)
    given = call("reportFalse", told)
    assert canonical(given) == given.data
    found = false_report(given.data)
    assert (found.seat, found.round, found.parent, found.report) == told[:4]
    assert (found.signature, found.root_signature) == (told[4] + told[5], told[9] + told[10])  # type: ignore[operator]
    assert (found.tally, found.through, found.root, found.path, found.arm) == (*told[6:9], *told[11:])
    for at in (len(given.data) - 1, 31, 32 * 4 + 31) if path else ():
        changed = given.data[:at] + bytes([given.data[at] ^ 32]) + given.data[at + 1 :]
        other = replace(given, data=changed)
        try:
            assert canonical(other) != changed or at == len(given.data) - 1
        except Broken:
            continue
    assert canonical(replace(given, data=given.data + b"\0")) == given.data


@pytest.mark.parametrize("place", [0, 1, 7, 12])
def test_a_proof_with_too_wide_a_number_has_no_encoding(place: int) -> None:
    given = call("reportFalse", proof(44, 32, 2))
    at = 32 * (1 + place)
    with pytest.raises(OverflowError):
        canonical(replace(given, data=given.data[:at] + b"\1" + given.data[at + 1 :]))


def test_an_acquittal_has_the_encoding_of_the_library() -> None:
    parent, told, r, vs = words(4)
    given = call("acquit", (7, parent, 2, 3, 10**9, told, r, vs))
    assert canonical(given) == given.data
    assert canonical(replace(given, data=given.data + b"\0")) == given.data
    for place in (0, 2, 3, 4):
        with pytest.raises(OverflowError):
            canonical(replace(given, data=given.data[: 32 * place] + b"\1" + given.data[32 * place + 1 :]))
    with pytest.raises(Broken):
        canonical(replace(given, data=given.data[:-1]))


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7, 8, 9, 20, 33])
def test_root_and_leaf_are_those_of_the_protocol(count: int) -> None:
    leaves = words(count)
    assert tally.root(leaves) == tallies.root(leaves)
    for place in range(count):
        node = leaves[place]
        for beside in tallies.path(leaves, place):
            node = tally.above(node, beside)
        assert node == tally.root(leaves)


def test_a_tally_is_that_of_the_protocol() -> None:
    own = Tally(40, 6, 10**12, (3, 0, 2**31), (7, 0, 2**60))
    packed = tally.packed(own.credited, list(own.counts), list(own.totals))
    assert (packed, tally.leaf(40, 6, packed), tally.receipted(packed)) == (own.encode(), own.leaf, own.digest)
    assert len(packed) == tally.size(3)
    assert tally.read(packed, 3) == (10**12, [3, 0, 2**31], [2, 0, 2**29])


def test_what_follows_from_proofs() -> None:
    lies = Lies({2: Lie(20, 19, 500, keccak(b""))}, frozenset({2, 4}), frozenset({4}))
    listed = [0, 30, 25, 0, 28]
    assert [lies.keeps(seat, 700) for seat in range(5)] == [700, 700, 500, 700, 700]
    assert lies.keeps(2, 400) == 400
    assert lies.slashed(listed) == {1, 2}
    assert replace(lies, alone=frozenset()).slashed(listed) == {1, 2, 4}
    beside = lies.copy()
    del beside.proven[2]
    assert (2 in lies.proven, beside.keeps(2, 700)) == (True, 700)
