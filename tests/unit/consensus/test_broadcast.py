"""consensus/broadcast.py: why a claim is dropped, reason by reason, and what an instance comes to."""

from dataclasses import replace

import pytest

from chain_bandit.consensus.broadcast import Claim, Drop, Frame, HeaderExchange, SignedBroadcast
from chain_bandit.crypto.keys import Signer, derive
from chain_bandit.crypto.verify import Verifier
from chain_bandit.protocol.messages import Domain, Phase, Role, Slot, broadcast_value, statement_content

N, M = 5, 2
EVERYBODY = 2**N - 1
KEYS = [Signer(derive(7, "participant", seat)) for seat in range(N)]
ADDRESSES = [key.address for key in KEYS]
SLOT = Slot(Domain(1, b"\1" * 20, b"\2" * 32).separator(), 9, b"\3" * 32)
SIZE = {Phase.REPORT: 40, Phase.BLOCK: 32}
VALUE, OTHER, THIRD = (bytes([i]) * 40 for i in (1, 2, 3))

ELSEWHERE = {
    "another chain": replace(SLOT, separator=Domain(2, b"\1" * 20, b"\2" * 32).separator()),
    "another contract": replace(SLOT, separator=Domain(1, b"\4" * 20, b"\2" * 32).separator()),
    "another game": replace(SLOT, separator=Domain(1, b"\1" * 20, b"\4" * 32).separator()),
    "the round before": replace(SLOT, round=8),
    "the round after": replace(SLOT, round=10),
    "another parent": replace(SLOT, parent=b"\4" * 32),
}


def machine(phase=Phase.REPORT, seat=0, relay_rounds=M, commanders=EVERYBODY, validators=EVERYBODY):
    return SignedBroadcast(
        phase, SLOT, seat, ADDRESSES, commanders, validators, SIZE[phase], relay_rounds, KEYS[seat], Verifier()
    )


def claim(instance=1, content=VALUE, relays=(), phase=Phase.REPORT, slot=SLOT, role=Role.COMMANDER, key=None):
    """A commander's claim with true relay signatures of the seats named."""
    signed = statement_content(phase, content)
    signature = KEYS[instance if key is None else key].sign(slot.digest(phase, role, instance, signed))
    bare = Claim(instance, content, signature)
    return bare._replace(relays=tuple((seat, relay(bare, seat, phase)) for seat in relays))


def relay(bare, seat, phase=Phase.REPORT, slot=SLOT, instance=None):
    value = broadcast_value(phase, bare.content, bare.signature)
    return KEYS[seat].sign(slot.digest(phase, Role.RELAY, bare.instance if instance is None else instance, value))


def test_ones_own_value_is_held_like_any_other():
    one = machine(seat=1)
    (own,) = one.open(VALUE).claims
    assert own == claim(1)
    assert one.outcome(1) == own
    assert one.on_claim(0, claim(1)) is Drop.KNOWN
    assert one.outcome(1) == own


def test_a_header_needs_no_relays_and_those_that_it_has_are_of_validators():
    content = VALUE[:32]
    some = HeaderExchange(SLOT, 0, ADDRESSES, 0b00111, KEYS[0], Verifier())
    assert some.on_claim(0, claim(1, content, relays=(4,), phase=Phase.BLOCK)) is Drop.UNKNOWN_SEAT
    assert some.on_claim(0, claim(1, content, relays=(2,), phase=Phase.BLOCK)) is None


@pytest.mark.parametrize("instance", [-1, N, 2**40])
def test_a_claim_is_dropped_when_its_commander_does_not_exist(instance):
    assert machine().on_claim(0, claim()._replace(instance=instance)) is Drop.UNKNOWN_SEAT


@pytest.mark.parametrize("seat", [-1, N, 2**40])
def test_a_claim_is_dropped_when_a_relay_does_not_exist(seat):
    bare = claim()
    assert machine().on_claim(1, bare._replace(relays=((seat, bytes(64)),))) is Drop.UNKNOWN_SEAT


