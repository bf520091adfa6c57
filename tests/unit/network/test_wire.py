"""Frames: what goes in comes out, what nobody writes is refused, whatever its bytes."""

import random
import resource
import struct
import tracemalloc
from types import SimpleNamespace

import msgpack
import pytest

from chain_bandit.actors.messages import COMPARISON, Answer, CertifiedBlock, Probe, PullRequest, Question, Receipt
from chain_bandit.comparison.interface import Opening
from chain_bandit.consensus.broadcast import Claim, Frame
from chain_bandit.consensus.certificate import Certificate, Vote
from chain_bandit.consensus.echo import Echo, EchoBroadcast
from chain_bandit.consensus.evidence import Equivocation
from chain_bandit.consensus.vector import Vector
from chain_bandit.crypto.keys import derive
from chain_bandit.network import wire
from chain_bandit.network.wire import (
    MOST_ROWS,
    MOST_SAID,
    BodyRequest,
    BodyResponse,
    Envelope,
    EnvelopeKind,
    NodeAddress,
    Owed,
    decode,
    encode,
    later,
    longest_of,
    most_bytes,
)
from chain_bandit.nodes.up import MOST_SEATS
from chain_bandit.plugins import PluginBroken
from chain_bandit.protocol.errors import Malformed
from chain_bandit.protocol.messages import Phase, Role, Slot, broadcast_value, statement_content
from chain_bandit.protocol.parameters import PROOF_BYTES, SEALED_BYTES
from chain_bandit.protocol.units import MAX_ARMS
from tests.few import few
from verification.schedules.keyring import Book, IdealScribe

CLAIM = Claim(3, b"content", bytes(64), ((1, b"\1" * 64), (2, b"\2" * 64)))
FRAME = Frame(Phase.REPORT, (CLAIM, CLAIM._replace(instance=0, relays=())))
CERTIFICATE = Certificate(b"\3" * 32, 1 << 255 | 5, bytes(128))
MESSAGES = (
    FRAME,
    Probe(((3, b"proof"),), FRAME),
    Opening((1, 2, 3), b"\4" * 32),
    Question(7, {0: b"a" * 32, 3: b"b" * 32}),
    Answer(7, {0: (True, False), 3: (False, False)}),
    Vote(2, b"\5" * 32, b"\6" * 64),
    CertifiedBlock(b"header", b"body", CERTIFICATE),
    CERTIFICATE,
    PullRequest(1, b"\7" * 64),
    Receipt(7, 1, 10**9, b"\x08" * 32, b"\x09" * 64),
    Receipt(7, 1, 2**64 - 1, b"\x08" * 32, b"\x09" * 64, 2**32 - 1),
    Equivocation(Slot(b"s" * 32, 7, b"p" * 32), Phase.BLOCK, Role.SIGNER, 2, b"c", b"d", b"e", b"f"),
    Owed(5),
    BodyRequest(b"h" * 32),
    BodyResponse(b"body"),
    *(NodeAddress(address, "[::1]:7700", 2**64 - 1, b"v" * 64) for address in (5, COMPARISON)),
    Echo(7, 0, 0, b"\x0a" * 8, b"\x0b" * 8),
    Echo(7, 1 << 9 | 1, 1 << 15 | 2, b"\x0a" * 8, b"\x0b" * 16),
    Echo(2**32 - 1, (1 << 256) - 2, 1, b"\x0a" * 8, b"\x0b" * 256),
    Echo(7, 1, 0, b"\x0a" * 8, b"\x0b" * 8, b"\x0c" * 64),
    Vector(7),
    Vector(2**32 - 1, (1 << 256) - 1, (CLAIM._replace(relays=()),), 1 << 255, b"\x0d" * 64, ((1, b"\1" * 64),)),
)
ENVELOPE = Envelope(EnvelopeKind.STEP, 7, 3, MESSAGES)


def test_every_message_comes_out_as_it_went_in():
    assert decode(encode(ENVELOPE)) == ENVELOPE
    for message in MESSAGES:
        envelope = Envelope(EnvelopeKind.NOW, 2**32 - 1, 0, (message,))
        assert decode(encode(envelope)) == envelope
    assert decode(encode(Envelope(EnvelopeKind.STEP, 1, 0, ()))).messages == ()


