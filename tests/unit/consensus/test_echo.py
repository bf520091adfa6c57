"""consensus/echo.py: receivers of values, echoes that count, and that no tag can be made before its salt is known."""

from dataclasses import replace
from itertools import product

import pytest

from chain_bandit.consensus.broadcast import Claim, Drop, Frame
from chain_bandit.consensus.echo import GROUP, SALT_BYTES, TAG_BYTES, Echo, EchoBroadcast, groups
from chain_bandit.crypto.keys import Signer, derive
from chain_bandit.crypto.verify import Verifier
from chain_bandit.protocol.digests import keccak, uint
from chain_bandit.protocol.messages import Domain, Phase, Role, Slot, broadcast_value, statement_content

N, M, SIZE = 10, 2, 40
EVERYBODY = 2**N - 1
KEYS = [Signer(derive(7, "participant", seat)) for seat in range(N)]
ADDRESSES = [key.address for key in KEYS]
SLOT = Slot(Domain(1, b"\1" * 20, b"\2" * 32).separator(), 9, b"\3" * 32)
VERIFIER = Verifier()


def machine(seat=0, relay_rounds=M, validators=EVERYBODY):
    return EchoBroadcast(
        SLOT, seat, ADDRESSES, EVERYBODY, validators, SIZE, relay_rounds, KEYS[seat], VERIFIER
    )


def claim(instance, content=1, relays=()):
    content = bytes([content]) * SIZE
    digest = SLOT.digest(Phase.REPORT, Role.COMMANDER, instance, statement_content(Phase.REPORT, content))
    bare = Claim(instance, content, KEYS[instance].sign(digest))
    value = SLOT.digest(Phase.REPORT, Role.RELAY, instance, broadcast_value(Phase.REPORT, content, bare.signature))
    return bare._replace(relays=tuple((seat, KEYS[seat].sign(value)) for seat in relays))


def told(one, *claims, step=0):
    for each in claims:
        assert one.on_frame(step, Frame(Phase.REPORT, (each,)), each.instance) == []


def sent(one):
    """By peer: the values that it is sent."""
    found = {}
    for peers, frame in one.pushes():
        for peer in peers:
            assert peer not in found, "one frame a peer"
            found[peer] = {(each.instance, each.content[0]) for each in frame.claims}
    return found


def three(*without, contents=()):
    """Three validators that receive from all seats but some, or other contents of one, and each other's echoes."""
    machines = [machine(seat) for seat in range(3)]
    for seat, one in enumerate(machines):
        own = one.open(bytes([1]) * SIZE)
        assert own.claims[0][:3] == claim(seat)[:3]
        for instance in range(N):
            if instance != seat and (seat, instance) not in without:
                told(one, claim(instance, dict(contents).get((seat, instance), 1)))
    for (seat, one), (other, another) in product(enumerate(machines), enumerate(machines)):
        if seat != other:
            assert one.on_echo(other, another.echo()) is None
    return machines


def silent(one):
    """Peers that sent their report and no echo are sent everything; the others none here."""
    found = sent(one)
    return {peer: values for peer, values in found.items() if peer < 3}


def test_nothing_is_sent_where_all_hold_the_same():
    assert list(map(silent, three())) == [{}, {}, {}]


def test_a_value_goes_to_whoever_lacks_it_and_no_more_than_its_group_comes_back():
    zero, one, two = three((0, 5))
    assert silent(one) == silent(two) == {0: {(5, 1)}}
    group = {(instance, 1) for instance in range(GROUP)}
    assert silent(zero) == {1: group - {(0, 1), (1, 1), (5, 1)}, 2: group - {(0, 1), (2, 1), (5, 1)}}


def test_values_that_differ_under_one_mask_are_told_apart_by_the_tag():
    zero, one, _ = three(contents={(0, 9): 2}.items())
    assert silent(zero) == {1: {(8, 1), (9, 2)}, 2: {(8, 1), (9, 2)}}
    assert silent(one) == {0: {(8, 1), (9, 1)}}


def test_whoever_holds_two_contents_is_sent_no_third_and_sends_both():
    one, other = machine(0), machine(1)
    told(one, claim(5, 1), claim(5, 2))
    told(other, claim(5, 3))
    one.on_echo(1, other.echo())
    other.on_echo(0, one.echo())
    assert one.echo().several == 1 << 5
    assert one.echo().single == 0
    assert sent(one)[1] == {(5, 1), (5, 2)}
    assert 0 not in sent(other)


def test_whoever_says_that_it_holds_several_is_not_sent_ones_second_value():
    one, other = machine(0), machine(1)
    told(one, claim(1), claim(2))
    told(other, claim(2), claim(5, 1), claim(5, 2))
    assert one.on_echo(1, other.echo()) is None
    told(one, claim(5, 1), claim(5, 2))
    assert 1 not in sent(one)


def test_a_value_that_came_after_the_echo_goes_to_all_but_those_who_sent_it():
    one, other = machine(0), machine(1)
    told(one, claim(1), claim(2), claim(5))
    told(other, claim(2), claim(5))
    one.on_echo(1, other.echo())
    assert 1 not in sent(one)
    assert one.on_frame(2, Frame(Phase.REPORT, (claim(5, 2, relays=(2,)),)), 2) == []
    assert sent(one) == {1: {(5, 2)}}, "2 sent it, and the commander is 5"


def test_a_value_is_sent_once_and_signed_by_whoever_sends_it():
    one = machine()
    told(one, claim(1), claim(2))
    ((peers, frame), *_) = one.pushes()
    assert frame.claims[0].relays[-1][0] == 0
    receiver = machine(peers[0])
    assert receiver.on_frame(2, frame, 0) == []
    assert one.pushes() == []


