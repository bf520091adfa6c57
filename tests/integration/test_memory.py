"""Memory: what a game keeps while it runs does not grow with T beyond its history."""

import functools
import gc
import tracemalloc

from chain_bandit.game.game import Game
from chain_bandit.game.recorder import NoChain
from chain_bandit.protocol.blocks import Header
from chain_bandit.protocol.digests import ZERO
from chain_bandit.protocol.parameters import Parameters

KEPT_A_ROUND = 250
"""Bytes beside a header that a round may leave: its cost entry, its digest, its place in three lists."""


def header_bytes(parameters: Parameters) -> int:
    """Of the longest header: every arm with sets of its own."""
    arms, everybody = parameters.arms, parameters.everybody
    sets = (0, *(everybody,) * (arms - 1))
    header = Header(1, ZERO, 0, ZERO, everybody, 0, sets, sets, 0, (0,) * arms, (0,) * parameters.participants)
    return len(header.encode(parameters))


def held() -> int:
    """Bytes that are traced now, without what only waits for the collector and what caches of a bounded size hold."""
    for each in gc.get_objects():
        if isinstance(each, functools._lru_cache_wrapper) and each.cache_parameters()["maxsize"] is not None:
            each.cache_clear()
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def grown(game: Game, rounds: int) -> int:
    """Bytes that `rounds` further rounds leave behind."""
    tracemalloc.start()
    played = game.play()
    for _ in range(250):  # past the burn-in
        next(played)
    before = held()
    for _ in range(rounds):
        next(played)
    left = held() - before
    tracemalloc.stop()
    return left


def test_memory_grows_by_no_more_than_the_headers(scenario):
    case = scenario(4, 3, 1000)
    rounds = 400
    allowed = rounds * (header_bytes(case.parameters) + KEPT_A_ROUND)
    assert 0 < grown(Game(case, NoChain()), rounds) < allowed


def test_memory_of_a_leaking_game_is_noticed(scenario):
    """The planted fault: signatures that are never forgotten."""
    case = scenario(4, 3, 1000)
    game = Game(case, NoChain())
    game.verifier.forget = lambda: None
    rounds = 400
    assert grown(game, rounds) > rounds * (header_bytes(case.parameters) + KEPT_A_ROUND)
