"""Rewards, the reveal, costs, closing: what is refused, and what everybody is owed in the end."""

import random
from dataclasses import replace
from fractions import Fraction
from math import floor

import pytest

from chain_bandit.protocol.blocks import Kind, mask
from chain_bandit.protocol.digests import ZERO, keccak
from chain_bandit.protocol.errors import Malformed
from chain_bandit.protocol.rewards import Distribution, RewardModel, bernoulli, hidden_cost, secret_commitment
from chain_bandit.protocol.settlement import NOTHING, Cost, Pull, encode_pulls, encode_sums, final_balance, void_balance
from chain_bandit.protocol.units import UNIT
from tests.contracts.harness import BASE, DEAD, Game, hexed, least_pool, parameters
from tests.few import few

M, L, T = BASE.participants, BASE.burn_in, BASE.horizon
WINDOW = BASE.settlement_window
ONE = Pull(1, 5)


def over(**changes: int) -> Game:
    """A game whose last round has ended, in block 1; everybody selected everywhere, seat 0 a liar."""
    return Game(parameters(**changes)).open().play_out()


def test_settle_rewards_credits_every_seat(game):
    game.play_out()
    pulls = [Pull(0, UNIT), Pull(1, 0), NOTHING, Pull(1, 7)]
    game.do(game.environment, "settleRewards", L + 1, encode_pulls(pulls))
    game.do(game.environment, "settleRewards", T, encode_pulls(pulls) * (T - L - 1))
    assert game.view("settledThrough") == T
    game.reveal()
    game.do(game.environment, "settleCosts", game.entries())
    game.do(game.anybody, "close")
    for seat, pull in zip(game.seats, pulls, strict=True):
        assert game.view("owed", seat) == BASE.stake + (T - L) * pull.reward * BASE.wei_per_unit


def test_settle_rewards_takes_approved_rounds_after_the_burn_in_only(game):
    game.approve()  # round L
    game.skip()
    game.approve()
    game.reject()
    outcome = game.do(game.environment, "settleRewards", L + 3, encode_pulls([ONE] * M))
    assert outcome.events == (("RewardsSettled", (L + 3, encode_sums([ONE.reward] * M))),)
    game.skip()  # the second failure in a row: an exploration follows
    game.do(game.environment, "settleRewards", L + 5, b"")
    assert game.view("settledThrough") == L + 5


@pytest.mark.parametrize("seats_", [3, 4, 5, 9])
def test_the_event_of_a_settlement_says_what_each_seat_was_credited_so_far(seats_):
    game = Game(parameters(participants=seats_, liars=0, attackers=0)).open().play_out()
    first, second = ([Pull(0, 10 * kind + seat) for seat in range(seats_)] for kind in (1, 2))
    for through, pulls, sums in (
        (L + 1, first, [10 + seat for seat in range(seats_)]),
        (L + 3, second, [50 + 3 * seat for seat in range(seats_)]),
    ):
        rows = encode_pulls(pulls) * len([r for r in game.paid_rounds(through) if r > game.view("settledThrough")])
        outcome = game.do(game.environment, "settleRewards", through, rows)
        assert outcome.events == (("RewardsSettled", (through, encode_sums(sums))),)


def test_settle_rewards_reverts_for_anybody_else(game):
    error = ("NotEnvironment", hexed(game.seats[0]), hexed(game.environment))
    assert game.refused(game.seats[0], "settleRewards", L + 1, b"") == error
    assert game.refused(game.seats[0], "reveal", ZERO, b"", b"") == error
    assert game.refused(game.seats[0], "settleCosts", []) == error


def test_settle_rewards_reverts_when_nothing_is_new(game):
    game.approve()
    for through in (0, L):
        assert game.refused(game.environment, "settleRewards", through, b"") == ("AlreadySettled", through, L)
    game.approve()
    game.settle(L + 1)
    assert game.refused(game.environment, "settleRewards", L + 1, b"") == ("AlreadySettled", L + 1, L + 1)


def test_settle_rewards_reverts_when_a_round_is_not_recorded(game):
    assert game.refused(game.environment, "settleRewards", L + 1, b"") == ("RoundNotRecorded", L + 1, L - 1)
    game.approve()
    assert game.refused(game.environment, "settleRewards", T, b"") == ("RoundNotRecorded", T, L)