def test_a_claim_is_dropped_when_its_commander_may_not_command():
    some = machine(commanders=0b11101)
    assert some.on_claim(0, claim(1)) is Drop.UNKNOWN_SEAT
    assert some.on_claim(0, claim(2)) is None
    assert some.outcome(1) is None


def test_a_claim_is_dropped_when_a_relay_does_not_validate_and_held_when_only_its_commander_does_not():
    some = machine(validators=0b11001)
    assert some.on_claim(1, claim(1, relays=(2,))) is Drop.UNKNOWN_SEAT
    assert some.on_claim(1, claim(1, relays=(3, 2))) is Drop.UNKNOWN_SEAT
    assert some.on_claim(1, claim(1, relays=(3,))) is None


@pytest.mark.parametrize("content", [b"", VALUE[:-1], VALUE + b"\0"])
def test_a_claim_is_dropped_when_its_content_has_the_wrong_size(content):
    assert machine().on_claim(0, claim(content=content)) is Drop.WRONG_SIZE


@pytest.mark.parametrize(("step", "relays"), [(1, ()), (2, ()), (2, (2,))])
def test_a_claim_is_dropped_when_its_chain_is_shorter_than_the_step(step, relays):
    assert machine().on_claim(step, claim(relays=relays)) is Drop.SHORT_CHAIN


@pytest.mark.parametrize("relays", [(2, 2), (1,), (2, 1), (2, 3, 2)])
def test_a_claim_is_dropped_when_a_signer_counts_twice(relays):
    assert machine().on_claim(1, claim(relays=relays)) is Drop.REPEATED_SIGNER


@pytest.mark.parametrize("step", [M + 1, M + 2, 100])
def test_a_claim_is_dropped_when_it_arrives_after_the_last_step_however_long_its_chain(step):
    assert machine().on_claim(step, claim(relays=(2, 3, 4))) is Drop.LATE


@pytest.mark.parametrize("slot", ELSEWHERE.values(), ids=ELSEWHERE)
def test_a_claim_is_dropped_when_its_commander_signed_in_another_slot(slot):
    assert machine().on_claim(0, claim(slot=slot)) is Drop.BAD_SIGNATURE


@pytest.mark.parametrize("slot", ELSEWHERE.values(), ids=ELSEWHERE)
def test_a_claim_is_dropped_when_a_relay_signed_in_another_slot(slot):
    bare = claim()
    assert machine().on_claim(1, bare._replace(relays=((2, relay(bare, 2, slot=slot)),))) is Drop.BAD_SIGNATURE


def test_a_claim_is_dropped_when_a_signature_is_anothers_or_of_another_role_phase_instance_or_value():
    bare = claim()
    bad = [
        claim(key=2),
        claim(role=Role.RELAY),
        claim(role=Role.SIGNER),
        bare._replace(content=OTHER),
        bare._replace(instance=2),
        bare._replace(signature=bytes(64)),
        bare._replace(signature=bare.signature[:-1]),
        bare._replace(relays=((2, relay(bare, 3)),)),
        bare._replace(relays=((2, bare.signature),)),
        bare._replace(relays=((2, relay(claim(content=OTHER), 2)),)),
        bare._replace(relays=((2, relay(bare, 2, instance=2)),)),
        bare._replace(relays=((2, relay(bare, 2)), (3, bytes(64)))),
    ]
    receiver = machine()
    assert [receiver.on_claim(0, each) for each in bad] == [Drop.BAD_SIGNATURE] * 12
    assert receiver.outcome(1) is None


def test_a_report_is_no_header_and_a_header_no_report():
    content = b"\5" * 32
    receiver = machine(Phase.BLOCK)
    assert receiver.on_claim(0, claim(content=content, phase=Phase.REPORT)) is Drop.BAD_SIGNATURE
    assert receiver.on_claim(0, claim(content=content, phase=Phase.BLOCK)) is None


