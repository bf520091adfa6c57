"""consensus/vector.py: what certifies a vector, to whom it is handed on, and which vectors count."""

import tracemalloc
from itertools import product

import pytest

from chain_bandit.consensus.broadcast import Claim, Drop, Frame
from chain_bandit.consensus.echo import Echo, EchoBroadcast
from chain_bandit.consensus.vector import NO_SEAT, Vector, VectorBroadcast, vector_content
from chain_bandit.crypto.keys import Signer, derive
from chain_bandit.crypto.verify import Verifier
from chain_bandit.protocol.messages import Domain, Phase, Role, Slot, statement_content

N, M, SIZE = 7, 2, 40
QUORUM = (N + M) // 2 + 1
EVERYBODY = 2**N - 1
KEYS = [Signer(derive(7, "participant", seat)) for seat in range(N)]
ADDRESSES = [key.address for key in KEYS]
SLOT = Slot(Domain(1, b"\1" * 20, b"\2" * 32).separator(), 9, b"\3" * 32)
VERIFIER = Verifier()
LIAR = N - 1


def machine(seat=0, validators=EVERYBODY):
    return VectorBroadcast(
        SLOT, seat, ADDRESSES, EVERYBODY, validators, SIZE, M, KEYS[seat], VERIFIER, QUORUM
    )


def claim(instance, content=1):
    content = bytes([content]) * SIZE
    digest = SLOT.digest(Phase.REPORT, Role.COMMANDER, instance, statement_content(Phase.REPORT, content))
    return Claim(instance, content, KEYS[instance].sign(digest))


def told(one, *claims, step=0):
    for each in claims:
        one.on_frame(step, Frame(Phase.REPORT, (each,)), each.instance)


def everybody(liar=lambda seat: 1):
    """Validators that hold one value of everybody, but of the liar what it told each; None: nothing."""
    machines = [machine(seat) for seat in range(N)]
    for seat, one in enumerate(machines):
        one.open(bytes([1]) * SIZE)
        told(one, *(claim(other) for other in range(N) if other not in (seat, LIAR)))
        said = liar(seat)
        if seat != LIAR:
            told(one, *(claim(LIAR, content) for content in ([said] if isinstance(said, int) else said or [])))
    return machines


def step(machines, number, deaf=()):
    """One step in which all say what they have to; those to whom nothing comes are deaf."""
    said = [(seat, one.said(number)) for seat, one in enumerate(machines)]
    for seat, posts in said:
        for peers, message in posts:
            for peer in peers:
                if peer not in deaf:
                    give(machines[peer], seat, number, message)
    return said


def give(one, sender, number, message):
    if isinstance(message, Echo):
        return one.on_echo(sender, message)
    if isinstance(message, Vector):
        return one.on_vector(sender, number, message)
    return one.on_frame(number, message, sender)


def vectors(said):
    """(sender, peers, vector) of each that has a certificate."""
    return [
        (seat, peers, message) for seat, posts in said for peers, message in posts
        if isinstance(message, Vector) and message.signers
    ]  # fmt: skip


def sealed(values, signers, relays, round_=SLOT.round, given=None):
    """A vector as somebody could make it with the keys of those who sign."""
    content = vector_content(values)
    digest = SLOT.digest(Phase.REPORT, Role.SIGNER, 0, content)
    relay = SLOT.digest(Phase.REPORT, Role.RELAY, NO_SEAT, content)
    return Vector(
        round_, sum(1 << each for each in values), tuple(values.values()) if given is None else given,
        sum(1 << each for each in signers), b"".join(KEYS[each].sign(digest) for each in sorted(signers)),
        tuple((each, KEYS[each].sign(relay)) for each in relays),
    )  # fmt: skip


ALL = {seat: claim(seat) for seat in range(N)}
SIGNERS = range(QUORUM)


def test_who_all_hold_the_same_are_done_in_step_1_and_hand_nothing_on():
    machines = everybody()
    step(machines, 1)
    assert all(one.is_settled and one.is_unanimous for one in machines)
    assert not any(one.is_certified for one in machines)
    said = step(machines, 2)
    assert [message for _, posts in said for _, message in posts] == [Vector(SLOT.round)] * N
    assert all(one.is_certified for one in machines)
    assert [one.outcome(3) for one in machines] == [claim(3)] * N
    assert step(machines, 3) == [(seat, []) for seat in range(N)]


def test_a_seat_that_says_nothing_is_in_nobody_s_vector_and_changes_nothing_else():
    machines = everybody(lambda seat: None)
    step(machines[:LIAR], 1, deaf=(LIAR,))
    step(machines[:LIAR], 2, deaf=(LIAR,))
    assert all(one.is_certified and not one.is_unanimous for one in machines[:LIAR])
    assert {one.outcome(LIAR) for one in machines[:LIAR]} == {None}


