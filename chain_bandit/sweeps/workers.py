"""Who plays the cells: this process, processes of this machine, or a Ray cluster. The results are the same.

Each worker gets one cell after the other. What it made of a cell comes back here, so that
nobody else writes into the folder.
"""

import os
import signal
import socket
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, as_completed
from contextlib import suppress
from functools import partial
from importlib import import_module
from typing import Any

from chain_bandit.game.simulated import replicates
from chain_bandit.pool import pool
from chain_bandit.protocol.errors import ChainBanditError
from chain_bandit.simulation.engine import Engine
from chain_bandit.sweeps.cell import Cell, Sums, play, reason

Task = tuple[Cell, str, Engine]
"""A cell, its digest, and the engine that plays it."""

Result = tuple[Task, Sums | str]
"""With its sums, or why there are none."""

Results = Generator[Result, None, None]

Workers = Callable[[Sequence[Task]], Results]
"""Plays all tasks, gives each when it is done. Closing it stops those at work."""


class RayMissing(ChainBanditError):
    """Ray is not installed."""

    exit_code = 4

    def __init__(self) -> None:
        super().__init__("ray is not installed: run pip install 'chain-bandit[ray]', or leave out --ray")


class RayUnreachable(ChainBanditError):
    """No cluster where one was said to be."""

    exit_code = 5

    def __init__(self, address: str, why: str) -> None:
        super().__init__(f"--ray {address[:200]}: no Ray cluster answers ({why[:200]}); ray start --head starts one")
        self.address, self.why = address, why


def here(tasks: Sequence[Task]) -> Results:
    """In this process."""
    for task in tasks:
        yield task, play(*task)


def processes(count: int) -> Workers:
    """In so many processes of this machine. The game is compiled here, so that none of them has to."""

    def work(tasks: Sequence[Task]) -> Results:
        for first in [cell for cell, _, engine in tasks if engine is Engine.COMPILED][:1]:
            with suppress(Exception):  # what is wrong with a cell is the worker's to say
                replicates(first.scenario, 0, engine=Engine.COMPILED)
        with pool(min(count, len(tasks) or 1)) as made:
            futures: dict[Future[Sums | str], Task] = {made.submit(play, *task): task for task in tasks}
            for future in as_completed(futures):
                yield futures.pop(future), _outcome(future.result)

    return work


def cluster(address: str) -> Workers:
    """On the Ray cluster at an address; `local` starts one here. Raises `RayMissing` or `RayUnreachable`."""

    def work(tasks: Sequence[Task]) -> Results:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would tell its makers
        try:
            ray: Any = import_module("ray")
        except ImportError as error:
            raise RayMissing from error
        terminated = signal.getsignal(signal.SIGTERM)
        try:
            _knock(address)
            ray.init(address, logging_level="CRITICAL", log_to_driver=False)
        except Exception as error:
            raise RayUnreachable(address, reason(error)) from error
        finally:
            signal.signal(signal.SIGTERM, terminated)  # Ray has one of its own, with another exit code
        try:
            remote = ray.remote(play)
            waiting = {remote.remote(*task): task for task in tasks}
            while waiting:
                (done, *_), _ = ray.wait(list(waiting), num_returns=1)
                yield waiting.pop(done), _outcome(partial(ray.get, done))
        finally:
            ray.shutdown()

    return work


def _knock(address: str) -> None:
    """Raises at once where nobody listens; Ray would ask for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=10).close()


def _outcome(result: Callable[[], Sums | str]) -> Sums | str:
    """A cell that took its worker with it has failed like any other."""
    try:
        return result()
    except Exception as error:  # noqa: BLE001 - of whatever library brings the result
        return f"its worker died ({reason(error)[:200]})"
