"""Sealed games on chain: longer reports, tags in place of pulls, sums at the end, sealing keys and their penalty."""

import random

import pytest

from chain_bandit.protocol.digests import ZERO, keccak
from chain_bandit.protocol.settlement import encode_sums, final_balance, void_balance
from chain_bandit.protocol.units import UNIT
from tests.contracts.fast_evm import FastGame
from tests.contracts.harness import BASE, DEAD, FUNCTIONS, KEYS, Game, hexed, least_pool, parameters
from tests.contracts.test_evidence import accuse
from tests.contracts.test_settlement import charged

M, L, T, WINDOW = BASE.participants, BASE.burn_in, BASE.horizon, BASE.settlement_window
PENALTY = 12_345
SEALED = parameters(sealed=1, unrevealed_penalty=PENALTY)
ROUNDS = T - L


def over(**changes: int) -> Game:
    return FastGame(parameters(**({"sealed": 1, "unrevealed_penalty": PENALTY} | changes))).open().play_out()


def tags(rounds: int, participants: int = M) -> bytes:
    return b"".join(keccak(bytes([i]))[:8] * participants for i in range(rounds))


def unseal(game: Game, *seats: int) -> None:
    for seat in seats:
        game.do(game.seats[seat], "revealSeal", game.seal_key(seat))


def settle(game: Game, sums: list[int], costly: tuple[int, ...] = ()) -> None:
    """Everything that the environment owes the end of a game."""
    game.do(game.environment, "settleRewards", game.ledger.round - 1, tags(len(game.paid_rounds(T))))
    game.do(game.environment, "settleSums", encode_sums(sums))
    game.reveal()
    game.do(game.environment, "settleCosts", game.entries(costly))


@pytest.mark.parametrize("mode", [0, 1])
def test_blocks_of_longer_reports_are_recorded(mode):
    game = over(body_mode=mode)
    game.check()


def test_a_body_without_sealed_records_is_refused():
    game, plain = FastGame(SEALED).open(), FastGame(parameters(stake=SEALED.stake)).open()
    header, body = game.block(reports=[plain.report() for _ in range(M)])
    assert not game.submit(game.submitted(header, body)).accepted


def test_open_games_have_neither_sums_nor_sealing_keys():
    game = FastGame().open().play_out()
    assert game.refused(game.environment, "settleSums", bytes(8 * M)) == ("NotSealed",)
    assert game.refused(game.seats[0], "revealSeal", game.seal_key(0)) == ("NotSealed",)


def test_settlement_takes_a_tag_a_seat_and_round_and_credits_nothing():
    game = over()
    for wrong in (tags(ROUNDS)[:-1], tags(ROUNDS) + b"\0", bytes(5 * M * ROUNDS), b""):
        error = ("WrongPullsLength", len(wrong), 8 * M * ROUNDS)
        assert game.refused(game.environment, "settleRewards", T, wrong) == error
    game.do(game.environment, "settleRewards", L + 2, tags(2))
    assert game.refused(game.environment, "settleRewards", L + 2, b"") == ("AlreadySettled", L + 2, L + 2)
    assert game.refused(game.environment, "settleRewards", T + 1, b"") == ("RoundNotRecorded", T + 1, T)
    outcome = game.do(game.environment, "settleRewards", T, tags(ROUNDS - 2))
    assert outcome.events == (("RewardsSettled", (T, b"")),)
    assert game.view("settledThrough") == T


def test_sums_are_paid_once_after_the_last_tag_and_never_above_a_reward_a_round():
    game = over()
    good = encode_sums([ROUNDS * UNIT, 0, 5, 7])
    assert game.refused(game.seats[0], "settleSums", good)[0] == "NotEnvironment"
    assert game.refused(game.environment, "settleSums", good) == ("SumsMissing", L, T)
    game.do(game.environment, "settleRewards", T, tags(ROUNDS))
    for wrong in (good[:-1], good + b"\0", b""):
        error = ("WrongPullsLength", len(wrong), 8 * M)
        assert game.refused(game.environment, "settleSums", wrong) == error
    for sum_ in (ROUNDS * UNIT + 1, 2**64 - 1):
        error = ("SumTooLarge", 2, sum_, ROUNDS * UNIT)
        assert game.refused(game.environment, "settleSums", encode_sums([0, 0, sum_, 0])) == error
    data = FUNCTIONS["settleSums"].encode(good)
    error = ("NonCanonicalCalldata", len(data) + 1, len(data))
    assert game.send(data + b"\0", game.environment).error == error
    outcome = game.do(game.environment, "settleSums", good)
    assert outcome.events == (("RewardsSettled", (T, good)),)
    assert game.refused(game.environment, "settleSums", good) == ("AlreadySummed",)


