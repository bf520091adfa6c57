"""protocol/blocks.py and protocol/submission.py: bytes in and out, golden vectors, records and seeds.

`plain` spells every byte a second time, as docs/protocol.md has it: hex digits, one field after the other.
`WRITE_SNAPSHOTS=1 pytest tests/unit/protocol/test_block_codec.py` writes the vectors anew, by that second spelling.
"""

import json
import os
import random
from dataclasses import replace
from pathlib import Path

import pytest
from eth_hash.auto import keccak as outside_keccak

from chain_bandit.protocol import submission
from chain_bandit.protocol.blocks import (
    FAILED,
    Body,
    Header,
    Kind,
    Record,
    Report,
    Seated,
    SignedReport,
    approves,
    body_bytes,
    encode_sets,
    genesis_digest,
    mask,
    round_seed,
    seats,
)
from chain_bandit.protocol.digests import uints
from chain_bandit.protocol.errors import Malformed
from chain_bandit.protocol.submission import Submitted
from chain_bandit.protocol.units import BOUND, INFINITY

VECTORS = Path(__file__).parents[2] / "vectors"

# The second spelling.


def number(value, size):
    return f"{value:0{2 * size}x}"


def numbers(values, size):
    return "".join(number(value, size) for value in values)


def plain_sets(rows, size):
    return "01" + number(rows[0], size) if len(set(rows)) == 1 else "00" + numbers(rows, size)


def plain_decided(fields, size, committees):
    return (
        number(fields["reporters"], size) + number(fields["arm"], 1) + plain_sets(fields["candidates"], size)
        + plain_sets(fields["selected"], size) + (number(fields["committee"], size) if committees else "")
        + "00"
    )  # fmt: skip


def plain_derived(fields):
    return numbers(fields["means"], 4) + numbers(fields["accuracies"], 2)


def plain_header(fields, size, committees):
    return (
        number(fields["round"], 4) + fields["parent"] + number(fields["blocked"], 32) + fields["body"]
        + plain_decided(fields, size, committees) + plain_derived(fields)
    )  # fmt: skip


def plain_body(case):
    reports = (numbers(r["means"], 4) + r["commitment"] + r["signature"] for r in case["reports"])
    return numbers(case["radii"], 4) + "".join(reports)


def plain_submission(case):
    size, text = (case["participants"] + 7) // 8, ""
    for block in case["blocks"]:
        decided = plain_decided(block["header"], size, case["validators"] < case["participants"])
        whole = decided + block["body"] if case["mode"] == "full" else (
            block["header"]["body"] + decided + plain_derived(block["header"])
        )
        text += number(block["signers"], size) + whole + block["signatures"]
    return text


# The vectors.

SHAPES = [(4, 4, 2, "one set"), (9, 5, 3, "sets apart"), (256, 256, 9, "sets apart"), (7, 3, 1, "one set")]


def drawn_header(chance, participants, arms, sets):
    def rows():
        row = [chance.getrandbits(participants) for _ in range(arms)]
        return row[:1] * arms if sets == "one set" else row

    return {
        "round": chance.getrandbits(32), "parent": chance.randbytes(32).hex(),
        "blocked": chance.getrandbits(participants),
        "body": chance.randbytes(32).hex(), "reporters": chance.getrandbits(participants), "arm": arms - 1,
        "candidates": rows(), "selected": rows(), "committee": chance.getrandbits(participants),
        "means": [chance.choice((0, 10**9, 2**32 - 1)) for _ in range(arms)],
        "accuracies": [chance.choice((0, 65535, chance.getrandbits(16))) for _ in range(participants)],
    }  # fmt: skip


def drawn_body(chance, arms, reporters):
    reports = [
        {"means": [chance.getrandbits(30) for _ in range(arms)], "commitment": chance.randbytes(32).hex(),
         "signature": chance.randbytes(64).hex()}
        for _ in range(reporters)
    ]  # fmt: skip
    return {"arms": arms, "radii": [chance.choice((0, 2**31 - 1)) for _ in range(arms)], "reports": reports}


