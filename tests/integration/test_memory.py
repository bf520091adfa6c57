"""Memory: what a game keeps while it runs does not grow with T beyond its history."""

import functools
import gc
import subprocess
import sys
import tracemalloc
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from chain_bandit.game.game import Game
from chain_bandit.game.recorder import NoChain
from chain_bandit.protocol.blocks import Header
from chain_bandit.protocol.digests import ZERO
from chain_bandit.protocol.parameters import Parameters
from tests.games import build_scenario

ROOT = Path(__file__).parents[2]
LONG = """
import resource, sys
from pathlib import Path
from chain_bandit.game.simulated import replicates
from chain_bandit.scenario import load
case = load(Path(sys.argv[1]), {"rounds": int(sys.argv[2])}, on_chain=False)
steps = replicates(case, 1, (case.rounds,)).agent_steps
most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
print(steps, most)
"""

KEPT_A_ROUND = 250
"""Bytes beside a header that a round may leave: its cost entry, its digest, its place in three lists."""


def header_bytes(parameters: Parameters) -> int:
    """Of the longest header: every arm with sets of its own."""
    arms, everybody = parameters.arms, parameters.everybody
    sets = (0, *(everybody,) * (arms - 1))
    header = Header(1, ZERO, 0, ZERO, everybody, 0, sets, sets, 0, (0,) * arms, (0,) * parameters.participants)
    return len(header.encode(parameters))


CASE = build_scenario(4, 3, 1000)
ROUNDS = 400
ALLOWED = ROUNDS * (header_bytes(CASE.parameters) + KEPT_A_ROUND)


def held() -> int:
    """Bytes that are traced now, without what only waits for the collector and what caches of a bounded size hold."""
    for each in gc.get_objects():
        if isinstance(each, functools._lru_cache_wrapper) and each.cache_parameters()["maxsize"] is not None:
            each.cache_clear()
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def grown(rounds: int, forgets: bool) -> int:
    """Bytes that `rounds` further rounds leave behind, in a process of its own: other tests leave threads and caches.

    Args:
        forgets: whether the game forgets signatures.
    """
    with ProcessPoolExecutor(1, get_context("spawn")) as alone:
        return alone.submit(_grown, rounds, forgets).result()


def _grown(rounds: int, forgets: bool) -> int:
    game = Game(CASE, NoChain())
    if not forgets:
        game.verifier.forget = lambda: None  # type: ignore[method-assign]
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


def test_memory_grows_by_no_more_than_the_headers():
    assert 0 < grown(ROUNDS, forgets=True) < ALLOWED


def test_memory_of_a_leaking_game_is_noticed():
    """The planted fault: signatures that are never forgotten."""
    assert grown(ROUNDS, forgets=False) > ALLOWED


def most_bytes(rounds: int) -> int:
    """Of a process of its own that plays one game of `examples/speed.toml`."""
    command = (sys.executable, "-c", LONG, str(ROOT / "examples" / "speed.toml"), str(rounds))
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    steps, most = map(int, said.stdout.split())
    assert steps == 10 * rounds
    return most


@pytest.mark.deep
@pytest.mark.timeout(1_800)  # the first process compiles
def test_ten_million_rounds_take_less_than_a_gigabyte():
    """Beside the interpreter it is the table of confidence widths, and what computing that takes."""
    assert most_bytes(10**7) < 10**9
