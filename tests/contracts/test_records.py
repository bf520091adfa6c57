"""Blocks, skips, deadlines, explorations: what is recorded, and what is refused with which error."""

from dataclasses import replace

import pytest

from chain_bandit.protocol.blocks import Kind, Report, mask
from chain_bandit.protocol.digests import ZERO, keccak
from chain_bandit.protocol.messages import Domain, Phase, Role, Slot
from chain_bandit.protocol.submission import Submitted
from chain_bandit.protocol.units import UNIT
from tests.contracts.harness import BASE, CHAIN_ID, FUNCTIONS, Game, hexed, high_s, parameters
from tests.few import few


def state(game: Game) -> tuple:
    return tuple(game.view(name) for name in ("head", "progress", "reputations"))


def refused(game: Game, *blocks: Submitted) -> tuple:
    before = state(game)
    error = game.submit(*blocks).error
    assert state(game) == before
    return error


def test_a_block_is_recorded_as_approved(game):
    game.approve()
    assert game.view("isApproved", BASE.burn_in)
    assert (game.view("head"), game.view("nextRound")) == (game.ledger.head, BASE.burn_in + 1)
    game.approve(reporters=(0, 3))
    game.approve(reporters=(2,))
    assert game.view("progress") == (BASE.burn_in + 3, 0, 0, 0, 1, 1001, 0, 0b1110000, 0)


def test_a_block_without_reports_is_recorded_as_rejected(game):
    game.add(reporters=())
    assert not game.view("isApproved", BASE.burn_in)
    game.check()


def test_a_block_takes_any_quorum_and_more(game):
    for signers in ((1, 2, 3), (0, 1, 3), (0, 1, 2, 3)):
        header, body = game.block()
        assert game.submit(game.submitted(header, body, signers)).accepted
        game.record(Kind.APPROVED, header)
    game.check()


def test_a_block_of_another_round_or_parent_has_another_digest(game):
    """Neither is in calldata: the contract puts in its own, and no signature fits."""
    for change in (
        {"round": BASE.burn_in - 1}, {"round": BASE.burn_in + 1}, {"round": 2**32 - 1}, {"parent": ZERO}, {"blocked": 1}
    ):  # fmt: skip
        assert refused(game, game.submitted(*game.block(**change)))[:2] == ("InvalidSignature", 0)