def all_vectors():
    chance = random.Random("vectors")
    headers, bodies, submissions = [], [], []
    for participants, validators, arms, sets in SHAPES:
        shape = {"participants": participants, "validators": validators, "arms": arms}
        fields = drawn_header(chance, participants, arms, sets)
        data = plain_header(fields, (participants + 7) // 8, validators < participants)
        headers.append({**shape, "header": fields, "bytes": data, "digest": outside_keccak(bytes.fromhex(data)).hex()})
    for arms, reporters in ((1, 0), (2, 3), (9, 1)):
        case = drawn_body(chance, arms, reporters)
        bodies.append({**case, "bytes": plain_body(case)})
    for mode in ("full", "compact"):
        for participants, validators, arms, sets in SHAPES[:2]:
            blocks = []
            for signers in (0, 0b101, 0b1111):
                fields = drawn_header(chance, participants, arms, sets)
                body = plain_body(drawn_body(chance, arms, fields["reporters"].bit_count()))
                signatures = chance.randbytes(64 * signers.bit_count()).hex()
                blocks.append({"header": fields, "body": body, "signers": signers, "signatures": signatures})
            shape = {"participants": participants, "validators": validators, "arms": arms}
            case = {"mode": mode, **shape, "blocks": blocks}
            submissions.append({**case, "bytes": plain_submission(case)})
    return {"header": headers, "body": bodies, "submission": submissions}


def vectors(name):
    if os.environ.get("WRITE_SNAPSHOTS") and name in (written := all_vectors()):
        (VECTORS / f"{name}.json").write_text(json.dumps({"accepted": written[name]}, indent=1) + "\n")
    return json.loads((VECTORS / f"{name}.json").read_text())


def raw(text):
    return bytes.fromhex(text.removeprefix("0x"))


def header_of(fields, committees=True):
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in fields.items()}
    values |= {"parent": raw(fields["parent"]), "body": raw(fields["body"])}
    return Header(**values | ({} if committees else {"committee": 0}))


@pytest.fixture
def sized(parameters):
    def build(case):
        return replace(
            parameters(), participants=case["participants"], validators=case["validators"], arms=case["arms"],
            body_mode=int(case.get("mode") == "compact"),
        )  # fmt: skip

    return build


def test_headers_equal_their_golden_bytes_and_digests_both_ways(sized):
    accepted = vectors("header")["accepted"]
    assert len(accepted) == 4
    for case in accepted:
        p, data = sized(case), raw(case["bytes"])
        header = header_of(case["header"], p.has_committees)
        assert plain_header(case["header"], p.mask_bytes, p.has_committees) == case["bytes"]
        assert header.encode(p) == data
        assert Header.decode(data, p) == header
        assert header.encode(p) == header.known() + header.body + header.decided(p) + header.derived()
        assert outside_keccak(data) == raw(case["digest"])


def test_a_header_has_no_other_length(sized):
    for case in vectors("header")["accepted"]:
        data = raw(case["bytes"])
        for length in range(len(data)):
            with pytest.raises(Malformed):
                Header.decode(data[:length], sized(case))
        for more in (b"\0", bytes(32)):
            with pytest.raises(Malformed):
                Header.decode(data + more, sized(case))


def test_every_byte_of_a_header_counts(sized):
    """Changed anywhere, it is another header or none."""
    refused = 0
    for case in vectors("header")["accepted"][:2]:
        p, data = sized(case), raw(case["bytes"])
        for at in range(len(data)):
            changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
            try:
                assert Header.decode(changed, p).encode(p) == changed
            except Malformed:
                refused += 1
    assert refused == 6  # the flags of A and B, the type of the extension


def test_sets_have_one_encoding(parameters):
    p = parameters()
    assert encode_sets((5, 5), 1) == b"\1\5"
    assert encode_sets((5, 6), 1) == b"\0\5\6"
    case = vectors("header")["accepted"][0]
    header = header_of(case["header"], False)
    good = header.encode(p)
    at = 100 + 1 + 1
    assert good[at] == 1
    for spelt in (b"\0" + good[at + 1 : at + 2] * 2, b"\2" + good[at + 1 : at + 2], b"\xff" + good[at + 1 : at + 2]):
        with pytest.raises(Malformed):
            Header.decode(good[:at] + spelt + good[at + 2 :], p)


