"""A fork server: nodes split off one process that has loaded all that a node needs; seven are up in the time of one.

It is told a folder a line and knows no secret: each node reads its own key when it has been split off.
"""

import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from chain_bandit.nodes import node_files as files
from chain_bandit.nodes.crash import disarm
from chain_bandit.nodes.load import load

END = b"\n"
"""In place of a folder: end all that are left."""


class ForkServer:
    """A process that nodes are split off. They live on when it is gone, unless it is closed."""

    command: tuple[str, ...] = "-m", "chain_bandit.cli.fork_server"

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, *self.command],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        assert self._process.stdout is not None
        os.set_blocking(self._process.stdout.fileno(), False)
        self._said = b""

    def start(self, place: Path) -> None:
        """Start one node, in a session of its own; what it writes goes to its log."""
        self._tell(os.fsencode(place.resolve()) + b"\n")

    def ended(self) -> list[tuple[str, int]]:
        """Nodes that have ended since the last call, and how: an exit code, or less than zero for a signal."""
        assert self._process.stdout is not None
        self._said += self._process.stdout.read() or b""
        *lines, self._said = self._said.split(b"\n")
        return [(name.decode(), int(code)) for code, name in (line.split(b" ", 1) for line in lines)]

    def close(self) -> None:
        """End the remaining nodes."""
        self._tell(END)
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _tell(self, line: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line)
        self._process.stdin.flush()


def serve(main: Callable[[], None]) -> None:
    """Split off nodes until nobody is left to ask for one.

    Args:
        main: the command line's, by which a node is what `chain-bandit node` is.
    """
    import chain_bandit.scenario  # noqa: F401 - what an environment and malicious seats need

    load()
    children, born = dict[int, Path](), set[Path]()
    ended, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    with selectors.DefaultSelector() as events:
        events.register(0, selectors.EVENT_READ)
        events.register(ended, selectors.EVENT_READ)
        asked = b""
        while True:
            for key, _ in events.select():
                data = os.read(key.fd, 1 << 16)
                if key.fd == ended:
                    _tell_ends(children)
                    continue
                if not data:
                    return
                *lines, asked = (asked + data).split(b"\n")
                for line in lines:
                    if not line:
                        _end(children)
                        return
                    place = Path(os.fsdecode(line))
                    pid = os.fork()
                    if pid == 0:
                        if place in born:
                            disarm()
                        _become(place, main)
                    children[pid] = place
                    born.add(place)


def _become(place: Path, main: Callable[[], None]) -> None:
    """The node itself."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    code = 1
    try:
        os.setsid()
        os.closerange(3, 64)  # the server's own
        log = os.open(place / files.LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for number, to in enumerate((nothing, log, log)):
            os.dup2(to, number)
        sys.argv = ["chain-bandit", "node", str(place)]
        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)  # past whatever the server would do at its own end


def _tell_ends(children: dict[int, Path]) -> None:
    while children:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        code = os.waitstatus_to_exitcode(status)
        os.write(1, f"{code} {children.pop(pid).name}\n".encode())


def _end(children: dict[int, Path]) -> None:
    for pid in children:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
