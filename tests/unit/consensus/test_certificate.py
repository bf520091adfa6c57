"""consensus/certificate.py and consensus/evidence.py: the contract's rule, and what proves an equivocation."""

import sys
from dataclasses import replace

import pytest

from chain_bandit.consensus.certificate import Certificate, Vote, Votes
from chain_bandit.consensus.evidence import Equivocation
from chain_bandit.crypto.keys import Signer, derive
from chain_bandit.crypto.verify import Verifier
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.messages import NO_BLOCK, Domain, Phase, Role, Slot, statement_content

KEYS = [Signer(derive(8, "participant", seat)) for seat in range(5)]
ADDRESSES = [key.address for key in KEYS[:4]]
SLOT = Slot(Domain(1, b"\1" * 20, b"\2" * 32).separator(), 9, b"\3" * 32)
LATER = replace(SLOT, round=10)
BLOCK, OTHER = b"\5" * 32, b"\6" * 32
EVERYBODY = 0b1111


def signature(seat, content=BLOCK, slot=SLOT, phase=Phase.BLOCK, role=Role.SIGNER, instance=0):
    return KEYS[seat].sign(slot.digest(phase, role, instance, content))


def vote(seat, content=BLOCK, **where):
    return Vote(seat, content, signature(seat, content, **where))


def votes():
    return Votes(SLOT, ADDRESSES, EVERYBODY, 3, Verifier())


def certified(seats=(0, 1, 3), content=BLOCK, **where):
    return Certificate(content, sum(1 << s for s in seats), b"".join(signature(s, content, **where) for s in seats))


BAD_VOTES = {
    "of no seat": replace(vote(0), seat=-1),
    "of a seat too many": vote(4),
    "of an empty content": Vote(0, b"", signature(0)),
    "of a long content": Vote(0, BLOCK + b"\0", signature(0, BLOCK + b"\0")),
    "of another seat": replace(vote(0), seat=1),
    "of another content": replace(vote(0), content=OTHER),
    "of another round": vote(0, slot=LATER),
    "as a commander": vote(0, role=Role.COMMANDER),
    "of another instance": vote(0, instance=1),
    "of another phase": vote(0, phase=Phase.REPORT),
    "without a signature": replace(vote(0), signature=b""),
}


@pytest.mark.parametrize("bad", BAD_VOTES.values(), ids=BAD_VOTES)
def test_a_vote_is_not_counted_when_it_is(bad):
    held = votes()
    assert held.on_vote(bad) is False
    assert held.on_vote(vote(2))
    assert held.on_vote(vote(3))
    assert held.certificate(bad.content) is None


def test_a_vote_counts_once():
    held = votes()
    assert [held.on_vote(vote(0)) for _ in range(3)] == [True, False, False]
    held.on_vote(vote(1))
    assert held.certificate(BLOCK) is None


def test_a_quorum_makes_one_certificate_of_the_lowest_seats_in_whatever_order_they_voted():
    for order in ((3, 2, 1, 0), (0, 1, 2, 3), (2, 0, 3, 1)):
        held = votes()
        assert all(held.on_vote(vote(seat)) for seat in order)
        assert held.certificate(BLOCK) == certified((0, 1, 2))
    assert held.certificate(NO_BLOCK) is None
    assert held.certificate(BLOCK).holds(SLOT, ADDRESSES, EVERYBODY, 3, Verifier())


def test_votes_for_different_contents_do_not_add_up():
    held = votes()
    for each in (vote(0), vote(1), vote(2, OTHER), vote(3, NO_BLOCK)):
        assert held.on_vote(each)
    assert held.certificate(BLOCK) is held.certificate(OTHER) is held.certificate(NO_BLOCK) is None


def test_votes_for_anything_else_are_told_in_one_order_whatever_the_order_they_came_in():
    cast = [vote(3, OTHER), vote(1, NO_BLOCK), vote(0), vote(1)]
    for order in (cast, cast[::-1]):
        held = votes()
        assert all(map(held.on_vote, order))
        assert held.other_than(BLOCK) == [vote(1, NO_BLOCK), vote(3, OTHER)]
        assert held.other_than(NO_BLOCK) == [vote(0), vote(1), vote(3, OTHER)]