def test_settle_rewards_reverts_when_the_pulls_have_another_length(game):
    game.approve()
    game.approve()
    good = encode_pulls([ONE] * M)
    for wrong in (good[:-1], good + b"\0", b"", good * 2):
        error = ("WrongPullsLength", len(wrong), 5 * M)
        assert game.refused(game.environment, "settleRewards", L + 1, wrong) == error


@pytest.mark.parametrize("pull", [Pull(2, 0), Pull(254, 0), Pull(255, 1), Pull(0, UNIT + 1), Pull(1, 2**32 - 1)])
def test_settle_rewards_reverts_when_a_pull_is_impossible(game, pull):
    game.approve()
    game.approve()
    pulls = encode_pulls([ONE, ONE, pull, ONE])
    error = ("InvalidPull", L + 1, 2, pull.arm, pull.reward)
    assert game.refused(game.environment, "settleRewards", L + 1, pulls) == error
    game.settle(L + 1, Pull(1, UNIT))


def test_reveal_publishes_the_cost_of_python():
    game = over()
    cost = hidden_cost(game.secret, game.seed_0)
    assert game.reveal().events == (("Revealed", (cost,)),)
    assert game.refused(game.environment, "reveal", game.secret, game.roles, game.model) == ("AlreadyRevealed", cost)


def test_reveal_reverts_when_it_is_not_the_committed_secret():
    game = over()
    for secret, roles, model in (
        (ZERO, game.roles, game.model),
        (game.secret, bytes(M), game.model),
        (game.secret, game.roles, b"another"),
        (game.secret, game.roles, b""),
    ):
        error = ("WrongSecret", secret_commitment(secret, roles, model), game.commitments[1])
        assert game.refused(game.environment, "reveal", secret, roles, model) == error


def test_reveal_reverts_when_roles_are_malformed():
    for roles, error in (
        (bytes(M - 1), ("WrongRolesLength", M - 1, M)),
        (bytes(M + 1), ("WrongRolesLength", M + 1, M)),
        (bytes([0, 3, 4, 0]), ("UnknownRole", 2, 4)),
    ):
        game = Game(BASE, roles).open().play_out()
        assert game.refused(game.environment, "reveal", game.secret, roles, game.model) == error


def test_end_calls_revert_while_the_game_runs(game):
    game.approve()
    error = ("GameNotOver", L + 1, 1, 1 + BASE.game_blocks)
    assert game.refused(game.environment, "reveal", game.secret, game.roles, game.model) == error
    assert game.refused(game.environment, "settleCosts", []) == error
    assert game.refused(game.anybody, "close") == error
    assert game.refused(game.seats[1], "withdraw") == ("NothingOwed", hexed(game.seats[1]))


def test_settle_costs_follows_the_records_in_chunks():
    game = over()
    game.reveal()
    entries = game.entries(costly=(T, L + 1))
    for start in range(0, len(entries), 4):
        chunk = entries[start : start + 4]
        outcome = game.do(game.environment, "settleCosts", chunk)
        last = game.records[len(game.records) - start - len(chunk)][1].round
        assert outcome.events == (("CostsSettled", (last, 1 if last > L + 1 else 2)),)
    assert last == L
    assert game.refused(game.environment, "settleCosts", entries[:1]) == ("NoRecordLeft", 0)


def test_settle_costs_reverts_before_the_reveal():
    game = over()
    assert game.refused(game.environment, "settleCosts", game.entries()) == ("NotRevealed",)


def test_settle_costs_reverts_when_an_entry_is_not_the_record():
    game = over()
    game.reveal()
    (parent, kind, costly, header), *_ = game.entries()
    for wrong in (
        (ZERO, kind, costly, header),
        (parent, 2, costly, header),
        (parent, kind, costly, header[:-1]),
        (parent, kind, costly, b""),
        game.entries()[1],
    ):
        digest = keccak(wrong[0], T.to_bytes(31, "big"), bytes([wrong[1]]), keccak(wrong[3]) if wrong[3] else ZERO)
        error = ("WrongRecord", T, digest, game.ledger.head)
        assert game.refused(game.environment, "settleCosts", [wrong]) == error


