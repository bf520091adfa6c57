"""Joining, opening, and the way back when the opening was missed."""

import pytest

from chain_bandit.crypto.keys import Signer
from chain_bandit.protocol.blocks import Seated, genesis_digest
from chain_bandit.protocol.digests import keccak
from tests.contracts.harness import BASE, KEYS, Game, hexed, least_pool

DEADLINE = 1 + BASE.opening_deadline  # deployed in block 1


def joined(count: int) -> Game:
    game = Game()
    for seat in game.seats[:count]:
        game.do(seat, "join", KEYS, value=BASE.stake)
    return game


def test_join_gives_seats_in_order():
    game = Game()
    for number, seat in enumerate(game.seats):
        assert game.do(seat, "join", KEYS, value=BASE.stake).events == (("Joined", (number, hexed(seat))),)
        assert game.view("seatOf", seat) == number
        assert game.view("participantAt", number) == hexed(seat)
        assert game.held() == game.pool + (number + 1) * BASE.stake
        assert game.view("owed", seat) == 0


def test_join_reverts_when_the_stake_is_not_exact():
    for value in (0, BASE.stake - 1, BASE.stake + 1):
        assert Game().refused(Game().seats[0], "join", KEYS, value=value) == ("WrongStake", value, BASE.stake)


def test_join_reverts_for_the_environment():
    game = Game()
    assert game.refused(game.environment, "join", KEYS, value=BASE.stake) == (
        "EnvironmentCannotJoin",
        hexed(game.environment),
    )


def test_join_reverts_when_already_joined():
    game = joined(2)
    again = game.refused(game.seats[1], "join", KEYS, value=BASE.stake)
    assert again == ("AlreadyJoined", hexed(game.seats[1]), 1)


def test_join_reverts_when_all_seats_are_taken():
    game = joined(4)
    assert game.refused(game.anybody, "join", KEYS, value=BASE.stake) == ("SeatsFilled", 4)


def test_join_and_open_accept_the_last_block_and_revert_after_it():
    game = joined(3)
    game.machine.block = DEADLINE
    game.do(game.seats[3], "join", KEYS, value=BASE.stake)
    late = joined(3)
    late.machine.block = DEADLINE + 1
    assert late.refused(late.seats[3], "join", KEYS, value=BASE.stake) == ("OpeningMissed", DEADLINE + 1, DEADLINE)
    assert late.refused(late.environment, "open", late.salt) == ("OpeningMissed", DEADLINE + 1, DEADLINE)
    game.do(game.environment, "open", game.salt)


def test_open_fixes_the_genesis_of_python():
    game = joined(4)
    game.machine.block = 9
    outcome = game.do(game.environment, "open", game.salt)
    game = Game().open()
    assert outcome.events == (("Opened", (game.genesis,)),)
    assert game.view("genesis") == game.genesis == game.view("head") == game.ledger.head
    assert game.view("nextRound") == BASE.burn_in == game.ledger.round == game.view("settledThrough")
    assert game.view("progress") == (BASE.burn_in, 0, 0, 0, 1, 1 + BASE.game_blocks, 0, 0, 0)
    assert game.view("reputations") == (32768,) * 4
    assert game.view("validators", BASE.burn_in) == tuple(sorted(map(hexed, game.seats)))
    assert game.view("opened")
    assert not game.view("isOver")


def test_open_reverts_for_anybody_else():
    game = joined(4)
    assert game.refused(game.seats[0], "open", game.salt) == (
        "NotEnvironment",
        hexed(game.seats[0]),
        hexed(game.environment),
    )


def test_open_reverts_when_a_seat_is_empty():
    game = joined(3)
    assert game.refused(game.environment, "open", game.salt) == ("SeatsMissing", 3, 4)


def test_open_reverts_when_the_salt_is_not_the_committed_one():
    game = joined(4)
    assert game.refused(game.environment, "open", bytes(32)) == (
        "WrongSalt",
        keccak(bytes(32)),
        keccak(game.salt),
    )


