"""Every function that changes a game, called by every role at every stage: permissions, and that nobody loses by it."""

from collections.abc import Callable

import pytest

from chain_bandit.protocol.digests import ZERO, keccak
from chain_bandit.protocol.settlement import encode_pulls
from tests.contracts.fast_evm import FastGame
from tests.contracts.harness import ARTIFACT, BASE, FUNCTIONS, KEYS, QUARTER, Game
from tests.contracts.test_evidence import accuse

L, T = BASE.burn_in, BASE.horizon


def joining() -> FastGame:
    game = FastGame()
    for seat in game.seats[:-1]:
        game.do(seat, "join", KEYS, value=BASE.stake)
    return game


def filled() -> FastGame:
    game = FastGame()
    for seat in game.seats:
        game.do(seat, "join", KEYS, value=BASE.stake)
    return game


def missed() -> FastGame:
    """All seats are taken, but the game was not opened in time."""
    game = filled()
    game.machine.block += BASE.opening_deadline + 1
    return game


def running() -> FastGame:
    game = FastGame().open()
    game.approve()
    game.approve()
    game.machine.block += BASE.skip_deadline + 1
    return game


def accused() -> FastGame:
    """Running, with one seat on the block list of the open round."""
    game = FastGame().open()
    accuse(game, 2)
    while game.ledger.round < game.ledger.blocked_from[2]:
        game.approve()
    game.machine.block += BASE.skip_deadline + 1
    assert game.view("blocked") == 4
    return game


def over() -> FastGame:
    return FastGame().open().play_out()


def settled() -> FastGame:
    game = over()
    game.settle(T)
    game.reveal()
    return game


def complete() -> FastGame:
    game = settled()
    game.do(game.environment, "settleCosts", game.entries(costly=(T,)))
    return game


def late() -> FastGame:
    """Over, and the window has passed without a settlement."""
    game = over()
    game.machine.block += BASE.settlement_window + 1
    return game


def closed() -> FastGame:
    game = complete()
    game.do(game.anybody, "close")
    return game


def void() -> FastGame:
    game = late()
    game.do(game.anybody, "close")
    return game


STAGES = {make.__name__: make for make in (
    joining, filled, missed, running, accused, over, settled, complete, late, closed, void,
)}  # fmt: skip
# The arguments that the rightful caller would give, as far as the stage allows.
ARGUMENTS: dict[str, Callable[[Game], tuple]] = {
    "join": lambda game: (KEYS,),
    "open": lambda game: (game.salt,),
    "submitBlocks": lambda game: (),  # and a block behind the selector
    "skip": lambda game: (0, *game.certificate(ZERO)) if is_open(game) else (0, 0, b""),
    "skipAfterDeadline": lambda game: (0,),
    "reportEquivocation": lambda game: (game.equivocation(2).calldata(),) if is_open(game) else NO_PROOF,
    "reportFalse": lambda game: NO_LIE,
    "acquit": lambda game: NO_RECEIPT,
    "settleRewards": lambda game: next_rewards(game),
    "settleSums": lambda game: (bytes(8 * BASE.participants),),
    "revealSeal": lambda game: (keccak(b"key"),),
    "reveal": lambda game: (game.secret, game.roles, game.model),
    "settleCosts": lambda game: (game.entries()[:1] if game.records else [],),
    "close": lambda game: (),
    "withdraw": lambda game: (),
}
NO_PROOF = ((2, L, ZERO, 2, 3, *[ZERO] * 6),)
NO_LIE = ((2, L, ZERO, b"", ZERO, ZERO, b"", L, ZERO, ZERO, ZERO, [], 0),)  # see test_false_reports.py
NO_RECEIPT = ((2, ZERO, 0, 0, 0, ZERO, ZERO, ZERO),)
OWN = frozenset({"environment"})
SEATS = frozenset({"seat", "last seat"})
ANYBODY = frozenset({*OWN, *SEATS, "stranger"})
# Who may, at which stages; at all others, nobody.
MAY = {
    "join": {"joining": {"last seat", "stranger"}},
    "open": {"filled": OWN},
    "submitBlocks": dict.fromkeys(("running", "accused"), ANYBODY),
    "skip": dict.fromkeys(("running", "accused"), ANYBODY),
    "skipAfterDeadline": dict.fromkeys(("running", "accused"), ANYBODY),
    "reportEquivocation": {"running": ANYBODY},
    "reportFalse": {},  # reports of this game name nothing
    "acquit": {},
    "settleRewards": dict.fromkeys(("running", "accused", "over"), OWN),
    "settleSums": {},  # an open game has none
    "revealSeal": {},
    "reveal": {"over": OWN},
    "settleCosts": {"settled": OWN},
    "close": dict.fromkeys(("complete", "late"), ANYBODY),
    "withdraw": {
        "missed": OWN | SEATS,
        "closed": OWN | SEATS,
        "void": SEATS,
    },
}


def is_open(game: Game) -> bool:
    return bool(game.view("opened"))


def next_rewards(game: Game) -> tuple:
    if not is_open(game):
        return (L + 1, b"")
    last = game.ledger.round - 1
    first = game.view("settledThrough")
    paid = [round_ for round_ in game.paid_rounds(last) if round_ > first]
    return last, encode_pulls([QUARTER] * BASE.participants) * len(paid)


def roles(game: Game) -> dict[str, bytes]:
    return {
        "environment": game.environment, "seat": game.seats[0], "last seat": game.seats[-1], "stranger": game.anybody,
    }  # fmt: skip


def test_every_function_that_changes_something_is_in_the_matrix():
    changing = {e["name"] for e in ARTIFACT.abi if e["type"] == "function" and e["stateMutability"] != "view"}
    assert changing == set(ARGUMENTS) == set(MAY)
    assert {stage for stages in MAY.values() for stage in stages} <= set(STAGES)
    assert not {entry["type"] for entry in ARTIFACT.abi} & {"fallback", "receive"}


@pytest.mark.parametrize("stage", STAGES)
def test_only_who_may_call_is_heard_and_nobody_else_loses_by_it(stage):
    game = STAGES[stage]()
    everybody = {**{f"seat {i}": account for i, account in enumerate(game.seats)}, "environment": game.environment}
    final = stage in ("missed", "closed", "void")
    heard: dict[str, set[str]] = {}
    blocks = game.calldata(game.submitted(*game.block())) if is_open(game) else FUNCTIONS["submitBlocks"].encode()
    for function, arguments in ARGUMENTS.items():
        given = arguments(game)
        for role, caller in roles(game).items():
            snapshot = game.machine.state.snapshot()
            owed = {name: game.view("owed", account) for name, account in everybody.items()}
            held = game.held()
            data = FUNCTIONS[function].encode(*given) if function != "submitBlocks" else blocks
            outcome = game.machine.call(caller, game.address, data, BASE.stake if function == "join" else 0)
            if outcome.accepted:
                heard.setdefault(function, set()).add(role)
            if final:
                after = {name: game.view("owed", account) for name, account in everybody.items()}
                lost = {name for name in owed if after[name] != owed[name]}
                mine = {name for name, account in everybody.items() if account == caller}
                assert lost <= (mine if function == "withdraw" else set()), (function, role)
                assert held - game.held() == sum(owed[name] - after[name] for name in lost)
            elif function not in ("join", "close"):
                assert game.held() == held, (function, role)
            game.machine.state.revert(snapshot)
    assert heard == {function: stages[stage] for function, stages in MAY.items() if stage in stages}
