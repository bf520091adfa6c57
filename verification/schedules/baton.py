"""Processes that block, in virtual time: each has a thread of its own, and one at a time holds the baton.

Who sleeps hands the baton to whatever is next by time: something that happens, or another process. So a schedule is the
same each time, and nobody sleeps for real. A process is killed where it sleeps.
"""

from collections.abc import Callable
from heapq import heappop, heappush
from threading import Lock, Thread

from verification.schedules.model_chain import Killed


class Process:
    """A process: what it does, and the baton that it waits for.

    Attributes:
        has_begun: whether its function has been called.
        is_over: whether its function has returned, or raised.
        error: what it raised.
    """

    def __init__(self, time: "VirtualTime", act: Callable[[], None]) -> None:
        self._time, self._act, self.baton = time, act, Lock()
        self.has_begun, self.is_over, self.is_killed, self.turn = False, False, False, 0
        self.error: BaseException | None = None
        self.baton.acquire()
        Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        self.baton.acquire()
        self.has_begun = True
        try:
            if not self.is_killed:
                self._act()
        except BaseException as error:  # noqa: BLE001 -- whoever started it looks at it
            self.error = error
        self.is_over = True
        self._time.leave()


class VirtualTime:
    """The time, in seconds, and all that is to come.

    Attributes:
        ends_at: the moment after which every process is killed where it sleeps.
        hand_overs: how often the baton went round.
    """

    def __init__(self) -> None:
        self.time, self.ends_at, self.hand_overs = 0.0, 0.0, 0
        self._due: list[tuple[float, int, Callable[[], None] | None, Process | None, int]] = []
        self._count = 0
        self._running: Process | None = None
        self._done = Lock()
        self._done.acquire()

    def now(self) -> float:
        """The clock of every process."""
        return self.time

    def after(self, seconds: float, what: Callable[[], None]) -> None:
        """Something happens then, at once for all; it must not sleep."""
        self._push(seconds, what, None, 0)

    def start(self, act: Callable[[], None], seconds: float = 0.0) -> Process:
        """A process that begins then."""
        process = Process(self, act)
        self._push(seconds, None, process, 0)
        return process

    def kill(self, process: Process) -> None:
        """As by `kill -9`: it ends where it sleeps."""
        if not process.is_over:
            process.is_killed = True
            process.turn += 1
            self._push(0.0, None, process, process.turn)

    def sleep(self, seconds: float) -> None:
        """Pause the process that runs. Raises `Killed`."""
        own = self._running
        assert own is not None
        if own.is_killed:
            raise Killed
        own.turn += 1
        self._push(max(seconds, 0.0), None, own, own.turn)
        self._next(own)
        if own.is_killed:
            raise Killed

    def run(self) -> None:
        """Let all come to its end; for the thread that made it."""
        self._next(None)
        self._done.acquire()

    def leave(self) -> None:
        """The process that runs is over."""
        self._next(None, True)

    def _push(self, seconds: float, what: Callable[[], None] | None, process: Process | None, turn: int) -> None:
        self._count += 1
        heappush(self._due, (self.time + seconds, self._count, what, process, turn))

    def _next(self, own: Process | None, leaves: bool = False) -> None:
        """Let happen what is next, up to the turn of a process; return when it is this one's again."""
        while self._due:
            time, _, what, process, turn = heappop(self._due)
            if process is not None and (process.is_over or turn != process.turn):
                continue
            self.time = max(self.time, time)
            if what is not None:
                what()
                continue
            assert process is not None
            if self.time > self.ends_at:
                process.is_killed = True
            self._running = process
            if process is not own:
                self.hand_overs += 1
                process.baton.release()
                if own is not None:
                    own.baton.acquire()
            return
        self._done.release()