def test_open_and_join_revert_when_the_game_is_open(game):
    assert game.refused(game.environment, "open", game.salt) == ("AlreadyOpened", game.genesis)
    assert game.refused(game.anybody, "join", KEYS, value=BASE.stake) == ("AlreadyOpened", game.genesis)


def test_seat_views_revert_for_strangers_and_empty_seats():
    game = joined(2)
    assert game.refused(game.anybody, "seatOf", game.anybody) == ("NotParticipant", hexed(game.anybody))
    assert game.refused(game.anybody, "participantAt", 2) == ("SeatEmpty", 2, 2)


def test_everything_after_the_opening_reverts_before_it():
    game = joined(4)
    error = ("NotOpened", 1, DEADLINE)
    assert game.refused(game.anybody, "submitBlocks") == error
    assert game.refused(game.anybody, "skip", 0, 0, b"") == error
    assert game.refused(game.anybody, "skipAfterDeadline", 0) == error
    assert game.refused(game.anybody, "reportEquivocation", (0, 4, bytes(32), 1, 1, *[bytes(32)] * 6)) == error
    assert game.refused(game.anybody, "committee", 4) == error
    assert game.refused(game.anybody, "validators", 4) == error
    assert game.refused(game.environment, "settleRewards", 5, b"") == error
    assert game.refused(game.environment, "reveal", bytes(32), b"", b"") == error
    assert game.refused(game.environment, "settleCosts", []) == error
    assert game.refused(game.anybody, "close") == error


def test_everybody_is_refunded_when_the_opening_was_missed():
    game = joined(3)
    assert game.refused(game.seats[0], "withdraw") == ("NothingOwed", hexed(game.seats[0]))
    game.machine.block = DEADLINE + 1
    held = game.pool + 3 * BASE.stake
    for account, due in ((game.seats[1], BASE.stake), (game.environment, game.pool), (game.seats[0], BASE.stake)):
        before = game.machine.state.get_balance(account)
        assert game.view("owed", account) == due
        assert game.do(account, "withdraw").events == (("Withdrawn", (hexed(account), due)),)
        assert game.machine.state.get_balance(account) == before + due
        held -= due
        assert game.held() == held
        assert game.refused(account, "withdraw") == ("NothingOwed", hexed(account))
    assert held == BASE.stake  # of the one who has not come for it yet
    for stranger in (game.anybody, game.seats[3], Signer(b"\1" * 32).address):
        game.machine.fund(stranger)
        assert game.refused(stranger, "withdraw") == ("NothingOwed", hexed(stranger))
    assert game.refused(game.anybody, "close") == ("NotOpened", DEADLINE + 1, DEADLINE)


def test_contract_refuses_plain_money_and_unknown_calls(game):
    assert game.machine.call(game.anybody, game.address, b"", 1).error == ("",)
    assert game.machine.call(game.anybody, game.address, b"\1\2\3\4", 0).error == ("",)
    assert game.refused(game.anybody, "close", value=1) == ("",)
    assert game.held() == least_pool(BASE) + 4 * BASE.stake


@pytest.mark.parametrize("size", [0, 1, 65, 66, 68, 97])
def test_keys_of_another_length_are_refused(size):
    game = Game()
    refused = game.refused(game.seats[0], "join", bytes(size), value=BASE.stake)
    assert refused == ("WrongKeysLength", size, 67)


def test_keys_of_every_seat_enter_the_seed():
    """As the game's own digest says, whatever bytes they are."""
    game, keys = Game(), [bytes([seat]) * 65 + b"\0\1" for seat in range(4)]
    for seat, registered in zip(game.seats, keys, strict=True):
        game.do(seat, "join", registered, value=BASE.stake)
    outcome = game.do(game.environment, "open", game.salt)
    seated = [Seated(seat, each[:33], each[33:65]) for seat, each in zip(game.seats, keys, strict=True)]
    _, genesis = genesis_digest(game.digest, seated, game.salt)
    assert outcome.events == (("Opened", (genesis,)),)