GOOD = certified()
BAD_CERTIFICATES = {
    "nobody signed": Certificate(BLOCK, 0, b""),
    "one short of a quorum": certified((0, 1)),
    "a signature is missing": replace(GOOD, signatures=GOOD.signatures[:-64]),
    "a signature too many": replace(GOOD, signatures=GOOD.signatures + bytes(64)),
    "a byte is missing": replace(GOOD, signatures=GOOD.signatures[:-1]),
    "the mask names others": replace(GOOD, signers=0b0111),
    "the mask names one more": replace(GOOD, signers=0b1111),
    "the signatures are in another order": replace(GOOD, signatures=GOOD.signatures[64:] + GOOD.signatures[:64]),
    "one signature stands thrice": replace(GOOD, signatures=GOOD.signatures[:64] * 3),
    "a signer is no validator": certified((0, 1, 4)),
    "the content is another": replace(GOOD, content=OTHER),
    "it is of another round": certified(slot=LATER),
    "commanders signed it": certified(role=Role.COMMANDER),
}


@pytest.mark.parametrize("bad", BAD_CERTIFICATES.values(), ids=BAD_CERTIFICATES)
def test_a_certificate_does_not_hold_when(bad):
    assert not bad.holds(SLOT, ADDRESSES, EVERYBODY, 3, Verifier())


@pytest.mark.parametrize("seats", [(0, 1, 3), (1, 2, 3), (0, 1, 2, 3)])
def test_a_certificate_holds_with_a_quorum_or_more(seats):
    assert certified(seats).holds(SLOT, ADDRESSES, EVERYBODY, 3, Verifier())


def test_votes_and_signers_outside_the_committee_do_not_count():
    committee = 0b1011
    held = Votes(SLOT, ADDRESSES, committee, 3, Verifier())
    assert [held.on_vote(vote(seat)) for seat in range(4)] == [True, True, False, True]
    assert held.certificate(BLOCK) == certified((0, 1, 3))
    assert certified((0, 1, 3)).holds(SLOT, ADDRESSES, committee, 3, Verifier())
    for seats in ((0, 1, 2), (0, 1, 2, 3)):
        assert not certified(seats).holds(SLOT, ADDRESSES, committee, 3, Verifier())
    assert not replace(certified((0, 1, 3)), signers=-1).holds(SLOT, ADDRESSES, committee, 3, Verifier())


def test_two_votes_of_one_seat_prove_it_false():
    held = votes()
    for each in (vote(0), vote(2, NO_BLOCK), vote(2), vote(1)):
        assert held.on_vote(each)
    assert not held.on_vote(vote(2, OTHER))  # two contents prove it false, a third is not kept
    (proof,) = held.equivocations()
    assert (proof.instance, proof.role, proof.content, proof.other_content) == (2, Role.SIGNER, NO_BLOCK, BLOCK)
    assert proof.proves(ADDRESSES, Verifier())


@pytest.mark.parametrize(("equivocators", "both"), [(set(), False), ({1}, False), ({1, 2}, True)])
def test_two_of_four_that_equivocate_certify_two_blocks_and_one_does_not(equivocators, both):
    """The bound of the promise: m = 1, quorum 3. Everybody else signs one of the two, in every way."""
    pairs = 0
    for firsts in range(16):
        one = {seat for seat in range(4) if firsts >> seat & 1} | equivocators
        other = set(range(4)) - one | equivocators
        held = [
            certified(sorted(seats), content).holds(SLOT, ADDRESSES, EVERYBODY, 3, Verifier())
            for seats, content in ((one, BLOCK), (other, OTHER))
        ]
        pairs += all(held)
    assert bool(pairs) == both


def test_votes_prove_nothing_when_everybody_signed_once():
    held = votes()
    for each in (vote(0), vote(1, OTHER), vote(2, NO_BLOCK)):
        held.on_vote(each)
    assert held.equivocations() == []


