"""actors/: hostile messages are dropped, never raised on; each actor answers what it should and no more."""

from dataclasses import replace

import pytest

from chain_bandit.actors.messages import (
    COMPARISON,
    ENVIRONMENT,
    RELAYER,
    Answer,
    CertifiedBlock,
    Probe,
    PullRequest,
    Question,
    Receipt,
    Schedule,
    Send,
    is_sound,
)
from chain_bandit.comparison.interface import Opening
from chain_bandit.consensus.broadcast import Claim, Frame
from chain_bandit.consensus.certificate import Certificate, Vote
from chain_bandit.consensus.echo import Echo
from chain_bandit.protocol.blocks import SIGNATURE_BYTES
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.messages import NO_BLOCK, Phase, Role, pull_content, receipt_content, tally
from chain_bandit.protocol.units import UNIT

HOSTILE = {
    "an empty probe": Probe((), Frame(Phase.BLOCK, ())),
    "a probe of nobody": Probe(((99, bytes(81)),), Frame(Phase.BLOCK, (Claim(99, bytes(32), bytes(64)),))),
    "a probe without a proof": Probe(((1, b""),), Frame(Phase.BLOCK, (Claim(1, bytes(32), bytes(64)),))),
    "an empty frame": Frame(Phase.REPORT, ()),
    "a frame of no broadcast": Frame(Phase.REWARD, (Claim(1, bytes(40), bytes(64)),)),
    "a claim of nobody": Frame(Phase.REPORT, (Claim(2**70, bytes(40), bytes(64)),)),
    "a claim of a negative seat": Frame(Phase.BLOCK, (Claim(-1, bytes(32), bytes(64)),)),
    "an empty claim": Frame(Phase.BLOCK, (Claim(1, b"", b""),)),
    "a giant claim": Frame(Phase.BLOCK, (Claim(1, bytes(10**5), bytes(10**5)),)),
    "a relay of nobody": Frame(Phase.REPORT, (Claim(1, bytes(40), bytes(64), ((-5, b""), (99, b"x"))),)),
    "a thousand relays": Frame(Phase.BLOCK, (Claim(1, bytes(32), bytes(64), ((2, bytes(64)),) * 1000),)),
    "a vote of nobody": Vote(-1, bytes(32), bytes(64)),
    "a vote without content": Vote(1, b"", b""),
    "a vote without a signature": Vote(1, bytes(32), b""),
    "an answer": Answer(5, {1: (True, True)}),
    "an answer of the wrong shape": Answer(5, {99: ()}),
    "a certified nothing": CertifiedBlock(b"", b"", Certificate(keccak(b""), 0, b"")),
    "a certificate of nobody": CertifiedBlock(b"", b"", Certificate(keccak(b""), 2**300, bytes(64))),
    "a negative mask": CertifiedBlock(b"", b"", Certificate(keccak(b""), -1, bytes(64))),
    "a receipt of a negative reward": Receipt(5, 0, -1, bytes(32), bytes(64)),
    "a receipt of a giant reward": Receipt(5, 0, 2**64, bytes(32), bytes(64)),
    "a receipt of no arm": Receipt(5, 99, 0, bytes(32), bytes(64)),
    "a receipt of a negative arm": Receipt(5, -1, 0, bytes(32), bytes(64)),
    "a receipt of another round": Receipt(4, 0, 0, bytes(32), bytes(64)),
    "an opening": Opening((1, 1), bytes(32)),
    "a question": Question(5, {}),
    "a certificate": Certificate(NO_BLOCK, 15, bytes(256)),
    "a pull": PullRequest(0, bytes(64)),
    "no message at all": object(),
    "nothing": None,
}


def state(seat):
    return (
        seat.participant.counts, seat.participant.totals, seat.validator.agreed, dict(seat.validator.bits or {}),
        [dict(h) for h in seat.validator.reports._held], [dict(h) for h in seat.validator.blocks._held],
        seat.validator.equivocations(), seat._rewarded,
    )  # fmt: skip


@pytest.mark.parametrize("message", HOSTILE.values(), ids=HOSTILE)
def test_a_seat_drops_what_is_hostile_and_answers_nothing_at_every_step(opened, message):
    seat = opened.cast.seats[0]
    for step in range(seat.rules.schedule.steps):
        opened.cast._network.step(step)
        before = state(seat)
        assert seat.on_message(1, message) == []
        assert state(seat) == before


@pytest.mark.parametrize("message", HOSTILE.values(), ids=HOSTILE)
def test_nobody_else_raises_either(opened, message):
    cast = opened.cast
    for step in range(cast.rules.schedule.steps):
        cast._network.step(step)
        for actor in (cast.environment, cast.relayer, cast._comparer):
            for sender in (1, -7, 99):
                actor.on_message(sender, message)
    assert cast.relayer.skip is None
    assert cast.relayer.block.certificate.holds(
        cast.rules.slot(opened.progress.ledger), cast.rules.addresses, 0b1111, 3, cast.environment._verifier
    )