@pytest.mark.parametrize(
    "change",
    [
        {"round": 2**32}, {"arm": 256}, {"reporters": 256}, {"candidates": (256, 0)}, {"selected": (256, 256)},
        {"means": (2**32, 0)}, {"accuracies": (65536, 0, 0, 0)}, {"blocked": 2**256}, {"blocked": -1},
    ],
)  # fmt: skip
def test_encode_raises_when_a_field_does_not_fit(parameters, change):
    header = replace(header_of(vectors("header")["accepted"][0]["header"]), **change)
    with pytest.raises(OverflowError):
        header.encode(parameters())


@pytest.fixture
def sized_arms(parameters):
    def build(arms, sealed=0):
        return replace(parameters(), arms=arms, sealed=sealed)

    return build


def test_a_sealed_report_is_read_with_its_record_and_no_other_length_is(sized_arms):
    sealed, content = Report((1, 2), b"\3" * 32, sealed=b"\4" * 21), uints((1, 2), 4) + b"\3" * 32 + b"\4" * 21
    assert sealed.encode() == content
    assert Report.decode(content, sized_arms(2, 1)) == sealed
    for data, p in ((content, sized_arms(2)), (content[:-21], sized_arms(2, 1)), (content + b"\0", sized_arms(2, 1))):
        with pytest.raises(Malformed, match="malformed report"):
            Report.decode(data, p)
    body = Body((5, 6), (SignedReport.decode(content, bytes(64), sized_arms(2, 1)),) * 3)
    assert Body.decode(body.encode(), 3, sized_arms(2, 1)) == body
    assert len(body.encode()) == body_bytes(3, sized_arms(2, 1)) == 8 + 3 * (8 + 32 + 21 + 64)


def test_decode_refuses_every_rejected_report_vector(sized_arms):
    rejected = vectors("report")["rejected"]
    assert len(rejected) == 6
    for case in rejected:
        with pytest.raises(Malformed, match="malformed report"):
            Report.decode(raw(case["bytes"]), sized_arms(case["arms"]))


def test_reports_equal_their_golden_bytes_and_contents_both_ways(sized_arms):
    accepted = vectors("report")["accepted"]
    assert len(accepted) == 3
    for case in accepted:
        report = Report(tuple(case["means"]), raw(case["commitment"]))
        assert report.encode() == raw(case["bytes"])
        assert Report.decode(raw(case["bytes"]), sized_arms(len(case["means"]))) == report
        assert outside_keccak(raw(case["bytes"])) == raw(case["content"])


def test_reports_and_headers_with_draws_are_longer_by_a_proof_and_a_mask_each(parameters):
    p = replace(parameters(), sortition=1, commanders=1)
    report = Report((7, 8), bytes(range(32)), bytes(range(81)))
    assert report.encode() == bytes.fromhex("0000000700000008") + bytes(range(32)) + bytes(range(81))
    assert Report.decode(report.encode(), p) == report
    assert len(report.encode()) == p.report_bytes
    for other in (report.encode()[:-1], report.encode() + b"\0", report.encode()[:40]):
        with pytest.raises(Malformed, match="malformed report"):
            Report.decode(other, p)
    body = Body((1, 2), (SignedReport.of(report, bytes(64)),) * 3)
    assert Body.decode(body.encode(), 3, p) == body
    both = replace(report, sealed=bytes(range(21)))
    assert both.encode() == report.encode() + bytes(range(21))
    assert Report.decode(both.encode(), replace(p, sealed=1)) == both
    header = replace(header_of(vectors("header")["accepted"][0]["header"], True), committee=9, commanders=8)
    plain = replace(header, committee=0, commanders=0).encode(parameters())
    at = len(plain) - 4 * 2 - 2 * 4 - 1  # the type of the extension, which is none
    assert header.encode(p) == plain[:at] + b"\x09\x08" + plain[at:]
    assert Header.decode(header.encode(p), p) == header
    only = replace(p, sortition=0)
    assert header.encode(only) == plain[:at] + b"\x08" + plain[at:]


def test_bodies_equal_their_golden_bytes_both_ways(sized_arms):
    accepted = vectors("body")["accepted"]
    assert len(accepted) == 3
    for case in accepted:
        reports = tuple(
            SignedReport.of(Report(tuple(r["means"]), raw(r["commitment"])), raw(r["signature"]))
            for r in case["reports"]
        )
        body, data = Body(tuple(case["radii"]), reports), raw(case["bytes"])
        assert plain_body(case) == case["bytes"]
        assert body.encode() == data
        assert Body.decode(data, len(reports), sized_arms(case["arms"])) == body
        assert len(data) == body_bytes(len(reports), sized_arms(case["arms"]))