def proof(phase=Phase.BLOCK, role=Role.COMMANDER, seat=1, one=BLOCK, other=OTHER, instance=None, slot=SLOT):
    at = (0 if role is Role.SIGNER else seat) if instance is None else instance
    signed = [signature(seat, statement_content(phase, c), slot, phase, role, at) for c in (one, other)]
    return Equivocation(SLOT, phase, role, seat, one, signed[0], other, signed[1])


TRUE_PROOF = proof()
NO_PROOFS = {
    "one content twice": proof(other=BLOCK),
    "of an honest relay": proof(role=Role.RELAY),
    "of a puller": proof(Phase.REWARD, Role.PULLER),
    "of the environment": proof(Phase.REWARD, Role.ENVIRONMENT),
    "of a report's signer": proof(Phase.REPORT, Role.SIGNER),
    "of a report's relay": proof(Phase.REPORT, Role.RELAY),
    "against no seat": replace(TRUE_PROOF, instance=-1),
    "against a seat too many": proof(seat=4),
    "against another seat": replace(TRUE_PROOF, instance=2),
    "of another round": proof(slot=LATER),
    "in another role": replace(TRUE_PROOF, role=Role.SIGNER),
    "in another phase": replace(TRUE_PROOF, phase=Phase.REPORT),
    "with the first signature twice": replace(TRUE_PROOF, other_signature=TRUE_PROOF.signature),
    "with no first signature": replace(TRUE_PROOF, signature=b""),
    "with no second signature": replace(TRUE_PROOF, other_signature=b""),
    "of a signer in a commander's instance": proof(role=Role.SIGNER, instance=1),
    "of contents too short for the contract": proof(role=Role.SIGNER, one=b"\1" * 31, other=b"\2" * 31),
    "of contents too long for the contract": proof(one=b"\1" * 33, other=b"\2" * 33),
    "of one content too long": proof(other=b"\2" * 33),
    "of one content that is none": proof(other=b""),
}


@pytest.mark.parametrize("false", NO_PROOFS.values(), ids=NO_PROOFS)
def test_a_proof_proves_nothing(false):
    assert not false.proves(ADDRESSES, Verifier())


@pytest.mark.parametrize(
    "true",
    [
        TRUE_PROOF, proof(seat=0), proof(seat=3), proof(role=Role.SIGNER),
        proof(Phase.REPORT, one=b"\1" * 40, other=b"\2" * 40),
    ],
)  # fmt: skip
def test_a_proof_holds_in_each_of_the_three_roles(true):
    assert true.proves(ADDRESSES, Verifier())


def test_calldata_of_a_proof_names_the_slot_and_both_signed_contents():
    one, other = b"\1" * 40, b"\2" * 40
    given = proof(Phase.REPORT, one=one, other=other)
    signatures = (given.signature[:32], given.signature[32:]), (given.other_signature[:32], given.other_signature[32:])
    assert given.calldata() == (1, 9, b"\3" * 32, 1, 1, keccak(one), *signatures[0], keccak(other), *signatures[1])
    assert proof().calldata()[5] == BLOCK


@pytest.mark.parametrize("phase", [Phase.REPORT, Phase.BLOCK])
def test_nothing_is_kept_of_the_contents_of_a_proof(phase):
    """They may be as long as a frame, and anybody may make ever more of them up."""
    one, other = b"\1" * 5000, b"\2" * 5000
    held = sys.getrefcount(one), sys.getrefcount(other)
    assert not Equivocation(SLOT, phase, Role.COMMANDER, 1, one, b"", other, b"").proves(ADDRESSES, Verifier())
    assert (sys.getrefcount(one), sys.getrefcount(other)) == held


def test_two_signatures_of_one_content_prove_nothing(twice_signed):
    one, other = twice_signed(KEYS[1], SLOT.digest(Phase.BLOCK, Role.COMMANDER, 1, BLOCK))
    assert one != other
    accusation = Equivocation(SLOT, Phase.BLOCK, Role.COMMANDER, 1, BLOCK, one, BLOCK, other)
    assert not accusation.proves(ADDRESSES, Verifier())
