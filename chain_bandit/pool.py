"""Process pool on this machine: Ctrl-C reaches the parent alone, and its workers end with it."""

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import active_children, get_context, parent_process
from threading import Thread
from typing import Any

CONTEXT = get_context("spawn")


def cores() -> int:
    """That this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def nothing() -> None:
    """What most have to do first."""


@contextmanager
def pool(count: int, begin: Callable[[], None] = nothing) -> Iterator[ProcessPoolExecutor]:
    """So many of them, each of which begins with `begin`. Busy processes are stopped at the end of the block."""
    made = ProcessPoolExecutor(count, CONTEXT, partial(_begin, begin))
    try:
        yield made
    finally:
        made.shutdown(wait=False, cancel_futures=True)
        for child in active_children():  # a busy process does not notice the shutdown
            child.terminate()


def _begin(begin: Callable[[], None]) -> None:
    """Leave Ctrl-C to the process that started this one, and end with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with, args=(parent_process(),), daemon=True).start()
    begin()


def _end_with(parent: Any) -> None:
    parent.join()
    os._exit(1)