def test_an_echo_of_anything_else_or_signed_by_another_does_not_count():
    machines = everybody(lambda seat: 1 if seat < 4 else 2)
    echoes = [one.echo() for one in machines]
    one = machines[0]
    assert one.on_echo(1, echoes[1]) is None
    assert one.on_echo(2, echoes[2]._replace(signature=echoes[1].signature)) is None
    assert one.on_echo(3, echoes[3]._replace(signature=b"")) is Drop.BAD_ECHO
    for peer in (3, 4, 5, 6):
        assert one.on_echo(peer, echoes[peer]) is None
    assert len(one._alike._by_content[vector_content(one._echoed)]) == 4, "its own, and of 1, 3 and 6"
    assert not one.is_settled


def test_echoes_count_that_come_before_one_s_own_and_none_that_comes_after_tick_2():
    early, late = everybody()[0], everybody()[0]
    others = [one.echo() for one in everybody()]
    for peer in range(1, N):
        early.on_echo(peer, others[peer])
    early.echo()
    assert early.is_settled
    late.echo()
    late.said(2)
    for peer in range(1, N):
        late.on_echo(peer, others[peer])
    assert not late.is_settled
    assert not late.is_certified
    assert late.said(3) == []


def test_who_does_not_say_that_it_holds_it_is_handed_the_vector_with_what_it_has_not_shown():
    """Two hold another value of the liar than the others, whose echoes are a quorum with its own."""
    machines = everybody(lambda seat: 2 if seat in (4, 5) else 1)
    step(machines, 1)
    step(machines, 2)
    assert [one.is_certified for one in machines] == [True, True, True, True, False, False, True]
    assert [one.outcome(LIAR) for one in machines[4:6]] == [None, None], "they were pushed the other value"
    said = step(machines, 3)
    assert {(seat, peers) for seat, peers, _ in vectors(said)} == {(seat, (4, 5)) for seat in (0, 1, 2, 3, 6)}
    assert {vector.values for _, _, vector in vectors(said)} == {tuple(ALL.values())}, "one group of eight is unlike"
    assert [one.outcome(LIAR) for one in machines] == [claim(LIAR)] * N
    assert [len(one._chain or ()) for one in machines[4:6]] == [1, 1]
    assert [(seat, peers) for seat, peers, _ in vectors(step(machines, 4))] == [(4, (5,)), (5, (4,))]
    assert vectors(step(machines, 5)) == [], "once, and to nobody who has it"
    assert {proof.instance for one in machines[4:6] for proof in one.equivocations()} == {LIAR}


def test_a_third_content_is_the_outcome_where_it_is_certified():
    machines = everybody(lambda seat: (2, 3) if seat == 4 else 1)
    for number in (1, 2, 3):
        step(machines, number)
    assert [one.outcome(LIAR) for one in machines] == [claim(LIAR)] * N
    assert {held.content[0] for held in machines[4]._held[LIAR].values()} == {2, 3}, "two are proof enough"


@pytest.mark.parametrize("number", range(M + 6))
def test_a_vector_counts_with_a_relay_more_from_step_to_step_and_not_after_the_last(number):
    asked = max(1, number - 2)
    for many in range(M + 3):
        one = machine()
        reason = one.on_vector(LIAR, number, sealed(ALL, SIGNERS, range(1, 1 + many)))
        if number > M + 3:
            assert reason is Drop.LATE
        else:
            assert reason is (None if many >= asked else Drop.SHORT_CHAIN)
        assert one.is_certified is (reason is None)


def test_of_a_chain_no_more_is_handed_on_than_the_next_step_asks_for():
    one = machine()
    told(one, *(claim(peer) for peer in range(1, N)))
    assert one.on_vector(LIAR, 3, sealed(ALL, SIGNERS, range(1, N))) is None
    ((_, vector),) = [(peers, said) for peers, said in one.said(4) if isinstance(said, Vector)]
    assert [seat for seat, _ in vector.relays] == [1, 0]