def test_settle_costs_reverts_when_no_labelled_liar_is_selected():
    roles = bytes([1, 2, 0, 3])
    game = Game(parameters(liars=1), roles).open()
    game.approve()  # round L
    game.approve(selected=(0b0110, 0b0010))  # A2 in B is no lie
    game.approve(selected=(0b0100, 0b1000))
    game.approve(selected=(0b0001, 0b0001))
    game.reject()
    game.skip()
    while game.ledger.round <= T:
        game.approve(selected=(0b0100, 0b0100))
    game.reveal()
    kinds = {record.round: record.kind for _, record, _ in game.records}
    allowed = set()
    for round_ in range(T, L - 1, -1):
        entry = next(e for e, r in zip(game.entries(range(T + 1)), range(T, L - 1, -1), strict=True) if r == round_)
        outcome = game.call(game.environment, "settleCosts", [entry])
        if outcome.accepted:
            allowed.add(round_)
        else:
            assert outcome.error == ("CostWithoutLiar", round_, kinds[round_])
            game.do(game.environment, "settleCosts", [(*entry[:2], False, entry[3])])
    assert allowed == {L + 2, L + 3}
    assert (kinds[L + 4], kinds[L + 5], kinds[L + 6]) == (Kind.REJECTED, Kind.SKIP, Kind.EXPLORATION)


def test_window_closes_for_every_settlement():
    game = over()
    game.machine.block = 1 + WINDOW
    game.settle(T - 1)
    game.reveal()
    game.machine.block += 1
    error = ("WindowPassed", 2 + WINDOW, 1 + WINDOW)
    assert game.refused(game.environment, "settleRewards", T, encode_pulls([ONE] * M)) == error
    assert game.refused(game.environment, "settleCosts", game.entries()) == error
    late = over()
    late.machine.block = 2 + WINDOW
    assert late.refused(late.environment, "reveal", late.secret, late.roles, late.model) == error


def test_window_counts_from_the_last_block_of_the_game_when_rounds_are_left(game):
    game.approve()
    end = 1 + BASE.game_blocks
    game.machine.block = end + WINDOW
    game.reveal()
    game.machine.block += 1
    error = ("WindowPassed", end + WINDOW + 1, end + WINDOW)
    assert game.refused(game.environment, "settleCosts", game.entries()) == error


def test_game_with_rounds_left_is_closed_by_anybody_after_its_window_alone(game):
    game.approve()
    deadline = 1 + BASE.game_blocks + WINDOW
    game.machine.block = deadline
    assert game.refused(game.anybody, "close") == ("Unfinished", deadline, deadline)
    game.machine.block += 1
    assert game.do(game.anybody, "close").events[0][1][0] is True


def test_close_reverts_when_something_is_missing_in_the_window():
    game = over()
    error = ("Unfinished", 1, 1 + WINDOW)
    assert game.refused(game.anybody, "close") == error
    game.settle(T)
    assert game.refused(game.anybody, "close") == error
    game.reveal()
    assert game.refused(game.anybody, "close") == error
    game.do(game.environment, "settleCosts", game.entries()[:-1])
    assert game.refused(game.anybody, "close") == error
    game.do(game.environment, "settleCosts", game.entries()[-1:])
    game.do(game.anybody, "close")


def test_close_reverts_when_rewards_are_missing_in_the_window():
    game = over()
    game.settle(T - 1)
    game.reveal()
    game.do(game.environment, "settleCosts", game.entries())
    assert game.refused(game.anybody, "close") == ("Unfinished", 1, 1 + WINDOW)


def test_nothing_settles_after_the_close():
    game = over()
    game.settle(T)
    game.reveal()
    game.do(game.environment, "settleCosts", game.entries())
    game.do(game.anybody, "close")
    assert game.view("closed")
    assert game.refused(game.anybody, "close") == ("AlreadyClosed", False)
    assert game.refused(game.environment, "settleCosts", []) == ("AlreadyClosed", False)
    assert game.refused(game.environment, "settleRewards", T, b"") == ("AlreadyClosed", False)
    assert game.refused(game.environment, "reveal", game.secret, game.roles, game.model) == ("AlreadyClosed", False)