TAGS = {
    0: "Frame", 1: "Probe", 2: "Opening", 3: "Question", 4: "Answer", 5: "Vote", 6: "CertifiedBlock", 7: "Certificate",
    8: "PullRequest", 9: "Receipt", 10: "Equivocation", 11: "Owed", 12: "Shared", 13: "Staged", 14: "Doubts",
    15: "Ended", 16: "BodyRequest", 17: "BodyResponse", 18: "NodeAddress", 19: "Echo", 20: "Vector",
}  # fmt: skip
"""As nodes of earlier versions send them."""


def test_every_type_of_message_keeps_its_tag_whether_it_is_the_cores_or_a_packages():
    assert {tag: each.type.__name__ for tag, each in wire.message_types().items()} == TAGS
    assert all(tag == each.tag for tag, each in wire.message_types().items())
    ours = {each.tag for each in wire._OURS}
    assert TAGS.keys() - ours == {12, 13, 14, 15}


def test_a_tag_that_two_types_have_is_refused(monkeypatch):
    taken = SimpleNamespace(name="mine", load=lambda: [wire.MessageType(9, str, wire.FRAME)])
    monkeypatch.setattr(wire.plugins, "points", lambda group: [taken])
    with pytest.raises(PluginBroken, match=r"mine.*tag 9"):
        wire.message_types.__wrapped__()


def test_what_msgpack_makes_of_an_envelope_is_pinned():
    assert encode(Envelope(EnvelopeKind.NOW, 7, 3, (Owed(5),))) == bytes.fromhex("95 06 01 07 03 91 92 0b 05")


@pytest.mark.parametrize(("seats", "longest"), [(64, 413_184), (MOST_SEATS, 1_388_032)])
def test_the_most_that_an_honest_seat_can_be_made_to_relay_is_one_frame(seats, longest):
    """Less than half of the seats say three values each in the last step but one, all else comes as late, and one lacks
    it."""
    corrupt = steps = (seats - 1) // 2
    size = 4 * MAX_ARMS + 32 + PROOF_BYTES + SEALED_BYTES
    book, slot = Book(), Slot(b"s" * 32, 2**32 - 2, b"p" * 32)
    keys = [IdealScribe(derive(5, "participant", seat), book) for seat in range(seats)]
    own = EchoBroadcast(
        slot, 0, [key.address for key in keys], 2**seats - 1, 2**seats - 1, size, steps, keys[0],
        IdealScribe.verifier(book),
    )  # fmt: skip
    assert own.on_echo(1, Echo(slot.round, 0, 0, bytes(8), bytes(seats))) is None
    for seat in range(1, seats):
        liar = seat >= seats - corrupt
        for content, choice in [(0, 0), (0, 1), (1, 0)][: 3 if liar else 1]:
            data = bytes([content]) * size
            digest = slot.digest(Phase.REPORT, Role.COMMANDER, seat, statement_content(Phase.REPORT, data))
            claim = Claim(seat, data, keys[seat].sign_again(digest, choice))
            value = broadcast_value(Phase.REPORT, data, claim.signature)
            relay = slot.digest(Phase.REPORT, Role.RELAY, seat, value)
            others = [each for each in range(seats - 1, 0, -1) if each != seat][: steps - 1]
            claim = claim._replace(relays=tuple((each, keys[each].sign(relay)) for each in others))
            assert own.on_claim(steps, claim) is None
    (((peer,), frame),) = own.pushes()
    assert peer == 1
    assert {len(claim.relays) for claim in frame.claims} == {steps}
    assert len(frame.claims) == seats - corrupt - 2 + 3 * corrupt
    encoded = encode(Envelope(EnvelopeKind.STEP, 2**32 - 2, steps, (frame,)))
    assert len(encoded) == longest < most_bytes(seats, size, corrupt) == longest_of(seats)
    assert decode(encoded).messages == (frame,)


