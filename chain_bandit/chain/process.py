"""A chain node as a child process: on a free port of 127.0.0.1, ended with its parent however that ends."""

import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from time import monotonic, sleep
from typing import IO

from chain_bandit.chain.addresses import checksummed
from chain_bandit.chain.answers import as_hex
from chain_bandit.chain.errors import NodeUnreachable
from chain_bandit.chain.http_node import KNOCK, HttpNode
from chain_bandit.chain.modules import installed
from chain_bandit.chain.transaction_policy import PIPELINED
from chain_bandit.protocol.errors import ChainBanditError

STARTING = 60.0
"""Seconds that a node may take to answer."""

KEEPER = """
exec 3<&0 </dev/null
"$@" 3<&- &
node=$!
{ read -r _ <&3; kill -KILL 0; } &
exec 3<&-
wait "$node"
"""
"""The node's parent: kills its own process group once nobody holds the other end of its standard input, so the node
lives as long as the pipe that we hold, and a `kill -9` of ours ends it too."""

_ADDRESS = re.compile(rb"(?:Listening on |JSON-RPC server at http://)127\.0\.0\.1:(\d+)")
_POLL, _ENOUGH = 0.02, 1 << 16


class NodeFailed(ChainBanditError):
    """A node of our own that did not start, or died."""

    exit_code = 5

    def __init__(self, name: str, reason: str, output: str) -> None:
        said = " | ".join(line.strip() for line in output.splitlines() if line.strip())[-400:]
        super().__init__(f"{name} {reason}; it said: {said or 'nothing'}; chain-bandit doctor shows what is installed")
        self.name, self.reason, self.output = name, reason, output


class OwnNode(HttpNode):
    """A node that this process started. It is killed when the block that made it ends.

    The modules that games share are on it as on the embedded chain, so that a game costs the same gas on both.
    """

    def __init__(self, name: str, url: str, process: "subprocess.Popen[bytes]") -> None:
        super().__init__(url, replace(PIPELINED, is_over=lambda: process.poll() is not None))
        self.name, self.process = name, process
        for address, code in installed().items():
            self._understood("setCode", checksummed(address), as_hex(code), at_most=KNOCK)

    def bury(self, block: int, blocks: int = 0) -> None:
        """Nothing: no other program reorganises this chain."""

    def wait(self) -> None:
        """Wait until the node ends by itself. Raises `NodeUnreachable` then."""
        raise NodeUnreachable(f"{self.name} ended with exit code {self.process.wait()}")


@contextmanager
def running(name: str, command: Sequence[str], scratch: Path) -> Iterator[OwnNode]:
    """The node that `command` starts, once it answers. It must listen on port 0 and print where: no port is raced for.

    Args:
        scratch: its working folder and home, so that it leaves nothing elsewhere.

    Raises:
        NodeFailed: it ended, or did not answer in time.
    """
    with TemporaryFile() as output:
        process = subprocess.Popen(
            ["/bin/sh", "-c", KEEPER, "keeper", *command], stdin=subprocess.PIPE, stdout=output, stderr=output,
            cwd=scratch, env={**os.environ, "HOME": str(scratch)}, start_new_session=True,
        )  # fmt: skip
        assert process.stdin is not None
        try:
            yield _answering(name, process, output)
        finally:
            process.stdin.close()
            process.wait()


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder for what a node writes, thrown away afterwards."""
    with TemporaryDirectory(prefix="chain-bandit-", ignore_cleanup_errors=True) as place:
        yield Path(place)


def _answering(name: str, process: "subprocess.Popen[bytes]", output: IO[bytes]) -> OwnNode:
    until = monotonic() + STARTING
    while process.poll() is None:
        found = _ADDRESS.search(os.pread(output.fileno(), _ENOUGH, 0))
        if found:
            try:
                node = OwnNode(name, f"http://127.0.0.1:{int(found[1])}", process)
                node.be_quiet()
                return node
            except NodeUnreachable:
                pass  # not yet
        if monotonic() > until:
            raise NodeFailed(name, f"did not answer in {STARTING:.0f} s", _text(output))
        sleep(_POLL)
    raise NodeFailed(name, f"ended with exit code {process.returncode}", _text(output))


def _text(output: IO[bytes]) -> str:
    """The end of what the node printed."""
    size = os.fstat(output.fileno()).st_size
    return os.pread(output.fileno(), _ENOUGH, max(0, size - _ENOUGH)).decode("utf-8", "replace")