def test_game_without_a_record_closes_after_the_reveal(game):
    game.machine.block = 2 + BASE.game_blocks
    game.reveal()
    assert game.do(game.anybody, "close").events == (("Closed", (False, 0)),)
    assert [game.view("owed", seat) for seat in game.seats] == [BASE.stake] * M
    assert game.view("owed", game.environment) == game.pool


def test_closing_late_still_charges_costs_when_all_was_settled_in_time():
    game = over()
    game.settle(T)
    game.reveal()
    game.do(game.environment, "settleCosts", game.entries(costly=(T,)))
    game.machine.block = 1000
    assert game.do(game.anybody, "close").events[0][1][0] is False


def test_unfinished_game_is_void_when_the_window_has_passed():
    game = Game(pool=least_pool(BASE) + 3).open().play_out()
    game.settle(T, Pull(0, 1))
    game.machine.block = 2 + WINDOW
    expected = void_balance(BASE, game.pool, [T - L] * M, frozenset())
    assert expected.burned > 0
    assert game.do(game.anybody, "close").events == (("Closed", (True, expected.burned)),)
    assert game.refused(game.anybody, "close") == ("AlreadyClosed", True)
    assert [game.view("owed", seat) for seat in game.seats] == list(expected.participants)
    assert game.view("owed", game.environment) == 0
    assert game.machine.state.get_balance(DEAD) == expected.burned
    assert game.refused(game.environment, "withdraw") == ("NothingOwed", hexed(game.environment))


@pytest.mark.parametrize("roles", [bytes(4), bytes([1, 0, 0, 0]), bytes([1, 2, 0, 0]), bytes([1, 2, 3, 0]), b"\3" * 4])
def test_money_is_conserved_at_every_step(roles):
    game = Game(BASE, roles)
    balance = game.machine.state.get_balance
    people = (*game.seats, game.environment)
    initial = sum(map(balance, people)) + game.held()

    def conserved() -> None:
        assert sum(map(balance, people)) + game.held() + balance(DEAD) == initial

    game.open()
    assert game.held() == game.pool + M * BASE.stake
    game.play_out()
    game.settle(T, Pull(1, UNIT))
    game.reveal()
    liars = any(role & 1 for role in roles)
    costly = T - L if liars else 0
    game.do(game.environment, "settleCosts", game.entries(range(L + 1, T + 1) if liars else ()))
    conserved()
    cost = hidden_cost(game.secret, game.seed_0)
    expected = final_balance(BASE, game.pool, [(T - L) * UNIT] * M, roles, [cost * costly] * M)
    game.do(game.anybody, "close")
    conserved()
    assert balance(DEAD) == expected.burned
    for account, due in zip(people, (*expected.participants, expected.environment), strict=True):
        assert game.view("owed", account) == due
        game.do(account, "withdraw")
        assert game.view("owed", account) == 0
        conserved()
    assert game.held() == 0


def test_whoever_owes_more_than_it_earned_is_paid_out_of_its_stake():
    game = over()
    game.settle(T, NOTHING)
    game.reveal()
    game.do(game.environment, "settleCosts", game.entries(range(L + 1, T + 1)))
    game.do(game.anybody, "close")
    loss = hidden_cost(game.secret, game.seed_0) * (T - L) * BASE.wei_per_unit
    assert loss > 0
    assert [game.view("owed", seat) for seat in game.seats[2:]] == [BASE.stake - loss] * 2
    for seat in game.seats:
        game.do(seat, "withdraw")


@pytest.mark.py_evm
def test_receiver_that_reverts_blocks_nobody_else():
    game = Game().open()
    # Nobody joins with code, but a joined account can delegate to some later (EIP-7702): here to revert(0, 0).
    game.machine.state.set_code(game.seats[2], bytes.fromhex("5f5ffd"))
    game.machine.block = 2 + BASE.game_blocks + WINDOW
    game.do(game.anybody, "close")
    due = game.view("owed", game.seats[2])
    held = game.held()
    assert game.refused(game.seats[2], "withdraw") == ("TransferFailed", hexed(game.seats[2]), due)
    assert (game.view("owed", game.seats[2]), game.held()) == (due, held)
    for seat in (0, 1, 3):
        game.do(game.seats[seat], "withdraw")
    assert game.held() == due
    game.machine.state.set_code(game.seats[2], b"")
    game.do(game.seats[2], "withdraw")
    assert game.held() == 0


