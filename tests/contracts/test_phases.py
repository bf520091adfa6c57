"""Phases (decision 105): a block says how often its arm is pulled, and settlement how often everybody has pulled."""

import random
from dataclasses import replace

import pytest

from chain_bandit.protocol.assumptions import check_contract
from chain_bandit.protocol.errors import AssumptionBroken
from chain_bandit.protocol.ledger import is_over
from chain_bandit.protocol.settlement import NOTHING, Pull, encode_pulls
from chain_bandit.protocol.units import UNIT
from tests.contracts.harness import BASE, Game, parameters
from tests.contracts.test_evidence import accuse

L, SEATS, T = BASE.burn_in, BASE.participants, 60


def phased(**changes: int) -> Game:
    return Game(parameters(growth=UNIT // 2, horizon=T, **changes)).open()


def row(*pulls: Pull) -> bytes:
    return encode_pulls(pulls, phases=True)


def lengths(game: Game) -> list[int]:
    """Of the recorded blocks after round L, by their headers."""
    return [record.header.length for _, record, _ in game.records if record.round > L and record.header]


@pytest.mark.parametrize("seed", range(4))
def test_every_record_leaves_what_the_ledger_says(seed):
    rng, game = random.Random(seed), phased()
    while not is_over(game.p, game.ledger):
        rng.choice((game.approve, game.approve, game.approve, game.reject, game.skip))()
        game.check()
    assert game.ledger.time == T + 1
    assert game.ledger.round < T
    assert game.refused(game.anybody, "skip", 0, *game.certificate(bytes(32)))[0] == "GameIsOver"


def test_a_phase_grows_with_the_pulls_of_its_arm_and_t_ends_the_last():
    game = phased().play_out()
    assert max(lengths(game)) > 5
    assert sum(lengths(game)) == T - L


@pytest.mark.parametrize(("length", "most"), [(0, T - L), (T - L + 1, T - L), (2**32 - 1, T - L)])
def test_a_length_beyond_t_or_none_is_refused(length, most):
    game = phased()
    game.approve()
    header, body = game.block()
    block = game.submitted(replace(header, length=length), body)
    assert game.submit(block).error == ("LengthOutOfRange", L + 1, length, most)
    assert game.submit(game.submitted(replace(header, length=most), body)).accepted
    assert game.view("isOver")


def test_round_l_has_one_pull_and_a_rejected_block_none():
    game = phased()
    header, body = game.block()
    block = game.submitted(replace(header, length=2), body)
    assert game.submit(block).error == ("LengthOutOfRange", L, 2, 1)
    game.approve()
    game.reject()
    assert game.ledger.time == game.ledger.round == L + 2
    game.check()


def test_another_extension_is_refused():
    game = phased()
    header, body = game.block()
    ours = game.submitted(header, body)
    for kind in (0, 1, 3):
        decided = ours.decided[:-5] + bytes([kind]) + ours.decided[-4:]
        assert game.submit(replace(ours, decided=decided)).error == ("UnknownExtension", kind)


def settled(game: Game, rows: bytes) -> list[int]:
    through = game.ledger.round - 1
    ((name, (said, sums)),) = game.do(game.environment, "settleRewards", through, rows).events
    assert (name, said) == ("RewardsSettled", through)
    return [int.from_bytes(sums[8 * seat : 8 * seat + 8], "big") for seat in range(SEATS)]


def test_pulls_are_credited_by_their_sums_in_whatever_settlements():
    rng, game, sums = random.Random(1), phased(), [0] * SEATS
    game.approve()
    while not is_over(game.p, game.ledger):
        rows = b""
        for _ in range(rng.randint(1, 3)):
            if is_over(game.p, game.ledger):
                break
            game.approve()
            most = lengths(game)[-1]
            pulls = [
                rng.choice((NOTHING, Pull(1, rng.randint(0, count * UNIT), count)))
                for count in (rng.randint(1, most) for _ in range(SEATS))
            ]
            sums = [total + pull.reward for total, pull in zip(sums, pulls, strict=True)]
            rows += row(*pulls)
        assert settled(game, rows) == sums


FOUR = [Pull(0, 5, 1)] * SEATS
WRONG = {
    "more pulls than time": (Pull(0, 5, 3), ("TooManyPulls", L + 1, 0, 3, 2)),
    "no pull of an arm": (Pull(0, 0, 0), ("InvalidPull", L + 1, 0, 0, 0)),
    "more than a reward a pull": (Pull(0, 2 * UNIT + 1, 2), ("InvalidPull", L + 1, 0, 0, 2 * UNIT + 1)),
    "no such arm": (Pull(2, 1, 1), ("InvalidPull", L + 1, 0, 2, 1)),
}


@pytest.mark.parametrize("name", WRONG)
def test_impossible_pulls_are_refused(name):
    pull, error = WRONG[name]
    game = phased()
    game.approve()
    game.approve(length=2)
    assert game.refused(game.environment, "settleRewards", L + 1, row(pull, *FOUR[1:])) == error
    assert settled(game, row(Pull(0, 2 * UNIT, 2), *FOUR[1:])) == [2 * UNIT, 5, 5, 5]


def test_nothing_with_a_reward_is_refused():
    game = phased()
    game.approve()
    game.approve(length=2)
    wrong = b"\xff" + bytes(3) + b"\1" + bytes(8) + row(*FOUR[1:])
    assert game.refused(game.environment, "settleRewards", L + 1, wrong)[0] == "InvalidPull"


def test_a_settlement_is_of_all_records():
    game = phased()
    for _ in range(3):
        game.approve()
    assert game.refused(game.environment, "settleRewards", L + 1, row(*FOUR)) == ("NotLastRound", L + 1, L + 2)
    assert game.refused(game.environment, "settleRewards", L + 2, row(*FOUR))[0] == "WrongPullsLength"
    assert settled(game, 2 * row(*FOUR)) == [10] * SEATS


def test_nobody_is_credited_more_than_t_pulls_over_all_settlements():
    game, pulled = phased(), 0
    game.approve()
    while not is_over(game.p, game.ledger):
        game.approve()
        own = lengths(game)[-1]
        last, one_more = game.ledger.round - 1, row(Pull(0, 0, own + 1), *FOUR[1:])
        error = game.refused(game.environment, "settleRewards", last, one_more)
        assert error == ("TooManyPulls", last, 0, own + 1, own)
        pulled += own
        assert settled(game, row(Pull(0, own * UNIT, own), NOTHING, NOTHING, NOTHING)) == [pulled * UNIT, 0, 0, 0]
    assert pulled == T - L


def test_who_is_blocked_pulls_in_no_phase():
    game = phased()
    accuse(game, 1)
    while game.ledger.round < game.ledger.blocked_from[1]:
        game.approve()
    rows = row(*FOUR) * (game.ledger.round - 1 - L)
    round_ = game.ledger.round
    game.approve()
    assert game.refused(game.environment, "settleRewards", round_, rows + row(*FOUR)) == ("BlockedPull", round_, 1)
    here = 5 * (round_ - L)
    assert settled(game, rows + row(FOUR[0], NOTHING, *FOUR[2:])) == [here, here - 5, here, here]


def test_a_paid_burn_in_comes_with_the_first_phase_that_a_seat_pulls_in():
    game = phased(paid_burn_in=1)
    game.approve()
    game.approve(length=3)
    one = row(*[Pull(0, 7, 1)] * SEATS)
    assert settled(game, L * one + row(Pull(0, 2, 3), *[NOTHING] * 3)) == [7 * L + 2, 0, 0, 0]
    game.approve(length=2)
    assert settled(game, row(*[Pull(1, 1, 2)] * 3, NOTHING)) == [7 * L + 3, 7 * L + 1, 7 * L + 1, 0]


def test_a_round_in_case_2_costs_its_length_times_as_much():
    game = phased()
    game.approve()
    game.approve(length=9)
    while not is_over(game.p, game.ledger):
        game.approve(length=game.p.horizon - game.ledger.time + 1)
    settled(game, row(*FOUR) * 2)
    reveal = game.reveal()
    ((_, (cost,)),) = reveal.events
    game.do(game.environment, "settleCosts", game.entries(costly=(L + 1,)))
    game.machine.block += game.p.settlement_window + 1
    held = game.held()
    game.do(game.anybody, "close")
    p = game.p
    honest = p.stake + (10 - 9 * cost) * p.wei_per_unit
    roles = list(game.roles)
    assert [game.view("owed", seat) for seat in game.seats] == [
        honest if role == 0 else p.stake + (10 + 9 * cost) * p.wei_per_unit for role in roles
    ]
    assert held >= sum(game.view("owed", each) for each in (*game.seats, game.environment))


@pytest.mark.parametrize(
    "changes",
    [{"growth": 4 * UNIT + 1}, {"sealed": 1}, {"validators": 3}, {"vouched": 64}, {"horizon": 2**23}],
    ids=str,
)
def test_phases_that_are_out_of_place_are_refused_by_both(changes):
    p = parameters(**{"growth": UNIT // 2, "horizon": T} | changes)
    with pytest.raises(AssumptionBroken):
        check_contract(p)
    created = Game(p).deployment
    assert not created.accepted
    assert created.error[0] == "PhasesMisplaced"
