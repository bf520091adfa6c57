"""Several blocks a transaction, races between relayers, and games whose environment stays silent."""

from dataclasses import replace

import pytest

from chain_bandit.protocol import submission
from chain_bandit.protocol.blocks import Kind
from chain_bandit.protocol.digests import ZERO
from chain_bandit.protocol.settlement import Pull, void_balance
from chain_bandit.protocol.submission import Submitted
from tests.contracts.harness import BASE, FUNCTIONS, Game, hexed, kind_of, parameters
from tests.contracts.test_evidence import accuse
from tests.few import crossed

MODES = pytest.mark.parametrize("mode", [0, 1], ids=["full", "compact"])
SIZES = pytest.mark.parametrize("validators", [7, 4], ids=["all validate", "committees"])


def opened(mode: int = 0, validators: int = 7, **changes: int) -> Game:
    p = parameters(**{
        "participants": 7, "validators": validators, "liars": 1, "attackers": 1, "horizon": 60, "body_mode": mode,
        "unrecorded": 8, "failure_limit": 2,
    } | changes)  # fmt: skip
    game = Game(p, name=f"batch {mode} {validators}").open()
    assert game.deployment.accepted
    return game


def certified(
    game: Game, count: int, signed: str = "head", rejected: int | None = None
) -> tuple[list[Submitted], list]:
    """That many blocks in a row, the event of the last, and the ledger behind them. With committees each is signed."""
    blocks, events = [], []
    for index in range(count):
        header, body = game.block(**({"reporters": ()} if index == rejected else {}))
        each = signed == "each" or game.p.has_committees
        alone = each or index == count - 1 or (signed == "mixed" and index % 2 == 0)
        blocks.append(game.submitted(header, body, None if alone else ()))
        events = game.record(kind_of(header), header)
    return blocks, events


@MODES
@pytest.mark.parametrize(("validators", "signed"), [(7, "head"), (7, "each"), (7, "mixed"), (4, "each")])
@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_blocks_in_a_row_are_recorded_as_one_by_one(mode, validators, signed, count):
    game = opened(mode, validators)
    for _ in range(3):
        blocks, events = certified(game, count, signed)
        assert list(game.submit(*blocks).events) == events
        game.check()
    assert game.ledger.round == BASE.burn_in + 3 * count


@pytest.mark.py_evm
@MODES
def test_gas_of_a_round_falls_with_the_batch(mode):
    used = {}
    for count in (1, 8):
        game = opened(mode)
        for _ in range(2):
            blocks, _ = certified(game, count)
            used[count] = game.submit(*blocks).gas / count
    assert used[8] < used[1]


@pytest.mark.parametrize(("mode", "validators"), crossed([0, 1], [7, 4], every=2))
def test_a_block_altered_before_the_head_breaks_the_batch(mode, validators):
    game = opened(mode, validators)
    blocks, _ = certified(game, 4)
    data, before = game.calldata(*blocks), game.view("head")
    starts = [4 + len(submission.encode(game.p, blocks[:i])) for i in range(5)]
    refused = 0
    for index in range(3):
        for at in range(starts[index], starts[index + 1], 7):
            changed = bytearray(data)
            changed[at] ^= 1 << game.chance.randrange(8)
            assert not game.send(bytes(changed)).accepted, (index, at)
            refused += 1
    assert refused > 25
    for wrong in (blocks[1:], [*blocks[:1], *blocks[2:]], [blocks[1], blocks[0], *blocks[2:]], [*blocks, blocks[3]]):
        assert not game.submit(*wrong).accepted
    assert game.view("head") == before
    assert game.send(data).accepted