@pytest.mark.parametrize("change", [-1, 1, 104, -104])
def test_a_body_of_any_other_length_is_refused(sized_arms, change):
    data = Body((1, 2), (SignedReport.decode(bytes(40), bytes(64), sized_arms(2)),) * 3).encode()
    data = data[:change] if change < 0 else data + bytes(change)
    with pytest.raises(Malformed, match="malformed body"):
        Body.decode(data, 3, sized_arms(2))


def submitted_of(case, p):
    return tuple(
        Submitted.of(p, header_of(b["header"], p.has_committees), raw(b["body"]), b["signers"], raw(b["signatures"]))
        for b in case["blocks"]
    )


def test_submissions_equal_their_golden_bytes_both_ways(sized):
    accepted = vectors("submission")["accepted"]
    assert [case["mode"] for case in accepted] == ["full", "full", "compact", "compact"]
    for case in accepted:
        p, data = sized(case), raw(case["bytes"])
        blocks = submitted_of(case, p)
        assert plain_submission(case) == case["bytes"]
        assert submission.encode(p, blocks) == data
        assert submission.decode(p, data) == blocks


def test_a_submission_ends_with_a_signed_block_and_nothing_after(sized):
    for case in vectors("submission")["accepted"]:
        p, data = sized(case), raw(case["bytes"])
        blocks = submitted_of(case, p)
        ends = [len(submission.encode(p, blocks[:count])) for count in (2, 3)]
        for length in range(len(data)):
            if length in ends:
                assert submission.decode(p, data[:length]) == blocks[:2]
                continue
            with pytest.raises(Malformed):
                submission.decode(p, data[:length])
        for more in (b"\0", bytes(3)):
            with pytest.raises(Malformed):
                submission.decode(p, data + more)


def test_mask_and_seats_are_inverse():
    assert mask([]) == 0
    assert seats(0) == ()
    assert mask([0, 3, 255]) == 1 | 8 | 1 << 255
    assert seats(mask([255, 3, 0, 3])) == (0, 3, 255)
    with pytest.raises(ValueError, match="no mask"):
        seats(-1)


@pytest.mark.parametrize(
    ("means", "approved"),
    [((0, BOUND), True), ((BOUND + 1,), False), ((0, INFINITY), False), ((5, BOUND + 1, 5), False)],
)
def test_approves_only_when_every_estimator_is_within_the_bound(means, approved):
    assert approves(means) is approved


def test_head_chains_parent_round_kind_and_header():
    parent, digest = bytes(range(32)), b"\7" * 32
    record = Record(258, Kind.REJECTED, None, digest)
    assert record.head(parent) == outside_keccak(parent + bytes(27) + b"\0\0\1\2" + b"\2" + digest)
    assert Record(258, Kind.SKIP).head(parent) == outside_keccak(parent + bytes(29) + b"\1\2" + b"\3" + bytes(32))
    others = {
        record.head(bytes(32)), replace(record, round=259).head(parent), replace(record, kind=Kind.SKIP).head(parent),
        replace(record, header_digest=bytes(32)).head(parent), record.head(parent),
    }  # fmt: skip
    assert len(others) == 5
    assert {Kind.REJECTED, Kind.SKIP} == FAILED


def test_genesis_and_round_seeds_are_keccak_of_their_parts():
    one, two = Seated(b"\1" * 20, b"\5" * 33, b"\6" * 32, 515), Seated(b"\2" * 20)
    salt, game = b"\3" * 32, b"\4" * 32
    seed, genesis = genesis_digest(game, [one, two], salt)
    registered = outside_keccak(outside_keccak(bytes(32) + b"\5" * 33 + b"\6" * 32 + b"\2\3") + bytes(66) + b"\1")
    assert seed == outside_keccak(b"\1" * 20 + b"\2" * 20 + registered + salt)
    assert genesis == outside_keccak(game + seed)
    assert round_seed(seed, 5) == outside_keccak(seed + b"\0\0\0\5")