@pytest.mark.parametrize("change", [{"means": (UNIT // 2, 7)}, {"accuracies": (1, 2, 3, 4)}, {"body": ZERO}])
def test_a_full_block_that_states_what_its_reports_do_not_come_to_has_another_digest(game, change):
    assert refused(game, game.submitted(*game.block(**change)))[:2] == ("InvalidSignature", 0)


def test_a_block_is_refused_when_it_is_replayed(game):
    submitted = game.submitted(*game.block())
    assert game.submit(submitted).accepted
    assert refused(game, submitted)[:2] == ("InvalidSignature", 0)
    game = Game().open()
    assert refused(game, game.submitted(*game.block()), submitted)[0] == "InvalidSignature"


def test_every_byte_of_a_body_counts(game):
    header, body = game.block()
    data = game.calldata(game.submitted(header, body))
    at = data.index(body)
    for place in range(at, at + len(body)):
        changed = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        assert game.send(changed).error[0] in {"InvalidSignature", "EstimatorOutOfRange"}
    assert game.send(data).accepted


def test_a_block_is_refused_when_a_signer_has_no_seat(game):
    p = parameters(participants=5)
    game = Game(p).open()
    submitted = game.submitted(*game.block())
    more = replace(submitted, signers=submitted.signers | 1 << 7, signatures=submitted.signatures + bytes(64))
    assert refused(game, more) == ("UnknownSigners", submitted.signers | 1 << 7, 0b11111)


def test_a_block_is_refused_when_the_quorum_is_missing(game):
    header, body = game.block()
    for signers in ((3,), (0, 3)):
        assert refused(game, game.submitted(header, body, signers)) == ("QuorumMissing", len(signers), 3)
    assert refused(game, game.submitted(header, body, ())) == ("CertificateMissing", game.ledger.round)


@pytest.mark.parametrize(
    "forge",
    [
        lambda game, good, digest: bytes(64),
        lambda game, good, digest: good[:32] + bytes(32),
        lambda game, good, digest: bytes(32) + good[32:],
        lambda game, good, digest: good[:-1] + bytes([good[-1] ^ 1]),
        lambda game, good, digest: good[:32] + bytes([good[32] ^ 128]) + good[33:],
        lambda game, good, digest: high_s(good),
        lambda game, good, digest: game.signers[2].sign(digest),
        lambda game, good, digest: b"\xff" * 64,
    ],
    ids=["zero", "zero s", "zero r", "bit", "parity", "high s", "somebody else's", "ones"],
)
def test_a_block_is_refused_when_a_signature_is_not_its_signers(game, forge):
    header, body = game.block()
    submitted = game.submitted(header, body)
    signatures = submitted.signatures
    forged = forge(game, signatures[64:128], game.digest_of(keccak(header.encode(BASE))))
    wrong = replace(submitted, signatures=signatures[:64] + forged + signatures[128:])
    assert refused(game, wrong) == ("InvalidSignature", 1, hexed(game.seats[1]))


def test_a_block_is_refused_when_signatures_are_not_by_ascending_seat(game):
    submitted = game.submitted(*game.block())
    signatures = submitted.signatures
    swapped = signatures[64:128] + signatures[:64] + signatures[128:]
    assert refused(game, replace(submitted, signatures=swapped))[:2] == ("InvalidSignature", 0)
    doubled = signatures[:64] * 3
    assert refused(game, replace(submitted, signatures=doubled))[:2] == ("InvalidSignature", 1)


@pytest.mark.parametrize(
    "part", ["chain", "contract", "game", "round", "parent", "phase", "role", "instance", "content"]
)
def test_a_block_is_refused_when_the_signed_slot_is_another(game, part):
    header, body = game.block()
    content = keccak(header.encode(BASE))
    domain = Domain(
        CHAIN_ID + (part == "chain"),
        ZERO[:20] if part == "contract" else game.address,
        ZERO if part == "game" else game.digest,
    )
    slot = Slot(domain.separator(), header.round + (part == "round"), ZERO if part == "parent" else header.parent)
    digest = slot.digest(
        Phase.REPORT if part == "phase" else Phase.BLOCK,
        Role.COMMANDER if part == "role" else Role.SIGNER,
        int(part == "instance"),
        ZERO if part == "content" else content,
    )
    signatures = b"".join(key.sign(digest) for key in game.signers[:3])
    wrong = replace(game.submitted(header, body), signatures=signatures)
    assert refused(game, wrong)[:2] == ("InvalidSignature", 0)


@pytest.mark.parametrize(
    "call", ["skip", "skipAfterDeadline", "reportEquivocation", "settleRewards", "reveal", "settleCosts"]
)
def test_other_calls_revert_when_a_byte_follows_the_calldata(game, call):
    arguments = {
        "skip": (0, *game.certificate(ZERO)),
        "skipAfterDeadline": (0,),
        "reportEquivocation": ((0, 4, ZERO, 1, 1, *[ZERO] * 6),),
        "settleRewards": (5, b""),
        "reveal": (game.secret, game.roles, game.model),
        "settleCosts": ([],),
    }[call]
    data = FUNCTIONS[call].encode(*arguments)
    error = game.machine.call(game.environment, game.address, data + b"\0").error
    assert error == ("NonCanonicalCalldata", len(data) + 1, len(data))


def test_skip_records_what_a_quorum_signed(game):
    game.skip()
    assert game.view("progress")[:4] == (BASE.burn_in + 1, 1, 1, 0)
    assert not game.view("isApproved", BASE.burn_in)
    assert game.view("reputations") == (32768 - BASE.skip_penalty,) * 4


def test_skip_reverts_without_a_quorum_on_no_block(game):
    signers, signatures = game.certificate(ZERO)

    def error(*arguments: object) -> tuple:
        return game.refused(game.anybody, "skip", 0, *arguments)

    assert error(3, signatures[:128]) == ("QuorumMissing", 2, 3)
    assert error(31, signatures) == ("UnknownSigners", 31, 15)
    assert error(signers, signatures[:-1]) == ("WrongSignaturesLength", 191, 192)
    assert error(signers, signatures + b"\0") == ("WrongSignaturesLength", 193, 192)
    assert error(signers, signatures + bytes(64)) == ("WrongSignaturesLength", 256, 192)
    assert error(*game.certificate(keccak(b"a block"))) == ("InvalidSignature", 0, hexed(game.seats[0]))
    game.skip()
    assert error(signers, signatures) == ("InvalidSignature", 0, hexed(game.seats[0]))


def test_skip_after_deadline_waits_for_burn_in_and_deadline_in_the_first_round(game):
    deadline = game.machine.block + BASE.skip_deadline + BASE.burn_in_blocks
    game.machine.block = deadline
    assert game.refused(game.anybody, "skipAfterDeadline", 0) == ("DeadlineNotPassed", deadline, deadline)
    game.machine.block = deadline + 1
    game.do(game.anybody, "skipAfterDeadline", 0)


def test_skip_after_deadline_counts_from_the_last_record(game):
    game.machine.block = 5
    game.approve()
    game.machine.block = 5 + BASE.skip_deadline
    assert game.refused(game.anybody, "skipAfterDeadline", 0) == ("DeadlineNotPassed", 15, 15)
    game.machine.block += 1
    outcome = game.do(game.anybody, "skipAfterDeadline", 0)
    assert list(outcome.events) == game.record(Kind.SKIP)
    assert game.view("progress")[4] == 16
    game.check()


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_failures_in_a_row_also_record_an_exploration(limit):
    game = Game(parameters(failure_limit=limit, horizon=40)).open()
    fail = (game.skip, game.reject, game.skip_after_deadline)
    for turn in range(3):
        for failure in range(limit):
            fail[(turn + failure) % 3]()
        assert game.view("progress")[:4] == (game.ledger.round, 0, game.ledger.skips, turn + 1)
    assert [record.kind for _, record, _ in game.records].count(Kind.EXPLORATION) == 3
    for _ in range(limit - 1):
        game.skip()
    game.approve()
    assert game.view("progress")[1:4] == (0, 0, 3)
    assert game.ledger.explorations == 3
    game.check()


def test_exploration_is_not_recorded_beyond_the_horizon(game):
    while game.ledger.round < BASE.horizon - 1:
        game.approve()
    game.skip()
    game.skip()
    assert [record.kind for _, record, _ in game.records][-2:] == [Kind.SKIP, Kind.SKIP]
    assert game.view("progress")[:4] == (BASE.horizon + 1, 2, 2, 0)
    assert game.view("isOver")


def test_exploration_takes_the_last_round_when_it_is_left(game):
    while game.ledger.round < BASE.horizon - 2:
        game.approve()
    game.reject()
    game.skip()
    assert game.records[-1][1].kind is Kind.EXPLORATION
    assert game.view("progress")[:4] == (BASE.horizon + 1, 0, 1, 1)


def recording_calls(game: Game) -> list[bytes]:
    skip = FUNCTIONS["skip"].encode(0, *game.certificate(ZERO))
    return [game.calldata(game.submitted(*game.block())), skip, FUNCTIONS["skipAfterDeadline"].encode(0)]


def test_nothing_is_recorded_when_the_last_round_has_ended(game):
    game.machine.block = 77
    game.play_out()
    game.machine.block = 80
    for data in recording_calls(game):
        assert game.send(data).error == ("GameIsOver", 77)


@pytest.mark.parametrize("last_record", [1, 500, 1 + BASE.game_blocks])
def test_nothing_is_recorded_after_the_last_block_of_the_game(game, last_record):
    end = 1 + BASE.game_blocks
    game.machine.block = last_record
    game.approve()
    game.machine.block = end
    assert not game.view("isOver")
    game.machine.block = end + 1
    assert game.view("isOver")
    for data in recording_calls(game):
        assert game.send(data).error == ("GameIsOver", end)


@pytest.mark.parametrize("burn_in", few([62, 4, 64, 256], 4))
def test_approvals_are_kept_across_every_border_of_words(burn_in):
    """600 rounds, read round by round now and again: 64 of them lie with the progress, 256 a word beside it."""
    p = parameters(horizon=burn_in + 600, burn_in=burn_in, failure_limit=65535, liars=0, attackers=0, participants=2)
    game = Game(p, name=f"approvals {burn_in}").open()
    approved = set()
    stretch = 0
    while game.ledger.round <= p.horizon:
        stretch = stretch or game.chance.choice((-130, -3, -1, 1, 2, 130))  # all alike for a while
        if stretch > 0:
            approved.add(game.ledger.round)
            game.approve(reporters=(0,), reports=[Report((0,) * p.arms, ZERO)])
        else:
            game.skip()
        stretch += 1 if stretch < 0 else -1
        if game.ledger.round & 63 in (0, 1):
            near = range(max(0, game.ledger.round - 66), game.ledger.round + 3)
            assert {t for t in (*near, *(t + 256 for t in near)) if game.view("isApproved", t)} == approved & {*near}
    assert {t for t in range(p.horizon + 2) if game.view("isApproved", t)} == approved
    assert 50 < len(approved) < 550
    game.check()


@pytest.mark.py_evm
@pytest.mark.parametrize("mode", [0, 1], ids=["full", "compact"])
def test_largest_game_records_a_block_within_the_gas_of_a_chain_block(mode):
    p = parameters(
        participants=256, arms=254, burn_in=508, horizon=520, liars=85, attackers=85, quorum_choice=1, body_mode=mode
    )
    game = Game(p).open()
    header, body = game.block()
    outcome = game.submit(game.submitted(header, body, range(256)))
    assert list(outcome.events) == game.record(Kind.APPROVED, header)
    assert header.reporters == mask(range(256)) == 2**256 - 1
    assert len(body) == 4 * 254 + 256 * (4 * 254 + 96)
    data = game.calldata(game.submitted(header, body, range(256)))
    assert outcome.gas + 21_000 + 16 * len(data) < 30_000_000
    game.check()


@pytest.mark.py_evm
def test_signatures_follow_the_chain_id_after_a_fork(game):
    before = game.submitted(*game.block())
    game.machine.state.execution_context._chain_id = CHAIN_ID + 1
    assert refused(game, before)[:2] == ("InvalidSignature", 0)
    game.separator = Domain(CHAIN_ID + 1, game.address, game.digest).separator()
    game.approve()
