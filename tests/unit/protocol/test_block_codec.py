"""protocol/blocks.py: bytes in and out, golden vectors, records and seeds."""

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest
from eth_hash.auto import keccak as outside_keccak

from chain_bandit.protocol.blocks import (
    FAILED,
    Header,
    Kind,
    Record,
    Report,
    SignedReport,
    approves,
    decode_body,
    encode_body,
    genesis_digest,
    header_bytes,
    mask,
    round_seed,
    seats,
)
from chain_bandit.protocol.errors import Malformed
from chain_bandit.protocol.units import BOUND, INFINITY

VECTORS = Path(__file__).parents[2] / "vectors"


def vectors(name):
    return json.loads((VECTORS / f"{name}.json").read_text())


def raw(text):
    return bytes.fromhex(text.removeprefix("0x"))


def header_of(case):
    fields = case["header"]
    return Header(
        round=fields["round"],
        parent=raw(fields["parent"]),
        body=raw(fields["body"]),
        reporters=int(fields["reporters"], 16),
        arm=fields["arm"],
        candidates=tuple(int(row, 16) for row in fields["candidates"]),
        selected=tuple(int(row, 16) for row in fields["selected"]),
        means=tuple(fields["means"]),
    )


def test_decode_refuses_every_rejected_header_vector(parameters):
    rejected = vectors("header")["rejected"]
    assert len(rejected) == 6
    for case in rejected:
        sized = replace(parameters(), participants=case["participants"], arms=case["arms"])
        with pytest.raises(Malformed, match="malformed header"):
            Header.decode(raw(case["bytes"]), sized)


def test_headers_equal_their_golden_bytes_and_digests_both_ways(parameters):
    accepted = vectors("header")["accepted"]
    assert len(accepted) == 3
    for case in accepted:
        sized = replace(parameters(), participants=case["participants"], arms=case["arms"])
        header = header_of(case)
        assert header.encode(sized) == raw(case["bytes"])
        assert Header.decode(raw(case["bytes"]), sized) == header
        assert len(raw(case["bytes"])) == header_bytes(sized)
        assert outside_keccak(raw(case["bytes"])) == raw(case["digest"])


@pytest.mark.parametrize(
    "change",
    [{"round": 2**32}, {"arm": 256}, {"reporters": 256}, {"candidates": (256, 0)}, {"means": (2**32, 0)}],
)
def test_encode_raises_when_a_field_does_not_fit(parameters, change):
    header = replace(header_of(vectors("header")["accepted"][0]), **change)
    with pytest.raises(OverflowError):
        header.encode(parameters())


def test_decode_refuses_every_rejected_report_vector():
    rejected = vectors("report")["rejected"]
    assert len(rejected) == 6
    for case in rejected:
        with pytest.raises(Malformed, match="malformed report"):
            Report.decode(raw(case["bytes"]), case["arms"])


def test_reports_equal_their_golden_bytes_and_contents_both_ways():
    accepted = vectors("report")["accepted"]
    assert len(accepted) == 3
    for case in accepted:
        report = Report(tuple(case["means"]), raw(case["commitment"]))
        assert report.encode() == raw(case["bytes"])
        assert Report.decode(raw(case["bytes"]), len(case["means"])) == report
        assert outside_keccak(raw(case["bytes"])) == raw(case["content"])


@pytest.mark.parametrize("change", [-1, 1, 104])
def test_decode_body_refuses_any_other_length(change):
    body = encode_body([SignedReport(bytes(40), bytes(64))] * 3)
    data = body[:change] if change < 0 else body + bytes(change)
    with pytest.raises(Malformed, match="malformed body"):
        decode_body(data, 3, 2)


def test_decode_body_gives_back_what_was_encoded():
    rng = random.Random(10)
    for count in (0, 1, 5):
        reports = tuple(SignedReport(rng.randbytes(44), rng.randbytes(64)) for _ in range(count))
        assert decode_body(encode_body(reports), count, 3) == reports


def test_mask_and_seats_are_inverse():
    assert mask([]) == 0
    assert seats(0) == ()
    assert mask([0, 3, 255]) == 1 | 8 | 1 << 255
    assert seats(mask([255, 3, 0, 3])) == (0, 3, 255)


@pytest.mark.parametrize(
    ("means", "approved"),
    [((0, BOUND), True), ((BOUND + 1,), False), ((0, INFINITY), False), ((5, BOUND + 1, 5), False)],
)
def test_approves_only_when_every_estimator_is_within_the_bound(means, approved):
    assert approves(means) is approved


def test_head_chains_parent_round_kind_and_header():
    parent, digest = bytes(range(32)), b"\7" * 32
    record = Record(258, Kind.REJECTED, None, digest)
    assert record.head(parent) == outside_keccak(parent + b"\0\0\1\2" + b"\2" + digest)
    assert Record(258, Kind.SKIP).head(parent) == outside_keccak(parent + b"\0\0\1\2" + b"\3" + bytes(32))
    others = {
        record.head(bytes(32)), replace(record, round=259).head(parent), replace(record, kind=Kind.SKIP).head(parent),
        replace(record, header_digest=bytes(32)).head(parent), record.head(parent),
    }  # fmt: skip
    assert len(others) == 5
    assert {Kind.REJECTED, Kind.SKIP} == FAILED


def test_genesis_and_round_seeds_are_keccak_of_their_parts():
    addresses, salt, game = [b"\1" * 20, b"\2" * 20], b"\3" * 32, b"\4" * 32
    seed, genesis = genesis_digest(game, addresses, salt)
    assert seed == outside_keccak(b"".join(addresses) + salt)
    assert genesis == outside_keccak(game + seed)
    assert round_seed(seed, 5) == outside_keccak(seed + b"\0\0\0\5")