def test_sums_wait_for_the_end_and_not_for_longer_than_the_window():
    game = FastGame(SEALED).open()
    game.approve()
    assert game.refused(game.environment, "settleSums", bytes(8 * M))[0] == "GameNotOver"
    late = over()
    late.do(late.environment, "settleRewards", T, tags(ROUNDS))
    late.machine.block += WINDOW + 1
    assert late.refused(late.environment, "settleSums", bytes(8 * M))[0] == "WindowPassed"


def test_who_is_on_the_block_list_is_paid_for_the_rounds_before():
    game = FastGame(SEALED).open()
    accuse(game, 2)
    game.play_out()
    since = game.ledger.blocked_from[2]
    before = len([t for t in game.paid_rounds(T) if t < since])
    game.do(game.environment, "settleRewards", T, tags(len(game.paid_rounds(T))))
    assert 0 < before < len(game.paid_rounds(T))
    error = ("SumTooLarge", 2, before * UNIT + 1, before * UNIT)
    assert game.refused(game.environment, "settleSums", encode_sums([0, 0, before * UNIT + 1, 0])) == error
    game.do(game.environment, "settleSums", encode_sums([0, 0, before * UNIT, 0]))


def test_a_sealing_key_is_the_registered_one_and_is_taken_once():
    game = over()
    wrong = keccak(b"wrong")
    error = ("WrongSealKey", 1, keccak(wrong), keccak(game.seal_key(1)))
    assert game.refused(game.seats[1], "revealSeal", wrong) == error
    assert game.refused(game.anybody, "revealSeal", wrong) == ("NotParticipant", hexed(game.anybody))
    outcome = game.do(game.seats[1], "revealSeal", game.seal_key(1))
    assert outcome.events == (("SealRevealed", (1, game.seal_key(1))),)
    assert game.refused(game.seats[1], "revealSeal", game.seal_key(1)) == ("SealAlreadyRevealed", 1)


def test_a_sealing_key_is_revealed_after_the_game_and_within_the_window():
    running = FastGame(SEALED).open()
    assert running.refused(running.seats[0], "revealSeal", running.seal_key(0))[0] == "GameNotOver"
    late = over()
    late.machine.block += WINDOW + 1
    assert late.refused(late.seats[0], "revealSeal", late.seal_key(0))[0] == "WindowPassed"


def test_closing_waits_for_every_key_and_then_for_nobody():
    game = over()
    settle(game, [1, 2, 3, 4])
    unseal(game, 0, 1, 3)
    deadline = game.machine.block + WINDOW
    assert game.refused(game.anybody, "close") == ("Unfinished", game.machine.block, deadline)
    unseal(game, 2)
    assert game.do(game.anybody, "close").events[0][1][0] is False
    assert [game.view("owed", seat) for seat in game.seats] == [
        SEALED.stake + (i + 1) * SEALED.wei_per_unit for i in range(M)
    ]


def test_who_keeps_its_key_loses_the_penalty_and_nobody_else_anything():
    game = over()
    settle(game, [1, 2, 3, 4])
    unseal(game, 0, 1, 3)
    game.machine.block += WINDOW + 1
    assert game.do(game.anybody, "close").events == (("Closed", (False, PENALTY)),)
    owed = [SEALED.stake + (i + 1) * SEALED.wei_per_unit - (PENALTY if i == 2 else 0) for i in range(M)]
    assert [game.view("owed", seat) for seat in game.seats] == owed
    assert game.view("owed", game.environment) == game.pool - 10 * SEALED.wei_per_unit
    assert game.machine.state.get_balance(DEAD) == PENALTY
    for account in (*game.seats, game.environment):
        game.do(account, "withdraw")
    assert game.held() == 0


@pytest.mark.parametrize("missing", ["tags", "sums"])
def test_a_game_whose_sums_were_never_paid_is_void_and_keys_still_count(missing):
    game = over()
    if missing == "sums":
        game.do(game.environment, "settleRewards", T, tags(ROUNDS))
    game.reveal()
    game.do(game.environment, "settleCosts", game.entries())
    unseal(game, 0, 1)
    assert game.refused(game.anybody, "close")[0] == "Unfinished"
    game.machine.block += WINDOW + 1
    expected = void_balance(game.p, game.pool, [0] * M, frozenset(), frozenset({2, 3}))
    assert game.do(game.anybody, "close").events == (("Closed", (True, expected.burned)),)
    assert [game.view("owed", seat) for seat in game.seats] == list(expected.participants)


