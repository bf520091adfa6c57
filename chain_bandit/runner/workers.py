"""Executors of tasks: this process, processes of this machine, or a Ray cluster. The results are the same.

Each worker gets one task after the other. What it made of a task comes back here, so that
nobody else writes it down.
"""

import os
import signal
import socket
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from importlib import import_module
from queue import Empty, SimpleQueue
from typing import Any, Protocol, TypeVar

from chain_bandit.pool import CONTEXT, nothing, pool
from chain_bandit.protocol.errors import ChainBanditError

Task = TypeVar("Task")
TaskResult = TypeVar("TaskResult")

FinishedTasks = Generator[tuple[Task, Callable[[], TaskResult]], None, None]
"""Each task that is over, and what gives its result, or raises why there is none."""


class Workers(Protocol):
    """Plays all tasks, gives each when it is done. Closing it stops those at work."""

    def __call__(self, play: Callable[[Task], TaskResult], tasks: Sequence[Task]) -> FinishedTasks[Task, TaskResult]:
        """Each task with its result, in the order in which they are over."""


class NoWorkers(ChainBanditError):
    """No process of several began."""

    exit_code = 2

    def __init__(self) -> None:
        super().__init__(
            "none of several processes began; each imports the script that asks for them, which has to do so under "
            'if __name__ == "__main__":'
        )


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


def here(play: Callable[[Task], TaskResult], tasks: Sequence[Task]) -> FinishedTasks[Task, TaskResult]:
    """In this process."""
    for task in tasks:
        yield task, partial(play, task)


def processes(
    count: int, begin: Callable[[], None] = nothing, look: Callable[[], None] = nothing, every: float | None = None
) -> Workers:
    """In so many processes of this machine; one is this process.

    Args:
        begin: what each does first.
        look: called here whenever a task is over, and after so many seconds.

    The work raises `NoWorkers` where no process begins.
    """

    def work(play: Callable[[Task], TaskResult], tasks: Sequence[Task]) -> FinishedTasks[Task, TaskResult]:
        over, begun = SimpleQueue[Future[TaskResult]](), CONTEXT.Event()
        with pool(min(count, len(tasks) or 1), partial(_begin, begun, begin)) as made:
            ahead = {made.submit(play, task): task for task in tasks}
            for future in list(ahead):
                future.add_done_callback(over.put)
            while ahead:
                try:
                    done = over.get(timeout=every)
                except Empty:
                    look()
                    continue
                look()
                if isinstance(done.exception(), BrokenProcessPool) and not begun.is_set():
                    raise NoWorkers
                yield ahead.pop(done), done.result

    return here if count == 1 else work


def _begin(begun: Any, begin: Callable[[], None]) -> None:
    begun.set()
    begin()


def cluster(address: str) -> Workers:
    """On the Ray cluster at an address; `local` starts one here. Raises `RayMissing` or `RayUnreachable`."""

    def work(play: Callable[[Task], TaskResult], tasks: Sequence[Task]) -> FinishedTasks[Task, TaskResult]:
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
            waiting = {remote.remote(task): task for task in tasks}
            while waiting:
                (done, *_), _ = ray.wait(list(waiting), num_returns=1)
                yield waiting.pop(done), partial(ray.get, done)
        finally:
            ray.shutdown()

    return work


def reason(error: BaseException) -> str:
    """Why a task failed, on one line."""
    said = " ".join(str(error).split())
    return said if isinstance(error, ChainBanditError) else f"{type(error).__name__}: {said}"


def _knock(address: str) -> None:
    """Raises at once where nobody listens; Ray would ask for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=10).close()
