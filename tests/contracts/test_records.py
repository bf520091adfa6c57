"""Blocks, skips, deadlines, explorations: what is recorded, and what is refused with which error."""

from dataclasses import replace

import pytest

from chain_bandit.protocol.blocks import Kind, encode_body, mask
from chain_bandit.protocol.digests import ZERO, keccak
from chain_bandit.protocol.messages import Domain, Phase, Role, Slot
from chain_bandit.protocol.units import BOUND, INFINITY
from tests.contracts.harness import BASE, CHAIN_ID, FUNCTIONS, Game, compact, hexed, high_s, parameters


def state(game: Game) -> tuple:
    return tuple(game.view(name) for name in ("head", "progress"))


def refused(game: Game, *submission: object) -> tuple:
    before = state(game)
    error = game.refused(game.anybody, "submitBlock", *submission)
    assert state(game) == before
    return error


def test_submit_block_records_an_approved_block(game):
    game.approve()
    assert game.view("isApproved", BASE.burn_in)
    assert (game.view("head"), game.view("nextRound")) == (game.ledger.head, BASE.burn_in + 1)
    game.approve(reporters=(0, 3))
    game.approve(reporters=())
    assert game.view("progress") == (BASE.burn_in + 3, 0, 0, 1, 1001)


def test_submit_block_takes_any_quorum_and_more(game):
    for signers in ((1, 2, 3), (0, 1, 3), (0, 1, 2, 3)):
        header, body = game.block()
        game.do(game.anybody, "submitBlock", *game.submission(header, body, signers))
        game.record(Kind.APPROVED, header)


@pytest.mark.parametrize("arms", [1, 2, 7, 8, 9, 16, 17])
def test_block_is_approved_exactly_when_every_mean_is_at_most_two(arms):
    game = Game(parameters(arms=arms, burn_in=2 * arms, horizon=2 * arms + 200, failure_limit=10**6)).open()
    for arm in range(arms):
        for mean, kind in ((BOUND, Kind.APPROVED), (BOUND + 1, Kind.REJECTED), (INFINITY, Kind.REJECTED)):
            for others in (0, BOUND):
                means = tuple(mean if i == arm else others for i in range(arms))
                header, body = game.block(means=means)
                round_ = game.ledger.round
                outcome = game.do(game.anybody, "submitBlock", *game.submission(header, body))
                assert list(outcome.events) == game.record(kind, header)
                assert game.view("isApproved", round_) is (kind is Kind.APPROVED)
    assert game.ledger.round == 2 * arms + 6 * arms


def test_submit_block_reverts_when_the_header_has_another_length(game):
    header, body, *rest = game.submission(*game.block())
    for wrong in (header[:-1], header + b"\0", b""):
        assert refused(game, wrong, body, *rest) == ("WrongHeaderLength", len(wrong), 82)


def test_submit_block_reverts_when_the_round_is_not_the_open_one(game):
    for round_ in (BASE.burn_in - 1, BASE.burn_in + 1, 2**32 - 1):
        assert refused(game, *game.submission(*game.block(round=round_))) == ("WrongRound", round_, BASE.burn_in)


def test_submit_block_reverts_when_the_parent_is_not_the_head(game):
    submission = game.submission(*game.block(parent=ZERO))
    assert refused(game, *submission) == ("WrongParent", ZERO, game.genesis)


def test_submit_block_reverts_when_it_is_replayed(game):
    submission = game.submission(*game.block())
    game.do(game.anybody, "submitBlock", *submission)
    assert refused(game, *submission) == ("WrongRound", BASE.burn_in, BASE.burn_in + 1)


def test_submit_block_reverts_when_a_reporter_has_no_seat(game):
    header, body = game.block()
    header = replace(header, reporters=header.reporters ^ 0x11)
    assert refused(game, *game.submission(header, body)) == ("UnknownReporters", 0x1E, 4)


def test_submit_block_reverts_when_the_arm_does_not_exist(game):
    for arm in (2, 255):
        assert refused(game, *game.submission(*game.block(arm=arm))) == ("UnknownArm", arm, 2)


def test_submit_block_reverts_when_the_body_has_another_length(game):
    for change in (lambda body: body[:-1], lambda body: body + b"\0", lambda body: b""):
        header, body = game.block()
        body = change(body)
        submission = game.submission(replace(header, body=keccak(body)), body)
        assert refused(game, *submission) == ("WrongBodyLength", len(body), 4 * 104)


def test_submit_block_reverts_when_the_body_is_not_the_signed_one(game):
    header, body = game.block()
    encoded, _, *rest = game.submission(header, body)
    other = body[:-1] + bytes([body[-1] ^ 1])
    assert refused(game, encoded, other, *rest) == ("WrongBody", keccak(other), header.body)