def test_an_unopened_sealed_game_gives_whole_stakes_back():
    game = FastGame(SEALED)
    game.do(game.seats[0], "join", KEYS, value=SEALED.stake)
    game.machine.block += SEALED.opening_deadline + 1
    assert game.view("owed", game.seats[0]) == SEALED.stake


def test_the_stake_covers_the_dearest_cost_and_the_penalty():
    least = parameters(sealed=1, unrevealed_penalty=PENALTY)
    game = over(stake=least.stake)
    settle(game, [0] * M, tuple(range(L + 1, T + 1)))
    game.machine.block += WINDOW + 1
    game.do(game.anybody, "close")
    for seat in game.seats:
        game.do(seat, "withdraw")


def test_contract_and_python_owe_the_same_in_random_sealed_games():
    verdicts = []
    for number in range(12):
        chance = random.Random(number)
        size = chance.choice((2, 3, 4, 5, 7))
        bound = (size - 1) // 3
        p = parameters(
            participants=size, liars=bound, attackers=min(bound, size - 2), horizon=chance.randrange(6, 12), sealed=1,
            wei_per_unit=chance.choice((1, 3, 10**6)), unrevealed_penalty=chance.choice((0, 1, 10**20)),
            body_mode=number % 2,
        )  # fmt: skip
        roles = bytes(chance.choice((0, 0, 1, 2, 3)) for _ in range(size))
        game = FastGame(p, roles, least_pool(p) + chance.randrange(100), f"sealed {number}").open().play_out()
        for _ in range(10):
            verdicts.append(finish(game, chance))
    assert len(verdicts) == 120
    assert 20 < sum(verdicts) < 100


def finish(game: Game, chance: random.Random) -> bool:
    """End a game somehow, compare what is owed with Python, put everything back. Says whether it ended void."""
    p, block, snapshot = game.p, game.machine.block, game.machine.state.snapshot()
    last, everybody = p.horizon, frozenset(range(p.participants))
    rounds = len(game.paid_rounds(last))
    sums = [chance.choice((0, rounds * UNIT, chance.randrange(rounds * UNIT + 1))) for _ in game.seats]
    liars = any(role & 1 for role in game.roles)
    costly = tuple(t for t in game.paid_rounds(last) if liars and chance.random() < 0.5)
    revealed = frozenset(seat for seat in everybody if chance.random() < 0.8)
    unseal(game, *revealed)
    complete = chance.random() < 0.6
    paid = complete or chance.random() < 0.5
    game.do(game.environment, "settleRewards", last, tags(rounds, p.participants))
    if paid:
        game.do(game.environment, "settleSums", encode_sums(sums))
    game.reveal()
    if complete:
        game.do(game.environment, "settleCosts", game.entries(costly))
    if not complete or revealed != everybody:
        assert game.refused(game.anybody, "close")[0] == "Unfinished"
        game.machine.block += p.settlement_window + 1
    given = sums if paid else [0] * p.participants
    expected = (
        final_balance(p, game.pool, given, game.roles, [charged(game, set(costly))] * p.participants,
                      unrevealed=everybody - revealed)
        if complete else void_balance(p, game.pool, given, frozenset(), everybody - revealed)
    )  # fmt: skip
    assert game.do(game.anybody, "close").events == (("Closed", (not complete, expected.burned)),)
    owed = [game.view("owed", account) for account in (*game.seats, game.environment)]
    assert owed == [*expected.participants, expected.environment]
    assert game.held() == sum(owed) == game.pool + p.participants * p.stake - expected.burned
    game.machine.state.revert(snapshot)
    game.machine.block = block
    return not complete


def test_a_seat_that_registered_nothing_can_reveal_nothing():
    game = FastGame(SEALED)
    for seat in game.seats:
        game.do(seat, "join", KEYS, value=SEALED.stake)
    game.do(game.environment, "open", game.salt)
    game.machine.block += SEALED.game_blocks + 1
    assert game.refused(game.seats[0], "revealSeal", ZERO) == ("WrongSealKey", 0, keccak(ZERO), ZERO)
