"""Equivalence of revm and py-evm; a changed certified call is refused, and an unchanged one anywhere else."""

from collections.abc import Callable, Iterator
from time import perf_counter

import pytest

from chain_bandit.protocol.blocks import seats
from chain_bandit.protocol.digests import ZERO
from chain_bandit.protocol.ledger import validators
from chain_bandit.protocol.messages import Domain
from tests.contracts.fast_evm import ElsewhereMachine, FastGame, FastMachine
from tests.contracts.harness import FUNCTIONS, KEYS, Game, kind_of, parameters
from tests.few import few


def valid_block(game: Game) -> bytes:
    return game.calldata(game.submitted(*game.block()))


def valid_rejection(game: Game) -> bytes:
    """All validators sign; two seats report, and nobody is selected for the last arm."""
    header, body = game.block(reporters=(0, 1), selected=(3, 0))
    return game.calldata(game.submitted(header, body, seats(validators(game.ledger))))


def batch(game: Game, each: bool) -> list[bytes]:
    """Two blocks in a row: prefixes of calldata, the whole of it last. The ledger goes ahead of the contract."""
    blocks, prefixes = [], []
    for last in (False, True):
        header, body = game.block()
        blocks.append(game.submitted(header, body, None if each or last else ()))
        game.record(kind_of(header), header)
        prefixes.append(game.calldata(*blocks))
    return prefixes


def valid_batch(game: Game) -> bytes:
    return batch(game, each=False)[-1]


def valid_batch_of_quorums(game: Game) -> bytes:
    return batch(game, each=True)[-1]


def valid_skip(game: Game) -> bytes:
    return FUNCTIONS["skip"].encode(game.next_committee(), *game.certificate(ZERO))


def valid_evidence(game: Game) -> bytes:
    return FUNCTIONS["reportEquivocation"].encode(game.equivocation(game.p.participants - 1).calldata())


CALLS: dict[str, Callable[[Game], bytes]] = {
    "block": valid_block, "rejected block": valid_rejection, "batch": valid_batch,
    "batch, a quorum each": valid_batch_of_quorums, "skip": valid_skip, "evidence": valid_evidence,
}  # fmt: skip
"""Everything that a signature covers. A new call joins by a line here, unless a changed bit may say the same."""

KINDS = {"full": {"body_mode": 0}, "compact": {"body_mode": 1}, "compact, committees": {"body_mode": 1, "fewer": 1}}
SIZES = (4, 7, 10)
FITTING = [(call, kind) for call in CALLS for kind in KINDS if (call, kind) != ("batch", "compact, committees")]
"""With committees every block of a batch has a quorum of its own."""
CASES = [
    (call, kind, size) for call, kind in FITTING for size in SIZES
    if ("block" in call or "batch" in call or kind != "compact") and (kind != "compact, committees" or size == 7)
]  # fmt: skip
"""Skips and evidence are the same in both modes; committees change the header alike at any size."""


def opened(kind: str, participants: int, machine: Callable[[], FastMachine] = FastMachine) -> FastGame:
    changes = dict(KINDS[kind])
    bound = (participants - 1) // 3
    if changes.pop("fewer", 0):
        changes["validators"] = 2 * bound + 1
    p = parameters(participants=participants, liars=bound, attackers=bound, quorum_choice=0, **changes)

    class Where(FastGame):
        new_machine = staticmethod(machine)

    game = Where(p, name=f"flips {participants}").open()
    game.separator = Domain(game.machine.chain_id, game.address, game.digest).separator()
    game.approve()
    return game


def state(game: Game) -> tuple:
    return game.view("head"), game.view("progress"), game.held()


def refuses(game: Game, data: bytes) -> bool:
    return not game.machine.call(game.anybody, game.address, data).accepted


def refuses_or_undoes(game: Game, data: bytes) -> bool:
    """Whether a call is refused; undone if not."""
    return not accepts(game, data)


def accepts(game: Game, data: bytes) -> bool:
    snapshot = game.machine.state.snapshot()
    accepted = not refuses(game, data)
    game.machine.state.revert(snapshot)
    return accepted


def flips(data: bytes) -> Iterator[bytes]:
    for bit in range(8 * len(data)):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        yield bytes(changed)


def lengths(data: bytes) -> Iterator[bytes]:
    yield from (data[:length] for length in range(len(data)))
    yield from (data + bytes(more) for more in range(1, 65))
    yield from (data + byte for byte in (b"\1", b"\xff", data[-32:], data[-64:], data))


@pytest.mark.parametrize(("call", "kind", "participants"), few(CASES, 4))
def test_every_flipped_bit_and_every_other_length_is_refused(call, kind, participants):
    game = opened(kind, participants)
    before = state(game)
    data = CALLS[call](game)
    assert accepts(game, data)
    taken = [changed for changed in (*flips(data), *lengths(data)) if not refuses_or_undoes(game, changed)]
    # The first block of a batch of certified ones is a submission of its own: what it records is in the batch too.
    assert taken == ([data[: first_end(kind, participants)]] if call == "batch, a quorum each" else [])
    assert state(game) == before
    assert not refuses(game, data)
    assert refuses(game, data)  # a second time


def first_end(kind: str, participants: int) -> int:
    """Where the first block of `valid_batch_of_quorums` ends, from another game of the same names."""
    return len(batch(opened(kind, participants), each=True)[0])


@pytest.mark.deep
@pytest.mark.parametrize(("call", "kind", "participants"), CASES)
def test_every_other_byte_is_refused(call, kind, participants):
    game = opened(kind, participants)
    data = CALLS[call](game)
    for at in range(len(data)):
        for change in range(1, 256):
            assert refuses(game, data[:at] + bytes([data[at] ^ change]) + data[at + 1 :]), (at, change)
    assert not refuses(game, data)


@pytest.mark.parametrize(("call", "kind"), [case for case in FITTING if case[1] != "compact"])
def test_what_is_signed_for_one_game_is_refused_in_every_other(call, kind):
    """The very same keys, seats, seed and history, but for the place: only the signatures can tell."""
    here = opened(kind, 7)
    data = CALLS[call](here)
    chain = opened(kind, 7, lambda: FastMachine(chain_id=1338))
    contract = opened(kind, 7, ElsewhereMachine)
    assert chain.digest == contract.digest == here.digest
    assert chain.view("genesis") == contract.view("genesis") == here.view("genesis")
    assert chain.address == here.address != contract.address
    for place in (chain, contract):
        assert place.send(data).error[0] == "InvalidSignature"
        assert not refuses(place, CALLS[call](place))  # which signs as the place wants it
    assert not refuses(here, data)


@pytest.mark.parametrize(("call", "kind"), [case for case in FITTING if case[1] != "compact"])
def test_what_is_signed_is_refused_with_other_commitments_and_in_other_rounds(call, kind):
    here = opened(kind, 7)
    data = CALLS[call](here)
    other = opened(kind, 7)
    p = other.p
    other = FastGame(p, roles=bytes(p.participants), name="flips 7").open()
    assert other.digest != here.digest
    assert other.address == here.address
    other.approve()
    assert other.send(data).error[0] == "InvalidSignature"
    later = opened(kind, 7)
    later.skip()
    outcome = later.send(data)
    if call == "evidence":  # proves as much in any round, but once
        assert outcome.accepted
        assert later.send(data).error[0] == "AlreadyAccused"
    else:
        assert not outcome.accepted


@pytest.mark.py_evm
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
        assert game.refused(game.anybody, "join", KEYS, value=1)[0] == "AlreadyOpened"
    assert perf_counter() - start < 1
