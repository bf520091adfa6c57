"""Rewards of a burn-in that is paid (decision 103): credited with a seat's first settled pull after it, or never."""

import random
from collections.abc import Sequence

import pytest

from chain_bandit.protocol.settlement import NOTHING, Credits, Pull, encode_pulls, final_balance
from chain_bandit.protocol.units import NO_PULL, UNIT
from tests.contracts.harness import BASE, Game, parameters
from tests.contracts.test_evidence import accuse

L, T, SEATS = BASE.burn_in, BASE.horizon, BASE.participants

Row = Sequence[Pull]


def drawn(rng: random.Random, absent: Sequence[int] = ()) -> list[Pull]:
    """A row in which the absent pull nothing."""
    return [NOTHING if seat in absent else Pull(rng.randrange(2), rng.randrange(UNIT + 1)) for seat in range(SEATS)]


def paying(**changes: int) -> Game:
    return Game(parameters(paid_burn_in=1, **changes)).open()


def credited(burn_in: Sequence[Row], rows: Sequence[Row]) -> list[int]:
    """By hand, seat by seat: everything after the burn-in, and the burn-in where anything was pulled after it."""
    sums = []
    for seat in range(SEATS):
        later = [row[seat] for row in rows]
        own = sum(pull.reward for pull in later)
        came = any(pull.arm != NO_PULL for pull in later)
        sums.append(own + came * sum(row[seat].reward for row in burn_in))
    return sums


def settle(game: Game, through: int, rows: Sequence[Row]) -> list[int]:
    """Settle rows; what the event says that each seat has been credited."""
    outcome = game.do(game.environment, "settleRewards", through, b"".join(map(encode_pulls, rows)))
    ((name, (said, sums)),) = outcome.events
    assert (name, said) == ("RewardsSettled", through)
    return [int.from_bytes(sums[8 * seat : 8 * seat + 8], "big") for seat in range(SEATS)]


@pytest.mark.parametrize("seed", range(6))
def test_the_burn_in_is_credited_with_the_first_pull_after_it_in_whatever_settlement(seed):
    """Seat 3 never pulls after L, seat 2 first in the second settlement; the rule in Python says the same."""
    rng, game = random.Random(seed), paying().play_out()
    burn_in = [drawn(rng, [seat for seat in range(SEATS) if rng.random() < 0.2]) for _ in range(L)]
    middle = rng.randrange(L + 1, T - 1)
    early = [drawn(rng, (2, 3)) for _ in range(middle - L)]
    late = [drawn(rng, (3,)) for _ in range(T - middle)]
    assert settle(game, middle, [*burn_in, *early]) == credited(burn_in, early)
    assert settle(game, T, late) == credited(burn_in, [*early, *late])

    rule = Credits.none(game.p)
    for round_, row in enumerate([*burn_in, *early, *late], 1):
        for seat, pull in enumerate(row):
            rule.add(round_, seat, pull, round_ > L)
    assert rule.units == credited(burn_in, [*early, *late])


def test_a_pull_without_a_reward_is_a_pull():
    game = paying().play_out()
    rows = [[Pull(0, UNIT)] * SEATS] * L + [[Pull(1, 0), *[NOTHING] * 3]] * (T - L)
    assert settle(game, T, rows) == [L * UNIT, 0, 0, 0]


def test_who_is_on_the_block_list_before_its_first_pull_is_credited_nothing():
    game = paying()
    accuse(game, 1)
    game.play_out()
    since = game.ledger.blocked_from[1]
    assert L < since <= T
    here = [Pull(0, 5)] * SEATS
    away = [Pull(0, 5), NOTHING, Pull(0, 5), Pull(0, 5)]
    assert settle(game, T, [here] * L + [away] * (T - L)) == [5 * T, 0, 5 * T, 5 * T]


def test_long_burn_ins_are_summed_without_loss():
    """Sums of whole rewards beyond what a lane of 40 bits holds."""
    long = 2 * 1024 + 6
    game = paying(burn_in=long, horizon=long + 3).play_out()
    whole = [Pull(0, UNIT)] * SEATS
    assert settle(game, long + 3, [whole] * (long + 3)) == [(long + 3) * UNIT] * SEATS


def test_rows_of_the_burn_in_are_asked_for_once_and_checked():
    game = paying().play_out()
    row = encode_pulls([Pull(0, 5)] * SEATS)
    for rows in (2, 2 + L - 1, 2 + L + 1):
        expected = ("WrongPullsLength", rows * len(row), (2 + L) * len(row))
        assert game.refused(game.environment, "settleRewards", L + 2, row * rows) == expected
    for wrong, at in ((Pull(2, 5), 1), (Pull(0, UNIT + 1), L), (Pull(NO_PULL, 1), 2)):
        rows = [row] * (2 + L)
        rows[at - 1] = encode_pulls([wrong, *[Pull(0, 5)] * 3])
        error = game.refused(game.environment, "settleRewards", L + 2, b"".join(rows))
        assert error == ("InvalidPull", at, 0, wrong.arm, wrong.reward)
    game.do(game.environment, "settleRewards", L + 2, row * (2 + L))
    again = game.refused(game.environment, "settleRewards", T, row * (T - 2))
    assert again == ("WrongPullsLength", (T - 2) * len(row), (T - L - 2) * len(row))


def test_what_is_not_credited_goes_back_to_the_environment():
    game = paying().play_out()
    rng = random.Random(9)
    burn_in = [[Pull(0, UNIT)] * SEATS] * L
    rows = [drawn(rng, (3,)) for _ in range(T - L)]
    rewards = settle(game, T, [*burn_in, *rows])
    assert rewards[3] == 0
    game.reveal()
    game.do(game.environment, "settleCosts", game.entries())
    game.do(game.environment, "close")
    pool = game.held() - SEATS * game.p.stake
    expected = final_balance(game.p, pool, rewards, list(game.roles), [0] * SEATS)
    people = (*game.seats, game.environment)
    owed = [game.view("owed", person) for person in people]
    assert owed == [*expected.participants, expected.environment]
    for person in people:
        game.do(person, "withdraw")
    assert game.held() == 0