@pytest.mark.parametrize("bits", [1, pytest.param(8, marks=pytest.mark.deep)])
@MODES
def test_every_flipped_bit_of_a_batch_is_refused(mode, bits):
    """In CI one bit of each byte, whichever."""
    game = Game(parameters(participants=2, liars=0, attackers=0, body_mode=mode), name="flips").open()
    blocks, _ = certified(game, 2)
    data = game.calldata(*blocks)
    for bit in range(0, 8 * len(data), 8 // bits):
        bit += game.chance.randrange(8 // bits)
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        assert not game.send(bytes(changed)).accepted, bit
    assert game.send(data).accepted


@MODES
@SIZES
def test_a_batch_whose_last_block_nobody_signed_is_refused(mode, validators):
    game = opened(mode, validators)
    blocks, _ = certified(game, 4, "each")
    bare = [replace(block, signers=0, signatures=b"") for block in blocks]
    for count in range(1, 5):
        last = BASE.burn_in + count - 1
        assert game.submit(*bare[:count]).error == ("CertificateMissing", last if validators == 7 else BASE.burn_in)
        assert game.submit(*blocks[: count - 1], bare[count - 1]).error == ("CertificateMissing", last)
    assert game.submit(*blocks).accepted


@MODES
def test_a_signature_of_another_round_of_the_batch_certifies_nothing(mode):
    game = opened(mode)
    blocks, _ = certified(game, 3, "each")
    for one, other in ((0, 1), (1, 2), (2, 0)):
        mixed = list(blocks)
        mixed[one] = replace(blocks[one], signatures=blocks[other].signatures)
        assert game.submit(*mixed).error[0] == "InvalidSignature"


@MODES
@SIZES
def test_a_batch_across_the_horizon_is_refused(mode, validators):
    game = opened(mode, validators, horizon=9)
    first, _ = certified(game, 3)
    assert game.submit(*first).accepted
    short, events = certified(game, 3)
    assert game.ledger.round == 10
    more = [*short, short[-1]]
    assert game.submit(*more).error == ("GameIsOver", 1)
    assert list(game.submit(*short).events) == events
    assert game.view("isOver")


@MODES
@SIZES
@pytest.mark.parametrize("at", [0, 1, 3])
def test_a_rejected_block_in_a_batch_brings_its_exploration(mode, validators, at):
    game = opened(mode, validators, failure_limit=1)
    blocks, events = certified(game, 4, rejected=at)
    kinds = [record.kind for _, record, _ in game.records]
    assert kinds.count(Kind.EXPLORATION) == 1
    assert kinds[at : at + 2] == [Kind.REJECTED, Kind.EXPLORATION]
    assert list(game.submit(*blocks).events) == events
    game.check()


@MODES
@SIZES
def test_the_block_list_changes_within_a_batch(mode, validators):
    game = opened(mode, validators, unrecorded=2)
    accuse(game, 6)
    before = game.ledger
    blocks, events = certified(game, 6)
    assert before.round < game.ledger.blocked_from[6] < game.ledger.round
    assert list(game.submit(*blocks).events) == events
    game.check()


# Races.


@MODES
@SIZES
def test_two_relayers_with_the_same_block_make_one_record(mode, validators):
    game = opened(mode, validators)
    header, body = game.block()
    one, other = (game.calldata(game.submitted(header, body, signers)) for signers in (None, range(7)))
    assert one != other
    assert game.send(one, sender=game.seats[2]).accepted
    game.record(kind_of(header), header)
    for late in (one, other):
        assert game.send(late).error[0] in {"InvalidSignature", "UnknownSigners"}
    game.check()


@MODES
@pytest.mark.parametrize(
    ("validators", "won", "signed"),
    [*((validators, won, "each") for validators in (4, 7) for won in (1, 2, 3)), (7, 2, "mixed")],
)
def test_the_suffix_of_a_lost_race_goes_through_after(mode, validators, won, signed):
    """Two relayers hold four blocks; one has recorded `won` of them when the other's transaction comes."""
    game = opened(mode, validators)
    blocks, events = certified(game, 4, "each")
    loser = list(blocks)
    if signed == "mixed":
        loser[0] = replace(loser[0], signers=0, signatures=b"")
    assert game.submit(*blocks[:won]).accepted
    before = game.view("head")
    assert not game.submit(*loser).accepted
    assert game.view("head") == before
    assert list(game.submit(*loser[won:], sender=game.seats[0]).events) == events
    game.check()


def test_a_skip_and_a_block_of_one_round_make_one_record():
    for first, second in (("block", "skip"), ("skip", "block")):
        game = opened()
        header, body = game.block()
        calls = {
            "block": game.calldata(game.submitted(header, body)),
            "skip": FUNCTIONS["skip"].encode(0, *game.certificate(ZERO)),
        }
        assert game.send(calls[first]).accepted
        head = game.view("head")
        assert game.send(calls[second]).error[0] == "InvalidSignature"
        assert (game.view("head"), game.view("nextRound")) == (head, BASE.burn_in + 1)


# Liveness without a quorum, and without an environment.


@SIZES
def test_anybody_skips_after_the_deadline_and_the_committee_pays(validators):
    game = opened(0, validators, failure_limit=3)
    game.approve()
    before, members = game.ledger, game.ledger.committee
    game.machine.block += game.p.skip_deadline + 1
    outcome = game.machine.call(
        game.seats[5], game.address, FUNCTIONS["skipAfterDeadline"].encode(game.next_committee())
    )
    assert list(outcome.events) == game.record(Kind.SKIP)
    game.check()
    paid = [old - new for old, new in zip(before.reputations, game.view("reputations"), strict=True)]
    assert paid == [game.p.skip_penalty if members >> seat & 1 else 0 for seat in range(7)]
    assert game.ledger.committee.bit_count() == 7
    assert game.refused(game.anybody, "skipAfterDeadline", game.next_committee())[0] == "DeadlineNotPassed"


def test_a_game_ends_by_deadlines_alone():
    game = opened(0, 4, horizon=12, failure_limit=2)
    while game.ledger.round <= 12:
        game.skip_after_deadline()
        game.check()
    assert game.view("isOver")
    kinds = [record.kind for _, record, _ in game.records]
    assert set(kinds) == {Kind.SKIP, Kind.EXPLORATION}


def steps_of_the_environment(game: Game) -> list:
    """What the environment does after a game, one step after the other."""
    return [
        lambda: game.settle(game.p.horizon, Pull(0, 5)),
        game.reveal,
        lambda: game.do(game.environment, "settleCosts", game.entries()[:3]),
    ]


@MODES
@pytest.mark.parametrize("done", [0, 1, 2, 3])
def test_a_silent_environment_refunds_everybody_however_far_it_came(mode, done):
    """It never settles; settles and never reveals; reveals and never hands back; hands back some and stops."""
    game = opened(mode, 7, horizon=12).play_out()
    people = (*game.seats, game.environment)
    for step in steps_of_the_environment(game)[:done]:
        step()
    error = ("Unfinished", game.machine.block, 1 + game.p.settlement_window)
    assert game.refused(game.anybody, "close") == error
    game.machine.block += game.p.settlement_window + 1
    rewards = [5 * len(game.paid_rounds(12)) if done else 0] * 7
    expected = void_balance(game.p, game.pool, rewards, frozenset())
    assert game.do(game.seats[1], "close").events == (("Closed", (True, expected.burned)),)
    assert [game.view("owed", account) for account in people] == [*expected.participants, 0]
    assert min(expected.participants) > game.p.stake
    for seat in game.seats:
        game.do(seat, "withdraw")
    assert game.held() == 0
    assert game.refused(game.environment, "withdraw") == ("NothingOwed", hexed(game.environment))


def test_an_environment_that_reveals_in_time_and_settles_late_is_too_late():
    game = opened(0, 7, horizon=12).play_out()
    game.reveal()
    game.machine.block += game.p.settlement_window + 1
    for call in (("settleRewards", 12, b""), ("settleCosts", game.entries())):
        assert game.refused(game.environment, *call)[0] == "WindowPassed"
    assert game.do(game.anybody, "close").events[0][1][0] is True
