"""Child processes and the command line, as tests see them: real ones."""

import io
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

import pytest

from chain_bandit.cli import main

ROOT = Path(__file__).parents[2]
SMALL = ROOT / "tests" / "scenarios" / "small.toml"
"""A short game by the paper's preset: what most games of tests are made of."""

COMMAND = str(Path(sys.executable).with_name("chain-bandit"))


def processes() -> dict[int, tuple[int, int]]:
    """Parent and process group of every process that runs; zombies do not, nor who lists them."""
    with subprocess.Popen(["ps", "-eo", "pid=,ppid=,pgid=,stat="], stdout=subprocess.PIPE, text=True) as listing:
        rows = [line.split() for line in listing.communicate()[0].splitlines()]
    found = {int(pid): (int(parent), int(group)) for pid, parent, group, state in rows if not state.startswith("Z")}
    return {pid: each for pid, each in found.items() if pid != listing.pid}


def descendants() -> set[int]:
    """Who was begun by this process, or by one that was."""
    parents, found = {pid: parent for pid, (parent, _) in processes().items()}, {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def group(leader: int) -> list[int]:
    """Who still runs in a process group."""
    return [pid for pid, (_, of) in processes().items() if of == leader]


def node_of(parent: int) -> int | None:
    """The process group of the node that a chain-bandit started: its child that leads one."""
    return next((pid for pid, (of, leads) in processes().items() if of == parent and leads == pid), None)


def has_node(parent: int) -> bool:
    """Whether the node that a chain-bandit started is up, with its keeper and the keeper's watch."""
    leader = node_of(parent)
    return leader is not None and len(group(leader)) >= 3


def wait_for(condition: Callable[[], object], seconds: float = 60) -> None:
    """Until the condition holds; a test fails where it never does."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.02)


def chain_bandit(
    *arguments: object, cwd: Path = ROOT, command: str = COMMAND, **environment: str
) -> subprocess.CompletedProcess[str]:
    """One command, to its end, this Python's or another one's. Without `ETH_…` of the machine's own."""
    own = {key: value for key, value in os.environ.items() if not key.startswith("ETH_")}
    return subprocess.run(
        [command, *map(str, arguments)], cwd=cwd, env={**own, "COLUMNS": "100", **environment},
        capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip


def here(
    *arguments: object, cwd: Path = ROOT, path: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """The same in this process, without a terminal: one of its own spends a second or two on imports first.

    It finds what is installed, or lies, at `path`.
    """
    line, said, errors = ["chain-bandit", *map(str, arguments)], io.StringIO(), io.StringIO()
    own = {key: value for key, value in os.environ.items() if not key.startswith("ETH_")}
    with (
        patch.dict(os.environ, {**own, "COLUMNS": "100", **environment}, clear=True), patch.object(sys, "argv", line),
        patch.object(sys, "path", [str(path), *sys.path] if path else sys.path), chdir(cwd), redirect_stdout(said),
        redirect_stderr(errors), pytest.raises(SystemExit) as ended,
    ):  # fmt: skip
        main()
    assert isinstance(ended.value.code, int)
    return subprocess.CompletedProcess(line, ended.value.code, said.getvalue(), errors.getvalue())


def elsewhere(folder: Path) -> str:
    """What has a command believe, as PYTHONPATH, that its environment is none of a clone: nothing is beside it."""
    (folder / "sitecustomize.py").write_text(f"import sys; sys.prefix = {str(folder / 'environment')!r}\n")
    return str(folder)


def started(*arguments: object, cwd: Path = ROOT, **environment: str) -> "subprocess.Popen[str]":
    """One command, running."""
    return subprocess.Popen(
        [COMMAND, *map(str, arguments)], cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, **environment},
    )  # fmt: skip