def test_an_answer_counts_only_from_the_comparison(opened):
    seat = opened.cast.seats[0]
    seat.on_message(1, Answer(5, {1: (True, True)}))
    assert seat.validator.bits is None
    seat.on_message(COMPARISON, Answer(4, {1: (True, True)}))
    assert seat.validator.bits is None
    seat.on_message(COMPARISON, Answer(5, {1: (True, True)}))
    assert seat.validator.bits == {1: (True, True)}


def certified_block(opened):
    """The block of round 5 as it was certified."""
    for step in range(opened.cast.rules.schedule.certify + 1):
        opened.cast._network.step(step)
    return opened.cast.relayer.block


def test_a_seat_pulls_on_every_certificate_until_it_has_its_reward(opened):
    block = certified_block(opened)
    seat, environment = opened.cast.seats[0], opened.cast.environment
    assert seat.on_message(1, block) == []
    opened.cast.begin(opened.progress.ledger)
    (early,) = seat.on_message(1, block)
    assert isinstance(early.message, PullRequest)
    assert environment.on_message(0, early.message) == []
    (published,) = environment.on_message(RELAYER, block)
    assert published == Send(opened.cast.rules.everybody, block)
    assert environment.on_message(RELAYER, block) == []
    (again,) = seat.on_message(ENVIRONMENT, block)
    (receipt,) = environment.on_message(0, again.message)
    assert environment.on_message(0, again.message) == [receipt]


def test_a_seat_does_not_pull_on_a_block_that_is_not_certified_here(opened):
    block = certified_block(opened)
    seat = opened.cast.seats[0]
    opened.cast.begin(opened.progress.ledger)
    short = replace(block.certificate, signatures=block.certificate.signatures[:-SIGNATURE_BYTES])
    for bad in (
        replace(block, header=block.header + b"\0"),
        replace(block, body=block.body + b"\0"),
        replace(block, certificate=short),
        replace(block, certificate=replace(block.certificate, content=bytes(32))),
    ):
        assert seat.on_message(1, bad) == []
        assert opened.cast.environment.on_message(1, bad) == []
        opened.cast.relayer.on_message(1, bad)
    assert opened.cast.relayer.block is None
    opened.cast.begin(replace(opened.progress.ledger, round=6))
    assert seat.on_message(1, block) == []


def test_a_quorum_over_a_malformed_header_certifies_nothing(opened):
    """More than m validators signed nonsense: still no block."""
    rules, ledger = opened.cast.rules, opened.progress.ledger
    digest = rules.slot(ledger).digest(Phase.BLOCK, Role.SIGNER, 0, keccak(b"nonsense"))
    signatures = b"".join(opened.plan.participants[seat].sign(digest) for seat in range(3))
    block = CertifiedBlock(b"nonsense", b"", Certificate(keccak(b"nonsense"), 0b111, signatures))
    assert rules.certified_header(ledger, block, opened.verifier) is None
    opened.cast.relayer.on_message(0, block)
    assert opened.cast.relayer.block is None


def test_the_environment_refuses_a_pull_of_no_arm_or_with_anothers_signature(opened):
    block, cast = certified_block(opened), opened.cast
    cast.begin(opened.progress.ledger)
    cast.environment.on_message(RELAYER, block)

    def pull(arm, seat):
        digest = cast.rules.slot(opened.progress.ledger).digest(Phase.REWARD, Role.PULLER, seat, pull_content(arm))
        return PullRequest(arm, opened.plan.participants[seat].sign(digest))

    refused = [pull(2, 0), pull(0, 1), PullRequest(1, pull(0, 0).signature), PullRequest(-1, bytes(64))]
    for request in refused:
        assert cast.environment.on_message(0, request) == []
    assert cast.environment.on_message(9, pull(0, 0)) == []
    assert len(cast.environment.on_message(0, pull(0, 0))) == 1
    assert [p.arm for p in cast.environment.pulls(opened.progress.ledger.round)] == [0, 255, 255, 255]


def test_a_participant_takes_a_receipt_once_and_only_the_environments_next_one(opened):
    participant, rules, ledger = opened.cast.seats[0].participant, opened.cast.rules, opened.progress.ledger
    counts, totals = participant.counts, participant.totals

    def receipt(arm=0, reward=UNIT, signer=None, tallied=None):
        after = tally((counts[0] + 1, counts[1]), (totals[0] + reward, totals[1])) if tallied is None else tallied
        content = receipt_content(arm, reward, after)
        digest = rules.slot(ledger).digest(Phase.REWARD, Role.ENVIRONMENT, 0, content)
        return Receipt(5, arm, reward, after, (signer or opened.plan.environment).sign(digest))

    good = receipt()
    for bad in (
        receipt(signer=opened.plan.participants[1]), receipt(tallied=bytes(32)), replace(good, reward=UNIT - 1),
        replace(good, arm=1), replace(good, round=6), replace(good, signature=b""), replace(good, reward=UNIT + 1),
    ):  # fmt: skip
        assert participant.on_receipt(ledger, bad) is False
    assert (participant.counts, participant.totals) == (counts, totals)
    assert participant.on_receipt(ledger, good) is True
    assert participant.on_receipt(ledger, good) is False
    assert participant.counts == (counts[0] + 1, counts[1])