def test_a_claim_is_dropped_as_known_when_its_value_is_held_whatever_its_chain():
    receiver = machine()
    assert receiver.on_claim(0, claim()) is None
    assert receiver.on_claim(0, claim()) is Drop.KNOWN
    assert receiver.on_claim(100, claim()._replace(relays=((9, b""),))) is Drop.KNOWN


def test_a_known_claim_in_a_frame_is_not_worth_a_reason():
    receiver = machine()
    for _ in range(2):
        assert receiver.on_frame(0, Frame(Phase.REPORT, (claim(),))) == []
    late = claim()._replace(signature=bytes(64))
    assert receiver.on_frame(9, Frame(Phase.REPORT, (claim(), late))) == [Drop.LATE]


def test_a_third_value_is_dropped_when_two_contents_are_held():
    receiver = machine()
    assert [receiver.on_claim(0, claim(content=c)) for c in (VALUE, OTHER, THIRD)] == [None, None, Drop.ENOUGH]
    assert receiver.outcome(1) is None


def test_one_longest_chain_and_one_extra_signature_are_taken():
    assert machine().on_claim(2, claim(relays=(2, 3))) is None
    assert machine().on_claim(2, claim(relays=(4, 3, 2))) is None
    assert machine().on_claim(0, claim(relays=(2, 3, 4))) is None


def test_every_reason_is_a_sentence_of_its_own():
    assert len({reason.value for reason in Drop}) == len(Drop) == 11


def test_a_commander_holds_its_own_value_and_does_not_relay_it():
    sender = machine(seat=1)
    frame = sender.open(VALUE)
    assert frame == Frame(Phase.REPORT, (claim(),))
    assert sender.outcome(1) == claim()
    assert sender.relays() is None
    assert machine().on_frame(0, frame) == []


def test_an_accepted_value_is_relayed_once_with_ones_own_signature_added():
    receiver = machine()
    assert receiver.on_frame(1, Frame(Phase.REPORT, (claim(relays=(2,)), claim(2)))) == [Drop.SHORT_CHAIN]
    assert receiver.relays() == Frame(Phase.REPORT, (claim(relays=(2, 0)),))
    assert receiver.relays() is None


def test_no_more_is_relayed_of_a_chain_than_the_next_step_asks_for():
    receiver = machine()
    assert receiver.on_claim(0, claim(relays=(2, 3, 4))) is None
    assert receiver.on_claim(1, claim(2, relays=(3, 4, 1))) is None
    assert receiver.relays() == Frame(Phase.REPORT, (claim(relays=(0,)), claim(2, relays=(3, 0))))


def test_the_relay_of_a_header_does_not_bind_the_commanders_signature_but_that_of_a_report_does():
    for phase, same in ((Phase.BLOCK, True), (Phase.REPORT, False)):
        content = bytes(SIZE[phase])
        signed = claim(content=content, phase=phase)
        twin = signed._replace(signature=bytes(64))
        assert (relay(signed, 2, phase) == relay(twin, 2, phase)) is same


def test_two_signatures_of_one_report_leave_no_outcome_prove_nothing_and_still_let_a_second_content_prove(twice_signed):
    digest = SLOT.digest(Phase.REPORT, Role.COMMANDER, 1, statement_content(Phase.REPORT, VALUE))
    claims = [Claim(1, VALUE, signature) for signature in twice_signed(KEYS[1], digest)]
    receiver = machine()
    assert [receiver.on_claim(0, each) for each in claims] == [None, None]
    assert receiver.outcome(1) is None
    assert receiver.equivocations() == []
    assert receiver.on_claim(0, claim(content=OTHER)) is None
    assert receiver.on_claim(0, claim(content=THIRD)) is Drop.ENOUGH
    (proof,) = receiver.equivocations()
    assert proof.proves(ADDRESSES, Verifier())