@pytest.mark.parametrize("packed", [
    b"", bytes(8), bytes(17), bytes(19), bytes(8 + 10 * 33), bytes(8 + 10 * 400), 18, None, [bytes(18)],
])  # fmt: skip
def test_an_echo_of_any_other_length_is_refused(packed):
    fields = msgpack.unpackb(encode(Envelope(EnvelopeKind.STEP, 7, 1, (Echo(7, 0, 0, bytes(8), bytes(8)),))))
    ((tag, round_, _),) = fields[-1]
    assert decode(msgpack.packb([*fields[:-1], [[tag, round_, bytes(18)]]])).messages[0].tags == bytes(8)
    with pytest.raises(Malformed):
        decode(msgpack.packb([*fields[:-1], [[tag, round_, packed]]]))
    for wrong in (-1, 2**32, b"7"):
        with pytest.raises(Malformed):
            decode(msgpack.packb([*fields[:-1], [[tag, wrong, bytes(18)]]]))


@pytest.mark.parametrize("signed", [[b"\0" * 63], [b""], [bytes(64), bytes(64)], [7]])
def test_an_echo_has_one_signature_or_none(signed):
    fields = msgpack.unpackb(encode(Envelope(EnvelopeKind.STEP, 7, 1, (Echo(7, 0, 0, bytes(8), bytes(8)),))))
    ((tag, *plain),) = fields[-1]
    assert decode(msgpack.packb([*fields[:-1], [[tag, *plain, bytes(64)]]])).messages[0].signature == bytes(64)
    with pytest.raises(Malformed):
        decode(msgpack.packb([*fields[:-1], [[tag, *plain, *signed]]]))


@pytest.mark.parametrize("mask", [b"\0", b"\0\1", b"\1" * 33, 7, None])
def test_a_mask_of_a_vector_is_written_in_one_way(mask):
    fields = msgpack.unpackb(encode(Envelope(EnvelopeKind.STEP, 7, 1, (Vector(7),))))
    ((tag, round_, _, *rest),) = fields[-1]
    assert decode(msgpack.packb([*fields[:-1], [[tag, round_, b"\1", *rest]]])).messages == (Vector(7, 1),)
    with pytest.raises(Malformed):
        decode(msgpack.packb([*fields[:-1], [[tag, round_, mask, *rest]]]))


def test_no_claim_and_no_proof_is_longer_than_the_longest_statement_of_a_frame():
    """So that an honest seat, whose statements are counted, never writes more than `most_bytes`."""
    for size, relay_rounds in ((40, 1), (4 * MAX_ARMS + 32 + PROOF_BYTES + SEALED_BYTES, 62)):
        most = most_bytes(1, size, relay_rounds) // MOST_SAID
        number, content = 2**32 - 1, bytes(size)
        claim = Claim(number, content, bytes(64), ((number, bytes(64)),) * (relay_rounds + 1))
        slot = Slot(bytes(32), number, bytes(32))
        proof = Equivocation(
            slot, Phase.REPORT, Role.COMMANDER, number, content, bytes(64), content, bytes(64)
        )  # fmt: skip
        empty = len(encode(Envelope(EnvelopeKind.STEP, number, 0, ())))
        for message in (Frame(Phase.REPORT, (claim,)), proof):
            assert len(encode(Envelope(EnvelopeKind.STEP, number, 0, (message,)))) - empty <= most


def test_a_frame_that_waits_takes_no_more_than_its_bytes():
    """Read, a number of one byte takes eight."""
    frame = encode(Envelope(EnvelopeKind.STEP, 7, 3, (Opening((1,) * 4_090, b""),) * 31))
    tracemalloc.start()
    try:
        waits = later(frame)
        assert tracemalloc.get_traced_memory()[0] < 10_000
        read = list(waits)
        assert tracemalloc.get_traced_memory()[0] > 7 * len(frame)
    finally:
        tracemalloc.stop()
    assert read == list(decode(frame).messages)


@pytest.mark.parametrize("length", [0, 63, 65])
def test_a_signature_that_has_another_length_is_no_part_of_a_frame(length):
    """Else a frame of 512 KiB has room for 127,000 relays, which take a node 70 ms to read."""
    whole, other = bytes(64), bytes(length)
    claims = Claim(0, b"", other), Claim(0, b"", whole, ((1, other),))
    for message in (*(Frame(Phase.REPORT, (claim,)) for claim in claims), Vote(0, bytes(32), other)):
        with pytest.raises(Malformed, match="64 bytes"):
            decode(encode(Envelope(EnvelopeKind.STEP, 7, 3, (message,))))