def test_openings_come_before_questions_and_answers_after(opened):
    comparer, schedule = opened.cast._comparer, opened.cast.rules.schedule
    comparer.on_tick(schedule.compare - 1)
    assert comparer.on_message(0, Question(5, {})) == []
    comparer.on_tick(schedule.compare)
    assert comparer.on_message(0, Question(4, {})) == []
    assert comparer.on_message(0, Opening((1, 1), bytes(32))) == []
    assert comparer.on_message(0, Question(5, {0: bytes(32)})) == [Send((0,), Answer(5, {}))]


def test_validators_without_any_block_sign_that_there_is_none_and_a_quorum_of_them_is_a_skip(opened):
    cast = opened.cast
    votes = [seat.validator.on_tick(cast.rules.schedule.vote)[0].message for seat in cast.seats]
    assert {vote.content for vote in votes} == {NO_BLOCK}
    for seat in cast.seats:
        for vote in votes:
            seat.on_message(vote.seat, vote)
    (send,) = cast.seats[0].validator.on_tick(cast.rules.schedule.certify)
    assert send.to == (RELAYER,)
    cast.relayer.on_message(0, replace(send.message, signers=0b0011))
    assert cast.relayer.skip is None
    cast.relayer.on_message(0, send.message)
    assert cast.relayer.skip == send.message
    assert cast.relayer.block is None
    assert cast.relayer.on_tick(0) == cast.environment.on_tick(0) == []


def test_a_validator_passes_nothing_on_without_a_quorum(opened):
    validator = opened.cast.seats[0].validator
    assert validator.on_tick(opened.cast.rules.schedule.certify) == []
    assert validator.on_tick(99) == []


@pytest.mark.parametrize("m", [0, 1, 2, 5])
def test_the_schedule_leaves_m_relay_steps_to_each_broadcast_whose_values_are_relayed(m):
    schedule = Schedule(m, m)
    echo = m > 0
    assert (schedule.last_report, schedule.compare, schedule.propose) == (m + echo, m + echo + 1, m + echo + 2)
    assert schedule.vote - schedule.propose == m + 1
    assert (schedule.certify, schedule.steps) == (schedule.vote + 1, schedule.vote + 2)
    unrelayed = Schedule(m, 0)
    assert (unrelayed.propose, unrelayed.vote, unrelayed.steps) == (m + echo + 2, m + echo + 3, m + echo + 5)


GOOD = Claim(0, bytes(40), bytes(64), ((1, bytes(64)),))
SOUND = [
    Frame(Phase.REPORT, (GOOD,)), Opening((1, 2), bytes(32)), Question(1, {0: bytes(32)}), Answer(1, {0: (True,)}),
    Echo(1, 1, 0, bytes(8), bytes(8)), Vote(0, bytes(32), bytes(64)),
    Certificate(bytes(32), 3, bytes(128)), PullRequest(0, bytes(64)),
    CertifiedBlock(b"", b"", Certificate(bytes(32), 3, bytes(128))), Receipt(1, 0, 5, bytes(32), bytes(64)),
]  # fmt: skip
UNSOUND = [
    None, object(), "text", Frame(1, (GOOD,)), Frame(Phase.REPORT, [GOOD]), Frame(Phase.REPORT, (None,)),
    Frame(Phase.REPORT, (GOOD._replace(instance="0"),)), Frame(Phase.REPORT, (GOOD._replace(content="x" * 40),)),
    Frame(Phase.REPORT, (GOOD._replace(relays=((1,),)),)), Frame(Phase.REPORT, (GOOD._replace(relays=(None,)),)),
    Frame(Phase.REPORT, (GOOD._replace(relays=((1, None),)),)), Opening([1, 2], bytes(32)), Opening((1.5,), bytes(32)),
    Opening((1,), None), Question(1, {0: []}), Question(None, {}), Answer(1, {0: [True]}), Answer(1, {0: (1,)}),
    Vote(None, bytes(32), bytes(64)), Vote(0, None, None), Certificate(None, 3, b""), Certificate(b"", None, b""),
    CertifiedBlock(b"", b"", None), CertifiedBlock(None, b"", Certificate(b"", 0, b"")), PullRequest("0", b""),
    Receipt(1, 0, 0.5, b"", b""), Receipt(1, 0, 5, None, b""),
]  # fmt: skip


@pytest.mark.parametrize("message", UNSOUND)
def test_what_no_decoder_would_give_is_not_sent_on(message):
    assert not is_sound(Send((0,), message))


def test_what_is_not_sent_to_seats_is_not_sent_on():
    assert not is_sound(None)
    assert not is_sound(Send([0], SOUND[0]))
    assert not is_sound(Send(("0",), SOUND[0]))


@pytest.mark.parametrize("message", SOUND)
def test_what_a_decoder_would_give_is_sent_on(message):
    assert is_sound(Send((0, -1), message))