BAD = {
    "of another round": (sealed(ALL, SIGNERS, [1], round_=8), Drop.BAD_VECTOR),
    "of a seat that is none": (sealed(ALL, SIGNERS, [1])._replace(single=1 << N), Drop.BAD_VECTOR),
    "with a value missing": (sealed(ALL, SIGNERS, [1], given=()), Drop.BAD_VECTOR),
    "with a value of no instance of it": (
        sealed({1: claim(1)}, SIGNERS, [1], given=(claim(1), claim(2))), Drop.BAD_VECTOR
    ),
    "with a value of a negative instance": (
        sealed(ALL, SIGNERS, [1])._replace(values=(claim(1)._replace(instance=-1),)), Drop.BAD_VECTOR
    ),
    "with a value of a great instance": (
        sealed(ALL, SIGNERS, [1])._replace(values=(claim(1)._replace(instance=2**32 - 1),)), Drop.BAD_VECTOR
    ),
    "with a value twice": (sealed(ALL, SIGNERS, [1], given=(*ALL.values(), claim(1))), Drop.BAD_VECTOR),
    "with a relayed value": (
        sealed(ALL, SIGNERS, [1], given=(claim(1)._replace(relays=((2, bytes(64)),)),)), Drop.BAD_VECTOR
    ),
    "with a value that its commander did not sign": (
        sealed({1: claim(1)._replace(signature=bytes(64))}, SIGNERS, [1]), Drop.BAD_VECTOR
    ),
    "of another value": (
        sealed(ALL, SIGNERS, [1], given=(ALL | {LIAR: claim(LIAR, 2)}).values()), Drop.BAD_SIGNATURE
    ),
    "a signature short": (sealed(ALL, range(QUORUM - 1), [1]), Drop.BAD_SIGNATURE),
    "signed by others than it says": (
        sealed(ALL, SIGNERS, [1])._replace(signers=sum(1 << each for each in range(1, QUORUM + 1))), Drop.BAD_SIGNATURE
    ),
    "relayed twice by one": (sealed(ALL, SIGNERS, [1, 1]), Drop.REPEATED_SIGNER),
    "relayed by a seat that is none": (
        sealed(ALL, SIGNERS, [1])._replace(relays=((N, bytes(64)),)), Drop.UNKNOWN_SEAT
    ),
    "relayed by a negative seat": (
        sealed(ALL, SIGNERS, [1])._replace(relays=((-1, bytes(64)),)), Drop.UNKNOWN_SEAT
    ),
    "relayed in another's hand": (
        sealed(ALL, SIGNERS, [1])._replace(relays=((2, sealed(ALL, SIGNERS, [1]).relays[0][1]),)), Drop.BAD_SIGNATURE
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_vector_is_none(name):
    vector, reason = BAD[name]
    one = machine()
    assert one.on_vector(LIAR, 3, vector) is reason
    assert not one.is_certified
    assert one.on_vector(1, 3, sealed(ALL, SIGNERS, [1])) is None


def test_one_vector_of_a_sender_is_checked_in_a_round_and_what_is_refused_for_nothing_does_not_count(monkeypatch):
    one, asked, real = machine(), [], Verifier.is_signed_by
    monkeypatch.setattr(Verifier, "is_signed_by", lambda self, *given: asked.append(given) or real(self, *given))
    assert one.on_vector(LIAR, 3, sealed(ALL, SIGNERS, [])) is Drop.SHORT_CHAIN
    assert not asked
    assert one.on_vector(LIAR, 3, BAD["relayed in another's hand"][0]) is Drop.BAD_SIGNATURE
    many = len(asked)
    assert many > 0
    assert [one.on_vector(LIAR, 3, sealed(ALL, SIGNERS, [1])) for _ in range(3)] == [Drop.KNOWN] * 3
    assert len(asked) == many



def test_a_great_instance_takes_no_memory():
    """Of 2^32 bits, as the mask of one would be."""
    vector = sealed(ALL, SIGNERS, [1])._replace(values=(claim(1)._replace(instance=2**32 - 1),))
    one = machine()
    tracemalloc.start()
    try:
        one.on_vector(LIAR, 3, vector)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_a_vector_counts_from_validators_alone_and_once():
    one = machine(validators=EVERYBODY & ~(1 << LIAR))
    good = sealed(ALL, SIGNERS, [1])
    for sender in (LIAR, 0, -1, N):
        assert one.on_vector(sender, 3, good) is Drop.UNKNOWN_SEAT
    assert one.on_vector(1, 3, good) is None
    assert one.on_vector(2, 3, good) is Drop.KNOWN
    assert one.on_vector(2, 3, Vector(SLOT.round)) is None


def test_beside_a_certified_vector_a_claim_is_kept_where_it_proves_something_alone():
    one = machine()
    values = {seat: claim(seat) for seat in range(LIAR)}
    assert one.on_vector(1, 2, sealed(values, SIGNERS, [1])) is None
    assert one.on_claim(2, claim(LIAR)._replace(relays=())) is Drop.PROVES_NOTHING
    signed = claim(1, 2)
    value = EchoBroadcast._relay_digest(one, signed)
    assert one.on_claim(2, signed._replace(relays=((2, KEYS[2].sign(value)),))) is None
    assert [proof.instance for proof in one.equivocations()] == [1]
    assert one.outcome(1) == claim(1)
    assert one.outcome(LIAR) is None


def test_no_two_vectors_of_a_quorum_each_and_one_honest_word_a_seat():
    """However the honest split over two vectors, with all corrupt signing both: one at most is certified."""
    for n, m in ((4, 1), (5, 1), (7, 2), (10, 3)):
        quorum = (n + m) // 2 + 1
        assert quorum <= n - m
        for split in product((0, 1), repeat=n - m):
            assert (sum(split) + m >= quorum) + (n - m - sum(split) + m >= quorum) <= 1