@pytest.mark.py_evm
def test_receiver_that_calls_back_is_paid_once():
    game = Game().open()
    # The receiver's code, delegated to after it joined, calls withdraw() again and ignores the result.
    selector = keccak(b"withdraw()")[:4]
    code = bytes.fromhex("63") + selector + bytes.fromhex("60e01b5f525f5f60045f5f73") + game.address
    game.machine.state.set_code(game.seats[0], code + bytes.fromhex("5af100"))
    game.machine.block = 2 + BASE.game_blocks + WINDOW
    game.do(game.anybody, "close")
    due, held = game.view("owed", game.seats[0]), game.held()
    outcome = game.do(game.seats[0], "withdraw")
    assert [name for name, _ in outcome.events] == ["Withdrawn"]
    assert game.held() == held - due


@pytest.mark.parametrize("games", [8, pytest.param(100, marks=pytest.mark.deep)])
def test_contract_and_python_owe_the_same_in_random_finished_games(games):
    """Random ends of one opened game: records, rewards, roles, costs, complete or void."""
    checked = voided = 0
    for number in range(games):
        chance = random.Random(number)
        size = chance.choice((2, 3, 4, 5, 7))
        roles = bytes(chance.choice((0, 0, 1, 2, 3)) for _ in range(size))
        bound = (size - 1) // 3
        p = parameters(
            participants=size, liars=bound, attackers=min(bound, size - 2), horizon=chance.randrange(6, 14),
            wei_per_unit=chance.choice((1, 3, 10**6)), quorum_choice=number % 2,
            cost=number // 2 % 2,
        )  # fmt: skip
        model = some_model(random.Random(f"model {number}"), p.arms).encode()
        game = Game(p, roles, least_pool(p) + chance.randrange(100), f"random {number}", model).open()
        for _ in range(20):
            voided += finish(game, chance)
            checked += 1
    assert checked == 20 * games
    assert 0.2 < voided / checked < 0.6


def some_model(chance: random.Random, arms: int) -> RewardModel:
    """Tables of up to five rewards, with weights up to the largest."""
    made = []
    for _ in range(arms):
        values = tuple(sorted(chance.sample(range(UNIT + 1), chance.randint(1, 5))))
        weights = (chance.randint(1, 9), *(chance.choice((0, 1, 2**32 - 1)) for _ in values[1:]))
        made.append(Distribution(values, weights))
    return RewardModel(tuple(made))


def charged(game: Game, costly: set[int]) -> int:
    """What these rounds cost a seat that was never accused, in units (protocol.md: Settlement), in fractions."""
    cost = hidden_cost(game.secret, game.seed_0)
    if game.p.cost == Cost.CONSTANT:
        return cost * len(costly)
    truth = RewardModel.decode(game.model, game.p.arms).means
    headers = [record.header for _, record, _ in game.records if record.round in costly]
    apart = [Fraction(header.means[header.arm] - truth[header.arm], UNIT) for header in headers]
    return sum(floor(cost * min(1, distance**2)) for distance in apart)