def test_submit_block_reverts_when_a_signer_has_no_seat(game):
    encoded, body, signers, signatures = game.submission(*game.block())
    for extra in (1 << 4, 1 << 255):
        assert refused(game, encoded, body, signers | extra, signatures) == ("UnknownSigners", signers | extra, 4)


def test_submit_block_reverts_when_the_quorum_is_missing(game):
    header, body = game.block()
    for signers in ((), (3,), (0, 3)):
        assert refused(game, *game.submission(header, body, signers)) == ("QuorumMissing", len(signers), 3)


def test_submit_block_reverts_when_signatures_and_signers_differ_in_number(game):
    encoded, body, signers, signatures = game.submission(*game.block())
    for wrong in (signatures[:-1], signatures + b"\0", signatures[:-64], signatures + signatures[:64], b""):
        error = ("WrongSignaturesLength", len(wrong), 192)
        assert refused(game, encoded, body, signers, wrong) == error
    assert refused(game, encoded, body, 15, signatures) == ("WrongSignaturesLength", 192, 256)


@pytest.mark.parametrize(
    "forge",
    [
        lambda game, good, digest: bytes(64),
        lambda game, good, digest: good[:32] + bytes(32),
        lambda game, good, digest: bytes(32) + good[32:],
        lambda game, good, digest: good[:-1] + bytes([good[-1] ^ 1]),
        lambda game, good, digest: good[:32] + bytes([good[32] ^ 128]) + good[33:],
        lambda game, good, digest: high_s(good),
        lambda game, good, digest: compact(game.keys[2], digest),
        lambda game, good, digest: b"\xff" * 64,
    ],
    ids=["zero", "zero s", "zero r", "bit", "parity", "high s", "somebody else's", "ones"],
)
def test_submit_block_reverts_when_a_signature_is_not_its_signers(game, forge):
    header, body = game.block()
    encoded, _, signers, signatures = game.submission(header, body)
    forged = forge(game, signatures[64:128], game.digest_of(keccak(encoded)))
    wrong = signatures[:64] + forged + signatures[128:]
    assert refused(game, encoded, body, signers, wrong) == ("InvalidSignature", 1, hexed(game.seats[1]))


def test_submit_block_reverts_when_signatures_are_not_by_ascending_seat(game):
    encoded, body, signers, signatures = game.submission(*game.block())
    swapped = signatures[64:128] + signatures[:64] + signatures[128:]
    assert refused(game, encoded, body, signers, swapped)[:2] == ("InvalidSignature", 0)
    doubled = signatures[:64] * 3
    assert refused(game, encoded, body, signers, doubled)[:2] == ("InvalidSignature", 1)


@pytest.mark.parametrize(
    "part", ["chain", "contract", "game", "round", "parent", "phase", "role", "instance", "content"]
)
def test_submit_block_reverts_when_the_signed_slot_is_another(game, part):
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
    signatures = b"".join(compact(key, digest) for key in game.keys[:3])
    assert refused(game, header.encode(BASE), body, 7, signatures)[:2] == ("InvalidSignature", 0)


def test_submit_block_reverts_when_a_byte_follows_the_calldata(game):
    data = FUNCTIONS["submitBlock"].encode(*game.submission(*game.block()))
    for extra in (b"\0", bytes(32)):
        error = game.machine.call(game.anybody, game.address, data + extra).error
        assert error == ("NonCanonicalCalldata", len(data) + len(extra), len(data))


@pytest.mark.parametrize("call", ["skip", "settleRewards", "reveal", "settleCosts"])
def test_other_calls_revert_when_a_byte_follows_the_calldata(game, call):
    arguments = {
        "skip": game.certificate(ZERO),
        "settleRewards": (5, b""),
        "reveal": (game.secret, game.roles, game.model),
        "settleCosts": ([],),
    }[call]
    data = FUNCTIONS[call].encode(*arguments)
    error = game.machine.call(game.environment, game.address, data + b"\0").error
    assert error == ("NonCanonicalCalldata", len(data) + 1, len(data))


def test_skip_records_what_a_quorum_signed(game):
    game.skip()
    assert game.view("progress")[:3] == (BASE.burn_in + 1, 1, 0)
    assert not game.view("isApproved", BASE.burn_in)


def test_skip_reverts_without_a_quorum_on_no_block(game):
    signers, signatures = game.certificate(ZERO)
    assert game.refused(game.anybody, "skip", 3, signatures[:128]) == ("QuorumMissing", 2, 3)
    assert game.refused(game.anybody, "skip", 31, signatures) == ("UnknownSigners", 31, 4)
    assert game.refused(game.anybody, "skip", signers, signatures[:-1]) == ("WrongSignaturesLength", 191, 192)
    block = game.certificate(keccak(b"a block"))
    assert game.refused(game.anybody, "skip", *block) == ("InvalidSignature", 0, hexed(game.seats[0]))
    game.skip()
    assert game.refused(game.anybody, "skip", signers, signatures) == ("InvalidSignature", 0, hexed(game.seats[0]))


