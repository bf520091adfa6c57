"""revm says what py-evm says; and a certified call with another bit, byte or length is refused."""

from collections.abc import Callable
from time import perf_counter

import pytest

from chain_bandit.protocol.digests import ZERO
from chain_bandit.protocol.units import UNIT
from tests.contracts.fast_evm import FastGame
from tests.contracts.harness import FUNCTIONS, Game, parameters


def valid_block(game: Game) -> bytes:
    return FUNCTIONS["submitBlock"].encode(*game.submission(*game.block()))


def valid_rejection(game: Game) -> bytes:
    header, body = game.block(means=(2 * UNIT + 1,) * game.p.arms, reporters=(0, 1))
    return FUNCTIONS["submitBlock"].encode(*game.submission(header, body, range(game.p.participants)))


def valid_skip(game: Game) -> bytes:
    return FUNCTIONS["skip"].encode(*game.certificate(ZERO))


CALLS: dict[str, Callable[[Game], bytes]] = {
    "block": valid_block, "rejected block": valid_rejection, "skip": valid_skip,
}  # fmt: skip
"""Everything that a certificate covers. A new call joins by a line here, unless a changed bit may say the same."""

SIZES = (4, 7, 10)


def opened(participants: int) -> FastGame:
    bound = (participants - 1) // 3
    p = parameters(participants=participants, liars=bound, attackers=bound, quorum_choice=1)
    game = FastGame(p, name=f"flips {participants}").open()
    game.approve()
    return game


def state(game: Game) -> tuple:
    return game.view("head"), game.view("progress"), game.held()


def refuses(game: Game, data: bytes) -> bool:
    return not game.machine.call(game.anybody, game.address, data).accepted


def accepts(game: Game, data: bytes) -> bool:
    snapshot = game.machine.state.snapshot()
    accepted = not refuses(game, data)
    game.machine.state.revert(snapshot)
    return accepted


def flips(data: bytes):
    for bit in range(8 * len(data)):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        yield bytes(changed)


def lengths(data: bytes):
    yield from (data[:length] for length in range(len(data)))
    yield from (data + bytes(more) for more in range(1, 65))
    yield from (data + byte for byte in (b"\1", b"\xff", data[-32:], data[-64:], data))


@pytest.mark.parametrize("participants", SIZES)
@pytest.mark.parametrize("call", CALLS)
def test_every_flipped_bit_and_every_other_length_is_refused(call, participants):
    game = opened(participants)
    data = CALLS[call](game)
    before = state(game)
    assert accepts(game, data)
    assert all(refuses(game, changed) for changed in flips(data))
    assert all(refuses(game, changed) for changed in lengths(data))
    assert state(game) == before
    assert not refuses(game, data)
    assert refuses(game, data)  # a second time


@pytest.mark.deep
@pytest.mark.parametrize("participants", SIZES)
@pytest.mark.parametrize("call", CALLS)
def test_every_other_byte_is_refused(call, participants):
    game = opened(participants)
    data = CALLS[call](game)
    for at in range(len(data)):
        for change in range(1, 256):
            assert refuses(game, data[:at] + bytes([data[at] ^ change]) + data[at + 1 :]), (at, change)
    assert not refuses(game, data)


@pytest.mark.parametrize("participants", [4, 10])
def test_machines_agree_on_a_game(participants):
    bound = (participants - 1) // 3
    p = parameters(participants=participants, liars=bound, attackers=bound)
    slow, fast = Game(p), FastGame(p)
    for game in (slow, fast):
        assert game.deployment.accepted
        game.open()
        game.approve()
        game.skip()
        game.skip_after_deadline()
        game.reject()
        game.play_out()
        game.settle(p.horizon)
        game.reveal()
        game.do(game.environment, "settleCosts", game.entries())
        game.do(game.anybody, "close")
        game.do(game.seats[1], "withdraw")
        assert game.refused(game.seats[1], "withdraw")[0] == "NothingOwed"
    kinds = [[record.kind for _, record, _ in game.records] for game in (slow, fast)]
    assert kinds[0] == kinds[1]
    assert slow.held() == fast.held()
    assert [slow.view("owed", seat) for seat in slow.seats] == [fast.view("owed", seat) for seat in fast.seats]


def test_snapshot_brings_back_the_state():
    game = FastGame().open()
    snapshot, before = game.machine.state.snapshot(), state(game)
    assert not refuses(game, valid_block(game))
    assert state(game) != before
    game.machine.state.revert(snapshot)
    assert state(game) == before


def test_machine_is_fast_and_its_refusals_are_the_contracts():
    game = FastGame().open()
    start = perf_counter()
    for _ in range(1000):
        assert game.refused(game.anybody, "join", value=1)[0] == "AlreadyOpened"
    assert perf_counter() - start < 1