def test_two_signatures_of_one_header_are_one_value(twice_signed):
    content = bytes(32)
    digest = SLOT.digest(Phase.BLOCK, Role.COMMANDER, 1, content)
    claims = [Claim(1, content, signature) for signature in twice_signed(KEYS[1], digest)]
    receiver = machine(Phase.BLOCK)
    assert [receiver.on_claim(0, each) for each in claims] == [None, Drop.KNOWN]
    assert receiver.outcome(1) == claims[0]


def test_an_instance_has_no_outcome_when_nothing_or_two_values_are_held():
    receiver = machine()
    assert receiver.outcome(1) is None
    receiver.on_claim(0, claim())
    assert receiver.outcome(1) == claim()
    receiver.on_claim(0, claim(content=OTHER))
    assert receiver.outcome(1) is None


@pytest.mark.parametrize("phase", list(SIZE))
def test_two_contents_prove_the_commander_false_the_same_way_in_whatever_order_they_came(phase):
    one, other = (claim(content=bytes([i]) * SIZE[phase], phase=phase) for i in (1, 2))
    proofs = []
    for pair in ((one, other), (other, one)):
        receiver = machine(phase)
        assert [receiver.on_claim(0, each) for each in pair] == [None, None]
        proofs += receiver.equivocations()
    assert len(proofs) == 2
    assert proofs[0] == proofs[1]
    assert proofs[0].instance == 1
    assert proofs[0].proves(ADDRESSES, Verifier())


def test_one_value_proves_nothing():
    receiver = machine()
    receiver.on_claim(0, claim())
    assert receiver.equivocations() == []


# Headers that are not relayed.


def exchange(seat=0, validators=EVERYBODY):
    return HeaderExchange(SLOT, seat, ADDRESSES, validators, KEYS[seat], Verifier())


def header(instance, content):
    return claim(instance, content[:32], phase=Phase.BLOCK)


def test_a_header_unlike_ones_own_is_shown_once_as_its_commander_signed_it():
    some, (own,) = exchange(), exchange().open(VALUE[:32]).claims
    some.open(VALUE[:32])
    like, unlike = header(1, VALUE), header(2, OTHER)
    assert some.on_frame(0, Frame(Phase.BLOCK, (like, unlike))) == []
    assert some.unlike(VALUE[:32]) == Frame(Phase.BLOCK, (unlike,))
    assert some.unlike(VALUE[:32]) is None
    assert some.outcome(0) == own
    assert [some.outcome(seat) for seat in (1, 2)] == [like, unlike]


@pytest.mark.parametrize("step", [1, 2, 9])
def test_a_header_that_comes_with_the_votes_or_later_is_kept_beside_another_alone(step):
    some = exchange()
    assert some.on_claim(step, header(1, VALUE)) is Drop.PROVES_NOTHING
    assert some.outcome(1) is None
    assert some.on_claim(0, header(1, VALUE)) is None
    assert some.on_claim(step, header(1, VALUE)) is Drop.KNOWN
    assert some.on_claim(step, header(1, OTHER)._replace(signature=bytes(64))) is Drop.BAD_SIGNATURE
    assert some.equivocations() == []
    assert some.on_claim(step, header(1, OTHER)) is None
    assert some.on_claim(step, header(1, THIRD)) is Drop.ENOUGH
    (proof,) = some.equivocations()
    assert proof.proves(ADDRESSES, Verifier())
    assert proof.instance == 1


def test_headers_of_who_does_not_validate_or_is_nobody_are_dropped():
    some = exchange(validators=0b11101)
    assert some.on_claim(0, header(1, VALUE)) is Drop.UNKNOWN_SEAT
    for instance in (-1, N, 2**70):
        for step in (0, 1):
            assert some.on_claim(step, header(1, VALUE)._replace(instance=instance)) is Drop.UNKNOWN_SEAT
