"""Ctrl-C and its like: whatever is under way unwinds, so that nothing is left half-written."""

import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import FrameType

from chain_bandit.protocol.errors import Stopped

RESENT = "what was sent is on its way: once it has a block the same command goes on from it"
"""Of commands that send without a journal."""

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SOON = 0.01
"""Seconds until a stop that could not be raised, or was swallowed, is raised once more."""


@contextmanager
def when_stopped(note: Callable[[], str | None]) -> Iterator[None]:
    """Where a stop unwinds the block, say with it what the note tells, if anything."""
    try:
        yield
    except Stopped as stopped:
        if said := note():
            stopped.add_note(said)
        raise


def _unwinding() -> bool:
    """Whether a stop is being cleaned up after."""
    error = sys.exc_info()[1]
    while error and not isinstance(error, Stopped):
        error = error.__context__
    return error is not None


@contextmanager
def terminable() -> Iterator[None]:
    """Let Ctrl-C, SIGTERM, SIGHUP and SIGALRM unwind, so that what is half-written is cleaned up.

    It waits while a thread begins: a pool never ends one that it had no time to note. And it is raised again and again
    until something unwinds: a finaliser, or a library that catches everything, swallows what is raised in it.
    """
    code = 0

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal code
        code = code if code and number == signal.SIGALRM else 128 + number  # an alarm that another process sends stops
        signal.setitimer(signal.ITIMER_REAL, SOON)
        while frame and frame.f_code is not ThreadPoolExecutor.submit.__code__:
            frame = frame.f_back
        if frame is None and not _unwinding():
            raise Stopped(code)

    def swallowed(ignored: "sys.UnraisableHookArgs") -> None:
        if not isinstance(ignored.exc_value, Stopped):
            hook(ignored)

    heard = [each for each in STOPPING if signal.getsignal(each) is not signal.SIG_IGN]  # nohup ignores one
    previous = {number: signal.signal(number, stop) for number in (*heard, signal.SIGALRM)}
    hook, sys.unraisablehook = sys.unraisablehook, swallowed
    try:
        yield
    finally:
        signal.signal(signal.SIGALRM, signal.SIG_IGN)  # or one that is under way sets the timer again
        sys.unraisablehook = hook
        for number in heard:
            signal.signal(number, previous[number])
        if code:
            signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous[signal.SIGALRM])