def finish(game: Game, chance: random.Random) -> bool:
    """End a game somehow, compare what is owed with Python, put everything back. Says whether it ended void."""
    p, ledger, block, snapshot = game.p, game.ledger, game.machine.block, game.machine.state.snapshot()
    rewards = [0] * p.participants
    settled = b""
    costly = set()
    for _ in range(chance.randrange(p.horizon)):
        if game.ledger.round > p.horizon:
            break
        round_ = game.ledger.round
        match chance.randrange(4):
            case 0:
                game.skip()
            case 1:
                game.reject()
            case _:
                chosen = tuple(chance.randrange(1, 2**p.participants) for _ in range(p.arms))
                game.approve(selected=chosen)
                if round_ > p.burn_in:
                    pulls = [
                        chance.choice((NOTHING, Pull(0, UNIT), Pull(1, chance.randrange(UNIT + 1)))) for _ in game.seats
                    ]
                    settled += encode_pulls(pulls)
                    rewards = [total + pull.reward for total, pull in zip(rewards, pulls, strict=True)]
                    liars = mask(seat for seat, role in enumerate(game.roles) if role & 1)
                    if (chosen[0] | chosen[1]) & liars and chance.random() < 0.7:
                        costly.add(round_)
    if game.ledger.round <= p.horizon:
        game.machine.block = block + p.game_blocks + 1
    complete, last = chance.random() < 0.6, game.ledger.round - 1
    if last > p.burn_in:
        game.do(game.environment, "settleRewards", last, settled)
    if complete:
        game.reveal()
        game.do(game.environment, "settleCosts", game.entries(costly))
        expected = final_balance(p, game.pool, rewards, game.roles, [charged(game, costly)] * p.participants)
    else:
        game.machine.block += p.settlement_window + 1
        expected = void_balance(p, game.pool, rewards, frozenset())
    outcome = game.do(game.anybody, "close")
    assert outcome.events == (("Closed", (not complete, expected.burned)),)
    owed = [game.view("owed", account) for account in (*game.seats, game.environment)]
    assert owed == [*expected.participants, expected.environment]
    assert game.held() == sum(owed)
    game.machine.state.revert(snapshot)
    game.machine.block, game.ledger = block, ledger
    game.records.clear()
    return not complete


@pytest.mark.parametrize("participants", few([2, 5, 6, 7, 12, 13, 31], 2))
def test_contract_and_python_accept_the_same_pulls(participants):
    bound = (participants - 1) // 3
    p = parameters(participants=participants, liars=bound, attackers=min(bound, participants - 2), horizon=8, arms=2)
    game = Game(p, name=f"pulls {participants}").open()
    while game.ledger.round <= p.horizon:
        game.approve(reporters=(0,))
    game.reveal()
    game.do(game.environment, "settleCosts", game.entries())
    chance, accepted = random.Random(f"pulls {participants}"), 0
    for _ in range(60):
        snapshot = game.machine.state.snapshot()
        rounds = [[some_pull(chance) for _ in game.seats] for _ in range(4)]
        pulls = ((5 + i, seat, *pull) for i, row in enumerate(rounds) for seat, pull in enumerate(row))
        wrong = next((entry for entry in pulls if not possible(*entry[2:])), None)
        data = encode_pulls([Pull(*pull) for row in rounds for pull in row])
        outcome = game.call(game.environment, "settleRewards", 8, data)
        if wrong:
            assert outcome.error == ("InvalidPull", *wrong)
        else:
            accepted += 1
            game.do(game.anybody, "close")
            for seat, account in enumerate(game.seats):
                assert game.view("owed", account) == p.stake + sum(row[seat][1] for row in rounds) * p.wei_per_unit
        game.machine.state.revert(snapshot)
    assert 5 <= accepted <= 55


def possible(arm: int, reward: int) -> bool:
    return reward <= UNIT if arm < 2 else (arm, reward) == (255, 0)


def some_pull(chance: random.Random) -> tuple[int, int]:
    if chance.random() < 0.01:
        return chance.choice(((2, 0), (254, 0), (255, 1), (0, UNIT + 1), (1, 2**32 - 1), (128, 5), (255, 2**32 - 1)))
    return chance.choice(((0, UNIT), (1, UNIT), (1, chance.randrange(UNIT + 1)), (0, 0), (255, 0)))


def test_settle_rewards_takes_more_rounds_than_a_lane_holds():
    rounds = 1150  # 1150 whole rewards are more than 40 bits
    p = parameters(participants=2, liars=0, attackers=0, horizon=4 + rounds, game_blocks=10**6)
    game = Game(p).open()
    while game.ledger.round <= p.horizon:
        game.approve(reporters=(0,))
    game.settle(p.horizon, Pull(1, UNIT))
    game.reveal()
    game.do(game.environment, "settleCosts", game.entries())
    game.do(game.anybody, "close")
    assert [game.view("owed", seat) for seat in game.seats] == [p.stake + rounds * UNIT * p.wei_per_unit] * 2