def test_skip_after_deadline_waits_for_burn_in_and_deadline_in_the_first_round(game):
    opened = game.machine.block
    deadline = opened + BASE.skip_deadline + BASE.burn_in_blocks
    game.machine.block = deadline
    assert game.refused(game.anybody, "skipAfterDeadline") == ("DeadlineNotPassed", deadline, deadline)
    game.machine.block = deadline + 1
    game.do(game.anybody, "skipAfterDeadline")


def test_skip_after_deadline_counts_from_the_last_record(game):
    game.machine.block = 5
    game.approve()
    game.machine.block = 5 + BASE.skip_deadline
    assert game.refused(game.anybody, "skipAfterDeadline") == ("DeadlineNotPassed", 15, 15)
    game.machine.block += 1
    outcome = game.do(game.anybody, "skipAfterDeadline")
    assert list(outcome.events) == game.record(Kind.SKIP)
    assert game.view("progress")[3] == 16


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_failures_in_a_row_also_record_an_exploration(limit):
    game = Game(parameters(failure_limit=limit, horizon=40)).open()
    fail = (game.skip, game.reject, game.skip_after_deadline)
    for turn in range(3):
        for failure in range(limit):
            fail[(turn + failure) % 3]()
        assert game.view("progress")[:3] == (game.ledger.round, 0, turn + 1)
    assert [record.kind for _, record, _ in game.records].count(Kind.EXPLORATION) == 3
    for _ in range(limit - 1):
        game.skip()
    game.approve()
    assert game.view("progress")[1:3] == (0, 3)
    assert game.ledger.explorations == 3
    assert game.view("head") == game.ledger.head


def test_exploration_is_not_recorded_beyond_the_horizon(game):
    while game.ledger.round < BASE.horizon - 1:
        game.approve()
    game.skip()
    game.skip()
    assert [record.kind for _, record, _ in game.records][-2:] == [Kind.SKIP, Kind.SKIP]
    assert game.view("progress")[:3] == (BASE.horizon + 1, 2, 0)
    assert game.view("isOver")


def test_exploration_takes_the_last_round_when_it_is_left(game):
    while game.ledger.round < BASE.horizon - 2:
        game.approve()
    game.reject()
    game.skip()
    assert game.records[-1][1].kind is Kind.EXPLORATION
    assert game.view("progress")[:3] == (BASE.horizon + 1, 0, 1)


def recording_calls(game: Game) -> list[tuple]:
    block, skip = game.submission(*game.block()), game.certificate(ZERO)
    return [("submitBlock", *block), ("skip", *skip), ("skipAfterDeadline",)]


def test_nothing_is_recorded_when_the_last_round_has_ended(game):
    game.machine.block = 77
    game.play_out()
    game.machine.block = 80
    for call in recording_calls(game):
        assert game.refused(game.anybody, *call) == ("GameIsOver", 77)


@pytest.mark.parametrize("last_record", [1, 500, 1 + BASE.game_blocks])
def test_nothing_is_recorded_after_the_last_block_of_the_game(game, last_record):
    end = 1 + BASE.game_blocks
    game.machine.block = last_record
    game.approve()
    game.machine.block = end
    assert not game.view("isOver")
    game.machine.block = end + 1
    assert game.view("isOver")
    for call in recording_calls(game):
        assert game.refused(game.anybody, *call) == ("GameIsOver", end)


def test_approvals_are_kept_over_several_words():
    p = parameters(horizon=600, failure_limit=10**6)
    game = Game(p).open()
    approved = set()
    while game.ledger.round <= p.horizon:
        if game.chance.random() < 0.5:
            approved.add(game.ledger.round)
            game.approve(reporters=())
        else:
            game.skip()
    assert {r for r in range(p.horizon + 2) if game.view("isApproved", r)} == approved


def test_largest_game_records_a_full_block():
    p = parameters(participants=256, arms=254, burn_in=508, horizon=520, liars=85, attackers=85, quorum_choice=1)
    game = Game(p).open()
    header, body = game.block()
    outcome = game.do(game.anybody, "submitBlock", *game.submission(header, body, range(256)))
    assert list(outcome.events) == game.record(Kind.APPROVED, header)
    assert header.reporters == mask(range(256)) == 2**256 - 1
    assert len(body) == 256 * (4 * 254 + 96)
    assert encode_body([]) == b""


def test_signatures_follow_the_chain_id_after_a_fork(game):
    header, body = game.block()
    before = game.submission(header, body)
    game.machine.state.execution_context._chain_id = CHAIN_ID + 1
    assert refused(game, *before)[:2] == ("InvalidSignature", 0)
    game.separator = Domain(CHAIN_ID + 1, game.address, game.digest).separator()
    game.approve()