def test_whoever_was_heard_and_sent_no_echo_is_sent_everything_and_who_was_not_heard_nothing():
    one = machine()
    told(one, claim(1), claim(2))
    assert sent(one) == {1: {(2, 1)}, 2: {(1, 1)}}


def test_an_echo_counts_however_early_it_comes():
    one, other = machine(0), machine(1)
    told(other, claim(2))
    assert one.on_echo(1, other.echo()) is None
    told(one, claim(2))
    assert 1 not in sent(one)


GOOD = machine(1).echo()
BAD = {
    "a bit that is no seat's": GOOD._replace(single=1 << N),
    "two values of a seat that is none": GOOD._replace(several=1 << N),
    "one value and two": GOOD._replace(single=2, several=2),
    "a mask without tags": GOOD._replace(single=2, tags=b""),
    "a tag too few": GOOD._replace(tags=GOOD.tags[:-TAG_BYTES]),
    "a byte too many": GOOD._replace(tags=GOOD.tags + b"\0"),
    "a short salt": GOOD._replace(salt=GOOD.salt[1:]),
    "a long salt": GOOD._replace(salt=bytes(SALT_BYTES + 1)),
    "the round before": GOOD._replace(round=8),
}


@pytest.mark.parametrize("echo", BAD.values(), ids=BAD)
def test_a_bad_echo_is_none_and_its_sender_is_sent_everything(echo):
    one = machine()
    told(one, claim(2))
    assert one.on_echo(1, echo) is Drop.BAD_ECHO
    assert sent(one)[1] == {(2, 1)}
    assert one.on_echo(1, GOOD) is None


@pytest.mark.parametrize("sender", [-3, -1, 0, 4, N, 2**40])
def test_an_echo_counts_only_from_another_validator(sender):
    one = machine(validators=0b11)
    assert one.on_echo(sender, GOOD) is Drop.UNKNOWN_SEAT
    assert one.on_echo(1, GOOD) is None


def test_the_first_echo_of_a_seat_is_its_only_one():
    one = machine()
    told(one, claim(2))
    assert one.on_echo(1, GOOD) is None
    assert one.on_echo(1, GOOD._replace(several=1 << 2)) is Drop.KNOWN
    assert sent(one)[1] == {(2, 1)}


@pytest.mark.parametrize(("step", "relays", "reason"), [
    (0, (), None), (1, (), None), (2, (), Drop.SHORT_CHAIN), (2, (3,), None), (3, (3,), Drop.SHORT_CHAIN),
    (3, (3, 4), None), (4, (3, 4, 5), Drop.LATE),
])  # fmt: skip
def test_a_chain_is_as_long_as_its_step_and_none_is_taken_after_step_m_plus_one(step, relays, reason):
    assert machine().on_claim(step, claim(2, relays=relays)) is reason


def test_without_attackers_there_is_one_step():
    assert machine(relay_rounds=0).on_claim(1, claim(2)) is Drop.LATE


def test_no_more_of_a_chain_is_sent_on_than_the_next_step_asks_for():
    one = machine()
    told(one, claim(1), claim(2, relays=(3, 4, 5, 6)))
    (frame,) = (frame for peers, frame in one.pushes() if 1 in peers)
    assert [seat for seat, _ in frame.claims[0].relays] == [0]


def test_a_salt_is_its_keys_and_its_slots_own():
    slots = [SLOT, replace(SLOT, round=8), replace(SLOT, parent=bytes(32)), replace(SLOT, separator=bytes(32))]
    assert len({key.salt(slot) for key in KEYS for slot in slots}) == len(KEYS) * len(slots)
    assert KEYS[0].salt(SLOT) == Signer(derive(7, "participant", 0)).salt(SLOT)
    assert machine().echo().salt == KEYS[0].salt(SLOT)[:SALT_BYTES]



@pytest.mark.parametrize("foretold", [True, False])
def test_who_foretells_a_salt_makes_values_of_one_tag_and_who_does_not_gains_nothing(monkeypatch, foretold):
    """The adversary finds, before anybody sends, two contents of one tag under the salt that it expects."""
    bits = 12
    real = EchoBroadcast._tag

    def weak(salt, single, group, firsts):
        tag = real(salt, single, group, firsts)
        return tag and bytes(TAG_BYTES - 2) + (int.from_bytes(tag[:2], "big") >> 16 - bits).to_bytes(2, "big")

    monkeypatch.setattr(EchoBroadcast, "_tag", staticmethod(weak))
    if foretold:
        monkeypatch.setattr(Signer, "salt", lambda self, slot: bytes(32))
    seen = {}
    for number in range(1 << bits):
        content = uint(number, SIZE)
        digest = SLOT.digest(Phase.REPORT, Role.COMMANDER, 3, statement_content(Phase.REPORT, content))
        claimed = Claim(3, content, KEYS[3].sign(digest))
        value = broadcast_value(Phase.REPORT, content, claimed.signature)
        tag = keccak(bytes(SALT_BYTES), value)[:2]
        key = int.from_bytes(tag, "big") >> 16 - bits
        if key in seen:
            pair = seen[key], claimed
            break
        seen[key] = claimed
    one, other = machine(0), machine(1)
    told(one, pair[0])
    told(other, pair[1])
    one.on_echo(1, other.echo())
    other.on_echo(0, one.echo())
    assert (1 not in sent(one)) is foretold


def test_an_echo_has_a_tag_for_each_group():
    assert [groups(seats) for seats in (1, 8, 9, 64, 256)] == [1, 1, 2, 8, 32]
    assert len(machine().echo().tags) == TAG_BYTES * groups(N)
    assert isinstance(machine().echo(), Echo)