DISTANCE = parameters(cost=Cost.DISTANCE, body_mode=1, arms=9, burn_in=18, horizon=60)
"""Nine arms: one more than a word of true means holds. Compact, so that a quorum may sign any estimator."""


def test_distance_cost_is_that_of_the_honest_arm_and_never_more_than_c():
    truths = (0, 1, 7, 10**5, UNIT // 3, UNIT // 2, UNIT - 1, UNIT, UNIT // 7)
    model = RewardModel(tuple(map(bernoulli, truths))).encode()
    game = Game(DISTANCE, pool=least_pool(DISTANCE), model=model).open()
    costly, cost, expected, seen = set(), hidden_cost(game.secret, game.seed_0), 0, set()
    while game.ledger.round <= DISTANCE.horizon:
        round_ = game.ledger.round
        arm = round_ % 9
        estimate = game.chance.choice((0, truths[arm], truths[arm] + 31_623, UNIT, UNIT + 5, 2 * UNIT))
        means = tuple(estimate if i == arm else game.chance.randrange(UNIT) for i in range(9))
        header, body = game.block()
        header = replace(header, means=means)
        outcome = game.submit(game.submitted(header, body))
        assert outcome.accepted, outcome.error
        game.record(Kind.APPROVED, header)
        if round_ > DISTANCE.burn_in:
            costly.add(round_)
            one = cost * min(UNIT, abs(estimate - truths[arm])) ** 2 // UNIT**2
            expected += one
            seen.add((arm, one == cost))
    game.settle(DISTANCE.horizon, NOTHING)
    game.reveal()
    entries = game.entries(costly)
    for start in range(0, len(entries), 7):
        game.do(game.environment, "settleCosts", entries[start : start + 7])
    game.do(game.anybody, "close")
    assert 0 < expected == charged(game, costly) < cost * len(costly)
    assert len(seen) > 12
    stake, wei = DISTANCE.stake, DISTANCE.wei_per_unit
    assert [game.view("owed", seat) - stake for seat in game.seats] == [
        expected * wei * (1 if role else -1) for role in game.roles
    ]


@pytest.mark.parametrize("models", [60, pytest.param(1_000, marks=pytest.mark.deep)])
def test_contract_and_python_read_the_same_reward_models(models):
    """Every model that one refuses the other refuses; costs show that the means of all others are the same."""
    chance, verdicts = random.Random(9), []
    p = parameters(cost=Cost.DISTANCE, participants=2, liars=0, attackers=0, horizon=6)
    for number in range(models):
        model = some_model(chance, p.arms).encode()
        for _ in range(chance.randrange(3)):
            model = changed_model(chance, model)
        game = Game(p, bytes([1, 0]), model=model, name=f"model {number % 7}").open().play_out()
        outcome = game.call(game.environment, "reveal", game.secret, game.roles, model)
        try:
            RewardModel.decode(model, p.arms)
        except Malformed:
            verdicts.append(False)
            assert outcome.error[0] == "ModelMalformed"
            continue
        verdicts.append(True)
        assert outcome.accepted, outcome.error
        costly = {5, 6}
        game.settle(6, NOTHING)
        game.do(game.environment, "settleCosts", game.entries(costly))
        game.do(game.anybody, "close")
        assert game.view("owed", game.seats[1]) == p.stake - charged(game, costly) * p.wei_per_unit
    assert models / 4 < sum(verdicts) < models * 3 / 4


def changed_model(chance: random.Random, model: bytes) -> bytes:
    at = chance.randrange(len(model) or 1)
    return chance.choice((
        model[:-1], model + b"\0", model[:at], b"", model[:at] + chance.randbytes(1) + model[at + 1 :],
        model[:at] + bytes([model[at : at + 1][0] ^ 1 << chance.randrange(8)]) + model[at + 1 :] if model else b"\0",
        model[:10] + bytes(max(0, len(model) - 10)),
    ))  # fmt: skip


def test_constant_cost_reads_no_reward_model():
    game = Game(model=b"").open().play_out()
    assert game.reveal().events[0][0] == "Revealed"
