"""Whatever changes a game comes straight from an account: an auditor sees calldata of transactions only."""

import pytest

from chain_bandit.protocol.digests import ZERO, keccak
from tests.contracts.harness import ARTIFACT, BASE, FUNCTIONS, KEYS, Game, forwarder, hexed

FORWARDER = keccak(b"forwarder")[:20]
CALLS = {
    "join": (KEYS,),
    "open": (keccak(b"salt"),),
    "submitBlocks": (),
    "skip": (0, 0, b""),
    "skipAfterDeadline": (0,),
    "reportEquivocation": ((0, 0, ZERO, 1, 1, *[ZERO] * 6),),
    "reportFalse": ((0, 0, ZERO, b"", ZERO, ZERO, b"", 0, ZERO, ZERO, ZERO, [], 0),),
    "acquit": ((0, ZERO, 0, 0, 0, ZERO, ZERO, ZERO),),
    "settleRewards": (5, b""),
    "settleSums": (b"",),
    "revealSeal": (ZERO,),
    "reveal": (ZERO, b"", b""),
    "settleCosts": ([],),
    "close": (),
}


def through(game: Game, sender: bytes, function: str, *arguments: object, value: int = 0) -> object:
    """What comes of a call that a contract passes on."""
    game.machine.state.set_code(FORWARDER, forwarder(game.address))
    return game.machine.call(sender, FORWARDER, FUNCTIONS[function].encode(*arguments), value)


def test_every_call_that_changes_a_game_is_guarded_or_withdraws():
    changing = {e["name"] for e in ARTIFACT.abi if e["type"] == "function" and e["stateMutability"] != "view"}
    assert changing == {*CALLS, "withdraw"}


@pytest.mark.parametrize("function", CALLS)
def test_call_through_a_contract_is_refused(function):
    game = Game()
    value = BASE.stake if function == "join" else 0
    outcome = through(game, game.environment, function, *CALLS[function], value=value)
    assert outcome.error == ("NotDirect", hexed(FORWARDER))


@pytest.mark.py_evm
@pytest.mark.parametrize("function", CALLS)
def test_call_of_an_account_with_code_is_refused(function):
    game = Game()
    # A delegated account (EIP-7702) may have sent the call from its own code, with calldata that no block holds.
    game.machine.state.set_code(game.environment, b"\xef\x01\x00" + FORWARDER)
    error = ("NotDirect", hexed(game.environment))
    assert game.refused(game.environment, function, *CALLS[function]) == error


def test_valid_records_are_refused_from_a_forwarder_and_taken_from_anybody(game):
    header, body = game.block()
    data = game.calldata(game.submitted(header, body))
    game.machine.state.set_code(FORWARDER, forwarder(game.address))
    assert game.machine.call(game.anybody, FORWARDER, data).error == ("NotDirect", hexed(FORWARDER))
    assert through(game, game.anybody, "skip", 0, *game.certificate(ZERO)).error == ("NotDirect", hexed(FORWARDER))
    game.machine.block += BASE.skip_deadline + BASE.burn_in_blocks + 1
    assert through(game, game.anybody, "skipAfterDeadline", 0).error == ("NotDirect", hexed(FORWARDER))
    assert game.send(data).accepted


def test_views_can_be_read_through_a_contract(game):
    assert through(game, game.anybody, "head").output == game.genesis


@pytest.mark.py_evm
def test_account_that_got_code_after_joining_is_paid(game):
    game.machine.block = 2 + BASE.game_blocks + BASE.settlement_window
    game.do(game.anybody, "close")
    seat = game.seats[1]
    due = game.view("owed", seat)
    game.machine.state.set_code(seat, b"\0")  # takes money and does nothing
    assert game.do(seat, "withdraw").events == (("Withdrawn", (hexed(seat), due)),)