def test_a_list_has_as_many_rows_as_it_may_have_and_not_one_more():
    largest = Envelope(EnvelopeKind.NOW, 7, 0, (Opening((1,) * MOST_ROWS, b""),))
    assert decode(encode(largest)) == largest
    with pytest.raises(Malformed):
        decode(encode(Envelope(EnvelopeKind.NOW, 7, 0, (Opening((1,) * (MOST_ROWS + 1), b""),))))


@pytest.mark.parametrize(
    "packed",
    [
        [1, 1, 7, 3, []],
        [2, 2, 7, 3, []],
        [2, 1, -7, 3, []],
        [2, 1, 2**32, 3, []],
        [2, 1, 7.0, 3, []],
        [2, 1, True, 3, []],
        [2, 1, 7, 3],
        [2, 1, 7, 3, [], 0],
        [2, 1, 7, 3, {}],
        [2, 1, 7, 3, [[12, 5]]],
        [2, 1, 7, 3, [[11]]],
        [2, 1, 7, 3, [[11, 5, 6]]],
        [2, 1, 7, 3, [[11, "5"]]],
        [2, 1, 7, 3, [[11, None]]],
        [2, 1, 7, 3, [[7, b"c" * 32, b"\1" * 31, b""]]],
        [2, 1, 7, 3, [[3, 7, [[0, b"a"], [0, b"b"]]]]],
        [2, 1, 7, 3, [[4, 7, [[0, [1, 0]]]]]],
        [2, 1, 7, 3, [[0, 5, []]]],
        [2, 1, 7, 3, [[2, [1, -1], b""]]],
        [2, 1, 7, 3, [[11, 5]] * 5000],
        [2, 1, 7, 3, msgpack.ExtType(1, b"")],
        None,
        7,
    ],
    ids=repr,
)
def test_another_form_is_refused(packed):
    with pytest.raises(Malformed):
        decode(msgpack.packb(packed))


@pytest.mark.parametrize(
    "frame",
    [b"", b"\xc1", b"\x91" * 10_000, b"\xdd\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff", b"\x95\x02\x01\x07\x03\x90\x00"],
    ids=["empty", "no type", "deep", "long list", "long bytes", "more behind"],
)
def test_bytes_that_are_no_array_are_refused(frame):
    with pytest.raises(Malformed):
        decode(frame)


@pytest.mark.parametrize("count", few([5_000, 1_000_000], 2))
def test_mutated_frames_are_read_or_refused_and_memory_stays(count):
    """`make deep` has a million."""
    chance, frames = random.Random(count), [encode(Envelope(EnvelopeKind.STEP, 7, 3, (each,))) for each in MESSAGES]
    frames.append(encode(ENVELOPE))
    refused, before = 0, 0
    for number in range(count):
        frame = bytearray(chance.choice(frames))
        for _ in range(chance.choice((1, 1, 1, 2, 4, 16))):
            mutate(chance, frame)
        try:
            decode(bytes(frame))
        except Malformed:
            refused += 1
        if number == count // 10:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert count // 2 < refused < count
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 10_000  # kilobytes


def mutate(chance: random.Random, frame: bytearray) -> None:
    at = chance.randrange(len(frame) + 1)
    match chance.randrange(6):
        case 0 if at < len(frame):
            frame[at] = chance.randrange(256)
        case 1 if at < len(frame):
            frame[at] ^= 1 << chance.randrange(8)
        case 2:
            del frame[at : at + chance.randrange(1, 40)]
        case 3:
            frame[at:at] = chance.randbytes(chance.randrange(1, 40))
        case 4:
            frame[at:at] = frame[chance.randrange(len(frame) + 1) :][:200]
        case _:
            frame[at : at + 5] = bytes([chance.choice((0xDD, 0xDF, 0xC6, 0xDB))]) + struct.pack(">I", 2**31)
